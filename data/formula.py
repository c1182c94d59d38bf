"""A function of x as a person types it, such as sin(x) + 0.5*sin(20*x); nothing is executed."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .formula_text import python_text, shortened
from .formula_words import ALLOWED, CONSTANTS, FUNCTIONS, LAZY

if TYPE_CHECKING:
    from torch import Tensor

Run = Callable[["Tensor"], "Tensor"]

LONGEST = 1000  # characters
_DEEPEST = 200  # terms of a sum and brackets within one another; Python itself stops at 1000

_SUMS: dict[type[ast.operator], Callable[[Tensor, Tensor], Tensor]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Mod: lambda a, b: a.remainder(b),
    ast.Pow: lambda a, b: a**b,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Tensor, Tensor], Tensor]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


@dataclass(frozen=True)
class Formula:
    """A function of x: float64 [n] -> float64 [n], differentiable by autograd.

    `text` is what was typed. ValueError, naming where, if a value is not finite.
    """

    text: str
    run: Run

    def __call__(self, x: Tensor) -> Tensor:
        values = self.run(x.double()).expand(x.shape)
        finite = values.isfinite()
        if not finite.all():
            place = x[~finite][0].item()
            raise ValueError(
                f"formula {shortened(self.text)} has no finite value at x = {place:.6g}; "
                "choose another --domain or another formula."
            )
        return values


def parse_formula(text: str) -> Formula:
    """The function that `text` describes, a Python expression of one variable.

    It has numbers, x, pi, e, + - * / % and powers (^ or **), comparisons with and, or and not
    (1 where true, 0 elsewhere), and the functions of `formula_words`; where(c, a, b) is a where
    c holds and b elsewhere. Everything is float64 from the start, so no power takes long.
    ValueError, naming the place and what is allowed, for everything else.
    """
    shown = " ".join(text.split())
    if len(shown) > LONGEST:
        raise ValueError(f"a formula must have at most {LONGEST} characters, got {len(shown)}.")
    reader = _Reader(shown)
    return Formula(shown, reader.read())


def parse_domain(text: str) -> tuple[float, float]:
    """(low, high) from two numbers with a comma between, such as '-1,1' or '-pi,2*pi'.

    ValueError unless both are finite and low is below high.
    """
    try:
        low, high = (_number(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"domain must be two numbers such as -1,1 or -pi,pi, got {shortened(text)}."
        ) from None
    if not low < high:
        raise ValueError(f"domain must go from a number to a larger one, got {shortened(text)}.")
    return low, high


def _number(text: str) -> float:
    """The value of a formula without x; ValueError where it has x or is not finite."""
    import torch

    # NaN spreads to whatever depends on x.
    return float(parse_formula(text)(torch.tensor([math.nan], dtype=torch.float64)))


class _Reader:
    """Turns the syntax tree of a formula into functions, node by node; what it does not know it
    refuses."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.code, self.places = python_text(text)

    def read(self) -> Run:
        try:
            tree = ast.parse(self.code, mode="eval")
        except SyntaxError as error:
            place = error.offset - 1 if error.offset else len(self.code)
            raise self._refusal(place, "it is not complete or not in order") from None
        except (MemoryError, RecursionError):
            raise self._refusal(0, "it is nested too deeply") from None
        return self._node(tree.body, 0)

    def _node(self, node: ast.expr, depth: int) -> Run:
        if depth > _DEEPEST:
            raise self._at(node, "it is nested too deeply")
        match node:
            case ast.Constant(value=bool()):
                raise self._at(node, "true and false are not numbers")
            case ast.Constant(value=int() | float()):
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp():
                return self._sign(node, depth)
            case ast.BinOp():
                return self._sum(node, depth)
            case ast.Compare() | ast.BoolOp():
                return self._condition(node, depth)
            case ast.Call():
                return self._call(node, depth)
        raise self._at(node, "it cannot stand in a formula")

    def _constant(self, node: ast.Constant) -> Run:
        try:
            return _always(float(node.value))  # type: ignore[arg-type]
        except OverflowError:
            raise self._at(node, "the number is too large") from None

    def _name(self, node: ast.Name) -> Run:
        if node.id == "x":
            return lambda x: x
        if node.id in CONSTANTS:
            return _always(CONSTANTS[node.id])
        raise self._at(node, f"write {node.id}(…)")  # the only other names are functions

    def _sign(self, node: ast.UnaryOp, depth: int) -> Run:
        inner = self._node(node.operand, depth + 1)
        if isinstance(node.op, ast.USub):
            return lambda x: -inner(x)
        if isinstance(node.op, ast.Not):
            return lambda x: (inner(x) == 0).to(x.dtype)
        if isinstance(node.op, ast.UAdd):
            return inner
        raise self._at(node, "this sign is not known")

    def _sum(self, node: ast.BinOp, depth: int) -> Run:
        apply = _SUMS.get(type(node.op))
        if apply is None:
            raise self._at(node.right, "the sign before it is not known")
        left, right = self._node(node.left, depth + 1), self._node(node.right, depth + 1)
        return lambda x: apply(left(x), right(x))

    def _condition(self, node: ast.Compare | ast.BoolOp, depth: int) -> Run:
        """1 where a chain of comparisons, or of conditions, holds; 0 elsewhere."""
        if isinstance(node, ast.BoolOp):
            parts = [self._node(part, depth + 1) for part in node.values]
            if isinstance(node.op, ast.And):
                return lambda x: _all([part(x) != 0 for part in parts]).to(x.dtype)
            return lambda x: (~_all([part(x) == 0 for part in parts])).to(x.dtype)
        sides = [self._node(side, depth + 1) for side in (node.left, *node.comparators)]
        if any(type(sign) not in _COMPARISONS for sign in node.ops):
            raise self._at(node, "this comparison is not known")
        signs = [_COMPARISONS[type(sign)] for sign in node.ops]

        def run(x: Tensor) -> Tensor:
            values = [side(x) for side in sides]
            pairs = zip(signs, values, values[1:], strict=False)
            return _all([sign(a, b) for sign, a, b in pairs]).to(x.dtype)

        return run

    def _call(self, node: ast.Call, depth: int) -> Run:
        if not isinstance(node.func, ast.Name):
            raise self._at(node, "only a function can stand before a bracket")
        name = node.func.id
        if name == LAZY:
            return _where(*self._values(node, name, 3, depth))
        if name not in FUNCTIONS:
            raise self._at(node, f"{name} is not a function")
        takes, apply = FUNCTIONS[name]
        inner = self._values(node, name, takes, depth)
        return lambda x: apply(*(value(x) for value in inner))

    def _values(self, node: ast.Call, name: str, takes: int, depth: int) -> list[Run]:
        if node.keywords or len(node.args) != takes:
            raise self._at(node, f"{name} takes {takes} value{'s' if takes > 1 else ''}")
        return [self._node(value, depth + 1) for value in node.args]

    def _at(self, node: ast.expr, reason: str) -> ValueError:
        return self._refusal(node.col_offset, reason)

    def _refusal(self, offset: int, reason: str) -> ValueError:
        """The error for what stands at `offset` of the code, counted in what was typed."""
        place = self.places[min(max(offset, 0), len(self.places) - 1)]
        return ValueError(
            f"formula {shortened(self.text)}, character {place + 1}: {reason}; "
            f"it may have numbers, + - * / % ^, comparisons, and {ALLOWED}."
        )


def _always(value: float) -> Run:
    return lambda x: x.new_tensor(value)


def _all(conditions: list[Tensor]) -> Tensor:
    result = conditions[0]
    for condition in conditions[1:]:
        result = result & condition
    return result


def _where(condition: Run, yes: Run, no: Run) -> Run:
    """`yes` where `condition` is not 0, `no` elsewhere, each computed only at its own x: neither
    an infinity of the other nor its slope gets through."""

    def run(x: Tensor) -> Tensor:
        chosen = (condition(x) != 0).expand(x.shape)
        values = x.new_zeros(x.shape)
        for mask, branch in ((chosen, yes), (~chosen, no)):
            part = x[mask]
            values = values.masked_scatter(mask, branch(part).expand(part.shape))
        return values

    return run
