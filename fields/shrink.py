"""A picture made smaller while it arrives in strips: how the small one comes from the large one."""

from collections.abc import Iterator

import torch
from torch import Tensor

SIGMA = 0.5  # pixels of the smaller picture: the Gaussian's deviation


class Shrink:
    """Makes a picture smaller as `UpscaleTask.blur` says; memory does not grow with its height.

    Args:
        size: (height, width) of the smaller picture.
        drawn: of the larger one, which arrives from top to bottom.
        blur: `box`, `gaussian` or `none`.
    """

    def __init__(self, size: tuple[int, int], drawn: tuple[int, int], blur: str) -> None:
        self.size, self.drawn = size, drawn
        (self.rows, self.row_weights), (self.columns, self.column_weights) = (
            taps(n, m, blur) for n, m in zip(size, drawn, strict=True)
        )
        self.first, self.next = 0, 0  # row of the larger picture kept, row of the smaller to come
        self.kept: Tensor | None = None  # rows that are narrowed already

    def add(self, top: int, values: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The next rows, float32 [rows, width, c], the first of which is number `top`.

        Yields:
            (number of the first row, rows of the smaller picture), if any are ready.
        """
        narrow = sum(
            values[:, self.columns[:, j]] * self.column_weights[:, j, None]
            for j in range(self.columns.shape[1])
        )
        assert isinstance(narrow, Tensor)
        self.kept = narrow if self.kept is None else torch.cat([self.kept, narrow])
        last = self.rows.amax(1)
        ready = int((last < top + len(values)).sum())  # `last` does not fall
        if ready <= self.next:
            return
        rows, weights = self.rows[self.next : ready], self.row_weights[self.next : ready]
        low = sum(
            self.kept[rows[:, j] - self.first] * weights[:, j, None, None]
            for j in range(rows.shape[1])
        )
        assert isinstance(low, Tensor)
        done, self.next = self.next, ready
        if ready < len(self.rows):
            needed = int(self.rows[ready:].min())
            self.kept, self.first = self.kept[needed - self.first :], needed
        yield done, low


def taps(n: int, m: int, blur: str, ratio: float | None = None) -> tuple[Tensor, Tensor]:
    """Which of m pixels each of n comes from, and with what weights: int64 and float32 [n, taps].

    Weights beyond the border are left out, and what is left sums to 1.

    Args:
        ratio: of the m that a pixel of the n is wide, both centred on each other; m / n when None.
    """
    ratio = ratio or m / n
    reach = {"box": 0.5 * ratio + 0.5, "gaussian": 3 * SIGMA * ratio, "none": 2.0}[blur]
    centre = (torch.arange(n, dtype=torch.float64)[:, None] + 0.5 - n / 2) * ratio + (m - 1) / 2
    index = (centre - reach).ceil() + torch.arange(int(2 * reach) + 2)
    offset = (index - centre).abs()
    if blur == "box":
        weights = (ratio / 2 + 0.5 - offset).clamp(0, min(1.0, ratio))
    elif blur == "gaussian":
        weights = torch.exp(-0.5 * (offset / (SIGMA * ratio)) ** 2) * (offset <= reach)
    else:
        weights = _cubic(offset)
    weights = weights * ((index >= 0) & (index < m))
    weights = weights / weights.sum(1, keepdim=True)
    return index.clamp(0, m - 1).long(), weights.float()


def _cubic(t: Tensor) -> Tensor:
    """Keys' cubic convolution, a = -1/2 [Keys 1981, eq. 15]."""
    near = 1 - 2.5 * t**2 + 1.5 * t**3
    far = 2 - 4 * t + 2.5 * t**2 - 0.5 * t**3
    return torch.where(t < 1, near, torch.where(t < 2, far, 0.0))
