"""L-BFGS and Levenberg-Marquardt: on functions whose minimum is known, and on fields."""

import math
from dataclasses import replace
from itertools import islice, pairwise

import pytest
import torch

from fields import (
    LBFGS,
    MLP,
    BackendUnavailable,
    FieldSpec,
    FitConfig,
    ImageTask,
    LevenbergMarquardt,
    SignalTask,
    fit,
    method_config,
)
from fields.activations import Tanh
from fields.encodings import HashGrid, Identity
from fields.fit import check
from fields.kernels.backends import missing
from fields.solvers import balanced
from fields.solvers.lbfgs import minimise
from fields.solvers.levenberg import System, add_square
from fields.tasks import Term

X = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None]
SMALL = FitConfig(
    field=FieldSpec(encoding=Identity(), network=MLP(widths=(8, 8), activation=Tanh())),
    solver=LevenbergMarquardt(iterations=40),
    steps=None,
    precision="fp64",
    device="cpu",
    backend="torch",
    report=1,
)


@pytest.fixture
def wave() -> SignalTask:
    return SignalTask(X, torch.sin(4 * X))


def quadratic(size: int):
    """A badly scaled quadratic with its minimum, of value 0, at 1."""
    scales = torch.logspace(0, 2, size, dtype=torch.float64)

    def function(x):
        return float((scales * (x - 1) ** 2).sum()), 2 * scales * (x - 1)

    return function


def rosenbrock(x):
    a, b = 1 - x[:-1], x[1:] - x[:-1] ** 2
    gradient = torch.zeros_like(x)
    gradient[:-1] = -2 * a - 400 * b * x[:-1]
    gradient[1:] += 200 * b
    return float((a * a).sum() + 100 * (b * b).sum()), gradient


@pytest.mark.parametrize(
    ("function", "size"), [(quadratic(20), 20), (rosenbrock, 2), (rosenbrock, 10)]
)
def test_lbfgs_finds_the_minimum_and_never_climbs(function, size):
    start = torch.full((size,), -0.9, dtype=torch.float64)
    found = list(islice(minimise(function, start, memory=10), 400))
    assert all(later < earlier for (earlier, _), (later, _) in pairwise(found))
    assert found[-1][0] < 1e-16
    assert torch.allclose(found[-1][1], torch.ones(size, dtype=torch.float64), atol=1e-6)


def test_lbfgs_ends_where_nothing_is_lower():
    flat = list(minimise(lambda x: (1.0, torch.zeros_like(x)), torch.zeros(3), memory=5))
    assert len(flat) == 1

    def cliff(x):
        return (math.nan if float(x.abs().max()) > 0 else 1.0), torch.ones_like(x)

    assert len(list(minimise(cliff, torch.zeros(2, dtype=torch.float64), memory=5))) == 1


@pytest.mark.parametrize("rows", [1, 7, 50])
def test_the_square_of_a_matrix_by_blocks(rows):
    matrix = torch.randn(rows, 23, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    total = torch.zeros(23, 23, dtype=torch.float64)
    add_square(total, matrix, 0.5)
    assert torch.allclose(total.tril(), (0.5 * matrix.T @ matrix).tril(), atol=1e-12)


def test_the_normal_equations_are_those_of_autograd(wave):
    field = SMALL.field.build(1, 1, torch.Generator().manual_seed(0)).double()
    terms = wave.terms(field, wave.whole(1.0))
    curvature, slope = System(field, terms).normal()
    (wave.loss(field, (wave.x, wave.values))).backward()
    gradient = torch.cat([p.grad.flatten() for p in field.parameters()])
    assert torch.allclose(2 * slope, gradient, atol=1e-12)
    assert torch.allclose(curvature, curvature.T)
    assert float(torch.linalg.eigvalsh(curvature).min()) > -1e-10


def test_a_field_that_is_linear_is_solved_in_a_step():
    linear = replace(
        SMALL,
        field=FieldSpec(encoding=Identity(), network=MLP(depth=0)),
        solver=LevenbergMarquardt(iterations=1, damping=1e-12),
    )
    task = SignalTask(X, 3 * X - 1)
    *_, end = fit(task, linear)
    assert task.evaluate(end.field)["max_error"] < 1e-9


@pytest.mark.parametrize(
    ("solver", "bound"),
    [(LevenbergMarquardt(iterations=60), 1e-3), (LBFGS(adam=50, iterations=200), 3e-3)],
)
def test_they_reach_what_descent_does_not(wave, solver, bound):
    reports = list(fit(wave, replace(SMALL, solver=solver)))
    assert wave.evaluate(reports[-1].field)["rel_l2"] < bound
    shares = [r.share for r in reports]
    assert shares == sorted(shares)
    assert (shares[-1], reports[-1].end) == (1.0, "steps")
    descent = replace(SMALL, solver=FitConfig().solver, steps=250, batch=101, lr=1e-2)
    *_, plain = fit(wave, descent)
    assert wave.evaluate(plain.field)["rel_l2"] > 2 * bound


def test_equal_configs_give_equal_solutions(wave):
    ends = [[*fit(wave, SMALL)][-1].field.state_dict() for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*(e.values() for e in ends), strict=True))


def test_too_many_parameters_and_tables_are_refused(wave):
    large = replace(SMALL, field=FieldSpec(encoding=Identity(), network=MLP(width=256)))
    with pytest.raises(ValueError, match="4,000 at most"):
        next(fit(wave, large))
    grid = replace(SMALL, solver=LBFGS(), field=FieldSpec(encoding=HashGrid(levels=2)))
    with pytest.raises(ValueError, match="Descent"):
        next(fit(wave, grid))


def test_balanced_factors_are_the_traces_of_the_kernels():
    field = FieldSpec(encoding=Identity(), network=MLP(depth=0)).build(1, 1, torch.Generator())
    x = torch.tensor([[0.0], [2.0]])
    value = Term("value", 1.0, (x,), lambda f, x: f.own(x)[..., 0])
    tenfold = Term("tenfold", 1.0, (x,), lambda f, x: 10 * f.own(x)[..., 0])
    found = balanced(field, [value, tenfold])
    # Of w x + b the kernel is x x' + 1: its trace over both points is 6, and 600 tenfold.
    assert found["value"] == pytest.approx(606 / 6)
    assert found["tenfold"] == pytest.approx(606 / 600)


@pytest.mark.parametrize("solver", [LBFGS(), LevenbergMarquardt(adam=5)])
def test_what_cannot_be_taken_whole_is_refused_before_it_begins(solver):
    task = ImageTask(torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(0)))
    with pytest.raises(ValueError, match="draws alone"):
        check(task, replace(SMALL, solver=solver))


def test_terms_that_cannot_be_balanced_are_refused_before_a_step():
    task = ImageTask(torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(0)))
    run = fit(task, replace(SMALL, solver=FitConfig().solver, steps=5, balance=2))
    assert next(run).step == 0
    with pytest.raises(ValueError, match="balance at 0"):
        next(run)


@pytest.mark.parametrize("name", ["hash", "dense", "spline"])
def test_grids_are_fitted_in_double_precision_by_torch(name):
    task = ImageTask(torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(0)))
    config, _ = method_config(name, task)
    doubles = replace(config, precision="fp64", steps=3, device="cpu")
    *_, end = fit(task, doubles)
    assert end.backend == "torch"
    assert {p.dtype for p in end.field.parameters()} == {torch.float64}
    if missing("numba", torch.device("cpu")) is None:
        with pytest.raises(BackendUnavailable, match="double precision"):
            check(task, replace(doubles, backend="numba"))
