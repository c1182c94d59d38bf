"""The noise level, from the picture alone."""

from itertools import pairwise

import pytest
import torch

from fields import noise_level


def noisy(picture, sigma, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return picture + sigma / 255 * torch.randn(picture.shape, generator=rng)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [2, 10, 25, 50])
def test_it_is_found_on_smooth_ground(waves, channels, sigma):
    picture = 0.2 + 0.6 * waves(96, 128, channels)
    assert 255 * noise_level(noisy(picture, sigma)) == pytest.approx(sigma, rel=0.06)


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_it_is_found_in_a_photo(sigma):
    from skimage import data

    photo = torch.from_numpy(data.camera()[100:356, 100:356]).float()[..., None] / 255
    assert 255 * noise_level(noisy(photo, sigma)) == pytest.approx(sigma, rel=0.06)


def test_it_grows_as_the_noise_does(waves):
    picture = waves(80, 80)
    found = [noise_level(noisy(picture, sigma)) for sigma in (3, 6, 12, 24)]
    for a, b in pairwise(found):
        assert b / a == pytest.approx(2, rel=0.1)


def test_a_smooth_picture_has_next_to_none(waves):
    assert 255 * noise_level(waves(96, 96)) < 0.5
    assert noise_level(torch.full((40, 40, 3), 0.3)) == pytest.approx(0, abs=1e-6)


def test_texture_is_not_noise():
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    stripes = (0.5 + 0.4 * torch.sin(1.7 * x + 0.3 * y))[..., None]
    assert 255 * noise_level(stripes) < 1
    assert 255 * noise_level(noisy(stripes, 10)) == pytest.approx(10, rel=0.1)


def test_bytes_are_as_good_as_floats(waves):
    values = (255 * noisy(0.2 + 0.6 * waves(96, 96), 20)).clamp(0, 255).round()
    assert noise_level(values.byte()) == pytest.approx(noise_level(values / 255), rel=1e-4)
    deep = torch.from_numpy((257 * values).numpy().astype("uint16"))
    assert noise_level(deep) == pytest.approx(noise_level(values / 255), rel=1e-4)


def test_where_noise_is_cut_off_is_left_out(waves):
    picture = 0.2 + 0.6 * waves(128, 128, 1)
    picture[:64] = 1.0
    assert 255 * noise_level(noisy(picture, 20).clamp(0, 1)) == pytest.approx(20, rel=0.08)


def test_a_large_picture_is_read_in_windows(waves):
    picture = noisy(0.2 + 0.6 * waves(300, 2000, 1), 15)
    assert 255 * noise_level(picture) == pytest.approx(15, rel=0.06)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (5, 40)])
def test_small_pictures_give_a_number(size):
    found = noise_level(torch.rand(*size, 3, generator=torch.Generator().manual_seed(0)))
    assert 0 <= found < 1
