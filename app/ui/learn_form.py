"""A component with a widget for each knob of a spec, so that what is not yet written has one too.

gradio's own widgets are made once with the page; which knobs there are is known only once a study
is chosen.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import gradio as gr

from fields.spec import Spec

S = TypeVar("S", bound=Spec)

SCRIPT = Path(__file__).with_name("learn_form.js")
MOST_LETTERS = 2000  # of what is typed for a knob
PLACES = 1000  # of a slider
WIDE = 50  # from the end of a slider to its beginning, above which it counts in powers


def form(elem_id: str, spec: Spec) -> gr.HTML:
    """The component; its value is a spec as `written`, with what a person has changed."""
    return gr.HTML(
        written(spec),
        html_template='<div class="ff-form" data-part="form"></div>',
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
    )


def written(spec: Spec) -> str:
    """The form of a spec: JSON [{name, label, help, kind, value, low, high, powers, choices}]."""
    hints = get_type_hints(type(spec))
    return json.dumps([
        {
            "name": f.name,
            "label": f.name.replace("_", " ").capitalize(),
            "help": f.metadata.get("help", ""),
            "value": as_text(getattr(spec, f.name)),
            **_widget(hints[f.name], f.metadata.get("low"), f.metadata.get("high")),
        }
        for f in fields(spec)
    ])  # fmt: skip


def _widget(hint: Any, low: float | None, high: float | None) -> dict[str, Any]:
    if get_origin(hint) is Literal:
        return {"kind": "choice", "choices": [str(c) for c in get_args(hint)]}
    if hint not in (int, float):
        return {"kind": "text"}
    if low is None or high is None:
        return {"kind": "number", "low": low, "high": high, "whole": hint is int}
    powers = low > 0 and high / low > WIDE
    kind = "slider" if powers or hint is float or high - low <= PLACES else "number"
    return {"kind": kind, "low": low, "high": high, "whole": hint is int, "powers": powers}


def values_of(value: Any) -> dict[str, str]:
    """What stands in a form, by the names of the knobs.

    Raises:
        ValueError: it is no form's value.
    """
    try:
        return {str(row["name"]): str(row["value"])[:MOST_LETTERS] for row in json.loads(value)}
    except (TypeError, KeyError, ValueError):
        raise ValueError("The form was sent damaged; reload the page.") from None


def as_text(value: Any) -> str:
    """A knob's value as it is typed, in a form and in an address."""
    if isinstance(value, tuple):
        return ", ".join(as_text(v) for v in value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def changed(spec: S, values: Mapping[str, str]) -> S:
    """The spec with the knobs that are named set to what was typed.

    Raises:
        ValueError: a knob is unknown, cannot be read or is out of range; one line that names it.
    """
    hints = get_type_hints(type(spec))
    unknown = [name for name in values if name not in hints]
    if unknown:
        raise ValueError(f"There is no knob {unknown[0]!r}; there are {', '.join(hints)}.")
    read = {name: _read(name, text, hints[name]) for name, text in values.items()}
    try:
        return replace(spec, **read)
    except (ValueError, TypeError) as error:
        raise ValueError(str(error).replace(f"{type(spec).__name__}.", "")) from None


def _read(name: str, text: str, hint: Any) -> Any:
    words = name.replace("_", " ")
    text = text.strip()
    if get_origin(hint) is tuple:
        part = get_args(hint)[0]
        return tuple(_read(name, one, part) for one in text.replace(",", " ").split())
    if hint is bool:
        return text.lower() == "true"
    if hint not in (int, float):
        return text
    try:
        number = float(text)
        if hint is float:
            return number
        if number == int(number):
            return int(number)
    except (ValueError, OverflowError):
        pass
    what = "a whole number" if hint is int else "a number"
    raise ValueError(f"{words} must be {what}, got {text!r}.")


def differences(spec: Spec, base: Spec) -> dict[str, str]:
    """The knobs in which a spec is not as another of its kind, as they are typed."""
    return {
        f.name: as_text(getattr(spec, f.name))
        for f in fields(spec)
        if getattr(spec, f.name) != getattr(base, f.name)
    }
