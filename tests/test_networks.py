"""Every activation and network honours the same contract."""

import math

import pytest
import torch
from torch import nn

from fields import ACTIVATIONS, MLP, NETWORKS, Direct, FieldSpec, load_field, save_field
from fields.activations import Gabor, ReLU, Sine, SReLU, Tanh
from fields.encodings import HashGrid, Identity
from fields.fused import fuse
from fields.networks import Mscale1, Mscale2, Network, Phase, SharedTrunk

KINDS = {
    "plain": MLP(width=6),
    "widths": MLP(widths=(3, 5, 4), activation=Tanh()),
    "linear": MLP(depth=0),
    "normal": MLP(width=6, activation=Tanh(), init="normal", gain=2.0),
    "sine first": MLP(width=6, activation=Tanh(), first="sine", first_gain=3.0),
    "antisymmetric": MLP(width=6, activation=Tanh(), antisymmetric=True),
    "global": MLP(width=6, activation=Tanh(), slopes="global", recovery=1.0),
    "layer": MLP(width=6, activation=Sine(), slopes="layer", recovery=1.0),
    "neuron": MLP(
        widths=(3, 5), activation=Tanh(), slopes="neuron", recovery=1.0, antisymmetric=True
    ),
    "mscale1": Mscale1(scales=(1.0, 2.0, 4.0), width=7, depth=2),
    "mscale1 srelu": Mscale1(scales=(1.0, 2.0), width=6, depth=1, activation=SReLU()),
    "mscale2": Mscale2(scales=(1.0, 2.0, 4.0), width=4, depth=2),
    "mscale2 linear": Mscale2(scales=(1.0, 2.0), depth=0),
    "phase": Phase(bands=1, highest=3.0, width=4),
    "phase trained": Phase(bands=1, highest=3.0, width=3, depth=1, trainable=True),
    "trunk": SharedTrunk(frequencies=3, sigmas=(0.5, 2.0), width=4),
}


@pytest.fixture(params=ACTIVATIONS)
def activation(request):
    return ACTIVATIONS[request.param]()


@pytest.fixture(params=KINDS)
def spec(request):
    return KINDS[request.param]


def points(n: int, d: int, rng: torch.Generator) -> torch.Tensor:
    return 2 * torch.rand(n, d, generator=rng) - 1


def seeded(spec, in_dim=2, out_dim=3, seed=1):
    return spec.build(in_dim, out_dim, torch.Generator().manual_seed(seed))


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


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_tried_here(name):
    assert name == "Direct" or NETWORKS[name] in {type(spec) for spec in KINDS.values()}


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 9])
def test_every_kind_has_its_shape_and_all_of_it_learns(spec, d, n, rng):
    network = spec.build(d, 2, rng)
    y = network(points(n, d, rng))
    assert y.shape == (n, 2)
    y.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_every_kind_comes_of_its_generator_alone(spec):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    a = seeded(spec).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    b, other = seeded(spec).state_dict(), seeded(spec, seed=2).state_dict()
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert any(not torch.equal(a[key], other[key]) for key in a)


def test_every_kind_computes_in_double_precision(spec, rng):
    network = seeded(spec)
    x = points(9, 2, rng)
    single, double = network(x), network.double()(x.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single, double.float(), rtol=1e-4, atol=1e-4)


def test_every_kind_starts_at_order_1(spec, rng):
    y = seeded(spec, out_dim=1)(points(400, 2, rng))
    assert y.abs().max() < 20


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_kind_survives_on_disk(spec, dtype, tmp_path, rng):
    whole = FieldSpec(encoding=Identity(), network=spec)
    field = whole.build(2, 3, rng).to(dtype)
    save_field(tmp_path / "f.safetensors", field, whole, {})
    loaded = load_field(tmp_path / "f.safetensors", backend="torch")
    assert loaded.spec == whole
    x = points(20, 2, rng).to(dtype)
    assert torch.equal(loaded.field(x), field(x))
    assert FieldSpec.from_dict(whole.to_dict()) == whole


@pytest.mark.parametrize("kind", [k for k in KINDS if "phase" not in k])  # whose waves stay
def test_amplified_is_as_if_the_features_were(kind, rng):
    network, x = seeded(KINDS[kind]).double(), points(9, 2, rng).double()
    wanted = network(3 * x)
    network.amplify(3.0)
    torch.testing.assert_close(network(x), wanted)


def test_a_plain_network_is_saved_as_ever():
    keys = MLP(width=4, depth=2).build(2, 1, torch.Generator()).state_dict().keys()
    assert list(keys) == ["0.0.weight", "0.0.bias", "1.0.weight", "1.0.bias", "2.weight", "2.bias"]


def test_widths_are_those_of_the_layers(rng):
    network = MLP(widths=(3, 5, 4)).build(2, 1, rng)
    assert [p.shape[0] for n, p in network.named_parameters() if n.endswith("bias")] == [3, 5, 4, 1]
    with pytest.raises(ValueError, match="at most 64 layers, got 65"):
        MLP(widths=(1,) * 65)


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


def linears(network: nn.Module) -> list[nn.Linear]:
    return [m for m in network.modules() if isinstance(m, nn.Linear)]


