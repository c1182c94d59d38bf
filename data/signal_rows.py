"""What a signal's or a table's numbers must be, whatever they were read from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .headers import Unreadable
from .signal import Signal, Table
from .signal_text import pick

Array = np.ndarray[Any, Any]

MOST_COLUMNS = 64  # of a signal; a picture saved as text has more

_LARGEST = 1e30  # larger numbers are damage, and products of them overflow


def signal_of_sound(values: Array, rate: int, columns: Sequence[str]) -> Signal:
    """The signal of a sound's values [n, channels], or of the channels that `columns` names."""
    count, channels = values.shape
    names = _numbered("channel ", channels) if channels != 2 else ("left", "right")
    return _signal(np.arange(count) / rate, *_picked(names, values, columns), rate)


def signal_of_rows(names: tuple[str, ...], rows: Array) -> Signal:
    """The signal of columns [n, c], the first being x; one column alone has the values."""
    if rows.shape[1] == 1:
        return _signal(np.arange(len(rows), dtype=np.float64), names, rows)
    return _signal(rows[:, 0], names[1:], rows[:, 1:])


def signal_of_arrays(arrays: dict[str, Array], columns: Sequence[str]) -> Signal:
    """The signal of one array [n] or [n, c], or of two called x and y."""
    if len(arrays) == 1:
        rows = _as_rows(*arrays.values())
        if rows.shape[1] > MOST_COLUMNS:
            raise Unreadable(f"has an array {list(rows.shape)}; it must be [n] or [n, columns]")
        return signal_of_rows(*_picked(_numbered("column ", rows.shape[1]), rows, columns))
    x, values = (_as_rows(part) for part in _x_and_y(arrays))
    if x.shape[1] > 1 or values.shape[1] > MOST_COLUMNS:
        raise Unreadable(
            f"has x {list(x.shape)} and y {list(values.shape)}; they must be [n] and [n, columns]"
        )
    return _signal(x[:, 0], *_picked(_numbered("y", values.shape[1]), values, columns))


def table_of_rows(names: tuple[str, ...], rows: Array) -> Table:
    """The table of columns [n, d + 1], the last being y."""
    if rows.shape[1] < 2:
        raise Unreadable("has one column; a table needs x and y")
    return _table(names, rows[:, :-1], rows[:, -1:])


def table_of_arrays(arrays: dict[str, Array], columns: Sequence[str]) -> Table:
    """The table of one array [n, d + 1], or of two called x [n, …] and y [n, …]."""
    if len(arrays) == 1:
        rows = _as_rows(*arrays.values())
        return table_of_rows(*_picked(_numbered("column ", rows.shape[1]), rows, columns))
    x, y = (_as_rows(part) for part in _x_and_y(arrays))
    if len(x) != len(y):
        raise Unreadable(f"has {len(x):,} x and {len(y):,} y; they must be as many")
    names = _numbered("x", x.shape[1]) + _numbered("y", y.shape[1])
    if columns:
        return table_of_rows(*_picked(names, np.concatenate([x, y], axis=1), columns))
    return _table(names, x, y)


def _x_and_y(arrays: dict[str, Array]) -> tuple[Array, Array]:
    """The arrays called x and y, or x and values."""
    y = arrays.get("y", arrays.get("values"))
    if "x" not in arrays or y is None:
        found = ", ".join(repr(name[:40]) for name in sorted(arrays)[:10]) or "none"
        raise Unreadable(f"has no arrays called x and y, but {found}; name them so")
    return arrays["x"], y


def _as_rows(values: Array) -> Array:
    """[n] and [n, …] as [n, columns]."""
    if not values.size:
        raise Unreadable("has an array with nothing in it; save it again")
    return values.reshape(len(values) if values.ndim else 1, -1)


def _numbered(word: str, count: int) -> tuple[str, ...]:
    """Names for `count` columns that have none."""
    return tuple(f"{word}{n + 1}" for n in range(count))


def _picked(
    names: tuple[str, ...], rows: Array, columns: Sequence[str]
) -> tuple[tuple[str, ...], Array]:
    if not columns:
        return names, rows
    chosen = pick(names, columns)
    return tuple(names[column] for column in chosen), rows[:, chosen]


def _table(names: tuple[str, ...], x: Array, y: Array) -> Table:
    _check_numbers(x)
    _check_numbers(y)
    return Table(_tensor(x), _tensor(y), names)


def _signal(x: Array, names: tuple[str, ...], values: Array, rate: int | None = None) -> Signal:
    """The signal with its rows in order; Unreadable unless they are finite numbers."""
    if len(x) != len(values):
        raise Unreadable(f"has {len(x):,} x and {len(values):,} values; they must be as many")
    _check_numbers(x[:, None])
    _check_numbers(values)
    x, values, note = _ascending(x, values)
    if len(x) < 2:
        raise Unreadable("has one x; a signal needs at least two")
    return Signal(_tensor(x), _tensor(values), names, rate, note)


def _tensor(values: Array) -> torch.Tensor:
    return torch.from_numpy(np.array(values, np.float64, order="C"))  # its own memory


def _ascending(x: Array, values: Array) -> tuple[Array, Array, str]:
    """`x` ascending without ties, the values in its order, and what was done."""
    notes = []
    if (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, values = x[order], values[order]
        notes.append("sorted by x")
    starts = np.flatnonzero(np.concatenate([[True], x[1:] > x[:-1]]))
    if len(starts) < len(x):
        notes.append(f"{len(x) - len(starts):,} rows at the x of others averaged with them")
        counts = np.diff(np.append(starts, len(x)))
        x, values = x[starts], np.add.reduceat(values, starts) / counts[:, None]
    return x, values, "; ".join(notes)


def _check_numbers(rows: Array) -> None:
    good = (abs(rows) <= _LARGEST).all(axis=1)  # so written, NaN is not good
    if not good.all():
        raise Unreadable(
            f"has in row {int(np.argmin(good)) + 1} a value that is no finite number up to "
            f"{_LARGEST:g}; leave that row out"
        )
