"""Columns of numbers as NumPy arrays, .npy and .npz; nothing pickled, nothing too large."""

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from .headers import Unreadable

Array = np.ndarray[Any, Any]

_MOST_ARRAYS = 100


def read_arrays(path: Path, max_numbers: int) -> dict[str, Array]:
    """The arrays of an .npz by name, or that of an .npy under ''; float64, of any shape.

    Their sizes are read from their heads before anything is unpacked. Unreadable for arrays
    that are not real numbers, that are cut short, or that are larger than `max_numbers` together.
    """
    with open(path, "rb") as file:
        if file.read(2) != b"PK":
            file.seek(0)
            return {"": _array(file, "the array", max_numbers)[1]}
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.namelist() if member.endswith(".npy")]
        if len(members) > _MOST_ARRAYS:
            raise Unreadable(f"has over {_MOST_ARRAYS} arrays; save only x and y")
        for member in members:
            name = member.removesuffix(".npy")
            with archive.open(member) as file:
                count, arrays[name] = _array(file, repr(name[:40]), max_numbers)
            max_numbers -= count
    return arrays


def _array(file: IO[bytes], name: str, most: int) -> tuple[int, Array]:
    """How many numbers the array has, and the array."""
    try:
        version = np.lib.format.read_magic(file)
        read_head = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, by_columns, dtype = read_head(file)
    except (ValueError, KeyError):
        raise Unreadable("is not an array of NumPy's; save plain numbers with numpy.save") from None
    if dtype.kind not in "fiub":
        raise Unreadable(f"has {name} of {dtype}; it must be real numbers")
    count = math.prod(shape)
    if count > most:
        raise Unreadable(
            f"has {name} of {count:,} numbers, over the limit of {most:,}; thin it out"
        )
    content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise Unreadable("is cut short; save it again")
    values = np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")
    with np.errstate(all="ignore"):  # signalling NaNs, and long doubles out of range
        return count, np.ascontiguousarray(values, np.float64)
