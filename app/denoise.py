"""A noisy picture: how much noise it holds, what is held out of it, and how near the clean one is.

A clean picture, where there is one, only measures: nothing here gives it to a fit.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data import Picture, random_missing, read_picture
from fields import DenoiseTask, Field, Progress, Snapshot, noise_level
from fields.grid import centres_of
from fields.metrics import PictureScore, psnr
from fields.record import View
from fields.render import evaluate

HELD_OUT = 0.05  # share of the pixels that are not fitted, and tell when to stop
MOST_SIGMA = 255.0
CLEAN_POINTS = 2**13  # at which the distance to the clean picture is followed
GROWTH = 1.08  # from one such look to the next, the steps taken grow by this factor


@dataclass(frozen=True)
class Noisy:
    """A picture to be denoised.

    Attributes:
        sigma: standard deviation of its noise, for values up to 255.
        source: where sigma comes from: `estimated`, `given`, or `added`.
        clean: the clean picture, if it is known.
    """

    task: DenoiseTask
    sigma: float
    source: str
    clean: "Clean | None"

    def keys(self) -> dict[str, Any]:
        """What run.json says of it."""
        return {"sigma": self.sigma, "sigma_is": self.source}

    def notes(self) -> list[str]:
        words = {
            "estimated": "estimated from the picture alone",
            "given": "as given",
            "added": "added to the picture, which is then what the result is measured against",
        }
        return [f"Noise: standard deviation {self.sigma:.1f} of 255, {words[self.source]}."]


class Clean:
    """A clean picture to measure against, in the colours alone."""

    def __init__(self, picture: Picture) -> None:
        self.picture, self.colours = picture, colours(picture)
        self.size = picture.height, picture.width
        rng = torch.Generator().manual_seed(0)
        total = self.size[0] * self.size[1]
        index = torch.randint(total, (min(total, CLEAN_POINTS),), generator=rng).unique()
        self.x, self.values = centres_of(index, *self.size), self.at(index)

    def rows(self, chosen: slice) -> Tensor:
        return _unit(self.picture.pixels[chosen, :, : self.colours])

    def at(self, index: Tensor) -> Tensor:
        pixels = self.picture.pixels.reshape(-1, self.picture.channels)
        return _unit(pixels[index.numpy(), : self.colours])

    def score(self) -> "CleanScore":
        return CleanScore(self)


class CleanScore:
    """`clean_psnr` and `clean_ssim` of a result that arrives in strips."""

    def __init__(self, clean: Clean) -> None:
        self.clean, self.score = clean, PictureScore(clean.size[0], None, None)

    def add(self, top: int, values: Tensor) -> None:
        truth = self.clean.rows(slice(top, top + len(values)))
        self.score.add(top, values[..., : self.clean.colours], truth)

    def result(self) -> dict[str, float]:
        return {f"clean_{name}": value for name, value in self.score.result().items()}


class Follower:
    """Follows the distance of one fit to the clean picture.

    Attributes:
        points: (step, seconds, PSNR in dB) at some of the pixels, oldest first.
    """

    def __init__(self, clean: Clean) -> None:
        self.clean = clean
        self.points: list[tuple[int, float, float]] = []
        self.next = 1

    def see(self, progress: Progress, looked: Snapshot | None, view: View) -> None:
        """The fit has reported, and perhaps been looked at."""
        clean = self.clean
        if progress.step >= self.next and progress.end is None:
            self.next = max(progress.step + 1, math.ceil(progress.step * GROWTH))
            self.points.append((progress.step, progress.seconds, self.measure(progress.field)))
        if looked is not None and looked.frame.shape[:2] == view.shape:
            frame = looked.frame.flatten(0, 1)[:, : clean.colours].float() / 255
            looked.metrics["clean_psnr"] = psnr(frame, clean.at(view.index))

    def measure(self, field: Field) -> float:
        values = evaluate(field, self.clean.x.to(field.shift.device)).cpu()
        return psnr(values[:, : self.clean.colours].clamp(0, 1), self.clean.values)


def colours(picture: Picture) -> int:
    """Channels besides alpha."""
    return picture.channels - picture.has_alpha


def make_noisy(
    picture: Picture,
    *,
    sigma: float | None = None,
    noise: float | None = None,
    clean: Picture | None = None,
    seed: int = 0,
) -> Noisy:
    """The task of a noisy picture.

    Args:
        sigma: standard deviation of its noise, for values up to 255; estimated when None.
        noise: add white noise of this standard deviation first; the picture is then the clean one.
        clean: to measure against.

    Raises:
        ValueError: a value is out of range, or the clean picture does not fit.
    """
    for name, value in (("--sigma", sigma), ("--noise", noise)):
        if value is not None and not 0 < value <= MOST_SIGMA:
            raise ValueError(f"{name} must be above 0 and at most 255, got {value:g}.")
    if noise is not None and clean is not None:
        raise ValueError("--noise and --clean exclude each other: with --noise, PHOTO is clean.")
    if clean is not None:
        _check(clean, picture)
    count = colours(picture)
    pixels = torch.from_numpy(picture.pixels)
    if noise is not None:
        pixels, clean = _with_noise(picture.tensor(), count, noise / 255, seed), picture
    source = "given" if sigma is not None else "estimated" if noise is None else "added"
    if sigma is None:
        sigma = noise if noise is not None else 255 * noise_level(pixels[..., :count])
    if picture.width * picture.height < 2:
        raise ValueError("a picture of one pixel cannot be denoised.")
    hidden = random_missing(picture.height, picture.width, HELD_OUT, seed)
    task = DenoiseTask(
        pixels,
        known=torch.from_numpy(~hidden),
        heldout=torch.from_numpy(hidden),
        sigma=sigma / 255,
        colours=count,
    )
    return Noisy(task, sigma, source, None if clean is None else Clean(clean))


def _with_noise(pixels: Tensor, count: int, sigma: float, seed: int) -> Tensor:
    """White Gaussian noise on the first channels; what passes 0 or 1 is not cut off."""
    rng = np.random.default_rng([seed, 1])
    noise = rng.normal(0, sigma, (*pixels.shape[:2], count)).astype(np.float32)
    pixels[..., :count] += torch.from_numpy(noise)
    return pixels


def _check(clean: Picture, picture: Picture) -> None:
    if (clean.width, clean.height, colours(clean)) != (
        picture.width, picture.height, colours(picture),
    ):
        raise ValueError(
            f"--clean must be as PHOTO is, {picture.width}x{picture.height} pixels of "
            f"{colours(picture)} colours, got {clean.width}x{clean.height} of {colours(clean)}."
        )


def open_clean(path: Path | None, max_megapixels: float) -> Picture | None:
    return None if path is None else read_picture(path, max_megapixels=max_megapixels)


def _unit(pixels: np.ndarray) -> Tensor:
    """Pixels in [0, 1], float32."""
    top = 255 if pixels.dtype == np.uint8 else 65535
    return torch.from_numpy(pixels.astype(np.float32) / top)
