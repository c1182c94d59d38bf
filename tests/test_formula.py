"""Formulas as people type them: what they mean, and that nothing else gets through."""

import math
import random

import pytest
import torch

from data import parse_domain, parse_formula
from data.formula_words import FUNCTIONS

X = torch.arange(-20, 21, dtype=torch.float64) / 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sin(x) + sin(3*x)", X.sin() + (3 * X).sin()),
        ("x^2 + 1", X**2 + 1),
        ("-x^2", -(X**2)),
        ("2^-x", 2**-X),
        ("x % 1", X.remainder(1)),
        ("1 - 2 - 3 + 0*x", -4 + 0 * X),
        ("π·x²", math.pi * X**2),
        ("e", torch.full_like(X, math.e)),
        ("1.5e-1*x", 0.15 * X),
        ("-1 < x <= 1", ((X > -1) & (X <= 1)).double()),
        ("x < 0 and not x < -1 or x > 1", (((X < 0) & (X >= -1)) | (X > 1)).double()),
        ("max(x, 0) + min(x, 0)", X),
        ("gauss(x)", (-X * X / 2).exp()),
        ("sinc(x)*x", X.sin()),
        ("+x", X),
    ],
)
def test_a_formula_means_what_it_says(text, expected):
    values = parse_formula(text)(X)
    assert values.dtype == torch.float64
    assert torch.allclose(values, expected, atol=1e-14)


def test_every_function_takes_what_it_says_it_does():
    for name, (takes, _) in FUNCTIONS.items():
        text = f"{name}({', '.join(['0.3*gauss(x)'] * takes)})"
        assert parse_formula(text)(X).shape == X.shape
        with pytest.raises(ValueError, match=f"{name} takes {takes} value"):
            parse_formula(f"{name}({', '.join(['x'] * (takes + 1))})")


@pytest.mark.parametrize("name", ["square", "sawtooth", "triangle"])
def test_waves_have_the_period_and_the_range_of_a_sine(name):
    wave = parse_formula(f"{name}(x)")
    places = torch.rand(1000, generator=torch.Generator().manual_seed(0)).double() * 6
    values = wave(places)
    assert torch.allclose(values, wave(places - 2 * math.pi), atol=1e-9)
    assert values.min() >= -1
    assert values.max() <= 1
    assert values.max() - values.min() > 1.9


def test_where_neither_computes_nor_differentiates_the_branch_that_is_not_taken():
    x = X.clone().requires_grad_(True)
    values = parse_formula("where(x > 0, x*sqrt(x), x^2)")(x)
    (slope,) = torch.autograd.grad(values.sum(), x)
    expected = torch.where(X > 0, 1.5 * X.clamp(min=0).sqrt(), 2 * X)
    assert torch.allclose(slope, expected)


def test_a_formula_has_its_slope():
    x = X.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(parse_formula("exp(x)*sin(3*x)")(x).sum(), x)
    assert torch.allclose(slope, X.exp() * ((3 * X).sin() + 3 * (3 * X).cos()))


@pytest.mark.parametrize(("text", "place"), [("1/x", "0"), ("log(x)", "-2"), ("9^9^9^9", "-2")])
def test_what_is_not_finite_is_named_with_its_place(text, place):
    with pytest.raises(ValueError, match=f"no finite value at x = {place};"):
        parse_formula(text)(X)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2x", r"character 2: write 2\*x"),
        ("2 pi x", r"character 3: write 2\*pi"),
        ("x(1 + x)", r"character 2: write x\*\("),
        ("sin x", r"character 5: write sin\(…\)"),
        ("sin", r"character 1: write sin\(…\)"),
        ("x^2 + sin(y)", "character 11: 'y' is not known; choose from x, pi, e, where, sin"),
        ("x² + y", "character 6: 'y' is not known"),
        ("sin(x", "character 4: it is not complete or not in order"),
        ("x^2 +", "character 6: it is not complete or not in order"),
        ("x^2 + x//2", "character 10: the sign before it is not known"),
        ("pi(x)", r"write pi\*\("),
        ("(x, x)", "character 1: it cannot stand in a formula"),
        ("x.real", "character 2: '.' has no meaning here"),
        ("__import__('os')", "'__import__' is not known"),
        ("sin(x=1)", "'=' has no meaning here"),
        ("sin(*x)", "character 5: it cannot stand in a formula"),
        ("9" * 400, "the number is too large"),
        ("-" * 500 + "x", "nested too deeply"),
        ("(" * 300 + "x" + ")" * 300, "nested too deeply|not complete"),
        ("x" + "+x" * 600, "at most 1000 characters"),
        ("  ", "must have something in it"),
        ("x\0", "has no meaning here"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(text, says):
    with pytest.raises(ValueError, match=says) as refusal:
        parse_formula(text)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_a_long_sum_is_a_formula():
    text = "+".join(f"sin({n}*x)" for n in range(1, 90))
    assert torch.allclose(parse_formula(text)(X), sum((n * X).sin() for n in range(1, 90)))


def test_whatever_is_typed_is_a_formula_or_one_line():
    words = ["x", "sin", "where", "(", ")", ",", "^", "**", "-", "%", "<", "==", "and", "not", "2"]
    words += ["1e9", ".", " ", "if", "lambda", ":", "[", "'", "\\", "\n", "#", "é", "²", "π", "@"]
    choose = random.Random(0)
    refusals = []
    for _ in range(3000):
        text = "".join(choose.choices(words, k=choose.randint(1, 12)))
        try:
            parse_formula(text)(X)
        except ValueError as error:
            refusals.append(str(error))
    assert 1000 < len(refusals) < 3000
    assert not any("\n" in refusal for refusal in refusals)


def test_a_domain_may_be_in_pi():
    assert parse_domain("-1,1") == (-1, 1)
    assert parse_domain("-pi, 2*pi") == (-math.pi, 2 * math.pi)


@pytest.mark.parametrize("text", ["1", "1,2,3", "1,1", "2,1", "x,1", "0,1/0", "a,b", "", "-pi,"])
def test_what_is_no_domain_is_refused(text):
    with pytest.raises(ValueError, match="domain must"):
        parse_domain(text)
