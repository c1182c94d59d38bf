"""Waves of several spreads through shared layers: derivatives, what is shared, what is apart."""

import pytest
import torch

from fields import FieldSpec, load_field, save_field
from fields.encodings import Identity
from fields.jets import jet
from fields.networks import SharedTrunk


def built(spec: SharedTrunk, in_dim: int, out_dim: int = 2):
    return spec.build(in_dim, out_dim, torch.Generator().manual_seed(0))


SPECS = {
    "one": SharedTrunk(frequencies=3, sigmas=(1.0,), width=5),
    "several": SharedTrunk(frequencies=3, sigmas=(1.0, 4.0, 0.5), width=5, depth=2),
    "time apart": SharedTrunk(frequencies=3, sigmas=(1.0, 2.0), time_sigmas=(0.5, 3.0), width=4),
}


@pytest.mark.parametrize("name", SPECS)
def test_carried_derivatives_are_those_of_backpropagation(name, rng):
    field = FieldSpec(encoding=Identity(), network=SPECS[name]).build(2, 2, rng).double()
    x = (2 * torch.rand(6, 2, generator=rng, dtype=torch.float64) - 1).requires_grad_()
    for axis in range(2):
        found = jet(field, x, axis)
        values = field(x)
        assert torch.allclose(found.value, values)
        for channel in range(2):
            (first,) = torch.autograd.grad(values[:, channel].sum(), x, create_graph=True)
            (second,) = torch.autograd.grad(first[:, axis].sum(), x, retain_graph=True)
            assert torch.allclose(found.first[:, channel], first[:, axis])
            assert torch.allclose(found.second[:, channel], second[:, axis])


def test_time_apart_makes_products():
    """One spread of each kind and no mixing: every unit is a function of x times one of t."""
    network = built(SharedTrunk(frequencies=4, sigmas=(1.0,), time_sigmas=(2.0,), width=1), 2, 1)
    with torch.no_grad():
        network.head.bias.zero_()
        axis = torch.linspace(-1, 1, 7)
        values = network(torch.cartesian_prod(axis, axis)).view(7, 7)
        assert torch.linalg.matrix_rank(values, atol=1e-5) == 1
        mixed = built(SharedTrunk(frequencies=4, sigmas=(1.0,), width=1), 2, 1)
        assert torch.linalg.matrix_rank(
            mixed(torch.cartesian_prod(axis, axis)).view(7, 7), atol=1e-5
        ) > 1  # fmt: skip


def test_all_spreads_share_the_layers():
    """More spreads make the head wider, and nothing else that learns."""
    one = built(SharedTrunk(frequencies=3, sigmas=(1.0,), width=5), 1)
    two = built(SharedTrunk(frequencies=3, sigmas=(1.0, 2.0), width=5), 1)
    counts = {sum(p.numel() for p in n.layers.parameters()) for n in (one, two)}
    assert len(counts) == 1
    assert two.head.in_features == 2 * one.head.in_features


def test_it_survives_a_file(tmp_path, rng):
    spec = FieldSpec(encoding=Identity(), network=SPECS["time apart"])
    field = spec.build(2, 1, rng)
    save_field(tmp_path / "field", field, spec, {})
    x = torch.rand(5, 2, generator=rng)
    assert torch.equal(load_field(tmp_path / "field").field(x), field(x))


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match="time_sigmas want two coordinates"):
        built(SharedTrunk(time_sigmas=(1.0,)), 1)
    with pytest.raises(ValueError, match="must hold 1 to 64 spreads"):
        built(SharedTrunk(sigmas=()), 1)
