"""A formula's letters and names: which there may be, and what Python writes for them."""

import re

from .formula_words import ALLOWED, CONSTANTS, FUNCTIONS, LAZY

_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|[<>=!]=|[-+*/%^<>(),])"
    r"|(?P<blank> +)",
    re.ASCII,
)
_LETTERS = {"π": "pi", "−": "-", "–": "-", "·": "*", "×": "*", "÷": "/", "²": "^2", "³": "^3"}
_CALLS = (LAZY, *FUNCTIONS)
_JOINING = ("and", "or", "not")
_SHOWN = 60  # characters of a formula that an error repeats


def shortened(text: str) -> str:
    """`text` in quotes, as much of it as an error has room for."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def python_text(text: str) -> tuple[str, list[int]]:
    """`text` as Python writes it, and where in `text` each of its letters comes from; the last
    place is the end.

    A power ^ becomes **, for Python's ^ would bind more loosely than +. ValueError, naming the
    place, for letters and names that no formula has, and for a product without its sign.
    """
    typed, origin = _plain(text)
    code, places = "", []
    before = ""  # what stands before, if a value ends there
    position = 0
    while position < len(typed):
        found = _TOKEN.match(typed, position)
        token = found.group() if found else typed[position]
        if wrong := _wrong(token, found.lastgroup if found else None, before):
            raise ValueError(
                f"formula {shortened(text)}, character {origin[position] + 1}: {wrong}."
            )
        written = "**" if token == "^" else token
        places += [origin[min(position + n, len(typed) - 1)] for n in range(len(written))]
        code += written
        position += len(token)
        if token.strip():
            before = token if _is_value(token) or token == ")" else ""
    if not code.strip():
        raise ValueError("a formula must have something in it, such as sin(x) + 0.5*sin(20*x).")
    return code, [*places, len(text)]


def _plain(text: str) -> tuple[str, list[int]]:
    """`text` with mathematicians' letters as one types them, and each letter's place in `text`."""
    parts = [(_LETTERS.get(letter, letter), place) for place, letter in enumerate(text)]
    return "".join(part for part, _ in parts), [place for part, place in parts for _ in part]


def _wrong(token: str, kind: str | None, before: str) -> str:
    """What is wrong with `token` after the value that ends with `before`; '' if nothing is."""
    if kind is None:
        return f"{token!r} has no meaning here"
    if kind == "name" and token not in ("x", *CONSTANTS, *_CALLS, *_JOINING):
        return f"{token!r} is not known; choose from {ALLOWED}"
    if before in _CALLS:
        return f"write {before}(…)" if _is_value(token) else ""
    if before and (_is_value(token) or token == "("):
        return f"write {before}*{token}"
    return ""


def _is_value(token: str) -> bool:
    """Whether `token` is a number or a name, a function's too."""
    return (token[0].isalnum() or token[0] in "._") and token not in _JOINING
