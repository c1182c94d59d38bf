"""The kernel that draws a field whole, against the encoding and the network in torch."""

import pytest
import torch
from interpreted.cases import assert_close, points, small, table_of
from interpreted.networks import outputs, parameters

from fields.kernels import grid, triton_infer
from fields.kernels.triton_net import Net

# Dimension, features and levels; width, depth and channels. Two levels are dense, or one is.
CASES = [
    ((2, 2, 5), (20, 2, 3)),
    ((1, 1, 3), (64, 1, 1)),
    ((3, 4, 2), (32, 3, 4)),
    ((3, 8, 1), (16, 1, 16)),
    ((4, 8, 2), (128, 4, 2)),
]


def case(kind, n, rng):
    (dim, features, levels), (width, depth, channels) = kind
    layout = small(dim, features, levels=levels)
    net = Net(levels * features, width, depth, channels)
    x, table = 2 * points(n, dim, rng) - 1, table_of(layout, rng)
    shift = torch.rand(channels, generator=rng)
    return net, x, table, layout, parameters(net, rng), shift, torch.tensor(0.5)


def drawn(net, x, table, layout, theta, shift, scale):
    return shift + scale * outputs(net, grid.encode((x + 1) / 2, table, layout), theta)


@pytest.mark.parametrize("kind", CASES)
def test_values(kind, rng):
    args = case(kind, 70, rng)
    assert_close(triton_infer.infer(*args, torch.float32), drawn(*args), 5e-6)


@pytest.mark.parametrize("n", [0, 1, triton_infer.TILE, 3 * triton_infer.TILE + 1])
def test_any_number_of_points(n, rng):
    args = case(CASES[0], n, rng)
    found = triton_infer.infer(*args, torch.float32)
    assert found.shape == (n, 3)
    assert_close(found, drawn(*args), 5e-6)


def test_more_points_than_a_launch_takes(rng, monkeypatch):
    monkeypatch.setattr(triton_infer, "MOST", 50)
    args = case(CASES[1], 120, rng)
    assert_close(triton_infer.infer(*args, torch.float32), drawn(*args), 5e-6)


def test_half_precision(rng):
    args = case(CASES[0], 70, rng)
    assert_close(triton_infer.infer(*args, torch.float16), drawn(*args), 5e-3)


@pytest.mark.parametrize(("place", "error"), [(1, TypeError), (2, TypeError), (4, TypeError)])
def test_wrong_tensors_do_not_reach_the_kernel(place, error, rng):
    args = list(case(CASES[1], 5, rng))
    args[place] = args[place].double()
    with pytest.raises(error, match="must be"):
        triton_infer.infer(*args, torch.float32)
    args[place] = args[place].float()[:-1, None]
    with pytest.raises(ValueError, match="must have"):
        triton_infer.infer(*args, torch.float32)
