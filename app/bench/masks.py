"""Holes of several kinds for the benchmark, bool [h, w], True where a picture is to be filled.

All scale with the picture, so that a kind means the same at any size: lengths are given for a
shorter side of 256 pixels.
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data import random_missing

WORDS = (
    "the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "runs", "through",
    "fields", "of", "long", "grass", "while", "nobody", "looks",
)
LETTERS, LINE = 16, 22  # the height of the letters, and from a line to the next
SCRATCHES, SWAY = 14, 8
BLOCKS, BLOCK = 4, 32

Mask = np.ndarray[tuple[int, int], np.dtype[np.bool_]]


def make_mask(kind: str, height: int, width: int, seed: int) -> Mask:
    """A mask of one of `MASKS`; the same one for the same seed.

    Raises:
        ValueError: there is no such kind, or it hides nothing or all of so small a picture.
    """
    if kind not in MASKS:
        raise ValueError(f"unknown mask {kind!r}; choose from {', '.join(MASKS)}.")
    mask = MASKS[kind](height, width, seed)
    if mask.all() or not mask.any():
        raise ValueError(f"mask {kind} needs a larger picture than {width} x {height} pixels.")
    return mask


def _random(share: float) -> Callable[[int, int, int], Mask]:
    return lambda height, width, seed: random_missing(height, width, share, seed)


def _text(height: int, width: int, seed: int) -> Mask:
    """Lines of writing over the whole picture: about 17 % of it."""
    rng, scale = np.random.default_rng(seed), _scale(height, width)
    image, draw = _canvas(height, width)
    font = ImageFont.load_default(size=LETTERS * scale)
    top = rng.uniform(-0.5, 0.5) * LINE * scale
    while top < height:
        line = " ".join(rng.choice(WORDS, size=2 + int(width / (20 * scale))))
        draw.text((rng.uniform(-20, 0) * scale, top), line, fill=255, font=font)
        top += LINE * scale
    return np.asarray(image) > 100


def _scratches(height: int, width: int, seed: int) -> Mask:
    """Thin curves from anywhere to anywhere, 2 to 4 pixels wide."""
    rng, scale = np.random.default_rng(seed), _scale(height, width)
    image, draw = _canvas(height, width)
    for number in range(SCRATCHES):
        start, end = rng.uniform(0, 1, (2, 2)) * (width, height)
        along = np.linspace(0, 1, 20)[:, None]
        phase = np.concatenate([6 * along + number, 5 * along + number + math.pi / 2], axis=1)
        curve = start + (end - start) * along + SWAY * scale * np.sin(phase)
        thickness = max(1, round(int(rng.integers(2, 5)) * scale))
        draw.line([(float(x), float(y)) for x, y in curve], fill=255, width=thickness)
    return np.asarray(image) > 0


def _blocks(height: int, width: int, seed: int) -> Mask:
    """Four squares that do not touch, nor reach the border where there is room."""
    rng, scale = np.random.default_rng(seed), _scale(height, width)
    side = max(1, min(round(BLOCK * scale), height // 2, width // 2))
    edge = max(1, side // 4)
    mask = np.zeros((height, width), np.bool_)
    placed: list[tuple[int, int]] = []
    for _ in range(1000):
        y = int(rng.integers(edge, max(edge + 1, height - side - edge + 1)))
        x = int(rng.integers(edge, max(edge + 1, width - side - edge + 1)))
        if all(max(abs(y - v), abs(x - u)) > side + edge for v, u in placed):
            placed.append((y, x))
            mask[y : y + side, x : x + side] = True
        if len(placed) == BLOCKS:
            break
    return mask


def _scale(height: int, width: int) -> float:
    return max(0.25, min(height, width) / 256)


def _canvas(height: int, width: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("L", (width, height), 0)
    return image, ImageDraw.Draw(image)


MASKS: dict[str, Callable[[int, int, int], Mask]] = {
    "random50": _random(0.5),
    "random70": _random(0.7),
    "random90": _random(0.9),
    "text": _text,
    "scratches": _scratches,
    "blocks": _blocks,
}