@pytest.mark.parametrize(("spread", "wanted"), [(0.0, 400**-0.5), (0.3, 0.3)])
@torch.no_grad()
def test_a_normal_start_is_one_spread_for_every_weight_and_bias(spread, wanted, rng):
    spec = MLP(widths=(400, 300), activation=Tanh(), init="normal", spread=spread, gain=3.0)
    for linear in linears(spec.build(300, 300, rng)):
        assert linear.weight.std() == pytest.approx(3 * wanted, rel=0.05)
        assert linear.bias.std() == pytest.approx(3 * wanted, rel=0.2)


def test_gain_is_a_factor_on_the_weights_of_hidden_layers():
    one, three = (linears(seeded(MLP(width=5, gain=gain))) for gain in (1.0, 3.0))
    for a, b in zip(one[:-1], three[:-1], strict=True):
        torch.testing.assert_close(b.weight, 3 * a.weight)
        assert torch.equal(a.bias, b.bias)
    assert torch.equal(one[-1].weight, three[-1].weight)


def test_a_first_layer_of_sines_has_every_phase(rng):
    spec = MLP(width=2000, depth=2, activation=Tanh(), first="sine", first_gain=7.0)
    first = spec.build(1, 1, rng)[0]
    x = points(5, 1, rng)
    torch.testing.assert_close(first(x), torch.sin(first[0](x)))
    assert 3.1 < first[0].bias.abs().max() <= math.pi
    assert first[0].weight.detach().std() == pytest.approx(7 * (2 / 2001) ** 0.5, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "slopes"), [*((kind, "fixed") for kind in ACTIVATIONS), ("Tanh", "layer")]
)
def test_an_antisymmetric_network_starts_at_exactly_0(kind, slopes, rng):
    spec = MLP(
        width=8, depth=2, activation=ACTIVATIONS[kind](), antisymmetric=True, slopes=slopes
    )
    network = spec.build(2, 3, rng)
    x = points(50, 2, rng)
    assert not network(x).any()
    network(x).sum().backward()
    assert any(p.grad.any() for p in network.parameters())


@pytest.mark.parametrize("slopes", ["global", "layer", "neuron"])
def test_trained_slopes_start_as_none(slopes, rng):
    spec = MLP(widths=(7, 5), activation=Tanh())
    trained = MLP(widths=(7, 5), activation=Tanh(), slopes=slopes)
    x = points(30, 2, rng)
    assert torch.equal(seeded(spec)(x), seeded(trained)(x))


@pytest.mark.parametrize(("slopes", "count"), [("global", 1), ("layer", 2), ("neuron", 12)])
def test_slopes_are_as_many_as_they_are_for(slopes, count, rng):
    plain, trained = MLP(widths=(7, 5)), MLP(widths=(7, 5), slopes=slopes)
    sizes = [sum(p.numel() for p in s.build(2, 1, rng).parameters()) for s in (plain, trained)]
    assert sizes[1] - sizes[0] == count


def test_a_slope_steepens_its_layer(rng):
    network = seeded(MLP(widths=(4,), activation=Tanh(), slopes="layer", slope_factor=5.0))
    x = points(6, 2, rng)
    with torch.no_grad():
        network.slopes[0].fill_(0.6)
    wanted = network.head(torch.tanh(3 * network.linears[0](x)))
    torch.testing.assert_close(network(x), wanted)


@pytest.mark.parametrize("slopes", ["layer", "neuron"])
def test_recovery_is_the_published_term(slopes):
    spec = MLP(widths=(2, 3), activation=Tanh(), slopes=slopes, recovery=4.0)
    network = seeded(spec)
    with torch.no_grad():
        network.slopes[0].fill_(0.5)
        network.slopes[1].copy_(torch.tensor([0.2] if slopes == "layer" else [0.1, 0.2, 0.3]))
    wanted = 4 / ((math.exp(0.5) + math.exp(0.2)) / 2)
    penalty = network.penalty()
    assert penalty.item() == pytest.approx(wanted, rel=1e-6)
    penalty.backward()
    assert all((p.grad < 0).all() for p in network.slopes)  # a step steepens them


def test_only_recovery_adds_to_the_loss(rng):
    assert seeded(MLP(slopes="layer")).penalty() is None
    assert seeded(MLP(antisymmetric=True)).penalty() is None
    one = seeded(MLP(slopes="layer", recovery=2.0)).penalty()
    assert one.item() == pytest.approx(2 / math.exp(0.1), rel=1e-6)
    both = seeded(MLP(slopes="layer", recovery=2.0, antisymmetric=True)).penalty()
    assert torch.equal(one, both)
    field = FieldSpec(network=MLP(slopes="layer", recovery=2.0)).build(2, 1, rng)
    assert torch.equal(field.penalty, one)
    assert FieldSpec(encoding=Identity(), network=Direct()).build(2, 2, rng).penalty is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (MLP(depth=0, slopes="layer"), "raise MLP.depth"),
        (MLP(activation=Gabor(), slopes="layer"), "choose Sine"),
        (Mscale1(activation=Gabor()), "real units"),
        (Mscale1(scales=()), "must hold 1 to 180 scales, got 0"),
        (Mscale1(width=2), "must hold 1 to 2 scales, got 6"),
        (Mscale2(scales=()), "got 0"),
        (Mscale2(activation=Gabor()), "choose Sine"),
        (Phase(frequencies=(1.0, 2.0)), "for one coordinate, got 2"),
        (Phase(bands=40), "make 3,281 carriers"),
    ],
)
def test_what_cannot_be_built_is_refused(spec, message, rng):
    with pytest.raises(ValueError, match=message):
        spec.build(2, 1, rng)


