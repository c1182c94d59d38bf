"""PCD files of the Point Cloud Library: text, binary, and compressed."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape
from .attributes import to_normals
from .lzf import unpack
from .text import filled_lines, table

Array = np.ndarray[Any, Any]

_KINDS = {
    "F4": "<f4", "F8": "<f8", "I1": "<i1", "I2": "<i2", "I4": "<i4", "I8": "<i8",
    "U1": "<u1", "U2": "<u2", "U4": "<u4", "U8": "<u8",
}  # fmt: skip
_LONGEST = 1 << 16  # bytes of header
_WIDEST = 1 << 12  # bytes of a point


@dataclass(frozen=True)
class _Header:
    """Fields as (name, kind, count), points, how they are stored, and where."""

    fields: tuple[tuple[str, str, int], ...]
    points: int
    storage: str
    start: int


def parse(path: Path) -> Shape:
    """The points of a PCD with normals and colours; missing points, which are NaN, left out."""
    content = path.read_bytes()
    header = _header(content)
    body = content[header.start :]
    columns = _STORAGES[header.storage](body, header)
    points = _three(columns, ("x", "y", "z"))
    if points is None:
        raise Unreadable("has no points with x, y and z; export it again")
    points = points.astype(np.float64)
    normals = _three(columns, ("normal_x", "normal_y", "normal_z"))
    colours = _colours(columns)
    there = ~np.isnan(points).all(axis=1)
    return Shape(
        points[there],
        None,
        None if normals is None else to_normals(normals[there]),
        None if colours is None else colours[there],
    )


def _header(content: bytes) -> _Header:
    found = content[:_LONGEST].find(b"DATA ")
    end = content.find(b"\n", found)
    if found < 0 or end < 0:
        raise Unreadable("is not a PCD file or has no header; check what it is")
    lines = [line.split() for line in content[:end].decode("latin-1").splitlines()]
    words = {line[0]: line[1:] for line in lines if line and line[0][0] != "#"}
    try:
        fields = _fields(words)
        points = int(words["POINTS"][0]) if "POINTS" in words else _area(words)
        storage = words["DATA"][0]
    except (KeyError, IndexError, ValueError):
        raise Unreadable("has a damaged PCD header; export it again") from None
    if storage not in _STORAGES or points < 0:
        raise Unreadable("has a PCD header with unknown DATA or POINTS; export it again")
    return _Header(fields, points, storage, end + 1)


def _fields(words: dict[str, list[str]]) -> tuple[tuple[str, str, int], ...]:
    names = words["FIELDS"]
    counts = [int(word) for word in words.get("COUNT", ["1"] * len(names))]
    kinds = [_KINDS[t + s] for t, s in zip(words["TYPE"], words["SIZE"], strict=True)]
    fields = tuple(zip(names, kinds, counts, strict=True))
    width = sum(np.dtype(kind).itemsize * count for _, kind, count in fields)
    if min(counts) < 1 or width > _WIDEST:
        raise ValueError
    return fields


def _area(words: dict[str, list[str]]) -> int:
    return int(words["WIDTH"][0]) * int(words["HEIGHT"][0])


def _row(header: _Header) -> np.dtype[Any]:
    """A point as stored; fields are numbered, since padding is often called _ several times."""
    return np.dtype([(str(n), kind, (c,)) for n, (_, kind, c) in enumerate(header.fields)])


def _binary(body: bytes, header: _Header) -> dict[str, Array]:
    row = _row(header)
    if header.points * row.itemsize > len(body):
        raise _cut_short()
    rows = np.frombuffer(body, row, header.points)
    return {name: rows[str(n)][:, 0] for n, (name, _, _) in enumerate(header.fields)}


def _compressed(body: bytes, header: _Header) -> dict[str, Array]:
    """All x, then all y, and so on, packed as one."""
    if len(body) < 8:
        raise _cut_short()
    packed, size = struct.unpack_from("<II", body)
    if packed > len(body) - 8 or size != header.points * _row(header).itemsize:
        raise _cut_short()
    content = unpack(body[8 : 8 + packed], size)
    columns, place = {}, 0
    for name, kind, count in header.fields:
        values = np.frombuffer(content, kind, header.points * count, place)
        columns[name] = values[::count]
        place += values.nbytes
    return columns


def _text(body: bytes, header: _Header) -> dict[str, Array]:
    rows = table(filled_lines(body)[: header.points])
    if len(rows) != header.points or rows.shape[1] != sum(c for _, _, c in header.fields):
        raise _cut_short()
    columns, place = {}, 0
    for name, kind, count in header.fields:
        columns[name] = _typed(rows[:, place], kind) if name in ("rgb", "rgba") else rows[:, place]
        place += count
    return columns


_STORAGES = {"ascii": _text, "binary": _binary, "binary_compressed": _compressed}


def _typed(values: Array, kind: str) -> Array:
    """Packed colours as stored in binary: the bits count, not the number."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(kind)


def _three(columns: dict[str, Array], names: tuple[str, str, str]) -> Array | None:
    if any(name not in columns for name in names):
        return None
    return np.stack([columns[name] for name in names], axis=1)


def _colours(columns: dict[str, Array]) -> Array | None:
    """uint8 [n, 3] from 0x00RRGGBB, whose 32 bits are a whole number or dressed as a float."""
    packed = columns.get("rgb", columns.get("rgba"))
    if packed is None or packed.dtype.itemsize != 4:
        return None
    bits = np.ascontiguousarray(packed).view("<u4")
    return np.stack([bits >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)


def _cut_short() -> Unreadable:
    return Unreadable("is cut short or damaged; download or export it again")
