"""What a visitor chose: checked again on the server, and turned into the job the CLI would do."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from data import Picture
from fields import METHODS, ImageTask
from fields.tasks import Task
from fields.tasks.upscale import BLURS, Blur

from ..denoise import MOST_SIGMA, Noisy, make_noisy
from ..options import CompareOptions
from ..race import Plan
from ..upscale import Enlarged, make_enlarged
from ..verbs import COMPARE_SECONDS, make_plan
from .limits import MAX_METHODS, MAX_SCALE, MAX_SEED, MIN_SECONDS, Limits

PRESETS = {"Quick": 3.0, "Balanced": 10.0, "Quality": 30.0}  # seconds for each method
UNBOUND = "Until done"  # a method takes its own number of steps; several get the same time
CUSTOM = "Custom"
AUTO = "auto"
CHOICES = (AUTO, *METHODS)
RACE = ("plain", "fourier", "multifourier", "hash")  # to see what networks learn first
VERBS = {"Fit": "image", "Inpaint": "inpaint", "Denoise": "denoise", "Enlarge": "upscale"}
TASKS = tuple(VERBS)
INDIRECT = ("Inpaint", "Denoise", "Enlarge")  # what is given is not what is wanted
HOLES = ("Painted mask", "Random pixels")
LEVELS = ("Estimate it", "I know it")  # of the noise


def default_methods(task: str) -> tuple[str, ...]:
    """What to begin with: a race that shows what is learned first, or what does the task best."""
    return RACE if task == "Fit" else (AUTO,)


def default_preset(task: str) -> str:
    return "Quick" if task == "Fit" else UNBOUND


@dataclass(frozen=True)
class Settings:
    """A fit to be done.

    Attributes:
        seconds: for each method; None for the one method's own number of steps.
        holdout: share of the pixels to keep out and measure on; None for none.
        missing: the same, to be filled in the result; None for none.
        masked: whether the picture's mask is to be filled.
        denoise: whether noise is to be removed.
        sigma: standard deviation of the noise, of 255; None to estimate it.
        noise: of what is added to the picture first, to try it; None for none.
        scale: factor to enlarge by; None not to enlarge.
        blur: how the pixels came from those of the larger picture.
        reduce: whether the picture is shrunk first, to try it.
    """

    methods: tuple[str, ...]
    seconds: float | None
    seed: int
    holdout: float | None = None
    missing: float | None = None
    masked: bool = False
    denoise: bool = False
    sigma: float | None = None
    noise: float | None = None
    scale: float | None = None
    blur: Blur = "box"
    reduce: bool = False

    @property
    def task(self) -> str:
        """One of `TASKS`."""
        if self.denoise:
            return "Denoise"
        if self.scale is not None:
            return "Enlarge"
        return "Inpaint" if self.masked or self.missing is not None else "Fit"

    @property
    def verb(self) -> str:
        return "compare" if len(self.methods) > 1 else VERBS[self.task]

    def make(self, picture: Picture) -> Noisy | Enlarged | None:
        """The task of a picture that is to lose its noise or to be enlarged.

        Raises:
            ValueError: it cannot be.
        """
        if self.denoise:
            return make_noisy(picture, sigma=self.sigma, noise=self.noise, seed=self.seed)
        if self.scale is not None:
            return make_enlarged(picture, scale=self.scale, blur=self.blur, reduce=self.reduce)
        return None

    def plans(self, task: ImageTask, limit: float) -> list[Plan]:
        """Of each method, which takes no longer than the limit in seconds."""
        return plans_within(limit, self.methods, self.seconds, self.seed, task)

    def options(self) -> dict[str, Any]:
        """Of the verb, for run.json."""
        names = {
            "Denoise": ("sigma", "noise"),
            "Enlarge": ("scale", "blur", "reduce"),
        }.get(self.task, ("holdout", "missing"))
        chosen: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.verb == "compare":
            chosen["methods"] = list(self.methods)
            if self.denoise or self.scale is not None:
                chosen["task"] = VERBS[self.task]
        return {k: v for k, v in chosen.items() if v is not None and v is not False}

    def command(self, photo: Path, mask: Path | None) -> str:
        """What a person types to do the same."""
        words = ["fieldfit", self.verb, str(photo)]
        if self.verb == "compare":
            words += ["--methods", *self.methods]
            words += ["--mask", str(mask)] if mask else []
        else:
            words += [str(mask)] if mask else []
            words += ["--method", self.methods[0]]
        for name, value in self.options().items():
            if name == "methods":
                continue
            words.append(f"--{name}")
            if not isinstance(value, bool):
                words.append(value if isinstance(value, str) else f"{value:g}")
        if self.seconds is not None:
            words += ["--seconds", f"{self.seconds:g}"]
        return shlex.join([*words, "--seed", str(self.seed)])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def plans_within(
    limit: float, methods: Sequence[str], seconds: float | None, seed: int, task: Task
) -> list[Plan]:
    """A plan of each method: of so many seconds, or of its own steps within its part of a limit."""
    options = CompareOptions(input=Path(), seconds=seconds, seed=seed)
    plans = [make_plan(method, options, [], task, None) for method in methods]
    if seconds is not None:
        return plans
    each = limit / len(plans)
    return [replace(plan, config=replace(plan.config, seconds=each)) for plan in plans]


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
    level: str = LEVELS[0],
    sigma: float | None = None,
    noise: float | None = None,
    scale: float | None = None,
    blur: str = BLURS[0],
    reduce: bool = False,
) -> Settings:
    """The settings that a page's controls stand for; `holdout` and `missing` in per cent.

    Raises:
        ValueError: one of them is out of range, in words for the person at the page.
    """
    one_of("The task", task, TASKS)
    one_of("What to fill", holes, HOLES)
    methods = check_methods(methods)
    each = check_seconds(preset, seconds, len(methods), limits)
    number = int(between("The seed", seed, 0, MAX_SEED))
    settings = Settings(methods, each, number)
    if task == "Fit":
        return replace(settings, holdout=between("Held out", holdout or 0, 0, 95) / 100 or None)
    if task == "Denoise":
        one_of("The noise", level, LEVELS)
        known = level == LEVELS[1]
        return replace(
            settings,
            denoise=True,
            sigma=between("The noise's deviation", sigma, 0.1, MOST_SIGMA) if known else None,
            noise=between("The noise to add", noise or 0, 0, MOST_SIGMA) or None,
        )
    if task == "Enlarge":
        factor = between("The factor", scale, 1, MAX_SCALE)
        if reduce and (factor != int(factor) or factor < 2):
            raise ValueError(
                f"To shrink the picture first, the factor must be whole: 2, 3, 4, not {factor:g}."
            )
        found = one_of("The blur", blur, BLURS)
        return replace(settings, scale=factor, blur=found, reduce=bool(reduce))
    if holes == "Random pixels":
        return replace(settings, missing=between("Missing", missing, 1, 99) / 100)
    return replace(settings, masked=True)


def one_of(name: str, value: str, choices: Sequence[Any]) -> Any:
    """The value.

    Raises:
        ValueError: it is none of the choices.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}.")
    return value


