"""Folders of pictures as sets of the table of encodings, each with its settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fields.encodings import EncodingSpec

from ..options import BenchOptions
from . import published

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}


@dataclass(frozen=True)
class PictureSet:
    """A folder of pictures, and what its encodings are made with.

    Attributes:
        kind: of `published.KINDS`, whose settings hold where no flag says otherwise.
        sigma, octaves, plain_lr: as `published.Kind` has them.
    """

    name: str
    kind: str
    paths: list[Path]
    sigma: float
    octaves: float
    plain_lr: float

    @property
    def contenders(self) -> dict[str, tuple[EncodingSpec, float]]:
        """Each encoding with its learning rate."""
        return published.contenders(self.sigma, self.octaves, self.plain_lr)

    @property
    def settings(self) -> dict[str, Any]:
        """For the benchmark's document."""
        return {
            "set": self.name, "kind": self.kind, "pictures": len(self.paths), "sigma": self.sigma,
            "octaves": self.octaves, "plain_lr": self.plain_lr,
        }  # fmt: skip

    def __str__(self) -> str:
        count = f"{len(self.paths)} picture" + "s" * (len(self.paths) != 1)
        return (
            f"{self.name}: {count}, taken for {self.kind}: sigma "
            f"{self.sigma:g}, octaves {self.octaves:g}, learning rate {self.plain_lr:g} without "
            "an encoding and with the basic one"
        )


def picture_sets(options: BenchOptions) -> list[PictureSet]:
    """The sets in the directories given: each that holds pictures, else the folders below it.

    Raises:
        ValueError: there is none, or two have one name.
    """
    if not options.inputs:
        raise ValueError(
            "bench encodings needs a directory of pictures, or of folders of pictures, got none."
        )
    sets = [group for folder in options.inputs for group in _sets(folder, options)]
    names = [group.name for group in sets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two folders are called {twice}; rename one, or give one at a time.")
    return sets


def _sets(folder: Path, options: BenchOptions) -> list[PictureSet]:
    if not folder.is_dir():
        raise ValueError(f"bench encodings needs directories of pictures, got {folder}.")
    own = listed(folder)
    places = {folder: own} if own else {
        place: listed(place) for place in sorted(folder.iterdir()) if place.is_dir()
    }
    found = [_set(place, paths, options) for place, paths in places.items() if paths]
    if not found:
        raise ValueError(f"{folder}: holds no pictures, and no folders of pictures.")
    return found


def _set(folder: Path, paths: list[Path], options: BenchOptions) -> PictureSet:
    name = folder.resolve().name
    kind = published.kind_of(name)
    usual = published.KINDS[kind]
    return PictureSet(
        name,
        kind,
        first(paths, options),
        usual.sigma if options.sigma is None else options.sigma,
        usual.octaves if options.octaves is None else options.octaves,
        usual.plain_lr if options.plain_lr is None else options.plain_lr,
    )


def listed(folder: Path) -> list[Path]:
    """The pictures right in a folder, by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)


def first(paths: list[Path], options: BenchOptions) -> list[Path]:
    """As many as are wanted.

    Raises:
        ValueError: fewer than one are.
    """
    if options.pictures is not None and options.pictures < 1:
        raise ValueError(f"--pictures must be at least 1, got {options.pictures}.")
    return paths[: options.pictures]
