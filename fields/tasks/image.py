"""Fit a picture, or the known part of one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from ..field import Field
from ..grid import centres_of
from ..kernels.draws import Pixels, in_order
from ..metrics import PictureScore, decibels
from ..render import evaluate, strips
from ..samplers import strided
from .base import Task

ORDER = 14  # bits of each coordinate in the order of known pixels
MASK_PART = 2**22  # pixels of a mask that are gone through at once


@dataclass(frozen=True)
class ImageTask(Task):
    """Regress the values of pixels; with a mask, only of those it marks (inpainting).

    Attributes:
        pixels: [h, w, c], float32 in [0, 1]; or uint8 or uint16, which stand for value/255 and
            value/65535 and keep a large picture small in memory.
        known: bool [h, w], the pixels to fit; all when None.
        heldout: bool [h, w], pixels that are not fitted but whose truth `pixels` holds, to measure
            on; none when None.
        sobolev: weight of the squared error of the slope (by differences of neighbouring pixels)
            beside the squared error of the values, as `SignalTask.sobolev`.

    Raises:
        ValueError: the shapes do not agree, nothing is known, or a known value is not finite; or
            slopes are asked for and pixels are missing.
    """

    pixels: Tensor
    known: Tensor | None = None
    heldout: Tensor | None = None
    sobolev: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or 0 in self.pixels.shape:
            raise ValueError(f"pixels must be [h, w, c] and not empty, got {self.pixels.shape}.")
        for name in ("known", "heldout"):
            mask = getattr(self, name)
            if mask is None:
                continue
            if mask.dtype != torch.bool or mask.shape != self.pixels.shape[:2]:
                raise ValueError(
                    f"{name} must be bool {tuple(self.pixels.shape[:2])}, got {mask.dtype} "
                    f"{tuple(mask.shape)}."
                )
            if not mask.any():
                raise ValueError(f"{name} must mark at least one pixel, got none.")
        if self.pixels.is_floating_point() and not bool(self.pixels.isfinite().all()):
            raise ValueError("pixels must be finite, got NaN or infinity.")
        self._check_slopes()

    def _check_slopes(self) -> None:
        if not math.isfinite(self.sobolev) or self.sobolev < 0:
            raise ValueError(f"sobolev must be 0 or more, got {self.sobolev!r}.")
        if self.sobolev and (self.pool is not None or min(self.size) < 2):
            raise ValueError(
                "slopes want every pixel and two at least along each side; leave sobolev out where "
                "some are missing or held out."
            )

    @property
    def in_dim(self) -> int:
        return 2

    @property
    def out_dim(self) -> int:
        return self.pixels.shape[-1]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def drawn(self) -> tuple[int, int]:
        """(height, width) of the picture that is to come of it."""
        return self.size

    @cached_property
    def pool(self) -> Tensor | None:
        """Row-major numbers of the known pixels, int32 [n]; None when all are known."""
        if self.known is None or bool(self.known.all()):
            return None
        return _numbers(self.known)

    def to(self, device: torch.device) -> Self:
        if device == self.pixels.device:
            return self  # with the list of known pixels, should it be made already
        masks = {
            name: None if mask is None else mask.to(device)
            for name, mask in (("known", self.known), ("heldout", self.heldout))
        }
        return replace(self, pixels=self.pixels.to(device), **masks)

    def values(self, index: Tensor | slice) -> Tensor:
        """Pixels by row-major number [n], or rows of them by a slice, as float32 in [0, 1]."""
        chosen = self.rows[index] if isinstance(index, slice) else self.flat[index]
        if chosen.is_floating_point():
            return chosen
        if chosen.dtype == torch.int16:
            return chosen.int().bitwise_and_(0xFFFF).float().div_(65535)
        return chosen.float().div_(255)

    @cached_property
    def rows(self) -> Tensor:
        """The pixels; as int16 for uint16, which torch cannot index everywhere."""
        return self.pixels.view(torch.int16) if self.pixels.dtype == torch.uint16 else self.pixels

    @cached_property
    def flat(self) -> Tensor:
        return self.rows.reshape(-1, self.out_dim)

    def prepare(self, field: Field) -> None:
        """Centre the field on the mean of the known pixels, scaled to their spread."""
        total = self.flat.shape[0] if self.pool is None else len(self.pool)
        sample = self.values(self._number(torch.arange(0, total, max(1, total // 2**18))))
        field.shift.copy_(sample.mean(0))
        field.scale.copy_((sample - sample.mean(0)).square().mean().sqrt().clamp_min(1e-3))

    def batches(self, n: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Coordinates [n, 2] and values [n, c] of known pixels; where slopes count, points 2i and
        2i + 1 are neighbours."""
        total = self.flat.shape[0] if self.pool is None else len(self.pool)
        for draw in strided(n if not self.sobolev else max(1, n // 2), total, rng):
            index = self._number(draw)
            if self.sobolev:
                index = self._with_neighbours(index)
            yield centres_of(index, *self.size), self.values(index)

    def source(self) -> Pixels | None:
        if self.sobolev:
            return None
        among = self.pool
        if among is not None:
            among = among[in_order(centres_of(among, *self.size), ORDER)]
        return Pixels(self.flat.contiguous(), self.size, among)

    def loss(self, field: Field, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Mean squared error over the pixels and channels of the batch."""
        return field.squared_error(*batch, paired=2 * self.sobolev * (max(self.size) / 2) ** 2)

    def _with_neighbours(self, index: Tensor) -> Tensor:
        """Each pixel and one beside it, by turns along x and along y: [n] -> [2n]."""
        (h, w), upright = self.size, torch.arange(len(index), device=index.device) % 2 == 1
        beside = torch.where(index % w < w - 1, index + 1, index - 1)
        below = torch.where(index < (h - 1) * w, index + w, index - w)
        return torch.stack([index, torch.where(upright, below, beside)], dim=1).flatten()

    def sample(self, heldout: bool, most: int) -> tuple[Tensor, Tensor] | None:
        """Pixels spread at random over the picture, as `Task.sample` says."""
        if heldout and self.heldout is None:
            return None
        pool = _numbers(self.heldout) if heldout and self.heldout is not None else self.pool
        total = len(self.flat) if pool is None else len(pool)
        rng = torch.Generator().manual_seed(0)
        few = torch.randint(total, (most,), generator=rng).unique() if total > most else None
        places = (torch.arange(total) if few is None else few).to(self.pixels.device)
        chosen = places if pool is None else pool[places].long()
        return centres_of(chosen, *self.size), self.values(chosen)

    def seen(self, field: Field, index: Tensor) -> Tensor:
        """What a field makes of the pixels with these row-major numbers, float32 [n, c]."""
        return evaluate(field, centres_of(index, *self.size).to(field.shift.device))

    def _number(self, index: Tensor) -> Tensor:
        """Row-major pixel numbers, int64, of positions in the list of known pixels."""
        index = index.to(self.pixels.device)
        return index if self.pool is None else self.pool[index].long()

    def evaluate(self, field: Field) -> dict[str, float]:
        score = self.score()
        for top, values in strips(field, self.size, out=self.drawn):
            score.add(top, values)
        return score.result()

    def score(self) -> "Score":
        """An empty score, to be filled with a drawing of size `drawn`, strip by strip."""
        return Score(self)

    def psnr(self, loss: float) -> float | None:
        return decibels(loss)


class Score:
    """How near a drawing, which arrives in strips from top to bottom, is to a task's pixels."""

    def __init__(self, task: ImageTask) -> None:
        self.task = task
        self.score = PictureScore(task.size[0], task.known, task.heldout)

    def add(self, top: int, values: Tensor) -> None:
        """The next rows, float32 [rows, width, c]; `top` is the first one's number."""
        self.score.add(top, values, self.task.values(slice(top, top + len(values))))

    def result(self) -> dict[str, float]:
        return self.score.result()


def _numbers(mask: Tensor) -> Tensor:
    """Row-major numbers of the pixels that a mask marks, int32 [n]; in parts, since torch counts
    in int64."""
    flat = mask.flatten()
    found = torch.empty(int(flat.count_nonzero()), dtype=torch.int32, device=mask.device)
    end = 0
    for i, part in enumerate(flat.split(MASK_PART)):
        numbers = part.nonzero().flatten() + i * MASK_PART
        found[end : end + len(numbers)] = numbers
        end += len(numbers)
    return found
