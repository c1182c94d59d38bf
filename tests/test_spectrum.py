"""The spectrum of regular samples: bands in any number of dimensions, the DFT, and slopes."""

import math

import pytest
import torch

from fields.spectrum import (
    band_error,
    band_power,
    bands,
    dft,
    peaks,
    power_slope,
    radial_power,
    relative_error,
)


def wave(k: float, n: int = 64, phase: float = 0.0) -> torch.Tensor:
    """cos(2 pi k i / n + phase), float64 [n, 1]."""
    return torch.cos(2 * math.pi * k * torch.arange(n).double()[:, None] / n + phase)


def sines(*k: int, n: int = 201) -> torch.Tensor:
    return sum((wave(i, n, -math.pi / 2) for i in k), torch.zeros(n, 1).double())


# --- bands ---


@pytest.mark.parametrize("size", [(1,), (2,), (3,), (64,), (201,), (5, 8, 7), (4, 4, 4)])
def test_bands_of_any_dimension_sum_to_the_whole(size, rng):
    values = torch.rand(*size, 2, generator=rng)
    edges = bands(*size)
    assert (edges.diff() > 0).all()
    power = band_power(values, edges)
    assert power.sum().item() == pytest.approx(values.double().square().mean().item())


def test_a_line_has_nothing_in_the_corners(rng):
    edges = bands(64)
    power = band_power(torch.rand(64, 1, generator=rng), edges)
    assert power[-1] == 0
    assert (power[:-1] > 0).all()


@pytest.mark.parametrize("size", [(64,), (8, 64), (8, 4, 64)])
@pytest.mark.parametrize("k", [1, 3, 20])
def test_a_wave_lies_in_its_band_and_at_its_frequency(size, k):
    values = wave(k)[:, 0].expand(size)[..., None]
    edges = bands(*size)
    power = band_power(values, edges)
    band = int(torch.bucketize(torch.tensor(float(k)), edges, right=True)) - 1
    assert power[band].item() == pytest.approx(0.5)
    frequency, mean = radial_power(values)
    assert frequency[mean.argmax()] == k


def test_the_error_of_a_missing_wave_is_in_its_band():
    target = wave(1) + wave(5)
    error = band_error(wave(1), target, bands(64))
    assert error[1] < 1e-6  # [0.5, 2)
    assert error[3].item() == pytest.approx(1)  # [4, 8)


# --- the DFT ---


@pytest.mark.parametrize("k", [1, 2, 7, 31])
def test_a_cosine_is_half_its_amplitude_at_its_own_frequency(k):
    found = dft(3 * wave(k)).abs()[:, 0]
    assert found[k].item() == pytest.approx(1.5)
    found[k] = 0
    assert found.max() < 1e-14


@pytest.mark.parametrize("n", [1, 2, 9, 64])
def test_the_power_of_a_spectrum_is_that_of_the_samples(n, rng):
    values = torch.randn(n, 3, generator=rng)
    power = dft(values).abs().square()
    twice = 2 * power.sum(0) - power[0] - (power[-1] if n % 2 == 0 else 0)
    torch.testing.assert_close(twice, values.double().square().mean(0))


def test_the_phase_of_the_dft_is_that_of_the_formula():
    values = wave(3, phase=0.4)
    assert dft(values)[3, 0].angle().item() == pytest.approx(0.4)


def test_peaks_are_the_waves_and_not_their_rounding():
    assert peaks(sines(1, 3, 5).float()).tolist() == [1, 3, 5]
    assert peaks(10 + sines(1, 4)).tolist() == [1, 4]
    assert peaks(sines(2) + 0.01 * sines(9), floor=0.1).tolist() == [2]
    assert peaks(sines(2, 9), most=9).tolist() == [2]
    assert not len(peaks(torch.ones(50, 1)))
    assert not len(peaks(torch.ones(1, 1)))


def test_the_sampled_interval_of_the_paper_peaks_at_its_waves():
    x = torch.linspace(-3.14, 3.14, 201)[:, None]
    assert peaks(x.sin() + (3 * x).sin() + (5 * x).sin(), floor=0.1).tolist() == [1, 3, 5]


def test_peaks_of_several_channels_are_those_of_any():
    assert peaks(torch.cat([sines(2), sines(6)], 1)).tolist() == [2, 6]


@pytest.mark.parametrize("form", ["complex", "amplitude"])
def test_errors_from_nothing_learned_to_all(form):
    target = sines(1, 3)
    assert relative_error(target, target, [1, 3], form).tolist() == [0, 0]
    assert relative_error(0 * target, target, [1, 3], form).tolist() == [1, 1]
    half = relative_error(sines(1) + 0.5 * sines(3), target, [1, 3], form)
    torch.testing.assert_close(half, torch.tensor([0, 0.5]).double(), atol=1e-12, rtol=0)


def test_the_amplitude_does_not_see_a_wave_out_of_place():
    target, moved = wave(4), wave(4, phase=1.0)
    assert relative_error(moved, target, [4], "amplitude").item() == pytest.approx(0, abs=1e-12)
    # |e^i - 1| = 2 sin(1/2)
    assert relative_error(moved, target, [4]).item() == pytest.approx(2 * math.sin(0.5))


def test_a_frequency_without_power_has_no_relative_error():
    assert relative_error(wave(5), wave(3), torch.tensor([3, 5])).isnan().tolist() == [False, True]


def test_channels_count_together():
    target = torch.cat([3 * wave(2), 4 * wave(2)], 1)
    found = relative_error(target * torch.tensor([0, 1]), target, [2])
    assert found.item() == pytest.approx(3 / 5)


def test_a_spectrum_needs_finite_samples_in_rows():
    with pytest.raises(ValueError, match="values must be real"):
        dft(torch.ones(5))
    with pytest.raises(ValueError, match="values must not be empty"):
        dft(torch.ones(0, 1))
    with pytest.raises(ValueError, match="values must be finite"):
        peaks(torch.tensor([[1.0], [math.nan]]))
    with pytest.raises(ValueError, match="one shape"):
        relative_error(wave(1), wave(1, 32), [1])
    with pytest.raises(ValueError, match="between 0 and 32"):
        relative_error(wave(1), wave(1), [33])
    with pytest.raises(ValueError, match="form must be"):
        relative_error(wave(1), wave(1), [1], "phase")  # pyright: ignore[reportArgumentType]


# --- slopes ---


@pytest.mark.parametrize("power", [-6, -2, 0.5])
def test_the_slope_of_a_power_is_its_exponent(power):
    k = torch.arange(1, 100)
    values = 7 * k.double() ** power
    values[70:] = -1  # beyond the range
    assert power_slope(k, values, 8, 64) == pytest.approx(power)


def test_a_slope_needs_two_frequencies_with_power():
    k = torch.arange(10)
    with pytest.raises(ValueError, match="two frequencies from 20 to 30"):
        power_slope(k, k, 20, 30)
    with pytest.raises(ValueError, match="above 0"):
        power_slope(k, k, 0, 5)
    with pytest.raises(ValueError, match="alike"):
        power_slope(k, k[1:], 1, 5)
