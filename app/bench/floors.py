"""The least that a kernel can take, from what it must read, write and multiply, at measured rates.

What bounds it is the resource that takes longest, each alone:

- draw: n (8 + 5 c) bytes: a pixel's c bytes are read, its place and values in float32 written.
- encode: the sectors that are gathered; or n (4 d + 2 L F) bytes.
- network: 6 n operations for each weight, forth and back, of which the last layer's are padded to
  16 values; or n (4 L F + 4 c) bytes.
- scatter: the sectors that are added to; or n (4 d + 2 L F) bytes.
- adam_table: 4 bytes for each entry, and 36 more for those that are read with one that has a
  gradient: parameter, two moments and steps, read and written, and the gradient's zero.
- adam_network: 32 bytes for each weight.
- infer: the sectors that are gathered; or 2 n operations for each weight.

A table that stays in the cache can beat the floor, as that takes copies at the memory's pace.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fields.kernels.grid import GridLayout

from .rates import Rates

WIDE = 4  # entries that Adam reads together
NARROWEST = 16  # columns that are multiplied at least


@dataclass(frozen=True)
class Work:
    """What a kernel must do at least: bytes, operations, and sectors gathered or added to."""

    copied: float = 0.0
    operations: float = 0.0
    gathered: float = 0.0
    added: float = 0.0

    def ms(self, rates: Rates, order: str) -> float:
        """Milliseconds at the rates, those of samples in this order."""
        return max(
            self.copied / rates.copy,
            self.operations / rates.products,
            self.gathered / rates.gather[order],
            self.added / rates.atomic[order],
        ) / 1e6  # fmt: skip


def works(
    layout: GridLayout, layers: list[tuple[int, int]], n: int, asked: int, touched: int
) -> dict[str, Work]:
    """What each kernel must do for a batch of n samples.

    Args:
        layers: (in, out) of each.
        asked: sectors of the table, as `rates.sectors` counts them.
        touched: entries of the table that Adam must change.
    """
    features, channels = layout.levels * layout.features, layers[-1][1]
    padded = sum(a * max(b, NARROWEST) for a, b in layers)
    size = sum((a + 1) * b for a, b in layers)
    encoded = n * (4 * layout.dim + 2 * features)
    entries = layout.offsets[-1] * layout.features
    return {
        "draw": Work(copied=n * (4 * layout.dim + 5 * channels)),
        "encode": Work(copied=encoded, gathered=asked),
        "network": Work(copied=n * 4 * (features + channels), operations=6 * n * padded),
        "scatter": Work(copied=encoded, added=asked),
        "adam_table": Work(copied=4 * entries + 36 * touched),
        "adam_network": Work(copied=32 * size),
        "infer": Work(operations=2 * n * padded, gathered=asked),
    }


def touched_by(gradient: Tensor) -> int:
    """Entries that Adam reads: those of groups with a gradient other than 0."""
    flat = gradient.flatten()
    groups = flat[: len(flat) // WIDE * WIDE].view(-1, WIDE)
    return WIDE * int(torch.any(groups != 0, dim=1).count_nonzero())