def check_methods(names: Sequence[str]) -> tuple[str, ...]:
    """Methods to race, each once.

    Raises:
        ValueError: there are none, too many, or unknown ones.
    """
    chosen = tuple(dict.fromkeys(names))
    unknown = [name for name in chosen if name not in CHOICES]
    if unknown:
        raise ValueError(f"Unknown method {unknown[0]!r}; choose from {', '.join(CHOICES)}.")
    if not chosen:
        raise ValueError("Choose at least one method.")
    if len(chosen) > MAX_METHODS:
        raise ValueError(f"Choose at most {MAX_METHODS} methods, not {len(chosen)}.")
    return chosen


def check_seconds(preset: str, seconds: float | None, methods: int, limits: Limits) -> float | None:
    """Seconds for each method; None where one takes its own number of steps.

    Raises:
        ValueError: they are out of range.
    """
    if preset == UNBOUND:
        return unbound(methods, limits)
    each = between(
        "Seconds for each method", PRESETS.get(preset, seconds), MIN_SECONDS, limits.seconds
    )
    if each * methods > limits.seconds:
        raise ValueError(
            f"{methods} methods with {each:g} s each take longer than the {limits.seconds:g} s "
            "that a run may; choose fewer methods or seconds."
        )
    return each


def unbound(methods: int, limits: Limits) -> float | None:
    """Seconds for each method where none are asked for: as in `fieldfit compare`, if several."""
    return None if methods < 2 else min(COMPARE_SECONDS, limits.seconds / methods)


def each_takes(
    methods: int, preset: str, seconds: float | None, limits: Limits
) -> float | None:
    """Seconds for each of so many methods by what stands at the controls, whether they can be had
    or not; None for as long as it takes."""
    if preset != UNBOUND:
        return PRESETS.get(preset, seconds) or 0.0
    return unbound(methods, limits) if methods else 0.0


def between(name: str, value: float | None, low: float, high: float) -> float:
    """The value.

    Raises:
        ValueError: it is no number from `low` to `high`.
    """
    try:
        number = float(value if value is not None else math.nan)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}.")
    return number
