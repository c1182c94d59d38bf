"""Draws that a kernel can make: what is promised of the samples, of any data and any step."""

import pytest
import torch

from fields.grid import centres_of, pixel_centres
from fields.kernels.draws import (
    WORD,
    Pixels,
    Rows,
    in_order,
    mixed,
    seed_word,
    share,
    stratum_place,
)

SIZES = [(32, 32), (37, 53), (1, 40), (40, 1), (5, 7), (1, 1)]


def numbered(h: int, w: int) -> Pixels:
    """A picture whose values are its pixels' numbers."""
    return Pixels(torch.arange(float(h * w))[:, None], (h, w))


def seen(source: Pixels, steps: int, n: int, seed: int = 0) -> torch.Tensor:
    """How often each pixel of a numbered picture is drawn: [h * w]."""
    batches = [source.draw(step, n, seed).y[:, 0].long() for step in range(1, steps + 1)]
    return torch.cat(batches).bincount(minlength=len(source.values))


def places(total: int, n: int, step: int, seed: int = 0) -> torch.Tensor:
    return stratum_place(torch.arange(n), step, n, total, seed)


# --- strata --------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", [1, 7, 100, 1001])
@pytest.mark.parametrize("n", [1, 7, 50, 100])
@pytest.mark.parametrize("step", [0, 3, 10**6])
def test_one_place_of_each_stratum(total, n, step):
    found = places(total, n, step)
    first = torch.arange(n + 1) * total // n
    assert (found >= first[:-1]).all()
    assert (found < torch.maximum(first[1:], first[:-1] + 1)).all()
    assert (found.diff() >= 0).all()
    if n <= total:
        assert len(found.unique()) == n


def test_as_many_samples_as_places_are_all_of_them():
    assert torch.equal(places(200, 200, 5), torch.arange(200))


def test_more_samples_than_places_share_them_evenly():
    count = places(60, 200, 3).bincount(minlength=60)
    assert count.min() >= 3
    assert count.max() <= 4


@pytest.mark.parametrize("length", [2, 10, 64])
def test_a_stratum_is_seen_whole_in_three_rounds(length):
    """The golden section comes near every point: in 3 m steps no place of m is left out."""
    found = torch.stack([places(30 * length, 30, step) for step in range(3 * length)])
    assert len(found.unique()) == 30 * length


def test_many_steps_take_every_place_equally_often():
    """The discrepancy of the golden section is below 2 log2(N) / N: each count within that."""
    steps, length = 4000, 40
    count = torch.cat([places(20 * length, 20, s) for s in range(steps)]).bincount()
    assert len(count) == 20 * length
    assert (count - steps / length).abs().max() <= 24


# --- seeds ---------------------------------------------------------------------------------------


def test_equal_seeds_draw_the_same_and_others_do_not():
    source = numbered(40, 40)
    draws = [source.draw(4, 100, seed).y for seed in (1, 1, 2, 2**40 + 1)]
    assert torch.equal(draws[0], draws[1])
    for other in draws[2:]:
        assert (other != draws[0]).float().mean() > 0.5


@pytest.mark.parametrize("bit", [0, 5, 31, 32, 62])
def test_every_bit_of_a_seed_counts(bit):
    assert seed_word(12345) != seed_word(12345 ^ 1 << bit)


def test_the_hash_loses_nothing_and_mixes():
    h = mixed(torch.arange(2**16))
    assert len(h.unique()) == 2**16  # a bijection
    assert h.min() >= 0
    assert h.max() <= WORD
    ones = torch.stack([(h >> bit & 1).double().mean() for bit in range(32)])
    assert (ones - 0.5).abs().max() < 0.01


def test_samples_start_apart_in_their_strata():
    """Else all of a batch would lie in one corner of their strata."""
    start = share(torch.arange(10_000), 0, 7).double() / 2**32
    count = (start * 10).long().bincount(minlength=10)
    assert (count - 1000).abs().max() < 150  # five standard deviations


# --- pixels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("n", [1, 16, 1000])
def test_a_sample_is_a_pixel_and_its_value(size, n):
    source = numbered(*size)
    batch = source.draw(2, n, 1)
    assert batch.weight is None
    assert batch.x.shape == (n, 2)
    assert torch.equal(batch.x, pixel_centres(*size)[batch.y[:, 0].long()])