def test_mscale1_at_scale_1_is_a_plain_network(rng):
    sine = Sine(first_omega=1.0, omega=1.0, init="glorot")
    x = points(9, 2, rng)
    plain = seeded(MLP(width=6, depth=3, activation=sine))
    assert torch.equal(seeded(Mscale1(scales=(1.0,), width=6))(x), plain(x))


def test_mscale1_scales_shares_of_the_units_and_no_bias(rng):
    first = seeded(Mscale1(scales=(1.0, 3.0, 9.0), width=8, depth=1))[0][0]
    assert first.scales.flatten().tolist() == [1, 1, 1, 3, 3, 3, 9, 9]
    x = points(5, 2, rng)
    wanted = first.scales.T * (x @ first.linear.weight.T) + first.linear.bias
    torch.testing.assert_close(first(x), wanted)


def subnetwork(bank, number: int, x: torch.Tensor) -> torch.Tensor:
    """One network of a bank, layer by layer."""
    for layer, nonlinearity in enumerate(bank.nonlinearities):
        x = nonlinearity(x @ bank.weights[layer][number] + bank.biases[layer][number])
    return x @ bank.weights[-1][number] + bank.biases[-1][number]


def test_mscale2_is_the_sum_of_networks_at_their_scales(rng):
    network = seeded(Mscale2(scales=(1.0, 2.0, 5.0), width=4, depth=2))
    x = points(7, 2, rng)
    parts = [subnetwork(network.bank, i, a * x) for i, a in enumerate((1.0, 2.0, 5.0))]
    torch.testing.assert_close(network(x), sum(parts))


def test_phase_is_the_sum_of_modulated_waves(rng):
    network = seeded(Phase(frequencies=(0.0, 2.5, 7.0), width=4, stretch=2.0), in_dim=1)
    x = points(7, 1, rng)
    wanted = torch.zeros(7, 3)
    for m, w in enumerate((0.0, 2.5, 7.0)):
        wanted += subnetwork(network.bank, m, 2 * x) * torch.cos(math.pi * w * x)
        wanted += subnetwork(network.bank, 3 + m, 2 * x) * torch.sin(math.pi * w * x)
    torch.testing.assert_close(network(x), wanted / 3**0.5)


def test_phase_at_carrier_0_is_one_slow_network(rng):
    network = seeded(Phase(frequencies=(0.0,), width=4), in_dim=1)
    x = points(7, 1, rng)
    torch.testing.assert_close(network(x), subnetwork(network.bank, 0, 3 * x))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_lattice_has_one_of_each_pair_of_carriers(d, rng):
    carriers = Phase(bands=2, highest=10.0).build(d, 1, rng).carriers
    assert len(carriers) == (5**d + 1) // 2
    assert carriers.abs().max() == 10
    found = {tuple(w) for w in carriers.tolist()}
    assert (0.0,) * d in found
    assert len(found | {tuple(-k for k in w) for w in found}) == 5**d


def test_carriers_learn_only_if_they_are_asked_to():
    fixed, trained = (
        dict(seeded(Phase(bands=1, trainable=trainable)).named_parameters())
        for trainable in (False, True)
    )
    assert trained.keys() - fixed.keys() == {"carriers"}


def test_a_bank_starts_as_glorot_says(rng):
    bank = Mscale2(width=100, depth=2, activation=Sine()).build(1, 50, rng).bank
    with torch.no_grad():
        for weight in bank.weights:
            fans = weight.shape[1] + weight.shape[2]
            assert weight.std() == pytest.approx((2 / fans) ** 0.5, rel=0.1)
        assert bank.biases[0].abs().max() == pytest.approx(1, abs=0.05)
        assert not any(bias.any() for bias in bank.biases[1:])


def test_kernels_refuse_what_they_cannot_follow(rng):
    grid = HashGrid(levels=2, log2_size=6).build(2, rng, backend="numba")
    assert fuse(grid, MLP(width=6).build(4, 3, rng), torch.float32) is not None
    normal = MLP(width=6, gain=2.0, init="normal")
    assert fuse(grid, normal.build(4, 3, rng), torch.float32) is not None
    for spec in (
        MLP(width=6, slopes="global"),
        MLP(width=6, antisymmetric=True),
        MLP(width=6, first="sine"),
        MLP(width=6, activation=Tanh()),
        Mscale1(width=6, activation=ReLU()),
        Mscale2(activation=ReLU()),
    ):
        network = spec.build(4, 3, rng)
        assert isinstance(network, Network)
        assert fuse(grid, network, torch.float32) is None
