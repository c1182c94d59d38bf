"""When a fit is stopped before it learns the noise, and what is kept of it."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from fields import METHODS, DenoiseTask, FitConfig, ImageTask, fit, method_config
from fields.average import Average
from fields.fit import check
from fields.metrics import psnr
from fields.render import picture as draw
from fields.stopping import EVERY, RULES, WINDOW, Discrepancy, HeldOut, Variance

SIGMA = 0.15


def noisy_task(clean, sigma=SIGMA, **changes):
    rng = torch.Generator().manual_seed(1)
    pixels = clean + sigma * torch.randn(clean.shape, generator=rng)
    held = torch.rand(clean.shape[:2], generator=rng) < 0.1
    return DenoiseTask(pixels, known=~held, heldout=held, sigma=sigma, **changes)


class Constant(nn.Module):
    """A field of one value, as a rule sees it."""

    def __init__(self, value=0.0):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(float(value)))
        self.fused = None

    def forward(self, x):
        return self.value.expand(len(x), 1)


def play(rule, values, steps=None):
    """Show a rule these values of a field; at which of them it ended the run."""
    field = Constant()
    for i, value in enumerate(values):
        with torch.no_grad():
            field.value.fill_(value)
        step = i + 1 if steps is None else steps[i]
        if rule.ask(step, 0.1 * step, field):
            return i, field
    return None, field


def at_zero(kind, limit=None):
    x = torch.zeros(4, 2)
    return kind(x, torch.zeros(4, 1), limit)


# --- the rules on curves that are known ---


def test_heldout_keeps_the_lowest_point():
    rule = at_zero(HeldOut)
    values = [1, 0.5, 0.2, 0.3, 0.4] + [0.5] * 200
    ended, field = play(rule, values)
    assert rule.chosen.step == 3
    assert ended is not None
    assert ended < 100  # patience has an end
    rule.restore(field)
    assert field.value.item() == pytest.approx(0.2)


def test_heldout_waits_through_a_bump():
    rule = at_zero(HeldOut)
    ended, _ = play(rule, [1, 0.5, 0.6, 0.6, 0.55, 0.3, 0.2])
    assert ended is None
    assert rule.chosen.step == 7


def test_patience_grows_with_the_run():
    steps = list(range(1000, 3000, 100))
    values = [0.1] + [0.2] * (len(steps) - 1)
    ended, _ = play(at_zero(HeldOut), values, steps)
    assert 1500 < steps[ended] < 1800


def see(rule, errors):
    """Show a rule fields whose squared errors at its points are these, one row a step."""
    chosen = []
    for i, row in enumerate(errors):
        field = Constant()
        field.forward = lambda x, row=row: torch.tensor(row)[:, None].sqrt()
        rule.ask(i + 1, 0.1, field)
        chosen.append(rule.chosen.step)
    return chosen


def test_of_errors_equal_but_for_chance_the_last_is_kept():
    rule = at_zero(HeldOut)
    # Worse by 0.01 on the mean of four, with a standard error of 0.05; then by 0.01 on each.
    chosen = see(rule, [[1.0, 1, 1, 1], [0.91, 1.11, 0.91, 1.11], [1.01, 1.01, 1.01, 1.01]])
    assert chosen == [1, 2, 2]


def test_small_rises_do_not_add_up():
    rule = at_zero(HeldOut)
    rng = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.rand(60, 4, generator=rng)
    see(rule, [(1 + 0.02 * i + noise[i]).tolist() for i in range(60)])
    assert rule.chosen.step < 10


def test_discrepancy_ends_at_the_noise():
    rule = at_zero(Discrepancy, limit=0.3**2)
    ended, _ = play(rule, [1, 0.5, 0.31, 0.29, 0.1])
    assert ended == 3
    assert rule.chosen.step == 4


def test_discrepancy_that_never_gets_there_keeps_the_last():
    rule = at_zero(Discrepancy, limit=0.01**2)
    assert play(rule, [1, 0.5, 0.4])[0] is None
    assert rule.chosen.step == 3


def test_variance_keeps_the_middle_of_a_rest():
    rule = at_zero(Variance)
    moving = [0.2 + 1 / (i + 1) for i in range(40)]
    resting = [0.2] * 40
    moved = [0.2 - 0.02 * i for i in range(200)]
    values = moving + resting + moved
    steps = [1 + EVERY * i for i in range(len(values))]
    ended, field = play(rule, values, steps)
    assert ended is not None
    assert ended > 80
    rule.restore(field)
    assert field.value.item() == pytest.approx(0.2)
    assert math.isnan(rule.points[WINDOW - 2].value)


def test_variance_looks_at_the_last_state_and_keeps_the_mean():
    rule = at_zero(Variance)
    mean, last = Constant(0.7), Constant()
    for i in range(WINDOW):
        with torch.no_grad():
            last.value.fill_(float(i % 2))
        rule.ask(1 + EVERY * i, 0.0, mean, last)
    assert rule.points[-1].value == pytest.approx(0.25)
    assert rule.best["value"].item() == pytest.approx(0.7)


@pytest.mark.parametrize("kind", RULES.values())
def test_a_lost_run_is_not_kept(kind):
    rule = at_zero(kind, limit=1e-6)
    values = [1 - 0.01 * i for i in range(40)]
    field = play(rule, [*values, math.nan, math.nan])[1]
    rule.restore(field)
    assert math.isfinite(field.value.item())


# --- in a fit ---


def config_for(task, name, **changes):
    return replace(method_config(name, task)[0], device="cpu", **changes)


def run(task, config):
    reports = list(fit(task, config))
    return reports[-1]


def test_it_stops_early_and_keeps_the_best(waves):
    clean = waves(48, 48, 1)
    task = noisy_task(clean)
    config = config_for(task, "hash", steps=2000)
    end = run(task, config)
    assert end.end == "heldout"
    assert end.step < 2000
    stop = end.stop
    assert stop.chosen.step < end.step
    x, values = task.sample(True, 2**14)
    with torch.no_grad():
        error = float((end.field(x) - values).square().mean())
    assert error == pytest.approx(stop.chosen.value, rel=1e-4)
    assert error <= 1.05 * min(p.value for p in stop.points)
    left = run(task, replace(config, stop="none", steps=500))
    kept, late = (psnr(draw(p.field, task.size), clean) for p in (end, left))
    assert kept > late + 1
    assert kept > psnr(task.pixels, clean) + 5


@pytest.mark.parametrize("name", ["hash", "fourier"])
def test_equal_configs_stop_equally(waves, name):
    task = noisy_task(waves(32, 32, 1))
    config = config_for(task, name, steps=60)
    a, b = (run(task, replace(config, report=n)) for n in (1, 0))
    assert [(p.step, p.value) for p in a.stop.points] == [(p.step, p.value) for p in b.stop.points]
    assert (a.step, a.end, a.stop.chosen.step) == (b.step, b.end, b.stop.chosen.step)
    pairs = zip(a.field.parameters(), b.field.parameters(), strict=True)
    assert all(torch.equal(p, q) for p, q in pairs)


def test_every_question_is_reported(waves):
    task = noisy_task(waves(32, 32, 1))
    reports = list(fit(task, config_for(task, "hash", steps=40, report=10**6)))
    assert {p.step for p in reports[-1].stop.points} <= {r.step for r in reports}


@pytest.mark.parametrize("name", [name for name in METHODS if name != "spline"])
def test_every_method_is_stopped_on_held_out_pixels(waves, name):
    config, why = method_config(name, noisy_task(waves(32, 32)))
    assert config.stop == "heldout"
    assert config.schedule == "constant"
    assert why == f"{name}, as asked."


def test_discrepancy_leaves_the_noise_over(waves):
    task = noisy_task(waves(48, 48, 1))
    end = run(task, config_for(task, "hash", stop="discrepancy", steps=1000))
    assert end.end == "discrepancy"
    assert end.stop.chosen.value == pytest.approx(SIGMA**2, rel=0.25)
    assert end.stop.limit == pytest.approx(SIGMA**2)


def test_discrepancy_needs_the_noise(waves):
    task = noisy_task(waves(32, 32))
    config = config_for(task, "hash", stop="discrepancy")
    with pytest.raises(ValueError, match="--sigma"):
        check(replace(task, sigma=None), config)
    with pytest.raises(ValueError, match="--sigma"):
        next(fit(ImageTask(task.pixels), config))


def test_heldout_needs_held_out_points(waves):
    with pytest.raises(ValueError, match="held out"):
        check(ImageTask(waves(16, 16)), FitConfig(stop="heldout"))


def test_patch_groups_are_not_stopped(waves):
    task = noisy_task(waves(32, 32))
    config, _ = method_config("spline", task)
    assert config.stop == "none"
    with pytest.raises(ValueError, match="another method"):
        check(task, replace(config, stop="heldout"))


@pytest.mark.parametrize("name", ["hash", "dense"])
def test_variance_is_refused_on_grids(waves, name):
    task = noisy_task(waves(32, 32))
    with pytest.raises(ValueError, match="unsound for trained grids"):
        check(task, config_for(task, name, stop="variance"))


def test_alpha_does_not_tell_when_to_stop(waves):
    task = noisy_task(waves(32, 32, 4), colours=3)
    x, values = task.sample(True, 100)
    assert values.shape == (len(x), 3)
    assert len(x) <= 100
    assert torch.equal(task.sample(True, 100)[0], x)
    assert not torch.equal(task.sample(False, 100)[0][: len(x)], x)


def test_a_run_without_a_rule_has_none(task):
    end = run(task, FitConfig(steps=3, device="cpu"))
    assert end.stop is None


# --- the mean of the states ---


def test_the_average_is_that_of_the_last_part():
    source = nn.Linear(1, 1, bias=False)
    follower = Average(source, 0.1)
    for step in range(1, 1001):
        with torch.no_grad():
            source.weight.fill_(float(step))
        follower.follow(step)
    # The mean of i weighted by i^9 over 1 .. 1000.
    assert follower.field.weight.item() == pytest.approx(1000 * 10 / 11, rel=1e-2)


def test_the_whole_average_is_the_mean():
    source = nn.Linear(1, 1, bias=False)
    follower = Average(source, 1.0)
    for step in range(1, 101):
        with torch.no_grad():
            source.weight.fill_(float(step))
        follower.follow(step)
    assert follower.field.weight.item() == pytest.approx(50.5)


def test_an_average_does_not_change_the_run(task):
    config = FitConfig(steps=20, device="cpu", report=1)
    losses = [
        [p.loss for p in fit(task, replace(config, average=share))][1:] for share in (0.0, 0.2)
    ]
    assert losses[0] == losses[1]
