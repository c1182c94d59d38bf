"""Points as text, one a line: .xyz, .txt, .csv, with or without a line of names."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape
from .attributes import are_unit, to_colours, to_normals
from .text import filled_lines, table

Array = np.ndarray[Any, Any]

_NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?(nan|inf)", re.IGNORECASE)
_POINTS = (("x", "y", "z"), ("px", "py", "pz"), ("easting", "northing", "height"))
_NORMALS = (
    ("nx", "ny", "nz"),
    ("normal_x", "normal_y", "normal_z"),
    ("normalx", "normaly", "normalz"),
)
_COLOURS = (("r", "g", "b"), ("red", "green", "blue"), ("rf", "gf", "bf"))


def parse(path: Path) -> Shape:
    """Points from lines of numbers that commas, semicolons, tabs or spaces part.

    If a line of names leads, they say which columns count. If not, 3 columns are x y z; 6 have
    normals too if those are of unit length, else colours; 9 have both; of 7, such as x y z
    intensity r g b, the last three are colours; of others the first three are read. With
    semicolons, a comma is a decimal point.
    """
    lines = [line.strip() for line in filled_lines(_spaced(path.read_bytes()))]
    names, lines = _names(lines)
    rows = table(lines)
    if not len(rows):
        raise Unreadable("has no points; export it again")
    if rows.shape[1] < 3:
        raise Unreadable("has fewer than 3 numbers a line; it must have x, y and z")
    points, normals, colours = _named(rows, names) or _unnamed(rows)
    return Shape(
        points.astype(np.float64),
        None,
        None if normals is None else to_normals(normals),
        None if colours is None else to_colours(colours),
    )


def _spaced(text: bytes) -> bytes:
    """`text` with blanks between the numbers and points within them."""
    text = text.removeprefix(b"\xef\xbb\xbf").replace(b'"', b"")
    if b";" in text:
        text = text.replace(b",", b".")
    return text.translate(bytes.maketrans(b",;\t", b"   "))


def _names(lines: list[bytes]) -> tuple[list[str], list[bytes]]:
    """The names of the columns, in lower case, if a line has any; and the lines of numbers.

    CloudCompare's line of names is a comment (//X,Y,Z); files like .pts lead with their count.
    """
    names: list[str] = []
    head = 0
    while head < len(lines) and not _NUMBER.fullmatch(lines[head].split()[0]):
        names = lines[head].lstrip(b"#/ ").decode("latin-1").lower().split()
        head += 1
    lines = [line.partition(b"#")[0] for line in lines[head:]]
    lines = [line for line in lines if line and line[:2] != b"//"]
    if len(lines) > 1 and len(lines[0].split()) == 1 < len(lines[1].split()):
        lines = lines[1:]
    return names, lines


def _named(rows: Array, names: list[str]) -> tuple[Array, Array | None, Array | None] | None:
    if len(names) != rows.shape[1] or len(set(names)) != len(names):
        return None
    points = _columns(rows, names, _POINTS)
    if points is None:
        return None
    return points, _columns(rows, names, _NORMALS), _columns(rows, names, _COLOURS)


def _columns(rows: Array, names: list[str], choices: tuple[tuple[str, ...], ...]) -> Array | None:
    for choice in choices:
        if all(name in names for name in choice):
            return rows[:, [names.index(name) for name in choice]]
    return None


def _unnamed(rows: Array) -> tuple[Array, Array | None, Array | None]:
    points, columns = rows[:, :3], rows.shape[1]
    if columns == 6:
        return (points, rows[:, 3:], None) if are_unit(rows[:, 3:]) else (points, None, rows[:, 3:])
    if columns == 7:
        return points, None, rows[:, 4:]
    if columns == 9:
        front, back = rows[:, 3:6], rows[:, 6:]
        return (points, front, back) if are_unit(front) else (points, back, front)
    return points, None, None
