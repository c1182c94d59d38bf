"""How near a result is to the picture that is wanted, where there is one. It only measures: nothing
here gives it to a fit.
"""

import math

import numpy as np
import torch
from torch import Tensor

from data import Picture
from fields import Field, Progress, Snapshot
from fields.grid import centres_of
from fields.metrics import PictureScore, psnr
from fields.record import View
from fields.render import evaluate

CLEAN_POINTS = 2**13  # at which the distance to the clean picture is followed
GROWTH = 1.08  # from one such look to the next, the steps taken grow by this factor


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


def _unit(pixels: np.ndarray) -> Tensor:
    """Pixels in [0, 1], float32."""
    top = 255 if pixels.dtype == np.uint8 else 65535
    return torch.from_numpy(pixels.astype(np.float32) / top)
