"""Fields of several stages: each fits what the ones before have left over."""

import math
import sys
from dataclasses import replace

import pytest
import torch

from fields import (
    MLP,
    FieldSpec,
    FitConfig,
    ImageTask,
    LevenbergMarquardt,
    PatchGroups,
    SignalTask,
    fit,
    load_field,
    save_field,
)
from fields.activations import Tanh
from fields.encodings import Fourier, HashGrid, Identity, Spline
from fields.fit import check
from fields.networks import Direct, Mscale2, Phase

CPU = FitConfig(device="cpu", backend="torch", report=1, eps=1e-15, batch=400)
BARE = FieldSpec(encoding=Identity(), network=MLP(widths=(16, 16), activation=Tanh()))
SPECS = {
    "bare": BARE,
    "fourier": FieldSpec(encoding=Fourier(frequencies=16, sigma=2.0), network=MLP(width=16)),
    "hash": FieldSpec(encoding=HashGrid(levels=2, log2_size=8, coarsest=4, finest=8)),
    "mscale2": FieldSpec(encoding=Identity(), network=Mscale2(scales=(1.0, 4.0), width=8)),
    "phase": FieldSpec(encoding=Identity(), network=Phase(bands=1, highest=4.0, width=4)),
}


def waves(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(3 * x) + 0.1 * torch.sin(25 * x)


@pytest.fixture
def signal() -> SignalTask:
    x = torch.linspace(-1, 1, 200, dtype=torch.float64)[:, None]
    return SignalTask(x, waves(x), function=waves)


@pytest.fixture
def picture() -> ImageTask:
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, 20)] * 2, indexing="ij")
    return ImageTask((0.5 + 0.25 * torch.stack([x.sin(), (6 * y).cos(), x * y], -1)).clamp(0, 1))


@pytest.mark.parametrize("name", SPECS)
def test_any_field_is_fitted_in_stages(picture, name):
    config = replace(CPU, field=replace(SPECS[name], stages=2), steps=80, lr=1e-2)
    before = picture.evaluate(next(fit(picture, config)).field)["psnr"]
    reports = list(fit(picture, config))
    assert [r.field.stages for r in reports] == [1] * 40 + [2] * 41
    assert (reports[-1].step, reports[-1].share, reports[-1].end) == (80, 1.0, "steps")
    first = picture.evaluate(reports[-1].field.earlier)["psnr"]
    last = picture.evaluate(reports[-1].field)["psnr"]
    assert before < first < last


def test_a_later_stage_changes_nothing_of_the_earlier(picture):
    config = replace(CPU, field=replace(BARE, stages=2), steps=20, lr=1e-2)
    run = fit(picture, config)
    kept: dict[str, torch.Tensor] = {}
    for report in run:
        if report.field.stages == 2 and not kept:
            kept = {n: p.clone() for n, p in report.field.earlier.state_dict().items()}
    after = report.field.earlier.state_dict()
    assert kept
    assert all(torch.equal(value, after[name]) for name, value in kept.items())
    x = torch.rand(9, 2)
    assert torch.allclose(report.field(x), report.field.earlier(x) + report.field.own(x))


def test_a_stage_begins_as_small_and_as_fast_as_what_is_left(signal):
    config = replace(CPU, field=replace(BARE, stages=2), steps=40, lr=5e-3)
    run = fit(signal, config)
    second = next(r.field for r in run if r.field.stages == 2)
    left = signal.leftover(second.earlier)
    assert float(second.scale) == pytest.approx(left.size, rel=1e-4)
    weights = second.network.first_weights[0]
    assert float(weights.detach().std()) == pytest.approx(0.6 * math.pi * left.frequency, rel=0.5)


def test_what_is_left_of_a_wave_has_its_size_and_frequency(signal):
    field = BARE.build(1, 1, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        field.scale.zero_()
    left = SignalTask(signal.x, 0.2 * torch.sin(25 * signal.x)).leftover(field)
    assert left.frequency == pytest.approx(25 / math.pi, rel=0.03)
    assert left.size == pytest.approx(0.2 / math.sqrt(2), rel=0.03)


def test_every_stage_of_a_small_network_gains_digits(signal):
    smooth = SignalTask(signal.x, torch.sin(2 * signal.x), function=lambda x: torch.sin(2 * x))
    config = replace(
        CPU,
        field=replace(BARE, stages=3),
        solver=LevenbergMarquardt(iterations=25),
        steps=None,
        precision="fp64",
    )
    *_, end = fit(smooth, config)
    field, errors = end.field, []
    while field is not None:
        errors.append(smooth.evaluate(field)["rel_l2"])
        field = field.earlier
    assert 2 * errors[0] < errors[1] < errors[2] / 50
    assert errors[0] < 1e-7


def test_a_field_with_stages_is_saved_as_far_as_it_came(tmp_path, signal):
    spec = replace(BARE, stages=3, deepen=2)
    run = fit(signal, replace(CPU, field=spec, steps=30, precision="fp64"))
    for stages in (2, 3):
        field = next(r.field for r in run if r.field.stages == stages)
        save_field(tmp_path / "f.safetensors", field, spec, {})
        saved = load_field(tmp_path / "f.safetensors")
        assert saved.spec.stages == saved.field.stages == stages
        with torch.no_grad():
            assert torch.equal(saved.field(signal.x), field(signal.x))
    hidden = [m for m in field.network.modules() if isinstance(m, torch.nn.Linear)]
    assert len(hidden) == 2 + 2 + 1  # two layers more, and the head


def test_seconds_are_shared_out_evenly(signal, monkeypatch):
    now = [0.0]

    def clock() -> float:
        now[0] += 0.5
        return now[0]

    monkeypatch.setattr(sys.modules["fields.fit"].time, "perf_counter", clock)
    config = replace(CPU, field=replace(BARE, stages=2), steps=None, seconds=20.0)
    stages = [r.field.stages for r in fit(signal, config)]
    assert abs(stages.count(1) - stages.count(2)) <= 2


def test_what_has_no_stages_is_refused(picture):
    spline = FieldSpec(
        encoding=Spline(cells=(20,), levels=1), network=Direct(), stages=2
    )
    with pytest.raises(ValueError, match="PatchGroups has no stages"):
        check(picture, replace(CPU, solver=PatchGroups(), field=spline))
    two = replace(CPU, field=replace(BARE, stages=2))
    heldout = torch.zeros(20, 20, dtype=torch.bool)
    heldout[::2, ::2] = True
    task = ImageTask(picture.pixels, known=~heldout, heldout=heldout)
    with pytest.raises(ValueError, match="one stage"):
        check(task, replace(two, stop="heldout"))
