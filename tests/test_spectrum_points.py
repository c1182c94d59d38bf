"""The spectrum of values at scattered points: along a direction, and by filtering."""

import math

import pytest
import torch

from fields.grid import pixel_centres
from fields.spectrum import (
    Filter,
    dft,
    dominant_frequency,
    nudft,
    principal_direction,
    project,
    projection_error,
    projection_peaks,
    relative_error,
)


def scattered(n: int, d: int, rng: torch.Generator) -> torch.Tensor:
    return 2 * torch.rand(n, d, generator=rng, dtype=torch.float64) - 1


# --- along a direction ---


def test_the_principal_direction_is_the_longest(rng):
    p = torch.tensor([0.6, 0.0, -0.8]).double()
    x = 5 * scattered(500, 1, rng) * p + 0.1 * scattered(500, 3, rng) + 3
    found = principal_direction(x)
    assert found.norm().item() == pytest.approx(1)
    torch.testing.assert_close(found, -p, atol=0.02, rtol=0)  # its largest entry is positive


def test_the_principal_direction_of_few_points_in_many_dimensions(rng):
    x = torch.randn(20, 300, generator=rng)
    found = principal_direction(x)
    spread = torch.linalg.svdvals((x - x.mean(0)).double())[0]
    assert ((x - x.mean(0)).double() @ found).norm().item() == pytest.approx(spread.item())


def test_a_projection_on_a_regular_grid_is_the_dft(rng):
    values = torch.randn(30, 2, generator=rng)
    x = torch.arange(30).double()[:, None] / 30
    torch.testing.assert_close(project(x, values, torch.arange(16)), dft(values))


def test_many_waves_and_points_are_taken_in_pieces(rng, monkeypatch):
    x, values, k = scattered(50, 2, rng), scattered(50, 3, rng), scattered(17, 2, rng)
    whole = nudft(x, values, k)
    phase = torch.exp(-2j * math.pi * (k @ x.T))
    torch.testing.assert_close(whole, phase @ values.to(torch.complex128) / 50)
    for pieces in (7, 130):
        monkeypatch.setattr("fields.spectrum.projection.PHASES", pieces)
        torch.testing.assert_close(nudft(x, values, k), whole)


def test_no_frequency_is_no_coefficient(rng):
    x = scattered(5, 2, rng)
    assert nudft(x, x, torch.zeros(0, 2)).shape == (0, 2)


def test_the_waves_along_a_direction_are_found_in_eight_dimensions(rng):
    p = torch.randn(8, generator=rng).double()
    p /= p.norm()
    x = scattered(2000, 8, rng) + 8 * scattered(2000, 1, rng) * p
    s = x @ p
    target = (torch.sin(2 * s) + torch.sin(8 * s))[:, None]
    found = projection_peaks(x, target, count=2)
    wanted = torch.tensor([2, 8]).double() / (2 * math.pi)
    torch.testing.assert_close(found, wanted, atol=0.6 / 16, rtol=0)  # half a wave over the span
    low = torch.sin(2 * s)[:, None]
    error = projection_error(x, low, target, found, p)
    assert error[0] < 0.1
    assert error[1] > 0.9


@pytest.mark.parametrize("form", ["complex", "amplitude"])
def test_an_error_along_a_direction_is_relative(form, rng):
    x, target = scattered(100, 3, rng), scattered(100, 2, rng)
    k = torch.tensor([0.5, 1.0])
    assert projection_error(x, target, target, k, form=form).max() == 0
    nothing = projection_error(x, 0 * target, target, k, form=form)
    torch.testing.assert_close(nothing, torch.ones(2).double())


def test_an_error_along_a_line_is_that_of_the_dft(rng):
    first, second = torch.randn(2, 32, 1, generator=rng)
    x, k = torch.arange(32).double()[:, None] / 32, [1, 4, 9]
    torch.testing.assert_close(
        projection_error(x, first, second, torch.tensor(k)), relative_error(first, second, k)
    )


def test_points_and_values_must_match(rng):
    x = scattered(10, 2, rng)
    with pytest.raises(ValueError, match="as many rows"):
        project(x, x[:5], torch.ones(1))
    with pytest.raises(ValueError, match=r"k must be \[m, 2\]"):
        nudft(x, x, torch.ones(3))
    with pytest.raises(ValueError, match="unit vector"):
        project(x, x, torch.ones(1), torch.tensor([2.0, 0.0]))
    with pytest.raises(ValueError, match="different points"):
        principal_direction(torch.ones(5, 2))
    with pytest.raises(ValueError, match="different points"):
        projection_peaks(x * torch.tensor([1, 0]), x, torch.tensor([0, 1]))


# --- the dominant frequency ---


@pytest.mark.parametrize("frequency", [0.7, 1, 2.5, 7, 40.3])
def test_a_wave_at_scattered_points_dominates(frequency, rng):
    x = scattered(400, 1, rng)
    values = 0.3 + torch.cos(math.pi * frequency * x + 1) + 0.3 * torch.cos(math.pi * 13 * x)
    assert dominant_frequency(x, values) == pytest.approx(frequency, abs=0.3)


@pytest.mark.parametrize("n", [100, 101, 1001])
def test_the_highest_wave_of_a_grid_is_found(n):
    x = pixel_centres(n)
    frequency = n // 2 - 3
    assert dominant_frequency(x, torch.cos(math.pi * frequency * x)) == pytest.approx(
        frequency, abs=0.2
    )


