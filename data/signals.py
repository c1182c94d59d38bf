"""Signals and tables from strangers' files."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from .headers import Unreadable
from .signal import Signal, Table
from .signal_arrays import read_arrays
from .signal_rows import (
    MOST_COLUMNS,
    signal_of_arrays,
    signal_of_rows,
    signal_of_sound,
    table_of_arrays,
    table_of_rows,
)
from .signal_text import column_names, read_columns
from .wave_files import read_wave

Read = TypeVar("Read")

SIGNAL_SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".wav", ".npy", ".npz")
TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".npy", ".npz")

_BYTES = 40  # of text that a number may take
_OTHERS = {
    ".mp3": "is compressed sound; convert it to .wav",
    ".m4a": "is compressed sound; convert it to .wav",
    ".ogg": "is compressed sound; convert it to .wav",
    ".flac": "is compressed sound; convert it to .wav",
    ".aif": "is a sound file that is not read; convert it to .wav",
    ".aiff": "is a sound file that is not read; convert it to .wav",
    ".xls": "is a spreadsheet; save it as .csv",
    ".xlsx": "is a spreadsheet; save it as .csv",
    ".ods": "is a spreadsheet; save it as .csv",
    ".mat": "is a MATLAB file; save it as .csv",
    ".h5": "is an HDF5 file; save its numbers as .npz",
    ".parquet": "is a Parquet file; save it as .csv",
}


def read_signal(
    path: str | os.PathLike[str],
    columns: Sequence[str] = (),
    *,
    max_samples: int = 10_000_000,
) -> Signal:
    """The signal in a file, told by its suffix, one of `SIGNAL_SUFFIXES`.

    Of text and of an array [n, c] the first column is x and the others are values, unless there
    is one column: then x counts from 0. An .npz has x and y, or one array. Of sound x is in
    seconds and the values in [-1, 1]. `columns` chooses by name or number from 1, in the same
    order; of sound and .npz, which have x apart, it chooses among the values. Rows are sorted by
    x; those at one x become their mean. ValueError, one line with the file's name and a way out,
    for whatever cannot be read: over `max_samples` numbers, damaged, not finite, or not there.
    """
    if max_samples < 2:
        raise ValueError(f"max_samples must be at least 2, got {max_samples}.")

    def read(file: Path, suffix: str) -> Signal:
        if suffix == ".wav":
            return signal_of_sound(*read_wave(file, max_samples), columns)
        if suffix in (".npy", ".npz"):
            return signal_of_arrays(read_arrays(file, max_samples), columns)
        names, rows = read_columns(file, columns, max_samples, MOST_COLUMNS)
        return signal_of_rows(names, rows)

    return _read(path, SIGNAL_SUFFIXES, "signal", max_samples, read)


def holds_signal(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a signal if it is anything: sound, or text of one or two columns, while a
    shape has three and a table may have them. False where it cannot be read."""
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix in (".wav", ".tsv", ".dat"):
        return True
    if suffix not in (".csv", ".txt"):
        return False
    try:
        _check_file(file, SIGNAL_SUFFIXES, "signal", sys.maxsize)
        return len(column_names(file)) < 3
    except ValueError:
        return False


def read_table(
    path: str | os.PathLike[str],
    columns: Sequence[str] = (),
    *,
    max_numbers: int = 50_000_000,
) -> Table:
    """The table in a file, told by its suffix, one of `TABLE_SUFFIXES`.

    Of text and of an array [n, d + 1] the last column is y and the others are x; `columns`
    chooses by name or number from 1, y last. An .npz has x [n, …] and y [n, …]. ValueError as
    for `read_signal`.
    """
    if max_numbers < 2:
        raise ValueError(f"max_numbers must be at least 2, got {max_numbers}.")

    def read(file: Path, suffix: str) -> Table:
        if suffix in (".npy", ".npz"):
            return table_of_arrays(read_arrays(file, max_numbers), columns)
        names, rows = read_columns(file, columns, max_numbers, max_numbers)
        return table_of_rows(names, rows)

    return _read(path, TABLE_SUFFIXES, "table", max_numbers, read)


def _read(
    path: str | os.PathLike[str],
    suffixes: Sequence[str],
    what: str,
    most: int,
    read: Callable[[Path, str], Read],
) -> Read:
    """What `read` makes of the file; all that goes wrong is one ValueError of one line."""
    file = Path(path)
    suffix = file.suffix.lower()
    try:
        _check_file(file, suffixes, what, most)
        return read(file, suffix)
    except Unreadable as refusal:
        raise ValueError(f"{_printable(path)}: {refusal}.") from None
    # Damaged files make readers raise whatever comes up, zlib.error to MemoryError.
    except Exception as error:
        words = " ".join(_printable(str(error)).split())[:200] or type(error).__name__
        raise ValueError(
            f"{_printable(path)}: is a damaged or unusual {suffix} file ({words}); "
            "export it again or as .csv."
        ) from error


def _check_file(file: Path, suffixes: Sequence[str], what: str, most: int) -> None:
    suffix = file.suffix.lower()
    if suffix not in suffixes:
        other = f"is not a {what}; it must end in one of {', '.join(suffixes)}"
        raise Unreadable(_OTHERS.get(suffix, other))
    if not file.exists():
        raise Unreadable("does not exist; check the name")
    if not file.is_file():  # a device or a pipe might never end
        raise Unreadable(f"is not a file; give the name of a {what}")
    if not os.access(file, os.R_OK):
        raise Unreadable("cannot be opened; check its permissions")
    size = file.stat().st_size
    if not size:
        raise Unreadable("is empty; download or export it again")
    if size > _BYTES * most + (1 << 20):
        raise Unreadable(f"is {size / 1e6:,.0f} MB, too large for {most:,} numbers; thin it out")


def _printable(text: str | os.PathLike[str]) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in os.fspath(text))
