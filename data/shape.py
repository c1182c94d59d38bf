"""A shape in memory: a mesh or a cloud of points, in the coordinates of its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Shape:
    """Points with what the file says of them; with faces they are the vertices of a mesh.

    `points` is float64 [n, 3] in the file's unit, so that large offsets survive; `faces` int64
    [f, 3], counter-clockwise seen from outside where the file keeps to that; `normals` float32
    [n, 3] of unit length; `colours` uint8 [n, 3]. Each but the points is None where there is
    none. `name` is the file's or the sample's; `note` is a sentence on what was left out, if
    anything. ValueError for arrays of another type or size.
    """

    points: np.ndarray[Any, Any]
    faces: np.ndarray[Any, Any] | None = None
    normals: np.ndarray[Any, Any] | None = None
    colours: np.ndarray[Any, Any] | None = None
    name: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        _check("points", self.points, np.float64)
        count = len(self.points)
        if self.faces is not None:
            _check("faces", self.faces, np.int64)
        if self.normals is not None:
            _check("normals", self.normals, np.float32, count)
        if self.colours is not None:
            _check("colours", self.colours, np.uint8, count)

    @property
    def is_mesh(self) -> bool:
        """Whether there are faces; without, the points are a sample of a surface."""
        return self.faces is not None

    @property
    def low(self) -> np.ndarray[Any, Any]:
        """The smallest x, y and z, float64 [3]."""
        return self.points.min(axis=0)

    @property
    def high(self) -> np.ndarray[Any, Any]:
        """The largest x, y and z, float64 [3]."""
        return self.points.max(axis=0)

    @property
    def side(self) -> float:
        """The longest side of the bounding box, in the file's unit."""
        return float((self.high - self.low).max())

    def describe(self) -> str:
        """One line: counts, bounding box, and whether normals and colours were found."""
        if self.faces is None:
            counts = f"{len(self.points):,} points"
        else:
            counts = f"{len(self.points):,} vertices, {len(self.faces):,} triangles"
        box = " × ".join(f"{side:.4g}" for side in self.high - self.low)
        parts = [counts, f"{box} from ({', '.join(f'{low:.6g}' for low in self.low)})"]
        parts.append("normals" if self.normals is not None else "no normals")
        parts.append("colours" if self.colours is not None else "no colours")
        return "; ".join(parts) + (f"; {self.note}" if self.note else "")


def _check(name: str, values: np.ndarray[Any, Any], dtype: type, count: int | None = None) -> None:
    if values.dtype != dtype:
        raise ValueError(f"Shape.{name} must be {np.dtype(dtype)}, got {values.dtype}.")
    if values.ndim != 2 or values.shape[1] != 3:
        raise ValueError(f"Shape.{name} must be [n, 3], got {list(values.shape)}.")
    if count is not None and len(values) != count:
        raise ValueError(f"Shape.{name} must be one for each of {count} points, got {len(values)}.")
