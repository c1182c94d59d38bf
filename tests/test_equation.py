"""Differential equations: their exact solutions, their energies, and small ones solved."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from fields import FieldSpec, FitConfig, fit
from fields.activations import Sine
from fields.encodings import Identity
from fields.networks import MLP
from fields.problems import (
    PROBLEMS,
    Problem,
    growth,
    heat,
    helmholtz,
    poisson,
    poisson_boltzmann,
    two_scales,
    wave,
)
from fields.tasks import EquationTask

# At which waves a lattice and float64 tell well; the papers' own are faster.
SMALL = {
    "poisson": poisson(2),
    "two_scales": two_scales(2, 6),
    "poisson_boltzmann": poisson_boltzmann(3.0, 7.0),
    "helmholtz": helmholtz(20.0, 3.0),
    "growth": growth(),
    "heat": heat(3),
    "wave": wave(2.0),
}


class Exact(nn.Module):
    """A field that is a problem's solution, plus a multiple of a bump."""

    def __init__(self, problem: Problem, bump: float = 0.0) -> None:
        super().__init__()
        self.problem, self.bump = problem, bump
        self.network, self.encoding, self.earlier = nn.Identity(), nn.Identity(), None
        self.in_dim = problem.dim
        self.register_buffer("shift", torch.zeros(1, dtype=torch.float64))

    def own(self, x: Tensor) -> Tensor:
        values = self.problem.solution(self.problem.places(x))
        return (values + self.bump * torch.cos(math.pi / 2 * x).prod(1))[:, None]

    def forward(self, x: Tensor) -> Tensor:
        return self.own(x)


@pytest.fixture(params=PROBLEMS)
def problem(request) -> Problem:
    return SMALL[request.param]


def batch_of(task: EquationTask, n: int, rng: torch.Generator):
    return next(task.batches(n, rng))


def residuals(field: Exact, task: EquationTask, batch) -> dict[str, float]:
    """The largest residual of each term."""
    found: dict[str, float] = {}
    for term in task.terms(field, batch):
        worst = float(term.residual(field, *term.points).detach().abs().max())
        found[term.name] = max(worst, found.get(term.name, 0.0))
    return found


def test_the_exact_solution_leaves_nothing(problem, rng):
    task = EquationTask(problem)
    for batch in (batch_of(task, 50, rng), task.whole(1.0)):
        found = residuals(Exact(problem), task, batch)
        assert set(found) == {"equation"} | {c.name for c in problem.conditions}
        scale = problem.symbol(problem.waves)
        assert found.pop("equation") < 1e-9 * max(1.0, scale)
        assert max(found.values()) < 1e-12 * max(1.0, scale)
    assert task.evaluate(Exact(problem))["rel_l2"] == 0


def test_what_is_no_solution_leaves_something(problem, rng):
    task = EquationTask(problem)
    found = residuals(Exact(problem, bump=0.1), task, batch_of(task, 50, rng))
    assert found["equation"] > 1e-3
    assert task.evaluate(Exact(problem, bump=0.1))["rel_l2"] > 1e-3


def test_the_papers_own_knobs_solve_their_problems(rng):
    for make in PROBLEMS.values():
        made = make()
        task = EquationTask(made)
        found = residuals(Exact(made), task, batch_of(task, 20, rng))
        assert found["equation"] < 1e-8 * made.symbol(made.waves)


def test_the_energy_is_least_at_the_solution():
    for made in (SMALL["poisson"], SMALL["poisson_boltzmann"]):
        task = EquationTask(made, form="ritz", faces=10.0)
        # The mean over the middles of many equal parts is the integral.
        x = (2 * torch.arange(2000, dtype=torch.float64)[:, None] + 1) / 2000 - 1
        batch = x, task.whole(1.0)[1]
        with torch.no_grad():
            energy = {b: float(task.loss(Exact(made, bump=b), batch)) for b in (-0.1, 0.0, 0.1)}
        assert energy[0.0] < min(energy[-0.1], energy[0.1])
        assert energy[-0.1] == pytest.approx(energy[0.1], rel=1e-3)  # so the first order is 0


def test_draws_lie_inside_and_on_the_faces(problem, rng):
    task = EquationTask(problem, edge=7)
    first, second = (next(task.batches(30, rng)) for _ in range(2))
    for x, faces in (first, task.whole(1.0)):
        assert x.abs().max() <= 1
        assert len(faces) == len(problem.conditions)
        for condition, face in zip(problem.conditions, faces, strict=True):
            assert (face[:, condition.axis] == (1.0 if condition.upper else -1.0)).all()
            assert face.abs().max() <= 1
    assert not torch.equal(first[0], second[0])
    for face in first[1]:
        assert face.shape == ((7, 2) if problem.dim == 2 else (1, 1))


def test_conditions_of_one_name_share_their_weight(rng):
    task = EquationTask(poisson(1), faces=6.0)
    terms = task.terms(Exact(poisson(1)), batch_of(task, 5, rng))
    assert [(t.name, t.weight) for t in terms] == [
        ("equation", 1.0), ("boundary", 3.0), ("boundary", 3.0)
    ]  # fmt: skip


def test_the_leftover_of_a_wave_is_its_size_and_its_frequency():
    """An error of one wave, told from the residual that it leaves."""
    made = poisson(8)
    nothing = replace(made, solution=lambda x: torch.zeros_like(x[:, 0]))
    left = EquationTask(made).leftover(Exact(nothing))
    assert left.frequency == pytest.approx(8, rel=0.05)
    assert left.size == pytest.approx(0.5**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: poisson(0), "waves must be at least 1"),
        (lambda: two_scales(5, 2), "high must be at least 5"),
        (lambda: poisson_boltzmann(0.0), "screening must be at least 0.001"),
        (lambda: helmholtz(math.pi * 4), "is resonant"),
        (lambda: helmholtz(3.0, 3.0), "is resonant"),
        (lambda: heat(0), "waves must be at least 1"),
        (lambda: wave(math.nan), "speed must be at least 0.001"),
        (lambda: EquationTask(growth(), form="ritz"), "growth minimises no energy"),
        (lambda: EquationTask(helmholtz(), form="ritz"), "helmholtz minimises no energy"),
        (lambda: EquationTask(growth(), inside=0.0), "inside must be above 0"),
        (lambda: EquationTask(growth(), faces=math.inf), "faces must be above 0"),
        (lambda: EquationTask(growth(), edge=0), "edge must be at least 1"),
        (lambda: replace(growth(), lower=(1.0,), upper=(0.0,)), "upper ends above"),
        (lambda: replace(growth(), first=(1.0, 1.0)), "must agree in length"),
    ],
)
def test_what_makes_no_problem_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("form", ["strong", "ritz"])
def test_a_small_problem_is_solved(form):
    task = EquationTask(poisson(1), form=form, faces=20.0)
    network = MLP(width=16, depth=2, activation=Sine(init="glorot", first_omega=1.0, omega=1.0))
    config = FitConfig(
        field=FieldSpec(encoding=Identity(), network=network), steps=400, batch=64, lr=5e-3,
        schedule="cosine", decay=0.01, device="cpu", backend="torch", precision="fp32",
    )  # fmt: skip
    *_, last = fit(task, config)
    assert task.evaluate(last.field)["rel_l2"] < 0.1
