"""Pillow on a short lead: no warnings, our own size limit, every bit of 16-bit pixels."""

import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageFile

Pixels = np.ndarray[Any, Any]  # [height, width, channels], uint8 or uint16

_COPIED = 1 << 18  # pixels copied out of Pillow at a time
_LOCK = threading.Lock()
_LOW_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}

# Without a handler, Python prints what Pillow logs about a damaged file on stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def quiet(max_pixels: float) -> Iterator[None]:
    """Lets Pillow decode pictures of up to `max_pixels` (checked by us before) without warnings.

    Both are settings of the whole process, so one thread decodes at a time.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = max(limit or 0, int(max_pixels))
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def pixels_of(image: Image.Image) -> Pixels:
    """A copy of the pixels, made in bands: Pillow's own conversion needs twice the memory."""
    channels = len(image.getbands())
    depth = np.uint16 if image.mode.startswith("I;16") else np.uint8
    pixels = np.empty((image.height, image.width, channels), depth)
    _copy(image, pixels)
    return pixels


def deep_pixels(
    image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile], rawmode: str
) -> Pixels:
    """All 16 bits of an RGB or RGBA picture, uint16 [height, width, 3 or 4].

    Pillow keeps 8 bits of such pixels, the high byte of each value. Told that the file has the
    other byte order, it keeps the low byte; so two passes give both. `image` is the first
    of them, `reopen` gives the second; `rawmode` is Pillow's name for the layout: 'RGB;16B'.
    """
    _decoded(image, rawmode)  # before its size is asked: a TIFF turns itself upright
    pixels = np.empty((image.height, image.width, len(image.getbands())), np.uint16)
    halves = pixels.view(np.uint8).reshape(*pixels.shape, 2)  # [h, w, c, byte]
    order = (1, 0) if sys.byteorder == "little" else (0, 1)
    _copy(image, halves[..., order[0]])
    low = rawmode[:-1] + _LOW_BYTE[rawmode[-1]]
    _copy(_decoded(reopen(), low), halves[..., order[1]])
    return pixels


def raw_pixels(image: ImageFile.ImageFile, rawmode: str) -> Pixels:
    """The pixels of `image` with its bytes taken as `rawmode` says."""
    return pixels_of(_decoded(image, rawmode))


def rawmode_of(image: ImageFile.ImageFile) -> str:
    """Pillow's name for the layout of the pixels in the file."""
    args = image.tile[0].args
    return args if isinstance(args, str) else str(_first(args))


def _decoded(image: ImageFile.ImageFile, rawmode: str) -> ImageFile.ImageFile:
    image.tile = [
        tile._replace(args=rawmode if isinstance(tile.args, str) else (rawmode, *tile.args[1:]))
        for tile in image.tile
        if tile.args is not None
    ]
    image.load()
    return image


def _first(args: Sequence[Any] | None) -> Any:
    return args[0] if args else ""


def _copy(image: Image.Image, pixels: Pixels) -> None:
    height, width, channels = pixels.shape
    rows = max(1, _COPIED // width)
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        pixels[top : top + rows] = np.asarray(band).reshape(-1, width, channels)
