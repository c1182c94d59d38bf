"""Files that appear whole or not at all: written beside their place, then moved into it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new binary file that takes the place of `path` when the block ends without an error.

    Whatever goes wrong, `path` is as it was before and no temporary file is left. A symbolic
    link stays a link: what it points to is replaced. ValueError where nothing can be written.
    """
    target = _target(path)
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    file, named = _create(temporary, path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not named:
                _name(file.fileno(), temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _name(descriptor: int, path: Path) -> None:
    """Gives a file that has no name one. A directory descriptor, though the path needs none,
    makes Python call linkat, which follows the link in /proc; link would not."""
    os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes `content` to `path`, whole or not at all."""
    with atomic_write(path) as file:
        file.write(content)


def write_text(path: str | os.PathLike[str], content: str) -> None:
    """Writes `content` as UTF-8 to `path`, whole or not at all; line ends stay as they are."""
    write_bytes(path, content.encode("utf-8"))


def _target(path: str | os.PathLike[str]) -> Path:
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise ValueError(f"{path}: the folder {target.parent} does not exist; create it first.")
    # Replacing a device such as /dev/null by a file would break the machine.
    if target.exists() and not target.is_file():
        raise ValueError(f"{path}: is a folder or a device; give the name of a file.")
    return target


def _create(temporary: Path, path: str | os.PathLike[str]) -> tuple[BinaryIO, bool]:
    """A new file and whether it has its name already.

    Opened for reading too (some encoders look back), with the permissions of any new file. Where
    the system can, it has no name until it is whole: a process that is killed leaves nothing.
    """
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        try:
            descriptor = os.open(temporary.parent, os.O_TMPFILE | os.O_RDWR, 0o666)
            return open(descriptor, "w+b"), False
        except OSError:
            pass  # not every file system has nameless files
    try:
        return open(temporary, "x+b"), True
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be written here ({error.strerror}); choose another folder."
        ) from error
