"""PLY files: text or binary, points or meshes, triangle strips, range grids [Turk 1994]."""

from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape
from .attributes import to_colours, to_normals
from .ply_header import read_header
from .ply_rows import Columns, Lists, read_rows
from .polygons import fans, strips
from .range_grid import grid_normals

Array = np.ndarray[Any, Any]

_WANTED = {"vertex", "face", "tristrips", "range_grid"}
_NORMALS = (("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z"))
_COLOURS = (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
_FACES = ("vertex_indices", "vertex_index")


def parse(path: Path) -> Shape:
    """The points and faces of a PLY; a range grid gives a cloud with normals.

    Polygons are cut into fans of triangles. Everything but positions, normals, colours and
    faces is passed over.
    """
    content = path.read_bytes()
    header = read_header(content)
    rows = read_rows(content, header, _WANTED)
    vertices = rows.get("vertex", {})
    points = _three(vertices, ("x", "y", "z"))
    if points is None:
        raise Unreadable("has no vertices with x, y and z; export it again as a mesh or points")
    points = points.astype(np.float64)
    if "range_grid" in rows:
        return _from_grid(points, rows["range_grid"], header.notes)
    faces = _faces(rows)
    return Shape(points, faces, _normals(vertices), _colours(vertices))


def _three(columns: Columns, names: tuple[str, str, str]) -> Array | None:
    """The columns called `names`, [n, 3], or None unless all three are there."""
    chosen = [columns.get(name) for name in names]
    arrays = [column for column in chosen if isinstance(column, np.ndarray)]
    return np.stack(arrays, axis=1) if len(arrays) == 3 else None


def _normals(vertices: Columns) -> Array | None:
    found = [three for names in _NORMALS if (three := _three(vertices, names)) is not None]
    return to_normals(found[0]) if found else None


def _colours(vertices: Columns) -> Array | None:
    found = [three for names in _COLOURS if (three := _three(vertices, names)) is not None]
    return to_colours(found[0]) if found else None


def _faces(rows: dict[str, Columns]) -> Array | None:
    parts = []
    polygons, ribbons = _indices(rows.get("face", {})), _indices(rows.get("tristrips", {}))
    if polygons is not None:
        parts.append(fans(polygons.values, polygons.counts))
    if ribbons is not None:
        ends = np.cumsum(ribbons.counts)[:-1]
        parts.append(strips(np.insert(ribbons.values.astype(np.int64), ends, -1)))
    faces = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
    return faces if len(faces) else None


def _indices(columns: Columns) -> Lists | None:
    found = [column for name in _FACES if isinstance(column := columns.get(name), Lists)]
    return found[0] if found else None


def _from_grid(points: Array, columns: Columns, notes: dict[str, str]) -> Shape:
    """A range scan: a grid of directions, each with the index of its point or nothing."""
    cells = _indices(columns)
    size = [int(notes.get(name, "0")[:9]) for name in ("num_rows", "num_cols")]
    if cells is None or size[0] * size[1] != len(cells.counts) or (cells.counts > 1).any():
        return Shape(points)
    grid = np.full(len(cells.counts), -1, np.int64)
    grid[cells.counts == 1] = cells.values
    normals = grid_normals(points, grid.reshape(size))
    return Shape(points, normals=normals)
