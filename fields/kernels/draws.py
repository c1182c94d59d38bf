"""Draws of data that a launch on the device can make by itself, told only the number of the step.

The data lie along a curve on which neighbours in space are near, and the curve is cut into as many
strata as there are samples. A draw takes one place of each, so that its samples come in order and
share what the grid's kernels read. From step to step a stratum's place moves by the golden section
of its length, from a start of its own, and so comes near every point of it before it comes near one
again. Here is the reference in torch; all of it is arithmetic of integers, so that the kernels of
`triton_draws` find the same samples.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..grid import centres_of

WORD = 0xFFFFFFFF
GOLDEN = 2654435769  # 2^32 times the golden section


class Batch(NamedTuple):
    """Points [n, d] and their values [n, c], float32, and each one's weight [n] or None."""

    x: Tensor
    y: Tensor
    weight: Tensor | None


@dataclass(frozen=True)
class Pixels:
    """Pixels of a picture.

    Attributes:
        values: [h * w, c], float32; or uint8, or int16 for uint16, which stand for value/255 and
            value/65535.
        size: (height, width).
        among: int32 [m], row-major numbers of the pixels that are drawn, `in_order`; all without.
    """

    values: Tensor
    size: tuple[int, int]
    among: Tensor | None = None

    def draw(self, step: int, n: int, seed: int) -> Batch:
        """n samples, all of them new copies."""
        i = torch.arange(n, device=self.values.device)
        if self.among is None:
            x, y = _on_curve(_curve_place(i, step, n, seed))
            h, w = self.size
            index = (y * h >> 32) * w + (x * w >> 32)
        else:
            index = self.among[stratum_place(i, step, n, len(self.among), seed)].long()
        chosen = self.values[index]
        if chosen.dtype == torch.int16:
            chosen = chosen.int().bitwise_and(0xFFFF).float() / 65535
        elif chosen.dtype == torch.uint8:
            chosen = chosen.float() / 255
        return Batch(centres_of(index, *self.size), chosen, None)


@dataclass(frozen=True)
class Rows:
    """Rows of a list, which must be in the order of a curve; a row may hold several points.

    Attributes:
        x: float32 [m, k, d].
        y: float32 [m, k, c].
        weight: float32 [m, k]; 1 without.
        paired: weight of the difference within a row of two, as `Field.squared_error` has it.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    paired: float = 0.0

    def draw(self, step: int, n: int, seed: int) -> Batch:
        """n rows: n k samples."""
        i = torch.arange(n, device=self.x.device)
        row = stratum_place(i, step, n, len(self.x), seed)
        weight = None if self.weight is None else self.weight[row].flatten()
        return Batch(self.x[row].flatten(0, 1), self.y[row].flatten(0, 1), weight)


Source = Pixels | Rows


def mixed(h: Tensor) -> Tensor:
    """A hash of integers below 2^32 [the finaliser of MurmurHash3, Appleby 2011]."""
    h = (h ^ h >> 16) * 0x85EBCA6B & WORD
    h = (h ^ h >> 13) * 0xC2B2AE35 & WORD
    return h ^ h >> 16


def seed_word(seed: int) -> int:
    """A seed's 64 bits in 32."""
    return int(mixed(torch.tensor((seed ^ seed >> 32) & WORD)))


def share(i: Tensor, step: int, seed: int) -> Tensor:
    """Where in its stratum sample i is, in units of 2^-32 of it: int64 [n]."""
    return mixed(i ^ seed_word(seed)) + step * GOLDEN & WORD


def stratum_place(i: Tensor, step: int, n: int, total: int, seed: int) -> Tensor:
    """One of the places 0 to total - 1 in each of n strata, ascending: int64 [n]."""
    first = i * total // n
    length = ((i + 1) * total // n - first).clamp_min(1)
    return first + (share(i, step, seed) * length >> 32)


def _curve_place(i: Tensor, step: int, n: int, seed: int) -> Tensor:
    """A place in each of n strata of a curve that is 2^62 long: int64 [n]."""
    length = 2**62 // n
    return i * length + (length >> 32) * share(i, step, seed)


def _on_curve(place: Tensor) -> tuple[Tensor, Tensor]:
    """Where in the unit square Morton's curve, 2^62 long, is at a place; in units of 2^-32."""
    return _every_second(place) << 1, _every_second(place >> 1) << 1


def _every_second(bits: Tensor) -> Tensor:
    """The even bits of integers below 2^62, moved together."""
    bits = bits & 0x5555555555555555
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        bits = (bits | bits >> shift) & mask
    return bits


def in_order(x: Tensor, bits: int = 10) -> Tensor:
    """The order of points [n, d] of [-1, 1]^d along Morton's curve: int64 [n]."""
    cell = ((x + 1) * 2 ** (bits - 1)).long().clamp(0, 2**bits - 1)
    key = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for bit in range(bits):
        for axis in range(x.shape[1]):
            key |= (cell[:, axis] >> bit & 1) << (x.shape[1] * bit + axis)
    return key.argsort()
