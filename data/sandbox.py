"""Strangers' files are parsed in a process of its own, which may crash, hang or eat its fill.

`python -m data.sandbox FILE SUFFIX` is that process. It imports no torch, so it starts in a
tenth of a second, and answers with plain arrays: nothing it says can run code here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .headers import Unreadable
from .parsers import parse
from .shape import Shape

_MODULE = "data.sandbox"
_ARRAYS = ("points", "faces", "normals", "colours")
_WORDS = 2000  # characters of a message that are looked at


@dataclass(frozen=True)
class Limits:
    """What the process may use: seconds, and bytes of memory and of each file it writes."""

    seconds: int
    memory: int
    output: int

    @classmethod
    def for_size(cls, size: int) -> Limits:
        """Generous limits for a file of `size` bytes; an OBJ takes up to 26 bytes a byte."""
        return cls(20 + size // 2_000_000, (2 << 30) + 32 * size, (64 << 20) + 64 * size)


def parse_apart(path: Path, suffix: str, limits: Limits) -> Shape:
    """`parsers.parse(path, suffix)` in another process; Unreadable whatever becomes of it."""
    with tempfile.TemporaryDirectory(prefix="fieldfit-") as folder:
        _run([str(path.resolve()), suffix, *map(str, vars(limits).values())], folder, limits)
        return _answer(Path(folder))


def _run(arguments: list[str], folder: str, limits: Limits) -> None:
    # -P and the empty folder it starts in: a module that lies beside the file is not imported.
    command = [sys.executable, "-P", "-m", _MODULE, *arguments]
    places = [str(Path(__file__).resolve().parents[1]), *filter(None, sys.path)]
    # One thread: each would take address space, which is limited, and none is needed.
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(places),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=quiet, stdout=quiet, stderr=quiet,
            timeout=limits.seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Unreadable(
            f"was not read within {limits.seconds} s; save it as binary PLY or make it smaller"
        ) from None
    if done.returncode:
        raise Unreadable(
            "made the program that reads it stop, so it is damaged or needs too much memory; "
            "save it as PLY"
        )


def _answer(folder: Path) -> Shape:
    """What the process left in `folder`: a refusal, or the arrays of a shape."""
    refusal = _words(folder / "refusal")
    if refusal:
        raise Unreadable(refusal)
    try:
        points = _array(folder, "points")
        if points is None:
            raise ValueError("there must be points.")
        faces, normals, colours = (_array(folder, name) for name in ("faces", "normals", "colours"))
        return Shape(points, faces, normals, colours, note=_words(folder / "note"))
    except Exception:  # whatever a process that parsed a hostile file may have written
        raise Unreadable("could not be read; save it as PLY") from None


def _array(folder: Path, name: str) -> np.ndarray[Any, Any] | None:
    """The array called `name`, in this process's own memory; None if there is none."""
    path = folder / f"{name}.npy"
    return np.load(path, allow_pickle=False) if path.exists() else None


def _words(path: Path) -> str:
    """The text in `path` as one line of what can be printed; '' if there is none."""
    if not path.exists():
        return ""
    with open(path, "rb") as file:
        text = file.read(_WORDS).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))


def _limit(limits: Limits) -> None:
    """Holds this process to `limits`, where the system can."""
    try:
        import resource
    except ImportError:
        return  # Windows; the limit on time, which the parent keeps, is left
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, limits.output),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            value = min(value, most)
        with suppress(OSError, ValueError):  # macOS has no limit on address space
            resource.setrlimit(kind, (value, value))


def _main(file: str, suffix: str, *limits: str) -> None:
    _limit(Limits(*map(int, limits)))
    try:
        _save(parse(Path(file), suffix))
    except Unreadable as error:
        Path("refusal").write_text(str(error), "utf-8")
    except MemoryError:
        Path("refusal").write_text("needs too much memory; make it smaller or save it as PLY")
    # Parsers meet damaged files with whatever exception comes up.
    except Exception as error:
        words = " ".join(str(error).split())[:200] or type(error).__name__
        kind = suffix[1:].upper()
        refusal = f"is a damaged or unusual {kind} file ({words}); export it again or as PLY"
        Path("refusal").write_text(refusal, "utf-8", "replace")


def _save(shape: Shape) -> None:
    for name in _ARRAYS:
        values = getattr(shape, name)
        if values is not None:
            np.save(f"{name}.npy", values, allow_pickle=False)
    Path("note").write_text(shape.note, "utf-8", "replace")


if __name__ == "__main__":
    _main(*sys.argv[1:])
