"""The parallel PhaseDNN: bands that add up to the data, each fitted by itself."""

import math
from dataclasses import replace

import pytest
import torch

from fields import MLP, FieldSpec, FitConfig, fit, load_field, save_field
from fields.encodings import Fourier, Identity
from fields.fit import check
from fields.networks import Phase
from fields.solvers import Bands
from fields.solvers.bands import bands, samples_of
from fields.tasks import ImageTask, SignalTask, TableTask


def signal(n: int, *waves: int) -> SignalTask:
    x = ((2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1)[:, None]
    return SignalTask(x, torch.cat([torch.sin(math.pi * k * x) for k in waves]).view(-1, n).T)


def config(*carriers: float, **knobs) -> FitConfig:
    spec = FieldSpec(encoding=Identity(), network=Phase(frequencies=carriers, width=12))
    return FitConfig(
        field=spec, solver=Bands(**knobs), steps=None, device="cpu", backend="torch",
        precision="fp32",
    )  # fmt: skip


def test_the_bands_of_a_signal_add_up_to_it():
    rng = torch.Generator().manual_seed(0)
    for n, places in ((60, (0, 7, 15.5)), (61, (4, 20))):
        task = SignalTask(signal(n, 1).x, torch.randn(n, 2, generator=rng, dtype=torch.float64))
        carriers = torch.tensor(places, dtype=torch.float64)[:, None]
        parts = bands(task.values, samples_of(task), carriers)
        turns = math.pi * carriers @ task.x.T
        waves = torch.cat([turns.cos(), turns.sin()])[..., None]
        assert torch.allclose((waves * parts).sum(0), task.values, atol=1e-12)


def test_the_bands_of_a_picture_add_up_to_it():
    task = ImageTask(torch.rand(6, 9, 3, generator=torch.Generator().manual_seed(0)))
    samples = samples_of(task)
    carriers = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, -2.0]], dtype=torch.float64)
    turns = math.pi * carriers @ samples.x.double().T
    waves = torch.cat([turns.cos(), turns.sin()])[..., None]
    parts = bands(samples.values, samples, carriers)
    assert torch.allclose((waves * parts).sum(0), samples.values, atol=1e-6)


def test_a_band_is_its_own_wave_shifted_down():
    task = signal(128, 23)
    carriers = torch.tensor([[0.0], [20.0]], dtype=torch.float64)
    parts = bands(task.values, samples_of(task), carriers)[..., 0]
    x = math.pi * task.x[:, 0]
    assert parts[0].abs().max() < 1e-12  # nothing at the carrier 0
    assert torch.allclose(parts[1], torch.sin(3 * x), atol=1e-12)
    assert torch.allclose(parts[3], torch.cos(3 * x), atol=1e-12)


def test_it_learns_what_a_plain_network_does_not(tmp_path):
    task = signal(512, 1, 47)
    sum_of = SignalTask(task.x, task.values.sum(1, keepdim=True))
    start, *_, last = fit(sum_of, config(0, 46, iterations=300, lr=1e-2, batch=256))
    assert start.share == 0
    assert last.end == "steps"
    assert sum_of.evaluate(last.field)["rel_l2"] < 0.2
    save_field(tmp_path / "field", last.field, config(0, 46).field, {})
    assert torch.equal(load_field(tmp_path / "field").field(sum_of.x), last.field(sum_of.x))


def test_equal_seeds_give_equal_fields():
    found = []
    for seed in (0, 0, 1):
        *_, last = fit(signal(64, 5), config(4, iterations=3, batch=16, seed=seed))
        found.append(last.field(torch.zeros(1, 1)))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (FieldSpec(encoding=Identity(), network=MLP()), "fits a Phase network"),
        (FieldSpec(encoding=Fourier(frequencies=1), network=Phase()), "of bare coordinates"),
        (FieldSpec(encoding=Identity(), network=Phase(trainable=True)), "keeps the carriers"),
        (FieldSpec(encoding=Identity(), network=Phase(), output="sigmoid"), "output is linear"),
        (FieldSpec(encoding=Identity(), network=Phase(), stages=2), "has no stages"),
    ],
)
def test_other_fields_are_refused(field, message):
    with pytest.raises(ValueError, match=message):
        check(signal(64, 1), replace(config(0), field=field))


def test_other_tasks_are_refused():
    task = signal(64, 1)
    x = task.x.clone()
    x[3] += 0.01
    for other in (SignalTask(x, task.values), replace(task, sobolev=1.0)):
        with pytest.raises(ValueError, match=r"evenly spaced samples|a signal's values"):
            check(other, config(0))
    with pytest.raises(ValueError, match=r"a signal's values or a whole picture"):
        check(TableTask(task.x, task.values), config(0))
