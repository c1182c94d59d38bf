"""Fit a picture that is to be drawn larger than it is."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..field import Field
from ..grid import centres_of
from ..render import evaluate
from ..shrink import SIGMA, Shrink
from .image import ImageTask, Score

Blur = Literal["box", "gaussian", "none"]
BLURS: tuple[Blur, ...] = ("box", "gaussian", "none")
MAX_SCALE = 16.0
MOST_PLACES = 4  # along a side of a pixel, at which its mean is taken during a fit


@dataclass(frozen=True)
class UpscaleTask(ImageTask):
    """Find the larger picture that the pixels were made from.

    A field of whatever method may be drawn between the pixels; the solver of patch groups undoes
    the blur as well.

    Attributes:
        scale: pixels of the larger picture along a pixel of this one.
        blur: how this one's pixels were made from the larger one's: means over their squares
            (`box`), under a Gaussian as wide (`gaussian`, of half a pixel's deviation), or the
            values at their centres (`none`).
    """

    scale: float = 2.0
    blur: Blur = "box"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.scale <= MAX_SCALE:
            raise ValueError(f"scale must be from 1 to {MAX_SCALE:g}, got {self.scale:g}.")
        if self.blur not in BLURS:
            raise ValueError(f"blur must be one of {', '.join(BLURS)}, got {self.blur!r}.")
        if self.sobolev:
            raise ValueError("an enlargement has no slopes to fit; leave sobolev out.")

    @property
    def drawn(self) -> tuple[int, int]:
        """(height, width) of the larger picture."""
        return max(1, round(self.size[0] * self.scale)), max(1, round(self.size[1] * self.scale))

    def seen(self, field: Field, index: Tensor) -> Tensor:
        """The larger picture, blurred: its values at some places of each pixel, averaged."""
        places, weights = self._places
        unit = 2 / max(self.size)  # of the coordinates, along a pixel
        x = centres_of(index, *self.size)[:, None] + unit * places
        values = evaluate(field, x.flatten(0, 1).to(field.shift.device))
        return (values.view(*x.shape[:2], -1) * weights.to(values.device)[:, None]).sum(1)

    @property
    def _places(self) -> tuple[Tensor, Tensor]:
        """Places around a pixel's centre [n, 2], in pixels, and their weights [n]."""
        if self.blur == "box":
            n = min(MOST_PLACES, math.ceil(self.scale))
            along, weights = (torch.arange(n) + 0.5) / n - 0.5, torch.full((n,), 1 / n)
        elif self.blur == "gaussian":  # by Gauss and Hermite: exact up to the fifth power
            along = torch.tensor([-1.0, 0.0, 1.0]) * (SIGMA * 3**0.5)
            weights = torch.tensor([1, 4, 1]) / 6
        else:
            along, weights = torch.zeros(1), torch.ones(1)
        return torch.cartesian_prod(along, along), torch.outer(weights, weights).flatten()

    def score(self) -> Score:
        """Of the drawing, made as small as the pixels are: whether it could have been theirs."""
        return ShrunkScore(self)


class ShrunkScore(Score):
    """The score of a drawing that is larger than the picture."""

    def __init__(self, task: UpscaleTask) -> None:
        super().__init__(task)
        self.shrink = Shrink(task.size, task.drawn, task.blur)

    def add(self, top: int, values: Tensor) -> None:
        for first, rows in self.shrink.add(top, values.cpu()):
            super().add(first, rows)
