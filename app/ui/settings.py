"""What a visitor chose: checked again on the server, and turned into the job the CLI would do."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fields import METHODS, ImageTask

from ..options import CompareOptions
from ..race import Plan
from ..verbs import make_plan
from .limits import MAX_METHODS, MAX_SEED, MIN_SECONDS, Limits

PRESETS = {"Quick": 3.0, "Balanced": 10.0, "Quality": 30.0}  # seconds for each method
DEFAULT_METHODS = ("plain", "fourier", "multifourier", "hash")
TASKS = ("Fit", "Inpaint")
HOLES = ("Painted mask", "Random pixels")


@dataclass(frozen=True)
class Settings:
    """A fit to be done.

    Attributes:
        seconds: for each method.
        holdout: share of the pixels to keep out and measure on; None for none.
        missing: the same, to be filled in the result; None for none.
        masked: whether the picture's mask is to be filled.
    """

    methods: tuple[str, ...]
    seconds: float
    seed: int
    holdout: float | None = None
    missing: float | None = None
    masked: bool = False

    @property
    def verb(self) -> str:
        if len(self.methods) > 1:
            return "compare"
        return "inpaint" if self.masked or self.missing is not None else "image"

    def plans(self, task: ImageTask) -> list[Plan]:
        options = CompareOptions(input=Path(), seconds=self.seconds, seed=self.seed)
        return [make_plan(method, options, [], task, None) for method in self.methods]

    def options(self) -> dict[str, Any]:
        """Of the verb, for run.json."""
        chosen: dict[str, Any] = {"holdout": self.holdout, "missing": self.missing}
        if self.verb == "compare":
            chosen["methods"] = list(self.methods)
        return {k: v for k, v in chosen.items() if v is not None}

    def command(self, photo: Path, mask: Path | None) -> str:
        """What a person types to do the same."""
        words = ["fieldfit", self.verb, str(photo)]
        if self.verb == "compare":
            words += ["--methods", *self.methods]
            words += ["--mask", str(mask)] if mask else []
        else:
            words += [str(mask)] if mask else []
            words += ["--method", self.methods[0]]
        for flag in ("holdout", "missing"):
            value = getattr(self, flag)
            words += [f"--{flag}", f"{value:g}"] if value is not None else []
        return shlex.join([*words, "--seconds", f"{self.seconds:g}", "--seed", str(self.seed)])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_settings(
    limits: Limits,
    *,
    task: str,
    holes: str,
    methods: Sequence[str],
    preset: str,
    seconds: float | None,
    seed: float | None,
    holdout: float | None,
    missing: float | None,
) -> Settings:
    """The settings that a page's controls stand for; `holdout` and `missing` in per cent.

    Raises:
        ValueError: one of them is out of range, in words for the person at the page.
    """
    if task not in TASKS:
        raise ValueError(f"The task must be one of {', '.join(TASKS)}, got {task!r}.")
    if holes not in HOLES:
        raise ValueError(f"What to fill must be one of {', '.join(HOLES)}, got {holes!r}.")
    methods = _methods(methods)
    each = _seconds(PRESETS.get(preset, seconds), len(methods), limits)
    number = _between("The seed", seed, 0, MAX_SEED)
    kept_out = fill = None
    if task == "Fit":
        kept_out = _between("Held out", holdout or 0, 0, 95) / 100 or None
    elif holes == "Random pixels":
        fill = _between("Missing", missing, 1, 99) / 100
    masked = task == "Inpaint" and holes == "Painted mask"
    return Settings(methods, each, int(number), kept_out, fill, masked)


def _methods(names: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(names))
    unknown = [name for name in chosen if name not in METHODS]
    if unknown:
        raise ValueError(f"Unknown method {unknown[0]!r}; choose from {', '.join(METHODS)}.")
    if not chosen:
        raise ValueError("Choose at least one method.")
    if len(chosen) > MAX_METHODS:
        raise ValueError(f"Choose at most {MAX_METHODS} methods, not {len(chosen)}.")
    return chosen


def _seconds(seconds: float | None, methods: int, limits: Limits) -> float:
    each = _between("Seconds for each method", seconds, MIN_SECONDS, limits.seconds)
    if each * methods > limits.seconds:
        raise ValueError(
            f"{methods} methods with {each:g} s each take longer than the {limits.seconds:g} s "
            "that a run may; choose fewer methods or seconds."
        )
    return each


def _between(name: str, value: float | None, low: float, high: float) -> float:
    try:
        number = float(value if value is not None else math.nan)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}.")
    return number
