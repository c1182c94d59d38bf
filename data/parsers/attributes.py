"""Normals and colours, however a file writes them."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_UNIT = 0.05  # how far from 1 the length of a normal may be in a file with few digits


def to_colours(values: Array) -> Array | None:
    """uint8 [n, 3] of colours in [0, 1], [0, 255] or [0, 65535]; None if they are in none.

    Floats that never exceed 1 are taken to be in [0, 1]; whole numbers are as their type says.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        return np.rint(values / 257.0).astype(np.uint8)
    values = values.astype(np.float64)
    if not len(values) or not np.isfinite(values).all() or values.min() < 0:
        return None
    top = values.max()
    if top > 65535:
        return None
    scale = 255.0 if top <= 1 else 1.0 if top <= 255 else 1 / 257.0
    return np.rint(values * scale).astype(np.uint8)


def to_normals(values: Array) -> Array:
    """float32 [n, 3]; what is too large for it becomes infinite and is dropped later."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32)


def are_unit(values: Array) -> bool:
    """Whether nearly all of [n, 3] have unit length, as normals have and colours have not."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt((values.astype(np.float64) ** 2).sum(axis=1))
        return bool(len(values)) and bool(np.mean(abs(lengths - 1) < _UNIT) > 0.9)