@pytest.mark.parametrize(
    ("size", "rounds"),
    [((32, 32), 3), ((64, 16), 3), ((37, 53), 8), ((100, 100), 8), ((1, 40), 8), ((5, 7), 8)],
)
def test_every_pixel_is_seen_within_a_few_rounds(size, rounds):
    """A round is as many samples as there are pixels. Where the sides are no powers of two, a pixel
    is many pieces of the curve, and chance has more of a hand in it: it alone would take a dozen
    rounds for 10,000 pixels."""
    total = size[0] * size[1]
    n = max(1, total // 16)
    assert (seen(numbered(*size), rounds * -(-total // n), n) > 0).all()


@pytest.mark.parametrize("size", [(32, 32), (37, 53), (64, 16)])
def test_many_steps_draw_every_pixel_equally_often(size):
    """Far more evenly than chance, whose variance is the mean."""
    total = size[0] * size[1]
    count = seen(numbered(*size), 40 * 16, total // 16).double()
    assert count.mean() == pytest.approx(40, rel=0.01)
    assert count.var() < 0.5 * count.mean()


def test_neighbours_in_a_batch_are_neighbours_in_the_picture():
    """Four times nearer than in any order, and as near as the spacing of so many samples."""
    x = numbered(256, 256).draw(9, 1024, 0).x
    apart = x.diff(dim=0).norm(dim=1).mean()
    assert apart < 2 * (2 / 1024**0.5)


def test_a_batch_is_spread_over_the_picture():
    """One sample in each cell of a grid of as many cells."""
    x = numbered(256, 256).draw(9, 1024, 0).x
    cell = ((x + 1) * 16).long()
    assert len((cell[:, 1] * 32 + cell[:, 0]).unique()) == 1024


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (torch.tensor([0, 51, 255], dtype=torch.uint8), [0, 0.2, 1]),
        (torch.tensor([0, 13107, 65535], dtype=torch.int32).to(torch.int16), [0, 0.2, 1]),
        (torch.tensor([0, 0.2, 1]), [0, 0.2, 1]),
    ],
)
def test_integers_stand_for_shares(values, expected):
    source = Pixels(values[:, None], (1, 3), torch.arange(3, dtype=torch.int32))
    assert torch.equal(source.draw(0, 3, 0).y[:, 0], torch.tensor(expected))


def test_only_the_chosen_pixels_are_drawn():
    h, w = 24, 31
    chosen = torch.arange(0, h * w, 3)
    source = Pixels(numbered(h, w).values, (h, w), chosen[in_order(centres_of(chosen, h, w))].int())
    count = seen(source, 30, 100)
    assert set(count.nonzero()[:, 0].tolist()) == set(chosen.tolist())
    apart = source.draw(1, 100, 0).x.diff(dim=0).norm(dim=1).mean()
    assert apart < 2 * (2 / 100**0.5)


def test_a_draw_is_a_copy():
    source = numbered(4, 4)
    source.draw(0, 8, 0).y.fill_(-1)
    assert (source.values >= 0).all()


# --- rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [1, 9, 50, 120])
def test_rows_come_whole_and_in_order(weighted, n):
    number = torch.arange(50.0)[:, None, None]
    x, y = number + torch.rand(50, 2, 3), number.expand(50, 2, 1).contiguous()
    source = Rows(x, y, y[..., 0] + 100 if weighted else None)
    batch = source.draw(6, n, 3)
    row = batch.y.view(n, 2)
    assert torch.equal(row[:, 0], row[:, 1])
    assert (row[:, 0].diff() >= 0).all()
    assert torch.equal(batch.x.view(n, 2, 3), x[row[:, 0].long()])
    if not weighted:
        assert batch.weight is None
        return
    assert batch.weight is not None
    assert torch.equal(batch.weight, batch.y[:, 0] + 100)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_the_order_is_a_permutation_along_a_curve(dim, rng):
    x = torch.rand(1000, dim, generator=rng) * 2 - 1
    order = in_order(x)
    assert torch.equal(order.sort().values, torch.arange(1000))
    apart, before = (t.diff(dim=0).norm(dim=1).mean() for t in (x[order], x))
    assert apart < 3 * (2 / 1000 ** (1 / dim))
    assert apart < before / 2


def test_the_order_takes_points_outside():
    x = torch.tensor([[5.0, 5.0], [-5.0, -5.0], [1.0, 1.0], [0.0, 0.0]])
    assert in_order(x)[0] == 1
