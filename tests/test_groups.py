"""The kernels of patch groups and of the bent sheet, against slow references and what must hold."""

import itertools

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from fields.kernels import numba_bending, threads
from fields.kernels.groups import Patches, clean, fill
from fields.restore.bending import Data, Sheet, double, edges, halve

SIZES = [(1, 5), (5, 1), (2, 2), (7, 9), (40, 33)]


def noise(rng, *shape):
    return torch.randn(shape, generator=rng).numpy()


def texture(height, width, channels=1, period=(6, 5)):
    """A picture that repeats itself, float32 [c, h, w] in [0, 1]."""
    rng = np.random.default_rng(3)
    tile = rng.random((channels, *period), np.float32)
    repeats = (1, height // period[0] + 1, width // period[1] + 1)
    return np.ascontiguousarray(np.tile(tile, repeats)[:, :height, :width])


def holes(size, share, seed=0):
    """A mask of known pixels, of which this share is missing."""
    return np.random.default_rng(seed).random(size) >= share


def guessed(values, known):
    """The picture with the mean of what is known where it is not."""
    return np.where(known, values, values[:, known].mean(1)[:, None, None]).astype(np.float32)


# --- the sheet's energy ---


def random_edges(size, rng):
    angle = noise(rng, *size)
    give = torch.rand(size, generator=rng).numpy()
    return np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32), give


