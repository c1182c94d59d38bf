"""The painted mask: small in the editor, as large as the picture where it is used."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Mask = np.ndarray[Any, np.dtype[np.bool_]]  # [height, width], True where to fill
Size = tuple[int, int]  # height, width

PAINT = "#ff2d55"  # the brush's colour
COVER = 0.6  # and how much of the picture it hides


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


def painted(value: Mapping[str, Any] | None, size: Size) -> Mask:
    """What is painted in the editor, whose picture has this size.

    Raises:
        ValueError: the editor holds no picture, or another one.
    """
    layers = (value or {}).get("layers") or []
    if any(layer.shape[:2] != size for layer in layers):
        raise ValueError("The editor lost the picture; press Clear to bring it back.")
    if not layers:
        return np.zeros(size, np.bool_)
    # Never by colour: a stroke of the picture's own colour must count too.
    return np.any([layer[..., 3] > 0 for layer in layers], axis=0)


def layer(mask: Mask) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A mask as a painted layer for the editor: RGBA, transparent where not marked."""
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[mask] = (*bytes.fromhex(PAINT[1:]), round(255 * COVER))
    return pixels


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
