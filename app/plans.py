"""From flags and a saved config to the plan of a fit: the same for all that is fitted."""

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from fields import FitConfig, method_config
from fields.fit import check
from fields.sizing import sized
from fields.tasks import Task

from .knobs import parse_knobs
from .options import CompareOptions, FitOptions
from .race import Plan

BUDGETS = ("steps", "seconds", "psnr")
SHARED = (*BUDGETS, "seed", "device", "backend")  # knobs of a fit that every verb has as flags
COMPARE_SECONDS = 10.0

Compared = TypeVar("Compared", bound=FitOptions)


def make_plan(
    method: str | None,
    options: FitOptions,
    knobs: Sequence[str],
    task: Task,
    saved: "SavedConfig | None",
) -> Plan:
    """A method's settings with the saved config and then the flags laid over them."""
    method = method or (saved.method if saved else None) or "auto"
    base, why = method_config(method, task)
    if saved is not None:
        base = saved.settings(method) or base
    config = with_options(base, options)
    without = frozenset({*SHARED, "report"})
    config = parse_knobs(config, list(knobs), program="fieldfit VERB ...", without=without)
    if isinstance(options, CompareOptions) and options.parameters is not None:
        config = replace(config, field=sized(config.field, task, options.parameters))
    check(task, config)
    return Plan(method, config, why)


def with_options(config: FitConfig, options: FitOptions) -> FitConfig:
    given = {n: v for n, v in vars(options).items() if n in SHARED and v is not None}
    if "seconds" in given and "steps" not in given:
        given["steps"] = None  # a budget of time replaces the method's own number of steps
    return replace(config, **given)


def within_budget(options: Compared) -> Compared:
    """The options of a comparison, with a budget if none is given."""
    if any(vars(options).get(name) is not None for name in BUDGETS):
        return options
    return replace(options, seconds=COMPARE_SECONDS)


def check_methods(methods: Sequence[str]) -> None:
    """ValueError unless these are methods to compare."""
    if not methods:
        raise ValueError("--methods must name at least one method.")
    if len(set(methods)) < len(methods):
        raise ValueError("--methods names a method twice; give each once.")


def refuse_flags(options: object, names: Iterable[str], why: str) -> None:
    """ValueError, `--flag` and why, if one of these flags is given.

    Args:
        why: the rest of the sentence, such as "is for shapes; photo.png is a picture".
    """
    for name in names:
        value = vars(options).get(name)
        if value is not None and value is not False:  # 0 is given
            raise ValueError(f"--{name.replace('_', '-')} {why}.")


def kept_options(options: FitOptions) -> dict[str, Any]:
    """What run.json says of a verb's own flags: those that were given."""
    kept = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(options).items()}
    return {
        k: v
        for k, v in kept.items()
        if v is not None and v is not False and k not in (*SHARED, "json", "out")
    }


class SavedConfig:
    """What --config brings: a method's name, and the settings of its fit."""

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
            loads = tomllib.loads if path.suffix == ".toml" else json.loads
            document = loads(text)
        except OSError as error:
            raise ValueError(f"{path}: cannot be read: {error.strerror}.") from None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: is neither JSON nor TOML: {error}") from None
        if not isinstance(document, dict):
            raise ValueError(f"{path}: must hold an object, as run.json does.")
        self.path = path
        self.method: str | None = document.get("method")
        try:
            self.config = _config_in(document)
            self.runs = {run["method"]: _config_in(run) for run in document.get("runs", [])}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None

    @property
    def seed(self) -> int | None:
        return self.config.seed if self.config else None

    def settings(self, method: str) -> FitConfig | None:
        """What the file holds for a method; None if it holds no settings at all.

        Raises:
            ValueError: its settings are another method's, and would be fitted under a wrong name.
        """
        if method in self.runs:
            return self.runs[method]
        if self.config is None or self.method in (None, method):
            return self.config
        raise ValueError(
            f"{self.path}: holds the settings of {self.method}, not of {method}; "
            "leave one of the two out."
        )


def _config_in(document: dict[str, Any]) -> FitConfig | None:
    inner = document.get("config", document if "field" in document else None)
    return None if inner is None else FitConfig.from_dict(inner)


def read_config(path: Path | None) -> SavedConfig | None:
    return None if path is None else SavedConfig(path)


def first(*values: Any) -> Any:
    return next((v for v in values if v is not None), None)
