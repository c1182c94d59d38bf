"""Every activation and network honours the same contract."""

import pytest
import torch

from fields import ACTIVATIONS, MLP, NETWORKS
from fields.activations import Gabor, ReLU, Sine


@pytest.fixture(params=ACTIVATIONS)
def activation(request):
    return ACTIVATIONS[request.param]()


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("n", [0, 1, 9])
def test_shape_and_gradient(activation, depth, n, rng):
    network = MLP(width=8, depth=depth, activation=activation).build(5, 3, rng)
    y = network(torch.rand(n, 5, generator=rng))
    assert y.shape == (n, 3)
    y.sum().backward()
    wanted = [p for p in network.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in wanted)


def test_derivatives_are_right(activation, rng):
    network = MLP(width=6, depth=2, activation=activation).build(2, 2, rng).double()
    x = (torch.rand(3, 2, generator=rng).double() - 0.5) * 0.1
    x.requires_grad_()
    assert torch.autograd.gradcheck(network, (x,), atol=1e-4)
    assert torch.autograd.gradgradcheck(network, (x,), atol=1e-3)


def test_equal_seeds_build_equal_networks(activation):
    spec = MLP(width=8, activation=activation)
    a, b = (spec.build(2, 1, torch.Generator().manual_seed(1)) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_a_new_network_has_a_sensible_output(activation, rng):
    network = MLP(width=128, depth=3, activation=activation).build(2, 1, rng)
    y = network(2 * torch.rand(500, 2, generator=rng) - 1)
    assert y.isfinite().all()
    assert y.abs().max() < 20
    assert y.std() > 1e-4


def test_siren_keeps_the_spread_of_its_units_through_depth(rng):
    network = MLP(width=256, depth=4, activation=Sine()).build(2, 1, rng)
    h = 2 * torch.rand(2000, 2, generator=rng) - 1
    for layer in list(network)[:-1]:
        h = layer(h)
        assert 0.6 < h.std() < 0.8  # sqrt(1/2): a sine of a widely spread argument


def test_gabor_is_the_complex_wavelet(rng):
    layer = Gabor(omega=3.0, scale=2.0).layer(4, 6, rng, first=False)
    x = torch.rand(5, 4, generator=rng)
    z = torch.complex(*x.chunk(2, -1))
    weight = torch.complex(layer.real.weight, layer.imag.weight)
    bias = torch.complex(layer.real.bias, layer.imag.bias)
    z = z @ weight.T + bias
    wanted = torch.exp(3j * z - (2 * z.abs()) ** 2)
    torch.testing.assert_close(layer(x), torch.cat([wanted.real, wanted.imag], -1))


def test_gabor_layers_have_an_even_width(rng):
    with pytest.raises(ValueError, match="width must be even"):
        MLP(width=7, activation=Gabor()).build(2, 1, rng)


def test_networks_are_listed():
    assert NETWORKS["MLP"] is MLP


def test_depth_zero_is_linear(rng):
    network = MLP(depth=0, activation=ReLU()).build(3, 2, rng)
    a, b = torch.rand(2, 4, 3, generator=rng)
    torch.testing.assert_close(network(a) + network(b) - network(a + b), network(a * 0))
