"""Metrics and spectra: axioms, and one independent implementation."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from fields.metrics import PictureScore, psnr, ssim
from fields.spectrum import band_error, band_power, bands, radial_power, radii


def test_equal_pictures(picture):
    assert psnr(picture, picture) == math.inf
    assert ssim(picture, picture) == pytest.approx(1, abs=1e-4)


def test_psnr_of_a_known_difference(picture):
    assert psnr(picture + 0.1, picture) == pytest.approx(20, abs=1e-4)


def test_ssim_is_that_of_scikit_image(rng):
    a = torch.rand(40, 50, 3, generator=rng)
    b = (a + 0.1 * torch.randn(40, 50, 3, generator=rng)).clamp(0, 1)
    wanted = structural_similarity(
        a.numpy(),
        b.numpy(),
        channel_axis=-1,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )[1]  # its mean leaves the borders out
    from fields.metrics import ssim_map

    ours = ssim_map(a, b).numpy()[5:-5, 5:-5]
    np.testing.assert_allclose(ours, wanted.mean(-1)[5:-5, 5:-5], atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 700, 1), (40, 300, 3), (17, 5, 4)])
def test_ssim_s_kernel_is_its_reference(size, rng):
    from fields.metrics import HALO, ssim_map, ssim_map_torch, window

    a, b = torch.rand(2, *size, generator=rng)
    mode = "reflect" if min(size[:2]) > HALO else "replicate"
    padded = [
        torch.nn.functional.pad(v.movedim(-1, 0)[None], (HALO,) * 4, mode=mode)[0] for v in (a, b)
    ]
    wanted = ssim_map_torch(*padded, window(torch.device("cpu")))
    # A variance is a small difference of float32 sums, which the two round in another order.
    torch.testing.assert_close(ssim_map(a, b), wanted, atol=5e-4, rtol=0)


@pytest.mark.parametrize("rows", [1, 3, 7, 11, 12, 40])
def test_a_score_does_not_depend_on_its_strips(rows, rng, monkeypatch):
    monkeypatch.setattr("fields.metrics.MIN_ROWS", 11)
    target = torch.rand(40, 21, 3, generator=rng)
    noisy = (target + 0.1 * torch.randn(40, 21, 3, generator=rng)).clamp(0, 1)
    known = torch.rand(40, 21, generator=rng) < 0.5
    score = PictureScore(40, known, ~known)
    for top in range(0, 40, rows):
        score.add(top, noisy[top : top + rows], target[top : top + rows])
    found = score.result()
    assert found["psnr"] == pytest.approx(psnr(noisy[known], target[known]))
    assert found["heldout_psnr"] == pytest.approx(psnr(noisy[~known], target[~known]))
    whole = PictureScore(40, None, None)
    whole.add(0, noisy, target)
    assert whole.result()["ssim"] == pytest.approx(ssim(noisy, target), abs=1e-6)
    share = known.float().mean().item()
    mean = share * found["ssim"] + (1 - share) * found["heldout_ssim"]
    assert mean == pytest.approx(ssim(noisy, target), abs=1e-6)


@pytest.mark.parametrize("size", [(16, 16), (15, 20), (33, 8), (1, 9), (1, 1), (2, 2)])
def test_bands_sum_to_the_whole(size, rng):
    values = torch.rand(*size, 3, generator=rng)
    power = band_power(values, bands(*size))
    assert power.sum().item() == pytest.approx(values.double().square().mean().item())


def test_bands_hold_every_frequency():
    edges = bands(48, 64)
    assert edges[0] == 0
    assert edges[-1] > radii(48, 64).max()
    assert (edges.diff() > 0).all()


@pytest.mark.parametrize("k", [1, 3, 7, 20])
def test_a_cosine_lies_in_its_band(k):
    x = torch.arange(64) / 64
    values = torch.cos(2 * math.pi * k * x).expand(64, 64)[..., None]
    edges = bands(64, 64)
    power = band_power(values, edges)
    band = int(torch.bucketize(torch.tensor(float(k)), edges, right=True)) - 1
    assert power[band].item() == pytest.approx(0.5)
    assert power.sum().item() == pytest.approx(0.5)


@pytest.mark.parametrize("k", [1, 5, 31])
def test_radial_power_peaks_at_a_cosine(k):
    y = torch.arange(64) / 64
    values = torch.cos(2 * math.pi * k * y)[:, None].expand(64, 64)[..., None]
    frequency, power = radial_power(values)
    assert frequency[power.argmax()] == k


def test_a_field_equal_to_its_target_has_no_error(waves):
    values = waves(20, 30)
    error = band_error(values, values, bands(20, 30))
    assert error[~error.isnan()].abs().max() == 0


def test_a_blurred_picture_has_lost_its_high_bands(rng):
    target = torch.rand(64, 64, 1, generator=rng)
    spectrum = torch.fft.rfft2(target[..., 0])
    spectrum[radii(64, 64) >= 8] = 0
    low = torch.fft.irfft2(spectrum, s=(64, 64))[..., None]
    edges = bands(64, 64)
    error = band_error(low, target, edges)
    assert error[edges[:-1] < 8].max() < 1e-5
    torch.testing.assert_close(error[edges[:-1] >= 8], torch.ones(3, dtype=torch.float64))


def test_nothing_learned_is_an_error_of_one(waves):
    values = waves(16, 16)
    error = band_error(torch.zeros_like(values), values, bands(16, 16))
    torch.testing.assert_close(error[~error.isnan()], torch.ones_like(error[~error.isnan()]))
