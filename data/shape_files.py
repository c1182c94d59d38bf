"""Shapes from strangers' files: meshes and clouds of points."""

import os
from dataclasses import replace
from pathlib import Path

from .headers import Unreadable
from .parsers import PARSERS
from .sandbox import Limits, parse_apart
from .shape import Shape
from .shape_checks import checked

SHAPE_SUFFIXES = tuple(PARSERS)

_OTHERS = {
    ".gltf": "keeps its data in other files; export it as .glb",
    ".zip": "is an archive; unpack it first",
    ".gz": "is an archive; unpack it first",
    ".tgz": "is an archive; unpack it first",
    ".tar": "is an archive; unpack it first",
    ".7z": "is an archive; unpack it first",
    ".rar": "is an archive; unpack it first",
    ".las": "is a LiDAR file; convert it to .ply or .xyz",
    ".laz": "is a LiDAR file; convert it to .ply or .xyz",
    ".e57": "is a LiDAR file; convert it to .ply or .xyz",
}


def read_shape(
    path: str | os.PathLike[str], *, max_points: int = 20_000_000, max_megabytes: float = 2048
) -> Shape:
    """The mesh or cloud of points in a file, told by its suffix, one of `SHAPE_SUFFIXES`.

    Coordinates stay as they are, in double precision. Polygons become triangles, vertices at
    the same place one; a file without faces is a cloud. A .conf joins the range scans it names.
    The file is parsed in a process of its own. ValueError, one line with the file's name and a
    way out, for whatever cannot be read: over a limit, damaged, flat as a point, or not there.
    """
    if max_points < 1 or not max_megabytes > 0:
        raise ValueError(
            f"max_points and max_megabytes must be above 0, got {max_points}, {max_megabytes}."
        )
    file = Path(path)
    try:
        suffix = _suffix(file)
        limits = Limits.for_size(_size(file, suffix, max_megabytes))
        shape = checked(parse_apart(file, suffix, limits), max_points)
    except Unreadable as refusal:
        raise ValueError(f"{_printable(path)}: {refusal}.") from None
    return replace(shape, name=_printable(file.stem))


def _suffix(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix not in PARSERS:
        reason = _OTHERS.get(suffix, f"is not a shape; it must end in {', '.join(PARSERS)}")
        raise Unreadable(reason)
    return suffix


def _size(file: Path, suffix: str, max_megabytes: float) -> int:
    """Bytes to read; for a .conf with the scans beside it. Nothing is opened."""
    if not file.exists():
        raise Unreadable("does not exist; check the name")
    if not file.is_file():  # a device or a pipe might never end
        raise Unreadable("is not a file; give the name of a mesh or of a cloud of points")
    if not os.access(file, os.R_OK):
        raise Unreadable("cannot be opened; check its permissions")
    files = [file]
    if suffix == ".conf":
        files += [scan for scan in file.parent.glob("*.ply") if scan.is_file()]
    size = sum(each.stat().st_size for each in files)
    if not file.stat().st_size:
        raise Unreadable("is empty; download or export it again")
    if size > max_megabytes * 1e6:
        raise Unreadable(
            f"is {size / 1e6:,.0f} MB, over the limit of {max_megabytes:,.0f}; make it smaller"
        )
    return size


def _printable(path: str | os.PathLike[str]) -> str:
    """The name on one line, whatever letters are in it."""
    return "".join(letter if letter.isprintable() else "?" for letter in os.fspath(path))
