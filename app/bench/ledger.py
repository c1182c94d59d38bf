"""Rows of a benchmark that are done, kept in a directory, so that a second call goes on there."""

import json
from pathlib import Path
from typing import Any

from ..folder import RunFolder, to_json


class Ledger:
    """The rows so far, by the values of their `keys`.

    Args:
        out: where to keep them, in `<name>.json`; None keeps them in memory alone.
        settings: what the rows depend on besides the keys: rows of other settings must not be
            taken for these.

    Raises:
        ValueError: what is there was made with other settings, or is no such file.
    """

    def __init__(
        self, out: Path | None, name: str, keys: tuple[str, ...], settings: dict[str, Any]
    ) -> None:
        self.folder = RunFolder(out) if out else None
        self.name, self.keys, self.settings = f"{name}.json", keys, settings
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        path = out / self.name if out else None
        if path is not None and path.exists():
            try:
                document = json.loads(path.read_text(encoding="utf-8"))
                changed = _changes(document["settings"], json.loads(to_json(settings)))
                if changed:
                    raise ValueError(f"{changed}: it was made with other settings")
                for row in document["rows"]:
                    self.rows[self._key(row)] = row
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"{path}: cannot go on from it: {error}; choose another --out."
                ) from None

    def get(self, *key: Any) -> dict[str, Any] | None:
        return self.rows.get(key)

    def add(self, row: dict[str, Any]) -> None:
        self.rows[self._key(row)] = row
        if self.folder is not None:
            document = {"settings": self.settings, "rows": list(self.rows.values())}
            self.folder.write("rows", self.name, to_json(document, indent=1) + "\n")

    def _key(self, row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[key] for key in self.keys)


def _changes(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Which settings are others than they were, for people; "" if none is."""
    names = [name for name in {**now, **before} if before.get(name) != now.get(name)]
    return ", ".join(
        f"{name} was {_shown(before, name)} and is {_shown(now, name)}" for name in names
    )


def _shown(settings: dict[str, Any], name: str) -> str:
    return "not given" if settings.get(name) is None else json.dumps(settings[name])
