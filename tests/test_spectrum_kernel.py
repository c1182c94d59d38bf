"""The neural tangent kernel and its spectrum."""

import math

import pytest
import torch
from torch import nn

from fields.encodings import HashGrid, Identity
from fields.field import FieldSpec
from fields.grid import pixel_centres
from fields.networks import MLP
from fields.spectrum import eigenmodes, jacobian, kernel_spectrum, mode_power, ntk


def field(rng: torch.Generator, in_dim: int = 1, out_dim: int = 1) -> nn.Module:
    return FieldSpec(encoding=Identity(), network=MLP(width=16, depth=2)).build(
        in_dim, out_dim, rng
    )


def circulant(row: torch.Tensor) -> torch.Tensor:
    n = len(row)
    return row[(torch.arange(n)[:, None] - torch.arange(n)) % n]


def test_the_kernel_of_a_linear_model_is_its_inputs(rng):
    x = torch.randn(7, 3, generator=rng).double()
    found = ntk(nn.Linear(3, 2).double(), x, output=1)
    torch.testing.assert_close(found, x @ x.T + 1)
    torch.testing.assert_close(ntk(nn.Linear(3, 2).double(), x), 2 * (x @ x.T + 1))


def test_the_kernels_of_the_outputs_add_up(rng, monkeypatch):
    made = field(rng, 2, 3)
    x = torch.rand(9, 2, generator=rng)
    parts = [ntk(made, x, output=i) for i in range(3)]
    torch.testing.assert_close(ntk(made, x), parts[0] + parts[1] + parts[2])
    whole = ntk(made, x)
    monkeypatch.setattr("fields.spectrum.kernel.PIECE", 100)
    torch.testing.assert_close(ntk(made, x), whole)


def test_a_kernel_is_symmetric_and_never_negative(rng):
    found = ntk(field(rng), torch.linspace(-1, 1, 30)[:, None])
    assert torch.equal(found, found.T)
    assert torch.linalg.eigvalsh(found).min() > -1e-12 * found.trace()


def test_a_kernel_tells_how_the_output_moves(rng):
    made = field(rng).double()
    x = torch.linspace(-1, 1, 12)[:, None].double()
    before = made(x)
    away = torch.cos(3 * x)
    step = 1e-6
    grads = torch.autograd.grad((before * away).sum(), list(made.parameters()))
    with torch.no_grad():
        for parameter, grad in zip(made.parameters(), grads, strict=True):
            parameter -= step * grad
        moved = (made(x) - before) / step
        for parameter, grad in zip(made.parameters(), grads, strict=True):
            parameter += step * grad
    torch.testing.assert_close(moved, -ntk(made, x) @ away, atol=1e-4, rtol=1e-4)


def test_a_kernel_leaves_the_field_as_it_is(rng):
    made = field(rng)
    with torch.no_grad():  # as in the thread that draws
        ntk(made, torch.zeros(2, 1))
    assert all(p.grad is None for p in made.parameters())


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_a_grid_s_kernel_is_local(backend, rng):
    grid = HashGrid(levels=2, log2_size=8, coarsest=16, finest=64)
    made = FieldSpec(encoding=grid, network=MLP(width=8, depth=1)).build(1, 1, rng, backend=backend)
    found = ntk(made, torch.linspace(-0.9, 0.9, 10)[:, None])
    assert found.diagonal().min() > 0


def test_parameters_that_are_frozen_or_unused_do_not_count(rng):
    model = nn.Sequential(nn.Linear(1, 4), nn.Linear(4, 1))
    model.register_parameter("unused", nn.Parameter(torch.ones(3)))
    assert jacobian(model, torch.ones(2, 1)).shape == (2, 1, 8 + 5 + 3)
    model[0].requires_grad_(False)
    assert jacobian(model, torch.ones(2, 1)).shape == (2, 1, 5 + 3)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="no trained parameters"):
        ntk(model, torch.ones(2, 1))