def test_an_oblique_wave_of_a_picture_is_found():
    x = pixel_centres(48, 64).double()
    values = torch.cos(math.pi * x @ torch.tensor([9.0, 12.0]).double())[:, None]
    assert dominant_frequency(x, values) == pytest.approx(15, abs=0.2)


def test_a_wave_between_points_in_space_is_found(rng):
    x = scattered(2000, 3, rng)
    values = torch.sin(math.pi * x @ torch.tensor([2.0, 3.0, -6.0]).double())[:, None]
    assert dominant_frequency(x, values.expand(-1, 2)) == pytest.approx(7, abs=0.3)


def test_a_wave_along_an_axis_of_many_is_found(rng):
    x = scattered(3000, 6, rng)
    assert dominant_frequency(x, torch.cos(math.pi * 11 * x[:, 4:5])) == pytest.approx(11, abs=0.3)


def test_the_largest_grid_bounds_what_is_searched(monkeypatch):
    x = pixel_centres(32, 32)
    values = torch.cos(math.pi * 3 * x[:, :1]) + 2 * torch.cos(math.pi * 12 * x[:, 1:])
    assert dominant_frequency(x, values) == pytest.approx(12, abs=0.2)
    monkeypatch.setattr("fields.spectrum.dominant.CELLS", 1024)
    assert dominant_frequency(x, values) == pytest.approx(3, abs=0.2)


def test_equal_values_have_no_frequency(rng):
    assert dominant_frequency(scattered(20, 2, rng), torch.full((20, 1), 0.1)) == 0


def test_an_axis_without_extent_says_nothing(rng):
    x = scattered(300, 2, rng) * torch.tensor([1, 0])
    assert dominant_frequency(x, torch.cos(math.pi * 4 * x[:, :1])) == pytest.approx(4, abs=0.3)
    with pytest.raises(ValueError, match="different points"):
        dominant_frequency(torch.ones(3, 2), torch.arange(3)[:, None])


# --- filtering ---


def test_low_and_high_parts_sum_to_the_whole_and_keep_a_constant(rng):
    x, values = scattered(200, 4, rng), scattered(200, 3, rng)
    split = Filter(x, (0.05, 0.3))
    low = split.low(values)
    assert low.shape == (2, 200, 3)
    assert (low.var(1) < values.var(0)).all()
    torch.testing.assert_close(split.low(values + 5), low + 5)
    torch.testing.assert_close(
        split.low(torch.full((200, 1), 7.0)), torch.full((2, 200, 1), 7.0).double()
    )


def test_the_low_part_is_the_formula_s(rng):
    x, values = scattered(40, 2, rng), scattered(40, 1, rng)
    split = Filter(x, (0.1,))
    squares = torch.cdist(x, x).square()
    pairs = squares[torch.triu_indices(40, 40, 1).unbind()]
    assert split.deltas.item() == pytest.approx(0.1 * pairs.median().item(), rel=1e-6)
    kernel = torch.exp(-squares / (2 * split.deltas))
    wanted = kernel @ values / kernel.sum(1, keepdim=True)
    torch.testing.assert_close(split.low(values)[0], wanted, atol=1e-6, rtol=0)


def test_a_wider_filter_leaves_less(rng):
    x, values = scattered(300, 2, rng), scattered(300, 1, rng)
    low = Filter(x, (0.01, 0.05, 0.3, 3.0)).low(values).norm(dim=1)[:, 0]
    assert (low.diff() < 0).all()


def test_errors_tell_low_from_high(rng):
    x = scattered(800, 2, rng)
    low, high = torch.sin(2 * x[:, :1]), 0.5 * torch.cos(25 * x[:, :1])
    split = Filter(x, (0.05, 0.1))
    assert torch.stack(split.errors(low + high, low + high)).max() == 0
    torch.testing.assert_close(
        torch.stack(split.errors(0 * low, low + high)), torch.ones(2, 2).double()
    )
    e_low, e_high = split.errors(low, low + high)  # the high wave is missing
    assert (e_low < 0.2).all()
    assert (e_high > 0.5).all()
    e_low, e_high = split.errors(high, low + high)
    assert (e_low > e_high).all()


def test_a_constant_target_has_no_high_part(rng):
    x = scattered(50, 2, rng)
    e_low, e_high = Filter(x).errors(torch.zeros(50, 1), torch.ones(50, 1))
    torch.testing.assert_close(e_low, torch.ones(3).double())
    assert e_high.isnan().all()


def test_many_points_are_drawn_by_the_generator(rng):
    x = scattered(500, 3, rng)
    first, second = (
        Filter(x, most=60, rng=torch.Generator().manual_seed(seed)).chosen for seed in (1, 2)
    )
    assert len(first.unique()) == 60
    assert not torch.equal(first, second)
    assert Filter(x, most=60).low(x[Filter(x, most=60).chosen]).shape == (3, 60, 3)


def test_a_filter_needs_different_points_and_widths(rng):
    x = scattered(20, 2, rng)
    with pytest.raises(ValueError, match="widths"):
        Filter(x, (0.0,))
    with pytest.raises(ValueError, match="coincide"):
        Filter(torch.ones(10, 2))
    with pytest.raises(ValueError, match="two points"):
        Filter(x[:1])
    with pytest.raises(ValueError, match="at least 2"):
        Filter(x, most=1)
    with pytest.raises(ValueError, match=r"filter.chosen"):
        Filter(x, most=5).low(x)
    with pytest.raises(ValueError, match="x must be finite"):
        Filter(x / 0)
