"""What a visitor chose for a shape: checked on the server, and turned into the CLI's job."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from data import Shape
from fields import ShapeTask

from ..race import Plan
from ..shape_result import LEAST
from .limits import MAX_RESOLUTION, MAX_SEED, Limits
from .settings import between, check_methods, check_seconds, one_of, plans_within

USES = ("Its surface", "Its points")  # of a mesh, what is fitted
RESOLUTION = 192  # unless another is chosen


@dataclass(frozen=True)
class ShapeSettings:
    """A fit to a shape.

    Attributes:
        seconds: for each method; None for the one method's own number of steps.
        resolution: cells along an edge of the box, of which the mesh is made.
        surface: of a mesh, whether its faces are fitted; else its points alone.
        flip: whether inside and outside change places.
        trim: distance from the points, in their unit, beyond which there is no surface; None for a
            closed one.
        holdout: share of the points to keep out and measure on; None for none.
        scanner: where the points were seen from, in their coordinates.
    """

    methods: tuple[str, ...]
    seconds: float | None
    seed: int
    resolution: int = RESOLUTION
    surface: bool = True
    flip: bool = False
    trim: float | None = None
    holdout: float | None = None
    scanner: tuple[float, float, float] | None = None

    def suited(self, shape: Shape) -> "ShapeSettings":
        """Without what says nothing of this shape: a cloud has no faces, and of a mesh whose faces
        are fitted one knows what is inside."""
        if not shape.is_mesh:
            return replace(self, surface=False)
        if self.surface:
            return replace(self, flip=False, trim=None, holdout=None, scanner=None)
        return self

    @property
    def verb(self) -> str:
        if len(self.methods) > 1:
            return "compare"
        return "mesh" if self.surface else "points"

    def plans(self, task: ShapeTask, limit: float) -> list[Plan]:
        """Of each method, which takes no longer than the limit in seconds."""
        return plans_within(limit, self.methods, self.seconds, self.seed, task)

    def options(self) -> dict[str, Any]:
        """Of the verb, for run.json."""
        chosen: dict[str, Any] = {"resolution": self.resolution, "flip": self.flip}
        chosen |= {"trim": self.trim, "holdout": self.holdout}
        if self.scanner is not None:
            chosen["scanner"] = ",".join(f"{x:.9g}" for x in self.scanner)
        if self.verb == "compare":
            chosen["methods"] = list(self.methods)
        return {k: v for k, v in chosen.items() if v is not None and v is not False}

    def command(self, path: Path) -> str:
        """What a person types to do the same."""
        words = ["fieldfit", self.verb, str(path)]
        if self.verb == "compare":
            words += ["--methods", *self.methods]
        else:
            words += ["--method", self.methods[0]]
        for name, value in self.options().items():
            if name == "methods":
                continue
            if isinstance(value, bool):
                words.append(f"--{name}")
            else:
                words.append(f"--{name}={value}" if name == "scanner" else f"--{name}")
                words += [] if name == "scanner" else [f"{value:.9g}"]
        if self.seconds is not None:
            words += ["--seconds", f"{self.seconds:g}"]
        return shlex.join([*words, "--seed", str(self.seed)])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_shape_settings(
    limits: Limits,
    *,
    methods: Sequence[str],
    preset: str,
    seconds: float | None,
    seed: float | None,
    resolution: float | None,
    use: str = USES[0],
    flip: bool = False,
    trim: float | None = None,
    holdout: float | None = None,
    scanner: str | None = None,
) -> ShapeSettings:
    """The settings that a page's controls stand for; `holdout` in per cent.

    Raises:
        ValueError: one of them is out of range, in words for the person at the page.
    """
    one_of("What to fit", use, USES)
    chosen = check_methods(methods)
    return ShapeSettings(
        chosen,
        check_seconds(preset, seconds, len(chosen), limits),
        int(between("The seed", seed, 0, MAX_SEED)),
        int(between("The resolution", resolution, LEAST, MAX_RESOLUTION)),
        use == USES[0],
        bool(flip),
        between("The distance", trim or 0, 0, 1e12) or None,
        between("Held out", holdout or 0, 0, 95) / 100 or None,
        _place(scanner),
    )


def _place(text: str | None) -> tuple[float, float, float] | None:
    if not (text or "").strip():
        return None
    try:
        x, y, z = (between("", float(part), -1e12, 1e12) for part in str(text).split(","))
    except ValueError:
        raise ValueError(f"The scanner's place must be x, y, z; got {text!r}.") from None
    return x, y, z
