"""The draws of the kernels are those of `draws`, bit for bit."""

import pytest
import torch
from interpreted.cases import poisoned

from fields.grid import centres_of
from fields.kernels import triton_draws
from fields.kernels.draws import Batch, Pixels, Rows, in_order

SEEDS = [0, 9, 2**63 - 5]
STEPS = [0, 1, 100_000, 2**31 - 1]
TILE = triton_draws.TILE
TYPES = {torch.uint8: 2**8, torch.int16: 2**16, torch.float32: 2}
LISTS = [(1000, 77, 2, 3, 1), (300, 300, 1, 1, 4), (50, TILE + 1, 1, 4, 3), (1, 1, 2, 2, 2)]


def picture(dtype: torch.dtype, h: int, w: int, channels: int, rng: torch.Generator):
    shape = h * w, channels
    if dtype == torch.float32:
        return torch.rand(shape, generator=rng)
    return torch.randint(TYPES[dtype], shape, generator=rng).to(dtype)


def drawn(source, step, n, seed) -> Batch:
    """Into memory in which whatever is left unwritten shows."""
    space = triton_draws.space_for(source, n, torch.device("cpu"))
    into = Batch(*(None if part is None else poisoned(*part.shape) for part in space))
    triton_draws.draw(source, torch.tensor([step], dtype=torch.int32), n, seed, into)
    return into


def assert_same(source, step, n, seed):
    for got, expected in zip(drawn(source, step, n, seed), source.draw(step, n, seed), strict=True):
        assert (got is None) == (expected is None)
        if got is not None:
            assert torch.equal(got, expected)


@pytest.mark.parametrize("dtype", list(TYPES), ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("some", [False, True])
def test_pixels(dtype, channels, some, rng):
    h, w = 37, 53
    among = None
    if some:
        chosen = torch.randperm(h * w, generator=rng)[: h * w // 2]
        among = chosen[in_order(centres_of(chosen, h, w))].int()
    source = Pixels(picture(dtype, h, w, channels, rng), (h, w), among)
    assert_same(source, 3, TILE + 5, 9)


@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_pixels_of_any_step_and_seed(step, some, rng):
    among = torch.arange(0, 600, 2, dtype=torch.int32) if some else None
    source = Pixels(picture(torch.uint8, 20, 30, 3, rng), (20, 30), among)
    for seed in SEEDS:
        assert_same(source, step, 64, seed)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (5, 7), (1000, 3)])
@pytest.mark.parametrize("n", [1, 35])
def test_pixels_of_any_picture(size, n, rng):
    assert_same(Pixels(picture(torch.uint8, *size, 1, rng), size), 12, n, 1)


def test_all_values_of_a_pixel(rng):
    """Each number that a pixel can be is the same float as torch's division gives."""
    values = torch.arange(2**16, dtype=torch.int32).to(torch.int16)[:, None]
    source = Pixels(values, (256, 256), torch.arange(2**16, dtype=torch.int32))
    assert_same(source, 5, 2**12, 1)
    values = torch.arange(256, dtype=torch.uint8)[:, None]
    assert_same(Pixels(values, (16, 16), torch.arange(256, dtype=torch.int32)), 5, 256, 1)


@pytest.mark.parametrize(("many", "n", "points", "dim", "channels"), LISTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_rows(many, n, points, dim, channels, weighted, rng):
    x, y = torch.rand(many, points, dim, generator=rng), torch.rand(many, points, channels,
                                                                    generator=rng)
    weight = torch.rand(many, points, generator=rng) if weighted else None
    source = Rows(x, y, weight)
    for step, seed in zip((0, 4, 70_000), SEEDS, strict=True):
        assert_same(source, step, n, seed)
