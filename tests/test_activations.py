"""Every activation's nonlinearity, its derivatives, and where its weights start."""

import math

import pytest
import torch

from fields import ACTIVATIONS
from fields.activations import Finer, Gabor, Phi, Ricker, Sine, SReLU, Tanh

REAL = [name for name in ACTIVATIONS if name != "Gabor"]
GLOROT = [
    SReLU(),
    Phi(),
    Ricker(),
    Sine(first_omega=1.0, omega=1.0, init="glorot"),
    Tanh(init="normal"),
]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("first", [True, False])
def test_a_jet_is_the_function_and_its_derivatives(name, first, rng):
    function = ACTIVATIONS[name]().nonlinearity(first=first)
    spread = 0.1 if name in ("Sine", "Finer", "Gaussian") else 4.0
    z = spread * torch.randn(400, generator=rng).double()
    z.requires_grad_()
    wanted = [function(z)]
    for _ in range(2):
        made = wanted[-1].sum()
        found = torch.autograd.grad(made, z, create_graph=True, materialize_grads=True)
        wanted.append(found[0])
    for part, right in zip(function.jet(z), wanted, strict=True):
        torch.testing.assert_close(part, right, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", REAL)
def test_a_layer_ends_in_the_nonlinearity(name, rng):
    activation = ACTIVATIONS[name]()
    for first in (True, False):
        linear, end = activation.layer(3, 4, rng, first=first)
        x = torch.rand(5, 3, generator=rng)
        assert torch.equal(end(linear(x)), activation.nonlinearity(first=first)(linear(x)))


def test_a_complex_unit_is_no_function_of_single_numbers():
    with pytest.raises(ValueError, match="choose Sine"):
        Gabor().nonlinearity(first=True)


def test_srelu_is_a_parabola_on_the_unit_interval():
    z = torch.tensor([-1.0, 0, 0.25, 0.5, 1, 2])
    values = SReLU().nonlinearity(first=False)(z)
    torch.testing.assert_close(values, torch.tensor([0, 0, 0.1875, 0.25, 0, 0]))


def test_phi_is_the_sum_of_squares_that_defines_it():
    z = torch.linspace(-2, 5, 701, dtype=torch.float64)
    squares = [torch.relu(z - k).square() for k in range(4)]
    wanted = squares[0] - 3 * squares[1] + 3 * squares[2] - squares[3]
    torch.testing.assert_close(Phi().nonlinearity(first=False)(z), wanted)


def test_phi_is_exactly_0_far_away():
    z = torch.tensor([-1e6, 3.0, 12345.678, 1e6])
    assert not Phi().nonlinearity(first=False)(z).any()


@pytest.mark.parametrize("scale", [0.1, 0.3, 2.0])
def test_a_ricker_wavelet_has_no_mean_and_its_peak_at_1_over_its_scale(scale):
    z = scale * torch.linspace(-40, 40, 8000, dtype=torch.float64)
    wave = Ricker(scale=scale).nonlinearity(first=False)(z)
    assert wave.max() == pytest.approx(math.pi**0.25 / (15 * scale), rel=1e-4)
    assert abs(wave.sum() / wave.abs().sum()) < 1e-10
    spectrum = torch.fft.rfft(wave).abs()
    omega = 2 * math.pi * spectrum.argmax() / (len(z) * (z[1] - z[0]))
    # |f^| goes with w^2 exp(-(a w)^2 / 2), which is largest at w = sqrt(2) / a.
    assert omega * scale == pytest.approx(2**0.5, abs=0.05)


@pytest.mark.parametrize("activation", GLOROT, ids=lambda a: type(a).__name__)
@torch.no_grad()
def test_normal_weights_are_as_wide_as_glorot_says(activation, rng):
    for first in (True, False):
        linear = activation.layer(300, 500, rng, first=first)[0]
        assert linear.weight.std() == pytest.approx((2 / 800) ** 0.5, rel=0.02)
        assert linear.weight.abs().max() > 3 * linear.weight.std()  # no uniform distribution
        assert linear.bias.abs().max() == pytest.approx(float(first), abs=0.02)
    head = activation.head(500, 300, rng)
    assert head.weight.std() == pytest.approx((2 / 800) ** 0.5, rel=0.02)
    assert not head.bias.any()


@torch.no_grad()
def test_siren_s_own_weights_are_kept_from_overflowing_the_sine(rng):
    linear, _ = Sine(omega=20.0).layer(200, 200, rng, first=False)
    assert linear.weight.abs().max() == pytest.approx((6 / 200) ** 0.5 / 20, rel=1e-3)


def test_finer_is_a_sine_where_its_argument_is_small():
    z = torch.tensor([1e-4, -1e-4], dtype=torch.float64)
    wave = Sine(first_omega=5.0).nonlinearity(first=True)(z)
    torch.testing.assert_close(
        Finer(first_omega=5.0).nonlinearity(first=True)(z), wave, rtol=2e-4, atol=0
    )
