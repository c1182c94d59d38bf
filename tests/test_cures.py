"""The studies of the cures on data of a person's own, and what they refuse."""

import pytest
import torch

from app.studies import STUDIES, Attempt
from app.studies.phase_coupled import placed
from app.studies.picture_contest import every_second, grey, heldout_psnr
from app.studies.positional_encoding import encoding
from app.studies.voices import chord, sampled
from data import Signal


def signal(n: int = 64) -> Signal:
    x = torch.arange(n, dtype=torch.float64)
    return Signal(x, torch.stack([torch.sin(x / 3), torch.cos(x)], dim=1), ("one", "other"))


@pytest.mark.parametrize("name", ["phase-coupled", "phase-parallel", "adaptive-jump"])
def test_a_signal_of_ones_own_can_be_studied(name):
    study = STUDIES[name]
    knobs = study.quick.to_dict() | {"steps": 2}
    knobs |= {k: 2 for k in ("plain_steps",) if k in knobs}
    attempt = Attempt(study, type(study.quick).from_dict(knobs), signal())
    *_, last = attempt.scenes()
    assert last.share == 1
    assert attempt.verdict is not None


@pytest.mark.parametrize("name", ["phase-coupled", "phase-parallel"])
def test_a_signal_that_is_not_even_is_refused(name):
    uneven = Signal(signal().x.square(), signal().values, ("one", "other"))
    with pytest.raises(ValueError, match="evenly spaced"):
        next(STUDIES[name].run(STUDIES[name].quick, uneven))


@pytest.mark.parametrize("name", ["phase-coupled", "phase-parallel", "adaptive-jump"])
def test_a_short_signal_is_refused(name):
    with pytest.raises(ValueError, match="16 samples at least, got 8"):
        next(STUDIES[name].run(STUDIES[name].quick, signal(8)))


@pytest.mark.parametrize("name", ["fourier-features", "positional-encoding"])
def test_a_picture_of_ones_own_can_be_studied(name, rng):
    study = STUDIES[name]
    knobs = type(study.quick).from_dict(study.quick.to_dict() | {"steps": 2})
    attempt = Attempt(study, knobs, torch.rand(20, 30, 3, generator=rng))
    *_, last = attempt.scenes()
    assert last.share == 1
    with pytest.raises(ValueError, match="16 pixels a side"):
        next(study.run(knobs, torch.rand(8, 30, 3, generator=rng)))


def test_carriers_stand_at_the_peaks_or_evenly():
    study = STUDIES["phase-coupled"]
    found = sampled(None, chord, 1024)
    at_peaks = type(study.full)(carriers="peaks")
    assert placed(found, at_peaks) == (0.0, 1.0, 3.0, 23.0, 137.0, 203.0)
    even = placed(found, type(study.full)(spacing=50.0))
    assert even == (0.0, 50.0, 100.0, 150.0, 200.0, 250.0)
    with pytest.raises(ValueError, match="raise spacing"):
        placed(found, type(study.full)(spacing=0.5))


def test_only_pixels_that_were_not_fitted_count():
    picture = torch.zeros(5, 4, 1)
    task = every_second(picture)
    assert task.known is not None
    values = picture.clone().double()
    values[task.known] = 1.0
    assert heldout_psnr(values.view(-1, 1), picture) == float("inf")
    assert heldout_psnr(torch.full((20, 1), 0.1, dtype=torch.float64), picture) == pytest.approx(20)


def test_a_large_picture_is_shrunk_and_made_grey(rng):
    found = grey(torch.rand(64, 32, 3, generator=rng), 32)
    assert found.shape == (32, 16, 1)
    assert 0 <= found.min() <= found.max() <= 1


def test_the_encoding_has_two_features_an_octave_and_coordinate(rng):
    assert encoding(4).build(2, rng).out_dim == 2 * 4 * 2
