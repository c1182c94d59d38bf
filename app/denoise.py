"""A noisy picture: how much noise it holds, and what is held out of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data import Picture, random_missing, read_picture
from fields import DenoiseTask, Descent, FitConfig, ImageTask, noise_level

from .clean import Clean, colours

HELD_OUT = 0.05  # share of the pixels that are not fitted, and tell when to stop
MOST_SIGMA = 255.0


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
    clean: Clean | None

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


def needed(task: ImageTask, configs: Iterable[FitConfig]) -> ImageTask:
    """The task without what is held out of a noisy picture, if no fit has to be stopped by it."""
    if not isinstance(task, DenoiseTask) or any(isinstance(c.solver, Descent) for c in configs):
        return task
    return replace(task, known=None, heldout=None)


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