def energy(u, across, give, slope):
    """Summed over the pixels of a picture [h, w], in float64, as `fields.restore.bending` says."""
    h, w = u.shape
    p = torch.nn.functional.pad(u[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]

    def at(dy, dx):
        return p[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w]

    hessian = torch.stack(
        [
            torch.stack([at(0, 1) - 2 * u + at(0, -1), u.new_zeros(h, w)]),
            torch.stack([u.new_zeros(h, w), at(1, 0) - 2 * u + at(-1, 0)]),
        ]
    )
    mixed = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    hessian = hessian + torch.tensor([[0.0, 1], [1, 0]])[:, :, None, None] * mixed
    gradient = torch.stack([at(0, 1) - u, at(1, 0) - u])
    n = torch.from_numpy(across).double()
    t = torch.stack([-n[1], n[0]])
    g = torch.from_numpy(give).double()

    def second(a, b):
        return torch.einsum("iyx,ijyx,jyx->yx", a, hessian, b)

    bent = g**2 * second(n, n) ** 2 + 2 * g * second(n, t) ** 2 + second(t, t) ** 2
    sloped = g * (n * gradient).sum(0) ** 2 + (t * gradient).sum(0) ** 2
    return (bent + slope * sloped).sum()


@pytest.mark.parametrize("slope", [0.0, 0.7])
@pytest.mark.parametrize("size", [*SIZES, (70, 3)])
def test_it_is_half_the_energy_s_gradient(size, slope, rng):
    values = noise(rng, 2, *size)
    across, give = random_edges(size, rng)
    found = numba_bending.apply(values, across, give, slope)
    for got, u in zip(found, values, strict=True):
        u = torch.from_numpy(u).double().requires_grad_()
        energy(u, across, give, slope).backward()
        np.testing.assert_allclose(got, u.grad.numpy() / 2, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_symmetric_and_no_energy_is_negative(size, rng):
    across, give = random_edges(size, rng)
    a, b = noise(rng, 8, *size), noise(rng, 8, *size)
    bent, also = (numba_bending.apply(v, across, give, 0.3).astype(np.float64) for v in (a, b))
    np.testing.assert_allclose((bent * b).sum((1, 2)), (a * also).sum((1, 2)), rtol=1e-4, atol=1e-3)
    assert ((bent * a).sum((1, 2)) > -1e-5).all()


@pytest.mark.parametrize("size", [(1, 1), *SIZES])
def test_a_level_sheet_is_at_rest(size, rng):
    across, give = random_edges(size, rng)
    level = np.full((1, *size), 0.5, np.float32)
    assert np.abs(numba_bending.apply(level, across, give, 0.3)).max() < 1e-6


def test_a_ramp_is_at_rest_inside(rng):
    across, give = random_edges((12, 14), rng)
    y, x = np.mgrid[:12, :14].astype(np.float32)
    bent = numba_bending.apply((0.2 * x - 0.1 * y)[None], across, give, 0.0)
    assert np.abs(bent[0, 2:-2, 2:-2]).max() < 1e-5
    assert np.abs(bent).max() > 1e-3


@pytest.mark.parametrize("size", [*SIZES, (3, 6)])
def test_halving_is_the_transpose_of_doubling(size, rng):
    half = tuple(-(-n // 2) for n in size)
    coarse, fine = noise(rng, 2, *half), noise(rng, 2, *size)
    assert double(coarse, size).shape == fine.shape
    assert halve(fine).shape == coarse.shape
    assert (double(coarse, size) * fine).sum() == pytest.approx((coarse * halve(fine)).sum(), 1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_doubling_keeps_a_level(size):
    half = tuple(-(-n // 2) for n in size)
    np.testing.assert_allclose(double(np.ones((1, *half), np.float32), size), 1, rtol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, 2.5])
def test_the_normal_of_an_edge_is_found(angle):
    y, x = np.mgrid[:41, :41].astype(np.float32) - 20
    normal = np.array([np.cos(angle), np.sin(angle)])
    away = normal[0] * x + normal[1] * y
    found = edges((0.5 + 0.4 * np.tanh(away))[None].astype(np.float32), 0.01)
    near, far = np.abs(away) < 1, np.abs(away) > 12
    near[:5] = near[-5:] = near[:, :5] = near[:, -5:] = False
    along = np.abs(normal[0] * found.across[0] + normal[1] * found.across[1])
    assert along[near].min() > 0.99
    assert found.give[near].max() < 0.1
    assert found.give[far].min() > 0.99
    np.testing.assert_allclose((found.across**2).sum(0), 1, rtol=1e-5)


def test_edges_do_not_depend_on_a_constant_nor_on_the_sign(rng):
    values = noise(rng, 3, 15, 11)
    a, b = edges(values, 0.3), edges(0.5 - values, 0.3)
    np.testing.assert_allclose(a.give, b.give, atol=1e-4)


# --- the sheet ---


def misfit(sheet, u, found, bend, slope):
    bent = bend * numba_bending.apply(u, found.across, found.give, slope) + sheet.data.apply(u)
    return (u * (bent / 2 - sheet.data.pull)).astype(np.float64).sum()


@pytest.mark.parametrize("size", SIZES)
def test_every_step_lowers_energy_and_misfit(size, rng):
    target, known = noise(rng, 1, *size), holes(size, 0.5)
    found = edges(noise(rng, 1, *size), 0.1)
    sheet = Sheet(Data(target, known.astype(np.float32)), 0.3, 0.1)
    start = np.zeros_like(target)
    reached = [
        misfit(sheet, sheet.relax(start, found, steps), found, 0.3, 0.1) for steps in range(0, 9, 2)
    ]
    slack = 1e-6 * abs(reached[-1]) + 1e-9
    assert all(b <= a + slack for a, b in itertools.pairwise(reached))
    assert reached[-1] < reached[0]


@pytest.mark.parametrize("size", SIZES)
def test_where_it_ends_nothing_pulls(size, rng):
    target = noise(rng, 2, *size)
    known = holes(size, 0.5)
    known.flat[0] = True
    sheet = Sheet(Data(target, known.astype(np.float32)), 0.3, 0.0)
    u = sheet.relax(np.zeros_like(target), None, 200)
    level = np.ones(size, np.float32)
    across = np.stack([level, 0 * level])
    rest = sheet.data.pull - 0.3 * numba_bending.apply(u, across, level, 0.0) - sheet.data.apply(u)
    assert np.abs(rest).max() < 1e-3


def test_a_sheet_through_scattered_points_of_a_ramp_is_the_ramp():
    y, x = np.mgrid[:40, :48].astype(np.float32)
    ramp = (0.2 + 0.01 * x - 0.005 * y)[None]
    known = holes((40, 48), 0.8)
    sheet = Sheet(Data(ramp, known.astype(np.float32) / 0.2), 0.001, 0.0)
    found = sheet.relax(guessed(ramp, known), None, 200)
    off = np.abs(found - ramp)[0]
    assert off[8:-8, 8:-8].max() < 1e-3
    assert off.max() < 0.02  # it lies flat at the border


def test_a_gap_is_bridged_in_few_steps():
    target = np.zeros((1, 40, 64), np.float32)
    target[:, :, 32:] = 1
    known = np.zeros((40, 64), np.float32)
    known[:, :16] = known[:, -16:] = 1
    start = np.where(known, target, 0.5)
    sheets = [Sheet(Data(target, known), 0.3, 0.0) for _ in range(2)]
    sheets[1].stiffness = sheets[1].stiffness[:1]  # one that knows of no halvings
    end = sheets[0].relax(start, None, 400)
    few, alone = (np.abs(sheet.relax(start, None, 24) - end).max() for sheet in sheets)
    assert few < 0.005
    assert alone > 0.2


# --- slow references ---


def starts(n, size, stride):
    found = list(range(0, n - size + 1, stride))
    return found if found[-1] == n - size else [*found, n - size]


def corners(size, patches):
    """Where the patches that form groups begin."""
    return itertools.product(*(starts(n, patches.size, patches.stride) for n in size))


def alike(looks, y, x, patches):
    """Places of the patches most like one, itself first."""
    (h, w), s, reach = looks.shape[1:], patches.size, patches.search
    found = [
        (np.square(looks[:, a : a + s, b : b + s] - looks[:, y : y + s, x : x + s]).sum(), a, b)
        for a in range(max(0, y - reach), min(h - s, y + reach) + 1)
        for b in range(max(0, x - reach), min(w - s, x + reach) + 1)
    ]
    assert min(found)[1:] == (y, x)
    return [(a, b) for _, a, b in sorted(found)[: patches.count]]


def cut(values, places, size):
    """Patches [count, c * size * size] at places."""
    return np.stack([values[:, a : a + size, b : b + size].ravel() for a, b in places])


def slow_fill(values, known, patches, spread, noise):
    values = values.astype(np.float64)
    channels, s = len(values), patches.size
    total, weight = np.zeros_like(values), np.zeros(known.shape)
    for y, x in corners(known.shape, patches):
        if known[y : y + s, x : x + s].all():
            continue
        places = alike(values, y, x, patches)
        group = cut(values, places, s)
        mean = group.mean(0)
        covariance = (group - mean).T @ (group - mean) / len(group)
        covariance += spread**2 * np.eye(len(mean))
        for (a, b), patch in zip(places[: patches.estimate], group, strict=False):
            mask = known[a : a + s, b : b + s]
            if mask.all():
                continue
            seen = np.tile(mask.ravel(), channels)
            inner = covariance[np.ix_(seen, seen)] + noise * np.eye(seen.sum())
            gain = np.linalg.solve(inner, covariance[np.ix_(seen, ~seen)]).T
            guess = mean[~seen] + gain @ (patch[seen] - mean[seen])
            left = covariance[np.ix_(~seen, ~seen)] - gain @ covariance[np.ix_(seen, ~seen)]
            sure = 1 / (left.diagonal().reshape(channels, -1).mean(0) + 1e-5)
            part = weight[a : a + s, b : b + s]
            part[~mask] += sure
            total[:, a : a + s, b : b + s][:, ~mask] += sure * guess.reshape(channels, -1)
    return np.where(~known & (weight > 0), total / np.maximum(weight, 1e-12), values)


def slow_clean(noisy, guide, looks, patches, sigma, first):
    channels, s = len(noisy), patches.size
    total, weight = np.zeros(noisy.shape), np.zeros(noisy.shape[1:])
    for y, x in corners(noisy.shape[1:], patches):
        places = alike(looks, y, x, patches)
        group, seen = cut(guide, places, s), cut(noisy, places, s)
        mean = group.mean(0)
        covariance = (group - mean).T @ (group - mean) / len(group)
        level = mean.reshape(channels, -1).mean(1).repeat(s * s)
        flat = covariance.trace() + np.square(mean - level).sum()
        if first and flat / (s * s) <= 1.05 * sigma**2 * channels:
            found = np.tile(level, (len(places), 1))
        else:
            ridge = sigma**2 * (0.01 if first else 1)
            inverse = np.linalg.inv(covariance + ridge * np.eye(len(mean)))
            found = seen - sigma**2 * (seen - mean) @ inverse
        for (a, b), patch in zip(places, found.reshape(-1, channels, s, s), strict=True):
            total[:, a : a + s, b : b + s] += patch
            weight[a : a + s, b : b + s] += 1
    return total / weight


SMALL = Patches(size=3, stride=2, search=4, count=12, estimate=5)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(12, 11), (4, 4), (3, 9)])
def test_filling_is_the_reference(channels, size, rng):
    values, known = noise(rng, channels, *size), holes(size, 0.3)
    got = fill(values, known, SMALL, spread=0.3, noise=1e-3)
    expected = slow_fill(values, known, SMALL, 0.3, 1e-3)
    assert np.abs(expected - values).max() > 0.03
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


def test_filling_without_a_known_pixel_is_the_reference(rng):
    values, known = noise(rng, 1, 9, 8), np.zeros((9, 8), bool)
    got = fill(values, known, SMALL, spread=0.3)
    np.testing.assert_allclose(got, slow_fill(values, known, SMALL, 0.3, 1e-5), rtol=0, atol=1e-4)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(12, 11), (4, 4), (3, 9)])
def test_cleaning_is_the_reference(channels, size, first, rng):
    noisy, guide, looks = (noise(rng, channels, *size) for _ in range(3))
    if first:
        guide = noisy
    got = clean(noisy, guide, looks, SMALL, sigma=0.6, first=first)
    expected = slow_clean(noisy, guide, looks, SMALL, 0.6, first)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


def test_at_first_what_is_but_noise_becomes_level(rng):
    noisy = noise(rng, 1, 12, 11)
    got = clean(noisy, noisy, noisy, SMALL, sigma=1.5, first=True)
    np.testing.assert_allclose(
        got, slow_clean(noisy, noisy, noisy, SMALL, 1.5, True), rtol=0, atol=1e-5
    )
    assert got.std() < 0.5 * noisy.std()


def test_one_channel_may_be_compared_by_others(rng):
    noisy, looks = noise(rng, 1, 12, 11), noise(rng, 3, 12, 11)
    got = clean(noisy, noisy, looks, SMALL, sigma=0.6, first=False)
    expected = slow_clean(noisy, noisy, looks, SMALL, 0.6, False)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


# --- what must hold ---


@pytest.mark.parametrize("patches", [Patches(), SMALL, Patches(size=1, stride=1, search=2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_known_pixels_stay_as_they_are(channels, patches, rng):
    values, known = noise(rng, channels, 21, 17), holes((21, 17), 0.4)
    found = fill(values, known, patches, spread=0.02)
    assert found.dtype == np.float32
    assert found.shape == values.shape
    assert np.array_equal(found[:, known], values[:, known])
    assert np.isfinite(found).all()
    assert (found != values)[:, ~known].mean() > 0.9


def test_nothing_missing_is_nothing_to_do(rng):
    values = noise(rng, 1, 12, 12)
    assert np.array_equal(fill(values, np.ones((12, 12), bool), SMALL, spread=0.1), values)


def test_the_result_does_not_depend_on_the_threads(rng, monkeypatch):
    values, known = noise(rng, 3, 40, 30), holes((40, 30), 0.4)
    results = []
    for count in (1, 2, 3):
        monkeypatch.setattr(threads, "COUNT", count)
        results.append(
            [
                fill(values, known, SMALL, spread=0.1),
                clean(values, values, values, SMALL, sigma=0.3, first=True),
                numba_bending.apply(values, *random_edges((40, 30), rng.manual_seed(1)), 0.1),
            ]
        )
    for first, other in itertools.product(results[:1], results[1:]):
        assert all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("channels", [1, 3])
def test_what_repeats_itself_is_recovered(channels):
    truth, known = texture(40, 40, channels), holes((40, 40), 0.3)
    values = start = guessed(truth, known)
    for spread in np.geomspace(0.1, 0.002, 8):
        values = fill(values, known, Patches(size=5, stride=3), spread=float(spread))
    assert np.abs(start - truth)[:, ~known].mean() > 0.1
    assert np.abs(values - truth)[:, ~known].mean() < 0.005


def test_of_much_noise_on_what_repeats_itself_little_is_left(rng):
    truth = texture(40, 40)
    noisy = truth + 0.1 * noise(rng, 1, 40, 40)
    found = clean(noisy, noisy, noisy, Patches(size=5, stride=2, count=40), sigma=0.1, first=True)
    assert np.square(found - truth).mean() < 0.25 * np.square(noisy - truth).mean()


def test_it_takes_from_the_alike(rng):
    """One half is dark and the other bright: what is missing in either takes after its own half."""
    truth = 0.02 * noise(rng, 1, 24, 24) + 0.1
    truth[:, :, 12:] += 0.8
    known = holes((24, 24), 0.2)
    start = np.where(known, truth, np.where(np.arange(24) < 12, 0.2, 0.8)).astype(np.float32)
    found = fill(start, known, SMALL, spread=0.05)
    assert np.abs(found - truth).max() < 0.15


@pytest.mark.parametrize("channels", [1, 3])
def test_a_level_picture_stays_level(channels):
    values = np.full((channels, 13, 12), 0.4, np.float32)
    found = fill(values, holes((13, 12), 0.5), SMALL, spread=0.01)
    np.testing.assert_allclose(found, 0.4, atol=1e-5)
    for first in (True, False):
        found = clean(values, values, values, SMALL, sigma=0.1, first=first)
        np.testing.assert_allclose(found, 0.4, atol=1e-5)


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (7, 20), (8, 7)])
def test_a_picture_hardly_larger_than_a_patch_will_do(size, rng):
    values, known = noise(rng, 1, *size), holes(size, 0.3)
    assert np.isfinite(fill(values, known, Patches(), spread=0.1)).all()
    found = clean(values, values, values, Patches(), sigma=0.1, first=True)
    assert np.isfinite(found).all()


def test_patches_must_fit(rng):
    values = noise(rng, 1, 6, 20)
    with pytest.raises(ValueError, match="patches of 7 pixels do not fit"):
        fill(values, np.ones((6, 20), bool), Patches(), spread=0.1)
    with pytest.raises(ValueError, match="patches of 7 pixels do not fit"):
        clean(values, values, values, Patches(), sigma=0.1, first=True)


def test_more_patches_than_there_are_is_all_of_them(rng):
    values, known = noise(rng, 1, 9, 9), holes((9, 9), 0.3)
    many, all_of_them = (Patches(size=3, search=3, count=n, estimate=n) for n in (512, 49))
    a, b = (fill(values, known, p, spread=0.1) for p in (many, all_of_them))
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_core_is_filled_as_the_whole_is():
    truth, known = texture(60, 50), holes((60, 50), 0.3)
    start, core = guessed(truth, known), (17, 21, 38, 30)
    whole, part = (fill(start, known, Patches(), spread=0.05, core=c) for c in (None, core))
    inside = np.zeros((60, 50), bool)
    inside[17:38, 21:30] = True
    wanted = inside & ~known
    assert (part != start)[:, wanted].all()
    off = [np.square(v - truth)[:, wanted].mean() for v in (start, whole, part)]
    assert off[2] < 1.5 * off[1] < off[0]
    assert np.array_equal(part[:, known], start[:, known])


def test_what_is_far_from_a_core_stays_as_it_is(rng):
    values, known, core = noise(rng, 1, 60, 20), holes((60, 20), 0.3), (5, 5, 12, 15)
    found = fill(values, known, SMALL, spread=0.05, core=core)
    end = 12 + 2 * SMALL.size + SMALL.search
    assert np.array_equal(found[:, end:], values[:, end:])
    found = clean(values, 2 * values, values, SMALL, sigma=0.3, first=False, core=core)
    assert np.array_equal(found[:, end:], 2 * values[:, end:])


def test_a_core_is_cleaned_as_the_whole_is(rng):
    truth = texture(60, 50)
    noisy = truth + 0.1 * noise(rng, 1, 60, 50)
    core = (17, 21, 38, 30)
    whole, part = (
        clean(noisy, noisy, noisy, Patches(), sigma=0.1, first=True, core=c)[0, 17:38, 21:30]
        for c in (None, core)
    )
    off = [np.square(v - truth[0, 17:38, 21:30]).mean() for v in (whole, part)]
    assert off[1] < 1.3 * off[0] < 0.01