def test_a_kernel_too_large_names_the_way_out(monkeypatch):
    monkeypatch.setattr("fields.spectrum.kernel.MAX_VALUES", 100)
    with pytest.raises(ValueError, match="at most 10 points"):
        ntk(nn.Linear(9, 1), torch.ones(11, 9))
    with pytest.raises(ValueError, match="output must lie from 0 to 1"):
        ntk(nn.Linear(2, 2), torch.ones(3, 2), output=2)
    with pytest.raises(ValueError, match="x must be finite"):
        ntk(nn.Linear(1, 1), torch.tensor([[math.nan]]))


# --- spectra ---


def test_eigenmodes_make_up_the_kernel(rng):
    kernel = ntk(field(rng), torch.linspace(-1, 1, 20)[:, None])
    values, vectors = eigenmodes(kernel)
    assert (values.diff() <= 0).all()
    assert values.min() >= 0
    torch.testing.assert_close(vectors * values @ vectors.T, kernel)


@pytest.mark.parametrize("n", [15, 16])
def test_the_spectrum_of_a_circulant_kernel_is_its_eigenvalues(n):
    distance = torch.minimum(torch.arange(n), n - torch.arange(n)).double()
    kernel = circulant(torch.exp(-distance))
    frequency, found = kernel_spectrum(kernel, n, boundary="periodic")
    assert frequency.tolist() == list(range(n // 2 + 1))
    values = eigenmodes(kernel)[0]
    pairs = torch.cat([values[:1], values[1::2]])  # a cosine and a sine of each frequency
    torch.testing.assert_close(found.sort(descending=True).values, pairs)
    vectors = eigenmodes(kernel)[1]
    frequency, power = mode_power(vectors, n, boundary="periodic")
    assert frequency[power.argmax(0)].tolist() == [(i + 1) // 2 for i in range(n)]


def test_the_mean_of_a_spectrum_over_waves_is_that_of_the_kernel(rng):
    kernel = ntk(field(rng, 2), pixel_centres(6, 6))
    for boundary in ("plain", "periodic"):
        _, power = mode_power(torch.eye(36), 6, 6, boundary=boundary)
        count = power.sum(1)  # of the waves nearest to each frequency
        found = kernel_spectrum(kernel, 6, 6, boundary=boundary)[1]
        there = count > 0
        assert (found * count)[there].sum().item() == pytest.approx(kernel.trace().item())


@pytest.mark.parametrize("size", [(24,), (6, 24), (24, 6), (4, 3, 12)])
def test_a_wave_has_its_power_at_its_frequency(size):
    x = pixel_centres(*size).double()
    axis = len(size) - 1 - size.index(max(size))
    wave = torch.cos(math.pi * 3 * (x[:, [axis]] + 1))  # whole cycles from end to end
    for boundary in ("plain", "periodic"):
        frequency, power = mode_power(wave, *size, boundary=boundary)
        assert frequency[power.argmax()].item() == 3
        assert power.max().item() == pytest.approx(1)
    half = torch.cos(math.pi * 2.5 * (x[:, [axis]] + 1))
    frequency, power = mode_power(half, *size)
    assert power[frequency == 2.5].item() == pytest.approx(1)


def test_shares_sum_to_the_whole(rng):
    vectors = torch.randn(20, 3, generator=rng)
    for boundary in ("plain", "periodic"):
        power = mode_power(vectors, 4, 5, boundary=boundary)[1]
        torch.testing.assert_close(power.sum(0), torch.ones(3).double())


def test_a_field_learns_low_frequencies_first(rng):
    kernel = ntk(field(rng), pixel_centres(64))
    frequency, found = kernel_spectrum(kernel, 64)
    assert found[frequency == 0.5] > 10 * found[frequency == 4] > 0
    _, power = mode_power(eigenmodes(kernel)[1][:, :10], 64)
    centre = (frequency[:, None] * power).sum(0)
    assert centre[0] < centre[-1]


def test_a_spectrum_needs_a_grid_of_its_points():
    with pytest.raises(ValueError, match="grid of 6 points"):
        mode_power(torch.eye(6), 2, 2)
    with pytest.raises(ValueError, match="square"):
        kernel_spectrum(torch.ones(2, 3), 2)
    with pytest.raises(ValueError, match="boundary must be"):
        kernel_spectrum(torch.eye(4), 4, boundary="open")  # pyright: ignore[reportArgumentType]
