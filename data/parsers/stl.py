"""STL files, binary and text: three corners a triangle, nothing shared."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape
from .text import filled_lines, table

Array = np.ndarray[Any, Any]

_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_HEADER = 84  # bytes: 80 of comment, 4 of count


def parse(path: Path) -> Shape:
    """The triangles of an STL, not welded yet; normals are passed over, they follow from them."""
    content = path.read_bytes()
    corners = _binary(content) if _is_binary(content) else _text(content)
    if not len(corners):
        raise Unreadable("has no triangles; export it again")
    faces = np.arange(len(corners), dtype=np.int64).reshape(-1, 3)
    return Shape(corners.astype(np.float64), faces)


def _is_binary(content: bytes) -> bool:
    """By size, for many binary files start with the word solid, as text does."""
    if len(content) >= _HEADER and len(content) == _HEADER + _ROW.itemsize * _count(content):
        return True
    return not content.lstrip()[:5].lower() == b"solid"


def _count(content: bytes) -> int:
    return struct.unpack_from("<I", content, 80)[0]


def _binary(content: bytes) -> Array:
    if len(content) < _HEADER or len(content) < _HEADER + _ROW.itemsize * _count(content):
        raise Unreadable("is cut short or not an STL; download or export it again")
    rows = np.frombuffer(content, _ROW, _count(content), _HEADER)
    return rows["corners"].reshape(-1, 3)


def _text(content: bytes) -> Array:
    lines = [line.strip() for line in filled_lines(content.lower())]
    corners = table([line[6:] for line in lines if line[:6] == b"vertex"])
    if len(corners) % 3 or (len(corners) and corners.shape[1] != 3):
        raise Unreadable("has triangles without three corners of x, y and z; export it again")
    return corners.reshape(-1, 3)
