"""How a signal's field is looked at while it is fitted."""

import math

import pytest
import torch

from fields import MLP, FieldSpec, FitConfig, fit
from fields.encodings import Identity
from fields.fit import Progress
from fields.plot import between, curve, paint
from fields.record_shape import recorder
from fields.record_signal import DRAWN, SAMPLES, Sight, SignalRecorder
from fields.tasks import SignalTask


def centres(n: int) -> torch.Tensor:
    return ((2 * torch.arange(n, dtype=torch.float64) + 1 - n) / n)[:, None]


def waves(x: torch.Tensor, *cycles: float) -> torch.Tensor:
    """Cosines of so many cycles a side, [n, 1]."""
    return sum((torch.cos(math.pi * f * x) for f in cycles), torch.zeros_like(x))


def task(n: int = 200, *cycles: float, **given) -> SignalTask:
    x = centres(n)
    return SignalTask(x, waves(x, *(cycles or (1, 3, 5))), **given)


class Exact(torch.nn.Module):
    """Stands for a field that is a function."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.register_buffer("shift", torch.zeros(1))

    def forward(self, x):
        return self.function(x)


def look(target: SignalTask, function):
    watch = SignalRecorder(target)
    progress = Progress(7, 0.5, 1.5, 0.1, Exact(function), "torch")  # pyright: ignore
    return watch, watch.look(progress)


@pytest.mark.parametrize("cycles", [(1, 3, 5), (2, 40), (7,), (99,)])
def test_the_peaks_are_the_frequencies_of_the_waves(cycles):
    sight = Sight(task(201, *cycles))
    assert sight.cycles == pytest.approx(1)
    assert sight.peaks.tolist() == list(cycles)
    assert sight.amplitude[list(cycles)].tolist() == pytest.approx([0.5] * len(cycles))


def test_a_spectrum_without_peaks_is_followed_in_octaves():
    x = centres(200)
    assert Sight(SignalTask(x, x)).peaks.tolist() == [1, 2, 4, 8, 16]
    assert Sight(SignalTask(x, torch.ones_like(x))).peaks.tolist() == []


def test_a_field_that_is_the_target_has_no_error_and_its_complexity():
    watch, snapshot = look(task(), lambda x: waves(x, 1, 3, 5))
    assert snapshot.metrics["rel_l2"] == pytest.approx(0, abs=1e-12)
    assert max(snapshot.peak_error) < 1e-9
    assert all(e < 1e-6 for e in snapshot.band_error if not math.isnan(e))
    assert snapshot.metrics["entropy"] == pytest.approx(watch.sight.entropy)
    assert snapshot.metrics["total_variation"] == pytest.approx(watch.sight.variation)
    assert torch.allclose(snapshot.amplitude.double(), watch.sight.amplitude, atol=1e-6)


def test_a_field_that_lacks_a_frequency_has_its_error_there():
    _, snapshot = look(task(), lambda x: waves(x, 1, 5))
    assert snapshot.peak_error == pytest.approx((0, 1, 0), abs=1e-9)
    assert snapshot.metrics["rel_l2"] == pytest.approx(math.sqrt(1 / 3))


def test_metrics_are_those_of_the_task():
    x = centres(300)
    kept = torch.arange(300) % 3 > 0
    target = SignalTask(
        x[kept], waves(x[kept], 4), heldout_x=x[~kept], heldout_values=waves(x[~kept], 4)
    )
    field = Exact(lambda x: waves(x, 4) + 0.1 * x)
    _, snapshot = look(target, field.function)
    wanted = target.evaluate(field)  # pyright: ignore[reportArgumentType]
    assert {k: snapshot.metrics[k] for k in wanted} == pytest.approx(wanted)
    assert "heldout_rel_l2" in wanted
    assert snapshot.peak_error == pytest.approx((0,), abs=0.05)


def test_samples_that_are_not_equally_spaced_show_a_fit_without_error_too(rng):
    x = (2 * torch.rand(400, 1, generator=rng, dtype=torch.float64) - 1).sort(0).values
    watch, snapshot = look(SignalTask(x, waves(x, 5)), lambda x: waves(x, 5))
    assert 5 in watch.sight.peaks.tolist()
    assert max(snapshot.peak_error) < 1e-9


def test_a_long_signal_is_followed_in_its_middle_and_measured_all_over():
    n = 5 * SAMPLES
    x = centres(n)
    values = torch.where(x < 0.9, waves(x, 1000), 5.0)
    watch, snapshot = look(SignalTask(x, values), lambda x: waves(x, 1000))
    sight = watch.sight
    assert len(sight.points) <= 2 * SAMPLES
    assert len(sight.target) == SAMPLES
    assert len(sight.known) == DRAWN
    assert (sight.peaks * sight.cycles).tolist() == pytest.approx([1000])
    assert max(snapshot.peak_error) < 1e-6
    assert snapshot.metrics["rel_l2"] > 0.5  # of the end that is not drawn
    assert float(sight.x.abs().max()) < 0.1


def test_a_look_is_small():
    _, snapshot = look(task(3 * SAMPLES), lambda x: waves(x, 1))
    tensors = (snapshot.frame, snapshot.values, snapshot.amplitude)
    assert sum(t.numel() * t.element_size() for t in tensors) < 400_000


def test_a_field_that_is_lost_has_no_spectrum():
    watch, snapshot = look(task(), lambda x: x * math.nan)
    assert math.isnan(snapshot.metrics["rel_l2"])
    assert all(map(math.isnan, snapshot.peak_error + snapshot.band_error))
    assert watch.best is None


def test_the_recorder_of_a_signal_sees_it_learn():
    config = FitConfig(
        field=FieldSpec(encoding=Identity(), network=MLP(width=32, depth=2)), steps=200, lr=1e-2,
        report=10,
    )  # fmt: skip
    target = task(100, 1)
    watch = recorder(target)
    assert isinstance(watch, SignalRecorder)
    *_, (progress, snapshot) = watch.watch(fit(target, config))
    first, last = watch.snapshots[0], watch.snapshots[-1]
    assert snapshot is last
    assert last.metrics["rel_l2"] < 0.2 < first.metrics["rel_l2"]
    assert last.metrics["rel_l2"] == pytest.approx(target.evaluate(progress.field)["rel_l2"])
    assert last.frame.shape == first.frame.shape == watch.target().shape


def test_a_curve_covers_its_thickness_in_each_column():
    level = curve(torch.full((50,), 0.5), (40, 100), (0, 1), thick=3)
    assert level.sum(0).tolist() == pytest.approx([3.0] * 100)
    assert level[18:22].sum() == pytest.approx(300)
    assert not curve(torch.full((50,), math.nan), (40, 100), (0, 1)).any()


def test_a_curve_loses_no_wave_between_columns():
    steep = curve(torch.tensor([0.0, 1.0]).repeat(500), (40, 100), (0, 1))
    assert (steep > 0.9).float().mean() > 0.9


def test_layers_are_painted_on_white():
    nothing, all_of_it = torch.zeros(2, 3), torch.ones(2, 3)
    assert paint([(nothing, (0, 0, 0))]).unique().tolist() == [255]
    assert paint([(all_of_it, (9, 9, 9)), (all_of_it, (1, 2, 3))])[0, 0].tolist() == [1, 2, 3]


def test_between_is_on_straight_lines():
    places, values = torch.tensor([0.0, 1, 3]), torch.tensor([0.0, 2, 0])
    found = between(places, values, torch.tensor([-1.0, 0.5, 1, 2, 4]))
    assert found.tolist() == [0, 1, 2, 1, 0]
