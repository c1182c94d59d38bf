"""Signals and tables as tasks: what a draw holds, what is measured, and what is refused."""

import math

import pytest
import torch

from fields import MLP, FieldSpec, SignalTask, TableTask
from fields.encodings import Identity
from fields.fit import FitConfig, fit
from fields.methods import METHODS, method_config

LINE = FieldSpec(encoding=Identity(), network=MLP(depth=0))
X = torch.linspace(-1, 1, 41, dtype=torch.float64)[:, None]


@pytest.fixture
def line():
    """A field that is w x + b with known w and b, in double precision."""
    field = LINE.build(1, 1, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        field.network[-1].weight.fill_(2.0)
        field.network[-1].bias.fill_(-0.5)
    return field


def test_a_field_equal_to_its_values_has_no_error(line):
    task = SignalTask(X, 2 * X - 0.5)
    found = task.evaluate(line)
    assert found["rel_l2"] == found["max_error"] == 0
    assert found["psnr"] == math.inf


def test_errors_are_relative_to_the_values(line):
    found = SignalTask(X, 2 * X - 0.5 + 0.1).evaluate(line)
    assert found["max_error"] == pytest.approx(0.1)
    assert found["rel_l2"] == pytest.approx(0.1 * 41**0.5 / float((2 * X - 0.4).norm()))
    assert found["psnr"] == pytest.approx(20 * math.log10(4 / 0.1))  # the values span 4


def test_held_out_rows_are_measured_apart(line):
    values = 2 * X - 0.5
    task = TableTask(X[::2], values[::2], X[1::2], values[1::2] + 1)
    found = task.evaluate(line)
    assert found["rel_l2"] == 0
    assert found["heldout_max_error"] == pytest.approx(1)
    assert task.sample(True, 5)[0].shape == (5, 1)


def test_a_draw_holds_all_rows_in_order_or_some_once():
    task = TableTask(X, X**2)
    x, values = next(task.batches(41, torch.Generator()))
    assert torch.equal(x, X)
    assert torch.equal(values, X**2)
    draws = task.batches(10, torch.Generator().manual_seed(0))
    seen = torch.cat([next(draws)[0] for _ in range(5)])
    assert len(seen.unique()) == 41


def test_slopes_count_as_their_weight_says(line):
    """With W the loss is that of the values plus W times that of the derivative."""
    shifted = SignalTask(X, 2 * X - 0.5 + 0.1 * X, sobolev=3.0)  # wrong by 0.1 x, slope 0.1
    batch = next(shifted.batches(100, torch.Generator()))
    assert batch[0].shape == (40, 2, 1)
    errors = 0.1 * torch.stack([X[:-1], X[1:]])
    wanted = float(errors.square().mean()) + 3 * 0.1**2
    assert shifted.loss(line, batch).item() == pytest.approx(wanted)


def test_a_formula_is_asked_beyond_its_domain_where_it_has_values():
    everywhere = SignalTask(X, X**2, function=lambda x: x**2)
    x, values = everywhere.whole(100.0)
    assert len(x) == 4500
    assert float(x.max()) == pytest.approx(1.02)
    assert torch.equal(values, x**2)

    def root(x):
        if bool((x > 1).any()):
            raise ValueError("no value there.")
        return (1 - x).sqrt()

    x, _ = SignalTask(X, root(X), function=root).whole(1.0)
    assert float(x.max()) == pytest.approx(1.0)
    samples = SignalTask(X, X**2)
    assert samples.whole(100.0)[0] is samples.x


@pytest.mark.parametrize(
    ("x", "values", "message"),
    [
        (X, X[:-1], "got"),
        (X[:0], X[:0], "at least 1"),
        (X * math.nan, X, "finite"),
        (X, X / 0.0, "finite"),
        (X.flip(0), X, "ascend"),
        (torch.zeros_like(X), X, "ascend"),
        (torch.cat([X, X], 1), X, "one coordinate"),
    ],
)
def test_what_is_no_signal_is_refused(x, values, message):
    with pytest.raises(ValueError, match=message):
        SignalTask(x, values)


@pytest.mark.parametrize("bad", [-1.0, math.nan])
def test_a_weight_of_slopes_must_make_sense(bad):
    with pytest.raises(ValueError, match="sobolev"):
        SignalTask(X, X, sobolev=bad)


@pytest.mark.parametrize("name", [*METHODS, "auto"])
def test_every_method_fits_a_signal(name):
    from dataclasses import replace

    task = SignalTask(X, torch.sin(3 * X) + 0.3 * torch.cos(9 * X))
    config, why = method_config(name, task)
    assert why
    before = task.evaluate(next(fit(task, config)).field)["rel_l2"]
    *_, end = fit(task, replace(config, steps=60, device="cpu"))
    assert task.evaluate(end.field)["rel_l2"] < min(0.9, before)


def test_a_table_of_many_columns_is_fitted():
    x = 2 * torch.rand(200, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1
    task = TableTask(x, x.sum(1, keepdim=True).sin())
    config = FitConfig(field=FieldSpec(encoding=Identity()), steps=100, batch=200, lr=1e-2)
    *_, end = fit(task, config)
    assert task.evaluate(end.field)["rel_l2"] < 0.5
    assert method_config("auto", task)[0].field.encoding == Identity()
