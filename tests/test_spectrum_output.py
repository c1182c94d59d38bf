"""The output of a fit as a whole: its entropy, the information plane, and its complexity."""

import math

import pytest
import torch

from fields.spectrum import (
    bandwidth,
    entropy,
    information_plane,
    mutual_information,
    sign_changes,
    total_variation,
    turning_points,
)


def levels(count: int, each: int = 5) -> torch.Tensor:
    return torch.arange(count).double().repeat(each)[:, None]


# --- information ---


def test_a_constant_says_nothing():
    assert entropy(torch.full((30, 2), 0.4)) == 0
    assert entropy(torch.tensor([[-0.001], [0.001]])) == 0  # one bin, around zero


@pytest.mark.parametrize("m", [0, 1, 3, 5])
def test_two_to_the_m_equal_levels_are_m_bits(m):
    assert entropy(levels(2**m)) == pytest.approx(m)


def test_several_outputs_count_jointly():
    first, second = levels(4, 4), levels(4, 4).sort(0).values
    assert entropy(torch.cat([first, second], 1)) == pytest.approx(4)
    assert entropy(torch.cat([first, first], 1)) == pytest.approx(2)


def test_finer_bins_hold_no_less(rng):
    values = torch.rand(300, 1, generator=rng)
    found = [entropy(values, width) for width in (0.4, 0.2, 0.1, 1e-9)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(math.log2(300))


def test_an_injective_input_tells_all_of_the_output(rng):
    x, values = levels(60, 1), torch.rand(60, 1, generator=rng)
    assert mutual_information(x, values) == pytest.approx(entropy(values))
    assert information_plane(values, x)[0] == pytest.approx(entropy(values))


def test_information_is_symmetric_and_no_more_than_either(rng):
    first = torch.rand(400, 1, generator=rng)
    second = first + 0.1 * torch.rand(400, 1, generator=rng)
    found = mutual_information(first, second)
    assert found == pytest.approx(mutual_information(second, first))
    assert 0 < found < min(entropy(first), entropy(second))


def test_independent_quantities_tell_nothing_of_each_other():
    first, second = levels(4, 4), levels(4, 4).sort(0).values
    assert mutual_information(first, second) == pytest.approx(0, abs=1e-12)


def test_an_output_equal_to_its_target_tells_all_of_it():
    target = levels(8)
    assert information_plane(target, target) == pytest.approx((3, 3))


def test_compression_keeps_what_is_told_of_the_target():
    target = levels(4, 25).sort(0).values
    smooth = torch.linspace(-0.45, 3.45, 100).double()[:, None]
    before, after = information_plane(smooth, target), information_plane(target, target)
    assert before[0] > after[0] + 2
    assert before[1] == pytest.approx(after[1], abs=0.05)  # bins that lie across a jump


def test_information_needs_bins_and_equal_rows():
    with pytest.raises(ValueError, match="width must be above 0"):
        entropy(levels(2), 0)
    with pytest.raises(ValueError, match="as many rows"):
        mutual_information(levels(2), levels(3))
    with pytest.raises(ValueError, match="one shape"):
        information_plane(levels(2), levels(3))
    with pytest.raises(ValueError, match="finite"):
        entropy(torch.tensor([[math.inf]]))


# --- complexity ---


def test_a_monotone_output_varies_by_its_range(rng):
    values = torch.rand(50, 1, generator=rng).double().sort(0).values
    assert total_variation(values) == pytest.approx((values[-1] - values[0]).item())
    assert turning_points(values) == 0


def test_a_wave_goes_up_and_down_four_amplitudes_a_cycle():
    x = torch.linspace(0, 1, 1001).double()[:, None]
    values = torch.sin(2 * math.pi * 3 * x + 0.1)
    assert total_variation(values) == pytest.approx(12, rel=1e-3)
    assert turning_points(values) == 6
    assert sign_changes(values) == 6


def test_level_stretches_and_zeros_do_not_count():
    assert turning_points(torch.tensor([0.0, 1, 1, 2, 2, 1, 1, 0])[:, None]) == 1
    assert sign_changes(torch.tensor([1.0, 0, 0, 1, 0, -1])[:, None]) == 1
    assert turning_points(torch.ones(1, 1)) == 0


def test_channels_count_by_their_mean():
    values = torch.tensor([[0.0, 0], [1, 0], [0, 0]])
    assert total_variation(values) == 1
    assert turning_points(values) == 0.5


@pytest.mark.parametrize("k", [2, 9, 40])
def test_the_bandwidth_of_a_wave_is_its_frequency(k):
    x = torch.arange(200)[:, None] / 200
    assert bandwidth(torch.cos(2 * math.pi * k * x)) == pytest.approx(k, abs=1)


def test_a_line_has_no_bandwidth_and_adds_none():
    x = torch.linspace(-1, 1, 200)[:, None]
    assert bandwidth(3 * x + 1) == 0
    assert bandwidth(torch.ones(1, 1)) == 0
    wave = torch.cos(30 * x)
    assert bandwidth(wave + 100 * x) == bandwidth(wave)


def test_a_slow_output_that_does_not_come_around_stays_narrow():
    x = torch.linspace(-1, 1, 400)[:, None]
    assert bandwidth(torch.sin(2 * x)) <= 3
    assert bandwidth(torch.sin(2 * x) + torch.sin(40 * x)) > 10


def test_complexity_needs_samples():
    with pytest.raises(ValueError, match="share must lie"):
        bandwidth(torch.ones(5, 1), 0)
    with pytest.raises(ValueError, match="must be real"):
        total_variation(torch.ones(5))
    with pytest.raises(ValueError, match="finite"):
        turning_points(torch.tensor([[0.0], [math.nan]]))
