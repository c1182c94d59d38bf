"""Range scans and how they lie to each other: Stanford's .conf files [Turk and Levoy 1994]."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape
from . import ply

Array = np.ndarray[Any, Any]

_MOST_SCANS = 1000


@dataclass(frozen=True)
class _Scan:
    """A file's name with what moves its points into place: p -> p `turn` + `shift`."""

    name: str
    turn: Array
    shift: Array


def parse(path: Path) -> Shape:
    """All scans that `path` names and that lie beside it, moved into place, as one cloud.

    Where there is no bun000.ply, the only file whose name ends so is taken, such as
    stanford_raw_bun000.ply. Scans that are missing are named in the note; Unreadable where all
    are. There are normals if every scan has a range grid or normals.
    """
    scans = _scans(path.read_text("latin-1"))
    found = {scan.name: _beside(path, scan.name) for scan in scans}
    missing = [name for name, file in found.items() if file is None]
    parts = [_placed(scan, file) for scan in scans if (file := found[scan.name]) is not None]
    if not parts:
        raise Unreadable(f"names {len(scans)} scans, but none lies beside it; put them there")
    with_normals = [part.normals for part in parts if part.normals is not None]
    return Shape(
        np.concatenate([part.points for part in parts]),
        normals=np.concatenate(with_normals) if len(with_normals) == len(parts) else None,
        note=f"not there: {', '.join(missing)}" if missing else "",
    )


def _scans(text: str) -> list[_Scan]:
    lines = [line.split() for line in text.splitlines()]
    scans = [_scan(words) for words in lines if words and words[0] in ("mesh", "bmesh")]
    if not scans:
        raise Unreadable("names no scans in lines that start with mesh or bmesh; check what it is")
    if len(scans) > _MOST_SCANS:
        raise Unreadable(f"names more than {_MOST_SCANS} scans; split it")
    return scans


def _scan(words: list[str]) -> _Scan:
    """A line `bmesh file tx ty tz qi qj qk qw`."""
    try:
        name, values = words[1], [float(word) for word in words[2:]]
        x, y, z, qi, qj, qk, qw = values
    except (IndexError, ValueError):
        raise Unreadable("has a damaged line for a scan; it needs a file and 7 numbers") from None
    if Path(name).name != name or "\\" in name or not name.lower().endswith(".ply"):
        raise Unreadable(f"names {name[:40]!r}; scans must be PLY files beside it, without folders")
    return _Scan(name, _rotation(np.array([qi, qj, qk, qw])), np.array([x, y, z]))


def _rotation(quaternion: Array) -> Array:
    """The matrix [3, 3] that turns column vectors by a quaternion (i, j, k, real part).

    Stanford's files turn the other way: rows times this matrix, which the bunny's scans show,
    0.5 mm from the merged mesh that way and centimetres the other.
    """
    length = np.linalg.norm(quaternion)
    if not (np.isfinite(length) and length > 0):
        raise Unreadable("has a scan turned by a quaternion without a length; correct it")
    x, y, z, w = quaternion / length
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def _beside(path: Path, name: str) -> Path | None:
    """The file called `name` in the folder of `path`, or the only one whose name ends so."""
    files = [file for file in path.parent.iterdir() if file.is_file() and not file.is_symlink()]
    exact = [file for file in files if file.name == name]
    ending = exact or [file for file in files if file.name.endswith(f"_{name}")]
    return ending[0] if len(ending) == 1 else None


def _placed(scan: _Scan, file: Path) -> Shape:
    part = ply.parse(file)
    normals = None if part.normals is None else (part.normals @ scan.turn).astype(np.float32)
    return Shape(part.points @ scan.turn + scan.shift, normals=normals)
