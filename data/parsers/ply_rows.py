"""The rows of a PLY file's elements, as columns of numbers and ragged lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..headers import Unreadable
from .ply_header import Element, Header, Property
from .text import filled_lines, numbers

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Lists:
    """One list a row: `values` one after another, and how many each row has, `counts` [rows]."""

    values: Array
    counts: Array


Columns = dict[str, "Array | Lists"]


def read_rows(content: bytes, header: Header, wanted: set[str]) -> dict[str, Columns]:
    """The columns of the `wanted` elements, by element and property; no element after the last
    of them is looked at. Unreadable where the file is shorter than its header says."""
    source = _Binary(content, header.size) if header.order else _Text(content[header.size :])
    left = wanted & {element.name for element in header.elements}
    found: dict[str, Columns] = {}
    for element in header.elements:
        if not left:
            break
        columns = source.take(element) if element.properties else {}
        if element.name in left:
            found[element.name] = columns
            left = left - {element.name}
    return found


class _Binary:
    """Rows of bytes, taken from the front."""

    def __init__(self, content: bytes, place: int) -> None:
        self._bytes = np.frombuffer(content, np.uint8)
        self._content = content
        self._place = place

    def take(self, element: Element) -> Columns:
        least = sum(np.dtype(p.length or p.kind).itemsize for p in element.properties)
        _check_count(element, (len(self._content) - self._place) // least)
        lengths = self._first_lengths(element)
        columns = self._uniform(element, lengths)
        return self._ragged(element) if columns is None else columns

    def _first_lengths(self, element: Element) -> list[int]:
        """How long the lists of the first row are, with 0 for what is not a list."""
        place, lengths = self._place, []
        for item in element.properties if element.count else ():
            length = self._length(item, place) if item.length else 0
            place += _size(item, length) or np.dtype(item.kind).itemsize
            lengths.append(length)
        return lengths or [0] * len(element.properties)

    def _length(self, item: Property, place: int) -> int:
        kind = np.dtype(item.length)
        if place + kind.itemsize > len(self._content):
            raise _cut_short()
        value = int(np.frombuffer(self._content, kind, 1, place)[0])
        if value < 0 or value > len(self._content):
            raise _cut_short()
        return value

    def _uniform(self, element: Element, lengths: list[int]) -> Columns | None:
        """All rows at once if all have the lists' lengths of the first, else None."""
        fields: list[Any] = []
        for n, (item, length) in enumerate(zip(element.properties, lengths, strict=True)):
            if item.length:
                fields.append((f"n{n}", item.length))
            fields.append((f"v{n}", item.kind, (length,) if item.length else ()))
        row = np.dtype(fields)
        if element.count * row.itemsize > len(self._content) - self._place:
            return None
        rows = np.frombuffer(self._content, row, element.count, self._place)
        columns: Columns = {}
        for n, (item, length) in enumerate(zip(element.properties, lengths, strict=True)):
            values = rows[f"v{n}"]
            if item.length and (rows[f"n{n}"] != length).any():
                return None
            whole = Lists(values.reshape(-1), np.full(element.count, length))
            columns[item.name] = whole if item.length else values
        self._place += element.count * row.itemsize
        return columns

    def _ragged(self, element: Element) -> Columns:
        """One row after another, for only then is it known where the next one starts."""
        starts = {item.name: np.empty(element.count, np.int64) for item in element.properties}
        counts = {item.name: np.ones(element.count, np.int64) for item in element.properties}
        place = self._place
        plan = [
            (starts[p.name], counts[p.name], _size(p, 0), np.dtype(p.kind).itemsize)
            for p in element.properties
        ]
        order = "big" if element.properties[0].kind[0] == ">" else "little"
        for row in range(element.count):
            for start, count, head, size in plan:
                length = 1
                if head:
                    length = int.from_bytes(self._content[place : place + head], order)
                    place += head
                start[row] = place
                count[row] = length
                place += length * size
            if place > len(self._content):
                raise _cut_short()
        self._place = place
        return {p.name: self._gather(p, starts[p.name], counts[p.name]) for p in element.properties}

    def _gather(self, item: Property, starts: Array, counts: Array) -> Array | Lists:
        """The numbers at `starts`, `counts` of each."""
        kind = np.dtype(item.kind)
        first = np.repeat(starts - kind.itemsize * (np.cumsum(counts) - counts), counts)
        places = first + kind.itemsize * np.arange(len(first))
        raw = self._bytes[places[:, None] + np.arange(kind.itemsize)]
        values = np.ascontiguousarray(raw).view(kind).reshape(-1)
        return Lists(values, counts) if item.length else values


class _Text:
    """Rows of text, a line each, taken from the front."""

    def __init__(self, content: bytes) -> None:
        self._lines = filled_lines(content)
        self._place = 0

    def take(self, element: Element) -> Columns:
        _check_count(element, len(self._lines) - self._place)
        lines = self._lines[self._place : self._place + element.count]
        self._place += element.count
        values = numbers(b" ".join(lines))
        if any(item.length for item in element.properties):
            return _ragged_text(values, lines, element)
        if len(values) != element.count * len(element.properties):
            raise _cut_short()
        rows = values.reshape(element.count, -1)
        return {item.name: _typed(rows[:, n], item) for n, item in enumerate(element.properties)}


def _ragged_text(values: Array, lines: list[bytes], element: Element) -> Columns:
    """Columns of lines whose lists say their own lengths, all lines a step further at a time."""
    widths = np.array([len(line.split()) for line in lines], np.int64)
    ends = np.cumsum(widths)
    place = ends - widths
    columns: Columns = {}
    for item in element.properties:
        if (place >= ends).any():
            raise _cut_short()
        counts = np.ones(len(lines), np.int64)
        if item.length:
            lengths = values[place]
            if not ((lengths >= 0) & (lengths <= ends - place - 1)).all():
                raise _cut_short()
            counts = lengths.astype(np.int64)
            place = place + 1
        first = np.repeat(place - (np.cumsum(counts) - counts), counts)
        taken = _typed(values[first + np.arange(len(first))], item)
        columns[item.name] = Lists(taken, counts) if item.length else taken
        place = place + counts
    return columns


def _typed(values: Array, item: Property) -> Array:
    """Whole numbers keep their type, on which the range of colours depends."""
    kind = np.dtype(item.kind)
    if kind.kind == "f":
        return values
    limits = np.iinfo(kind)
    if not ((values >= limits.min) & (values <= limits.max)).all():
        raise Unreadable(f"has numbers that no {kind} can hold; export it again")
    return values.astype(kind)


def _size(item: Property, length: int) -> int:
    """Bytes of a list of `length` with what says so, which is 0 for a single number."""
    if not item.length:
        return 0
    return np.dtype(item.length).itemsize + length * np.dtype(item.kind).itemsize


def _check_count(element: Element, most: int) -> None:
    if element.count > most:
        raise Unreadable(
            f"says it has {element.count} of {element.name[:40]!r} but is too short for them; "
            "download or export it again"
        )


def _cut_short() -> Unreadable:
    return Unreadable("is cut short or damaged; download or export it again")
