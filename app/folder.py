"""A run's directory: every file appears whole or not at all."""

import json
import math
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data import atomic_write, write_bytes, write_text


class RunFolder:
    """Where a run's files go.

    Raises:
        ValueError: the directory cannot be made or written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, str] = {}
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe = path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ValueError(
                f"{path}: cannot write results there: {error.strerror}; choose another --out."
            ) from None

    def add(self, key: str, name: str) -> Path:
        """The path for a file, which is listed under `key` in run.json."""
        self.files[key] = name
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, key: str, name: str, contents: str | bytes) -> None:
        path = self.add(key, name)
        if isinstance(contents, str):
            write_text(path, contents)
        else:
            write_bytes(path, contents)

    def write_parts(self, key: str, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """A file that is too large to be held in memory twice."""
        with atomic_write(self.add(key, name)) as file:
            file.writelines(parts)


def default_folder(name: str, root: Path = Path("runs")) -> Path:
    """runs/<time>-<name>, not there yet."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "run"
    base = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{safe}"
    path, n = base, 2
    while path.exists():
        path, n = base.with_name(f"{base.name}-{n}"), n + 1
    return path


def to_json(document: Any, *, indent: int | None = None) -> str:
    """Strict JSON: what is not finite becomes null."""
    return json.dumps(_finite(document), indent=indent, allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value
