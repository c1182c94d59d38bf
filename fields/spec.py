"""Specs: frozen dataclasses that describe a component completely and can build it.

A spec is the one source of a component's knobs: the command line's flags, the page's widgets, the
range checks, the JSON in a saved field and the documentation are all read from it.
"""

import math
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def knob(default: T, help: str, *, low: float | None = None, high: float | None = None) -> T:
    """A dataclass field that carries its own help text and inclusive range."""
    return field(default=default, metadata={"help": help, "low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Base of every description: checks its values when made, and round-trips through JSON.

    Raises:
        ValueError: a value is outside its range or not one of its choices, or is not finite.
        TypeError: a value has the wrong type.
    """

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for f in fields(self):
            name = f"{type(self).__name__}.{f.name}"
            value = _checked(name, getattr(self, f.name), hints[f.name])
            _check_range(name, value, f.metadata.get("low"), f.metadata.get("high"))
            object.__setattr__(self, f.name, value)

    def to_dict(self) -> dict[str, Any]:
        """The spec as JSON-ready values, with its class name under `"type"`."""
        return {"type": type(self).__name__} | {
            f.name: _plain(getattr(self, f.name)) for f in fields(self)
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The spec that `to_dict` described; knobs left out keep their defaults.

        Raises:
            ValueError: the type or a knob is unknown, or a value is out of range.
            TypeError: a value has the wrong type.
        """
        if not isinstance(values, dict):
            raise TypeError(f"{cls.__name__} must be given as an object, got {values!r}.")
        kind = values.get("type", cls.__name__)
        known = {c.__name__: c for c in _family(cls)}
        if kind not in known:
            raise ValueError(f"unknown {cls.__name__} {kind!r}; choose from {', '.join(known)}.")
        made: Any = known[kind]
        hints = _hints(made)
        given = {name: value for name, value in values.items() if name != "type"}
        for name in given:
            if name not in hints:
                raise ValueError(
                    f"unknown knob {name!r} of {kind}; choose from {', '.join(hints) or 'none'}."
                )
        return made(**{name: _revived(value, hints[name]) for name, value in given.items()})


@cache
def _hints(cls: type[Spec]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls)}


def _family(cls: type[Spec]) -> list[type[Spec]]:
    return [cls, *(c for child in cls.__subclasses__() for c in _family(child))]


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.to_dict()
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _revived(value: Any, hint: Any) -> Any:
    """Nested specs and tuples, which JSON knows only as objects and arrays."""
    if isinstance(value, dict):
        for option in _options(hint):
            if isinstance(option, type) and issubclass(option, Spec):
                return option.from_dict(value)
    return tuple(value) if isinstance(value, list) else value


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _checked(name: str, value: Any, hint: Any) -> Any:
    """The value as its hint's type: an int stands for a float, nothing else is converted."""
    wanted: list[str] = []
    for option in _options(hint):
        origin = get_origin(option)
        if origin is Literal:
            if value in get_args(option):
                return value
            wanted += [repr(choice) for choice in get_args(option)]
        elif origin is tuple:
            if isinstance(value, tuple):
                return tuple(_checked(name, v, get_args(option)[0]) for v in value)
            wanted.append("a tuple")
        elif option is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        elif isinstance(value, option) and not (option is int and isinstance(value, bool)):
            return value
        else:
            wanted.append("None" if option is NoneType else option.__name__)
    choices = f"{name} must be {' or '.join(wanted)}, got {value!r}."
    raise ValueError(choices) if get_origin(hint) is Literal else TypeError(choices)


def _check_range(name: str, value: Any, low: float | None, high: float | None) -> None:
    for v in value if isinstance(value, tuple) else (value,):
        if not isinstance(v, int | float):
            continue
        if not math.isfinite(v):
            raise ValueError(f"{name} must be finite, got {v!r}.")
        if low is not None and v < low:
            raise ValueError(f"{name} must be at least {low}, got {v!r}.")
        if high is not None and v > high:
            raise ValueError(f"{name} must be at most {high}, got {v!r}.")


def knobs(spec: Spec, prefix: str = "") -> dict[str, Any]:
    """Every knob of a spec as {dotted name: value}, nested specs included."""
    found: dict[str, Any] = {}
    for f in fields(spec):
        value = getattr(spec, f.name)
        if isinstance(value, Spec):
            found |= knobs(value, f"{prefix}{f.name}.")
        elif f.default is not MISSING:
            found[prefix + f.name] = value
    return found
