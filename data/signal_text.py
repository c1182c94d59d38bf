"""Columns of numbers in text: .csv, .tsv, .txt, with or without a line of names."""

import csv
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .headers import Unreadable

Array = np.ndarray[Any, Any]

_LONGEST_LINE = 1 << 20  # characters
_SHOWN = 40  # characters of a line that an error repeats
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def read_columns(
    path: Path, columns: Sequence[str], max_numbers: int, max_columns: int
) -> tuple[tuple[str, ...], Array]:
    """Names and values, float64 [rows, columns], of the chosen `columns`, or of all if there are
    none chosen; each is a name or a number from 1.

    Tabs, semicolons, commas or blanks part the numbers, whichever comes first in this order;
    with semicolons, a comma is a decimal point. Lines that start with # are left out. Unreadable
    for anything else than numbers in the chosen columns, and over the limits.
    """
    with open(path, encoding=_encoding(path), errors="replace") as file:
        lines = _Lines(file)
        first, second = next(lines, ""), next(lines, "")
        mark = _mark(first)
        names, data = _head(first, second, mark)
        chosen = pick(names, columns) if columns else list(range(len(names)))
        if len(chosen) > max_columns:
            raise Unreadable(
                f"has {len(chosen):,} columns, over the limit of {max_columns}; choose some of "
                f"them with --columns"
            )
        # Without `usecols` numpy minds lines that are too long; with them, only those too short.
        used = None if chosen == list(range(len(_cells(data[0], mark)))) else chosen
        most = max(1, max_numbers // len(chosen))
        rows = _numbers(lines, data, mark, used, most)
    return tuple(names[column] for column in chosen), rows


def column_names(path: Path) -> list[str]:
    """The names of all columns; Unreadable where there are none."""
    with open(path, encoding=_encoding(path), errors="replace") as file:
        lines = _Lines(file)
        first, second = next(lines, ""), next(lines, "")
        return _head(first, second, _mark(first))[0]


def pick(names: Sequence[str], columns: Sequence[str]) -> list[int]:
    """The places of `columns`, names or numbers from 1, among `names`; Unreadable for others."""
    numbers = {str(n + 1): n for n in range(len(names))}
    places = {**numbers, **{name: n for n, name in reversed(list(enumerate(names)))}}
    for column in columns:
        if column not in places:
            some = ", ".join(names[:10])
            raise Unreadable(f"has no column {column[:_SHOWN]!r}; choose from {some}, or a number")
    return [places[column] for column in columns]


class _Lines(Iterator[str]):
    """The lines that are neither blank nor comments; `last` is the last one, `number` its own."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.number, self.last = file, 0, ""

    def __next__(self) -> str:
        while line := self.file.readline(_LONGEST_LINE + 1):
            self.number += 1
            if len(line) > _LONGEST_LINE:
                raise Unreadable(f"has a line of over {_LONGEST_LINE:,} characters; is it text?")
            if line.strip() and not line.lstrip().startswith("#"):
                self.last = line.strip()
                return line
        raise StopIteration


def _encoding(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(1 << 12)
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in start:
        raise Unreadable("is not text; export it as .csv")
    return encoding


def _mark(line: str) -> str | None:
    """What parts the numbers of a line; None for blanks."""
    return next((mark for mark in "\t;," if mark in line), None)


def _head(first: str, second: str, mark: str | None) -> tuple[list[str], list[str]]:
    """The names of the columns and the lines, of the first two, that hold numbers.

    The first line holds names where not all of it are numbers, and fewer than of the second.
    """
    cells = _cells(first, mark)
    numbers = _count(cells, mark)
    are_names = numbers < min(len(cells), _count(_cells(second, mark), mark))
    names = [_tidy(cell) for cell in cells] if are_names else []
    data = [line for line in ([second] if are_names else [first, second]) if line]
    width = len(_cells(data[0].rstrip().rstrip(mark), mark)) if data else 0
    if not any(_count(_cells(line, mark), mark) for line in data):
        raise Unreadable("has no numbers; it must have columns of them, a row a line")
    names = [name or f"column {n + 1}" for n, name in enumerate(names[:width])]
    return names + [f"column {n + 1}" for n in range(len(names), width)], data


def _cells(line: str, mark: str | None) -> list[str]:
    return line.split() if mark is None else next(csv.reader([line], delimiter=mark), [])


def _count(cells: list[str], mark: str | None) -> int:
    """How many of `cells` are numbers."""
    return sum(_is_number(_pointed(cell, mark)) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _pointed(text: str, mark: str | None) -> str:
    """`text` with decimal points where its numbers have commas."""
    return text.replace(",", ".") if mark == ";" else text


def _tidy(name: str) -> str:
    return "".join(letter for letter in name.strip() if letter.isprintable())[:60]


def _numbers(
    lines: _Lines, data: list[str], mark: str | None, used: list[int] | None, most: int
) -> Array:
    def all_lines() -> Iterator[str]:
        yield from (_pointed(line, mark) for line in data)
        yield from (_pointed(line, mark) for line in lines)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rows = np.loadtxt(
                all_lines(), delimiter=mark, usecols=used, comments=None, quotechar='"',
                ndmin=2, max_rows=most + 1,
            )  # fmt: skip
    except (ValueError, UserWarning):
        raise Unreadable(
            f"has something else than numbers, or too few or too many, in line {lines.number} "
            f"({lines.last[:_SHOWN]!r}); correct it or choose columns with --columns"
        ) from None
    if len(rows) > most:
        raise Unreadable(f"has over {most:,} rows, which is the limit; thin it out")
    return rows
