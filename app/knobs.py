"""Specs as flags: the one place that turns knobs into a command line and back."""

from dataclasses import field, fields, make_dataclass, replace
from typing import Annotated, Any, TypeVar, get_type_hints

import tyro

from fields import ACTIVATIONS, ENCODINGS, NETWORKS, SOLVERS, PatchGroups
from fields.spec import Spec

S = TypeVar("S", bound=Spec)
PARTS: dict[str, Any] = {
    "encoding": ENCODINGS,
    "network": NETWORKS,
    "activation": ACTIVATIONS,
    "solver": SOLVERS | {PatchGroups.__name__: PatchGroups},
}


def parse_knobs(config: S, args: list[str], *, program: str, without: frozenset[str]) -> S:
    """A config with its knobs set from dotted flags, e.g. `--field.encoding.levels 8`.

    The kind of a part is a flag too: `--field.network.activation Tanh`.

    Args:
        without: names of top-level knobs that have flags elsewhere.

    Raises:
        ValueError: a part is unknown or a value is out of range.
        SystemExit: a flag is unknown or cannot be read; tyro has said so on stderr.
    """
    args = [piece for arg in args for piece in _split(arg)]
    config, args = _choose_parts(config, args)
    flags = tyro.cli(
        _flags(config, without), args=args, prog=program, description="Knobs of the method."
    )
    return _from_flags(config, flags)


def _split(arg: str) -> list[str]:
    name, eq, value = arg.partition("=")
    return [name, value] if eq and arg.startswith("--") else [arg]


def _choose_parts(config: S, args: list[str]) -> tuple[S, list[str]]:
    rest: list[str] = []
    pending = list(args)
    while pending:
        flag = pending.pop(0)
        name = flag.removeprefix("--").replace("-", "_")
        part = PARTS.get(name.rpartition(".")[2])
        path = name.split(".")
        if part is None or not flag.startswith("--") or not pending or _is_plain(config, path):
            rest.append(flag)
            continue
        kind = pending.pop(0)
        if kind not in part:
            raise ValueError(f"{flag} must be one of {', '.join(part)}, got {kind!r}.")
        config = _with_part(config, path, part[kind]())
    return config, rest


def _is_plain(spec: Any, path: list[str]) -> bool:
    """Whether a knob that is called like a part is a plain value, as in a study."""
    for name in path:
        spec = getattr(spec, name, None)
    return spec is not None and not isinstance(spec, Spec)


def _with_part(spec: S, path: list[str], part: Spec) -> S:
    old = getattr(spec, path[0], None)
    if not isinstance(old, Spec):
        raise ValueError(f"{type(spec).__name__} has no part {path[0]!r}.")
    new = _with_part(old, path[1:], part) if len(path) > 1 else part
    return replace(spec, **{path[0]: new})  # pyright: ignore[reportArgumentType]


def _flags(spec: Spec, without: frozenset[str] = frozenset()) -> type:
    """A dataclass that tyro reads, with the spec's values as defaults."""
    hints = get_type_hints(type(spec))
    made: list[tuple[str, Any, Any]] = []
    for f in fields(spec):
        if f.name in without:
            continue
        value = getattr(spec, f.name)
        if isinstance(value, Spec):
            nested = _flags(value)
            made.append((f.name, nested, field(default_factory=nested)))
        else:
            help = f.metadata.get("help", "") + _range(f.metadata)
            kind = Annotated[hints[f.name], tyro.conf.arg(help=help)]
            made.append((f.name, kind, field(default=value)))
    cls = make_dataclass(type(spec).__name__, made, frozen=True, kw_only=True)
    cls.__doc__ = (type(spec).__doc__ or "").split("\n")[0]
    return cls


def _range(metadata: Any) -> str:
    low, high = metadata.get("low"), metadata.get("high")
    if low is None and high is None:
        return ""
    return f", {low:g} to {high:g}" if high is not None else f", at least {low:g}"


def _from_flags(spec: S, flags: Any) -> S:
    changed: dict[str, Any] = {}
    for f in fields(flags):
        old, new = getattr(spec, f.name), getattr(flags, f.name)
        changed[f.name] = _from_flags(old, new) if isinstance(old, Spec) else new
    return replace(spec, **changed)


def shown(spec: Spec, prefix: str = "") -> dict[str, Any]:
    """Every knob of a spec by its dotted name, and the kind of every part."""
    found: dict[str, Any] = {}
    for f in fields(spec):
        value = getattr(spec, f.name)
        if isinstance(value, Spec):
            found[prefix + f.name] = type(value).__name__
            found |= shown(value, f"{prefix}{f.name}.")
        else:
            found[prefix + f.name] = value
    return found


def as_flags(config: Spec, base: Spec) -> list[str]:
    """The flags that turn `base` into `config`: what a person types to repeat a run."""
    flags: list[str] = []
    before = shown(base)
    for name, value in shown(config).items():
        if name not in before or before[name] != value:
            if value is None or name == "field":
                continue
            if isinstance(value, bool):
                head, _, tail = name.rpartition(".")
                prefix = f"--{head}." if head else "--"
                flags.append(prefix + ("" if value else "no-") + tail.replace("_", "-"))
            elif isinstance(value, tuple):
                flags += [f"--{_dashed(name)}", *(f"{v:g}" for v in value)]
            else:
                flags += [f"--{_dashed(name)}", str(value)]
    return flags


def _dashed(name: str) -> str:
    return name.replace("_", "-")


