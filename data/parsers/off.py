"""OFF files, text: OFF, COFF with colours, NOFF with normals, CNOFF with both."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape
from .attributes import to_colours, to_normals
from .polygons import fans
from .text import filled_lines, numbers, table, without_comments

Array = np.ndarray[Any, Any]

_MAGIC = re.compile(rb"\s*(ST)?(C?)(N?)OFF\b|\s*(ST)?(C?)(N?)OFF(?=\d)")


def parse(path: Path) -> Shape:
    """The vertices and faces of an OFF; without faces, a cloud. Colours of faces are passed over.

    ModelNet's files, with the counts on the line of the word OFF, are read too.
    """
    text = without_comments(path.read_bytes())
    magic = _MAGIC.match(text)
    if not magic:
        raise Unreadable("is not an OFF file in x, y and z, whatever its name says; check it")
    lines = filled_lines(text[magic.end() :])
    if lines and b"BINARY" in lines[0]:
        raise Unreadable("is a binary OFF file; save it as text or as PLY")
    vertices, faces = _counts(lines)
    rows = table(lines[1 : 1 + vertices])
    colours, normals = (bool(magic.group(n) or magic.group(n + 3)) for n in (2, 3))
    return _shape(rows, _faces(lines[1 + vertices : 1 + vertices + faces]), normals, colours)


def _counts(lines: list[bytes]) -> tuple[int, int]:
    words = lines[0].split() if lines else []
    if len(words) < 2 or not all(word.isdigit() and len(word) < 19 for word in words):
        raise Unreadable("has an OFF header without its counts; export it again")
    vertices, faces = int(words[0]), int(words[1])
    if not vertices or vertices + faces > len(lines) - 1:
        raise Unreadable(
            f"says it has {vertices} vertices and {faces} faces but has {len(lines) - 1} lines; "
            "download or export it again"
        )
    return vertices, faces


def _shape(rows: Array, faces: Array | None, normals: bool, colours: bool) -> Shape:
    wanted = 3 + 3 * normals + 3 * colours
    if rows.shape[1] < wanted:
        raise Unreadable(f"has vertices of fewer than {wanted} numbers; export it again")
    return Shape(
        np.ascontiguousarray(rows[:, :3]),
        faces,
        to_normals(rows[:, 3:6]) if normals else None,
        to_colours(rows[:, wanted - 3 : wanted]) if colours else None,
    )


def _faces(lines: list[bytes]) -> Array | None:
    """Lines `n i1 … in`, perhaps with a colour behind."""
    if not lines:
        return None
    widths = np.array([len(line.split()) for line in lines], np.int64)
    values = numbers(b" ".join(lines))
    starts = np.cumsum(widths) - widths
    counts = values[starts]
    if not ((counts >= 0) & (counts < widths)).all():
        raise Unreadable("has faces that are cut short; export it again")
    counts = counts.astype(np.int64)
    first = np.repeat(starts + 1 - (np.cumsum(counts) - counts), counts)
    corners = values[first + np.arange(len(first))]
    if not (abs(corners) < 2**53).all():
        raise Unreadable("has faces whose vertices are not numbered from 0; export it again")
    return fans(corners.astype(np.int64), counts)
