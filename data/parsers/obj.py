"""Wavefront OBJ: vertices, polygons, and the colours that many programs add to vertices."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape
from .attributes import to_colours, to_normals
from .polygons import fans
from .text import numbers, table, without_comments

Array = np.ndarray[Any, Any]

_LARGEST = 1 << 40  # an index; products with it stay whole numbers


def parse(path: Path) -> Shape:
    """The vertices and faces of an OBJ; without faces, a cloud, with its normals if one a point.

    Texture coordinates and the normals of corners are passed over, so vertices are not split by
    them. All objects and groups are one mesh.
    """
    text = without_comments(path.read_bytes()).replace(b"\t", b" ").replace(b"\r", b"\n")
    text = re.sub(rb"\\\n+", b" ", text) if b"\\" in text else text
    lines = [line.lstrip() for line in text.split(b"\n")]
    vertices = [line[2:] for line in lines if line[:2] == b"v "]
    if not vertices:
        raise Unreadable("has no vertices (lines that start with v); check what it is")
    rows = table(vertices)
    if rows.shape[1] < 3:
        raise Unreadable("has vertices with fewer than 3 coordinates; export it again")
    points = np.ascontiguousarray(rows[:, :3])
    colours = to_colours(rows[:, -3:]) if rows.shape[1] in (6, 7) else None
    polygons = [line[2:] for line in lines if line[:2] == b"f "]
    if not polygons:
        return Shape(points, None, _normals(lines, len(points)), colours)
    return Shape(points, _faces(polygons, lines, len(points)), None, colours)


def _faces(polygons: list[bytes], lines: list[bytes], vertices: int) -> Array | None:
    text = b"\n".join(polygons)
    if b"/" in text:
        text = re.sub(rb"/\S*", b"", text)
        polygons = text.split(b"\n")
    counts = np.array([len(line.split()) for line in polygons], np.int64)
    indices = numbers(text, np.int64)
    if len(indices) != counts.sum() or (abs(indices) > _LARGEST).any() or (indices == 0).any():
        raise Unreadable("has faces whose vertices are not numbered from 1; export it again")
    seen = vertices
    if (indices < 0).any():
        seen = np.repeat(_vertices_before(lines), counts)
    return fans(np.where(indices < 0, indices + seen, indices - 1), counts)


def _vertices_before(lines: list[bytes]) -> Array:
    """For each face, how many vertices come before it, from which negative numbers count back."""
    kinds = np.array([line[:2] for line in lines])
    return np.cumsum(kinds == b"v ")[kinds == b"f "]


def _normals(lines: list[bytes], points: int) -> Array | None:
    normals = [line[3:] for line in lines if line[:3] == b"vn "]
    if len(normals) != points:
        return None
    rows = table(normals)
    return to_normals(rows) if rows.shape[1] == 3 else None
