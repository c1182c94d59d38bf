"""What the benchmark of pictures asks of every method: a picture, spoiled in a known way."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from data import Picture, random_missing, read_picture
from fields import DenoiseTask, ImageTask, UpscaleTask

from ..denoise import HELD_OUT
from ..options import BenchOptions
from ..pictures import make_task
from .masks import make_mask

Values = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]


@dataclass(frozen=True)
class Problem:
    """A picture to be restored.

    Attributes:
        task: `inpaint`, `denoise` or `upscale`.
        case: the mask, the spread of the noise, or the factor.
        truth: what is wanted, [h, w, 1 or 3], values of 0 to 255 over 255.
        given: what there is of it: with 0 in the holes, noisy (and not clipped), or small.
        missing: bool [h, w], the holes to fill.
        sigma: spread of the noise.
        scale: factor to enlarge by.
    """

    task: str
    case: str
    truth: Values
    given: Values
    missing: np.ndarray[Any, Any] | None = None
    sigma: float = 0.0
    scale: int = 1

    def make(self) -> ImageTask:
        """The engine's task for it."""
        if self.task == "inpaint":
            assert self.missing is not None
            return make_task(Picture(self.bytes()), mask=self.missing)[0]
        pixels = torch.from_numpy(self.given)
        if self.task == "upscale":
            return UpscaleTask(pixels, scale=float(self.scale), blur="box")
        hidden = torch.from_numpy(random_missing(*self.truth.shape[:2], HELD_OUT, seed=0))
        return DenoiseTask(pixels, known=~hidden, heldout=hidden, sigma=self.sigma)

    def bytes(self) -> np.ndarray[Any, Any]:
        """What is given, for those who take 8 bits: uint8 [h, w, c]."""
        return np.rint(self.given.clip(0, 1) * 255).astype(np.uint8)


def load(path: Path, side: int, max_pixels: float = 100.0) -> Values:
    """A picture's colours without alpha, 8 bits deep, shrunk to `side` by the mean of boxes."""
    picture = read_picture(path, max_megapixels=max_pixels)
    values = picture.with_depth(8).pixels
    values = values[..., : 3 if picture.channels >= 3 else 1]
    longest = max(values.shape[:2])
    if side and longest > side:
        size = [max(1, round(n * side / longest)) for n in values.shape[1::-1]]
        image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)
        shrunk = image.resize((size[0], size[1]), Image.Resampling.BOX)
        values = np.asarray(shrunk).reshape(size[1], size[0], -1)
    return np.ascontiguousarray(values, np.float32) / np.float32(255)


def problems(truth: Values, seed: int, options: BenchOptions) -> Iterator[Problem]:
    """Everything that is asked of one picture with one seed; enlarging has no use for more."""
    for task in options.tasks:
        if task == "inpaint":
            yield from (_with_holes(truth, kind, seed) for kind in options.masks)
        elif task == "denoise":
            yield from (_with_noise(truth, sigma, seed) for sigma in options.sigmas)
        elif seed == 0:
            yield from (_small(truth, scale) for scale in options.scales)


def _with_holes(truth: Values, kind: str, seed: int) -> Problem:
    missing = make_mask(kind, *truth.shape[:2], seed)
    return Problem("inpaint", kind, truth, truth * ~missing[..., None], missing)


def _with_noise(truth: Values, sigma: float, seed: int) -> Problem:
    noise = np.random.default_rng(seed).normal(0, sigma / 255, truth.shape)
    given = (truth + noise).astype(np.float32)
    return Problem("denoise", f"sigma{sigma:g}", truth, given, sigma=sigma / 255)


def _small(truth: Values, scale: int) -> Problem:
    """Shrunk by the mean of boxes; what does not fill a box is cut off the truth."""
    h, w = (n - n % scale for n in truth.shape[:2])
    if not h or not w:
        raise ValueError(f"--scales {scale} is more than the picture has pixels.")
    truth = np.ascontiguousarray(truth[:h, :w])
    return Problem("upscale", f"x{scale}", truth, box(truth, scale), scale=scale)


def box(values: Values, scale: int) -> Values:
    """The mean of each box of scale x scale pixels."""
    h, w, c = values.shape
    return values.reshape(h // scale, scale, w // scale, scale, c).mean((1, 3), dtype=np.float32)
