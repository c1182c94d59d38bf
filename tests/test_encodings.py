"""Every encoding honours the same contract, so that a new one is tested by being listed."""

import math

import pytest
import torch

from fields import ENCODINGS
from fields.encodings import DenseGrid, Fourier, HashGrid, MultiFourier, Positional

SMALL = {
    "HashGrid": {"levels": 3, "log2_size": 6, "coarsest": 3, "finest": 12},
    "DenseGrid": {"levels": 2, "coarsest": 2, "finest": 5},
    "Fourier": {"frequencies": 9, "sigma": 1.0},
    "MultiFourier": {"frequencies": 9, "sigmas": (0.5, 1.0)},
    "Positional": {"frequencies": 3, "octaves": 1.0},
    "Spline": {"cells": (6,), "levels": 2},
}
DIMS = [1, 2, 3, 4]


@pytest.fixture(params=ENCODINGS)
def spec(request):
    return ENCODINGS[request.param](**SMALL.get(request.param, {}))


def points(n: int, d: int, dtype=torch.float32) -> torch.Tensor:
    rng = torch.Generator().manual_seed(5)
    return (2 * torch.rand(n, d, generator=rng) - 1).to(dtype)


@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("n", [0, 1, 17])
def test_shape_and_gradient(spec, d, n, rng):
    encoding = spec.build(d, rng)
    x = points(n, d).requires_grad_()
    y = encoding(x)
    assert y.shape == (n, encoding.out_dim)
    assert encoding.in_dim == d
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("d", DIMS)
def test_derivatives_are_right(spec, d, rng):
    encoding = spec.build(d, rng).double()
    for table in encoding.tables:
        table.data.uniform_(-1, 1, generator=rng)
    x = points(4, d, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(encoding, (x,))
    assert torch.autograd.gradgradcheck(encoding, (x,))


def test_equal_seeds_build_equal_encodings(spec):
    torch.manual_seed(1)
    a = spec.build(2, torch.Generator().manual_seed(7))
    torch.manual_seed(2)
    b = spec.build(2, torch.Generator().manual_seed(7))
    x = points(5, 2)
    assert torch.equal(a(x), b(x))


def test_building_leaves_the_global_generator_alone(spec, rng):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    spec.build(2, rng)
    assert torch.equal(before, torch.get_rng_state())


def test_tables_are_parameters(spec, rng):
    encoding = spec.build(2, rng)
    assert {id(t) for t in encoding.tables} <= {id(p) for p in encoding.parameters()}


def test_positional_frequencies_are_octaves_of_a_cycle_per_side():
    encoding = Positional(frequencies=4, octaves=3.0, include_input=False).build(1, None)
    x = torch.tensor([[0.25]])
    waves = [math.cos(math.pi * f * 0.25) for f in (1, 2, 4, 8)]
    torch.testing.assert_close(encoding(x)[0, :4], torch.tensor(waves), atol=1e-5, rtol=0)


def test_fourier_features_have_unit_length(rng):
    encoding = Fourier(frequencies=32).build(2, rng)
    torch.testing.assert_close(encoding(points(6, 2)).square().sum(-1), torch.full((6,), 32.0))


def test_fourier_spread_is_sigma(rng):
    assert Fourier(frequencies=20000, sigma=7.0).build(2, rng).B.std() == pytest.approx(7, rel=0.02)


def test_multifourier_has_every_spread(rng):
    B = MultiFourier(frequencies=30000, sigmas=(1.0, 10.0, 100.0)).build(1, rng).B
    spreads = [part.std().item() for part in B.tensor_split(3, dim=1)]
    assert spreads == pytest.approx([1, 10, 100], rel=0.05)


def test_multifourier_needs_a_frequency_for_each_spread(rng):
    with pytest.raises(ValueError, match="must hold 1 to 1 spreads"):
        MultiFourier(frequencies=1, sigmas=(1.0, 2.0)).build(1, rng)


@pytest.mark.parametrize("spec", [HashGrid(), DenseGrid()])
def test_a_grid_starts_near_zero(spec, rng):
    assert spec.build(2, rng).table.abs().max() <= 1e-4


def test_a_grid_without_a_hash_interpolates_between_vertices(rng):
    grid = DenseGrid(levels=1, features=1, coarsest=4, finest=4).build(1, rng)
    grid.table.data = torch.arange(8.0)[:, None]  # vertex i holds i
    x = torch.linspace(-1, 1, 9)[:, None]
    torch.testing.assert_close(grid(x)[:, 0], (x[:, 0] + 1) / 2 * 3 + 0.5)


@pytest.mark.parametrize("d", [0, 5])
def test_a_grid_takes_one_to_four_coordinates(d, rng):
    with pytest.raises(ValueError, match="1 to 4 coordinates"):
        HashGrid().build(d, rng)


def test_a_grid_too_large_for_memory_is_refused_before_it_is_made(rng):
    with pytest.raises(ValueError, match="lower its finest resolution"):
        DenseGrid(finest=65536).build(3, rng)
