"""Points and meshes as NumPy arrays, .npy and .npz; nothing pickled."""

from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape
from .attributes import to_colours, to_normals

Array = np.ndarray[Any, Any]

_POINTS = ("points", "vertices", "xyz")
_COLOURS = ("colours", "colors", "rgb")
_LONGEST = 1 << 32  # bytes that the arrays of an .npz may unpack to


def parse(path: Path) -> Shape:
    """The array [n, 3], or [n, 6] with normals, of an .npy; or of an .npz the arrays called
    points or vertices, normals, colours and faces."""
    if path.read_bytes()[:2] == b"PK":
        return _parse_npz(path)
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)  # checks the size it says it has
    except ValueError:
        raise _no_array() from None
    rows = _rows("the array", values)
    if rows.shape[1] not in (3, 6):
        raise Unreadable(f"has an array {list(rows.shape)}; it must be [n, 3], or [n, 6]")
    normals = to_normals(rows[:, 3:]) if rows.shape[1] == 6 else None
    return Shape(rows[:, :3].astype(np.float64), None, normals)


def _parse_npz(path: Path) -> Shape:
    with np.load(path, allow_pickle=False) as file:
        if sum(entry.file_size for entry in file.zip.infolist()) > _LONGEST:
            raise Unreadable("unpacks to more than 4 GB; save fewer points")
        points = _first(file, _POINTS)
        if points is None:
            raise Unreadable(f"has no array called {' or '.join(_POINTS)}; name it so")
        normals, faces = _first(file, ("normals",)), _first(file, ("faces", "triangles"))
        colours = _first(file, _COLOURS)
    if faces is not None and faces.dtype.kind not in "iu":
        raise Unreadable(f"has faces of {faces.dtype}; they must be whole numbers")
    return Shape(
        points.astype(np.float64),
        None if faces is None else faces.astype(np.int64),
        None if normals is None else to_normals(normals),
        None if colours is None else to_colours(colours),
    )


def _first(file: Any, names: tuple[str, ...]) -> Array | None:
    """The array of the first of `names` that is there, [n, 3]."""
    for name in names:
        if name in file.files:
            values = _rows(f"'{name}'", _member(file, name))
            if values.shape[1] != 3:
                raise Unreadable(f"has '{name}' {list(values.shape)}; it must be [n, 3]")
            return values
    return None


def _member(file: Any, name: str) -> Array:
    try:
        return file[name]
    except ValueError:
        raise _no_array() from None


def _no_array() -> Unreadable:
    return Unreadable("is cut short or holds Python objects; save plain numbers with numpy.save")


def _rows(name: str, values: Array) -> Array:
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise Unreadable(
            f"has {name} of {values.dtype} {list(values.shape)}; it must be numbers [n, 3]"
        )
    return values
