"""The painted mask: small where it is painted, as large as the picture where it is used."""

from typing import Any

import numpy as np

Mask = np.ndarray[Any, np.dtype[np.bool_]]  # [height, width], True where to fill
Size = tuple[int, int]  # height, width


def enlarge(mask: Mask, size: Size) -> Mask:
    """A mask on a finer grid: each pixel takes the value of the cell it lies in."""
    rows, columns = (_cells(n, m) for n, m in zip(size, mask.shape, strict=True))
    return mask[rows[:, None], columns]


def shrink(mask: Mask, size: Size) -> Mask:
    """A mask on a coarser grid: a cell is marked if any of its pixels is, so no hair is lost."""
    for axis in (0, 1):
        cells = _cells(mask.shape[axis], size[axis])
        first = np.flatnonzero(np.diff(cells, prepend=-1))
        mask = np.logical_or.reduceat(mask, first, axis=axis)
    return mask


def _cells(pixels: int, cells: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """For each pixel along a side, the cell that it lies in."""
    return np.arange(pixels) * cells // pixels


def merge(base: Mask | None, painted: Mask, size: Size) -> Mask:
    """The mask at full size: as painted, but what was left alone keeps the sharpness of `base`."""
    full = enlarge(painted, size)
    if base is None:
        return full
    untouched = enlarge(painted == shrink(base, painted.shape), size)
    return np.where(untouched, base, full)


def check(mask: Mask) -> Mask:
    """The same mask.

    Raises:
        ValueError: nothing is marked, or everything.
    """
    if not mask.any():
        raise ValueError("Nothing is marked: paint over what should be filled, or upload a mask.")
    if mask.all():
        raise ValueError("Everything is marked: leave some of the picture to fill from.")
    return mask
