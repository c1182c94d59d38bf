"""The one convention for coordinates."""

import pytest
import torch

from fields.grid import centres_of, pixel_centres, window
from fields.samplers import SAMPLERS


def test_pixel_centres_are_row_major_and_x_comes_first():
    x = pixel_centres(2, 4).view(2, 4, 2)
    assert x[0, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert x[:, 0, 1].tolist() == [-0.25, 0.25]


@pytest.mark.parametrize("size", [(1,), (5,), (3, 7), (2, 3, 4), (1, 1)])
def test_the_longest_side_spans_the_unit_box(size):
    x = pixel_centres(*size)
    assert x.shape == (torch.Size(size).numel(), len(size))
    assert x.abs().max() == pytest.approx(1 - 1 / max(size))
    assert x.mean(0).abs().max() < 1e-6


@pytest.mark.parametrize("size", [(5,), (3, 7), (2, 3, 4)])
def test_centres_of_picks_from_pixel_centres(size):
    index = torch.arange(torch.Size(size).numel()).flip(0)
    assert torch.equal(centres_of(index, *size), pixel_centres(*size)[index])


def test_a_window_of_the_whole_picture_is_its_pixels():
    xs, ys = window((3, 5), (0, 0, 5, 3), (3, 5))
    x = pixel_centres(3, 5).view(3, 5, 2)
    torch.testing.assert_close(xs, x[0, :, 0])
    torch.testing.assert_close(ys, x[:, 0, 1])


def test_a_window_of_one_pixel_is_centred_on_it():
    xs, ys = window((4, 4), (1, 2, 2, 3), (1, 1))
    torch.testing.assert_close(torch.stack([xs[0], ys[0]]), pixel_centres(4, 4)[2 * 4 + 1])


@pytest.mark.parametrize("name", SAMPLERS)
def test_samples_are_in_range_and_repeatable(name):
    runs = []
    for _ in range(2):
        draws = SAMPLERS[name](50, 1000, torch.Generator().manual_seed(3))
        runs.append(torch.stack([next(draws) for _ in range(30)]))
    assert torch.equal(*runs)
    assert runs[0].min() >= 0
    assert runs[0].max() < 1000


@pytest.mark.parametrize(("n", "total"), [(100, 1000), (64, 1000), (7, 100), (3, 10), (1, 9)])
def test_strided_samples_see_every_cell_and_then_again(n, total, rng):
    draws = SAMPLERS["strided"](n, total, rng)
    longest = -(-total // n)
    for _ in range(3):
        seen = torch.cat([next(draws) for _ in range(longest)])
        assert torch.equal(seen.unique(), torch.arange(total))


def test_strided_samples_are_ascending_and_spread(rng):
    draws = SAMPLERS["strided"](100, 1000, rng)
    for _ in range(25):
        assert torch.equal(next(draws) // 10, torch.arange(100))


def test_strided_samples_of_everything_are_everything(rng):
    draws = SAMPLERS["strided"](64, 7, rng)
    assert all(torch.equal(next(draws), torch.arange(7)) for _ in range(3))
