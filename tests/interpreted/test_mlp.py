"""The network's kernels against a reference in double precision: the loss and every gradient."""

import pytest
import torch
from interpreted.cases import poisoned
from interpreted.networks import learned, outputs, parameters
from torch import Tensor

from fields.kernels.triton_mlp import Space, learn
from fields.kernels.triton_net import MAX_WIDTH, Chip, Net, unsupported

NETS = [
    Net(inputs=4, width=16, depth=1, channels=1),
    Net(inputs=16, width=64, depth=2, channels=3, features=2),
    Net(inputs=6, width=20, depth=1, channels=4),  # nothing is a power of two
    Net(inputs=10, width=40, depth=2, channels=16),
    Net(inputs=6, width=17, depth=3, channels=3, features=2),  # gradients left in memory: too deep,
    Net(inputs=16, width=128, depth=2, channels=3),  # and too wide
    Net(inputs=128, width=100, depth=4, channels=2, features=8),
]
CPU = torch.device("cpu")


def named(net: Net) -> str:
    return f"{net.inputs}-{net.width}x{net.depth}-{net.channels}"


def case(net: Net, n: int, rng: torch.Generator, dtype: torch.dtype = torch.float32) -> tuple:
    """The arguments of `learn`, up to the space; but features are [n, inputs]."""
    features = torch.randn(n, net.inputs, generator=rng).to(dtype)
    target = torch.rand(n, net.channels, generator=rng)
    shift = torch.rand(net.channels, generator=rng)
    return net, features, target, parameters(net, rng), shift, torch.tensor(0.5)


def by_level(net: Net, features: Tensor) -> Tensor:
    """As the kernels want them: [n, inputs] -> [levels, n, features of a level]."""
    levels, n, each = net.planes(len(features))
    return features.view(n, levels, each).transpose(0, 1).contiguous()


def space_for(net: Net, features: Tensor) -> Space:
    """What is only written to is poisoned."""
    space = Space.of(net, len(features), features.dtype, CPU)
    space.change.fill_(torch.nan)
    space.between.fill_(torch.nan)
    return space


def found(args: tuple, **knobs) -> tuple[Tensor, Tensor, Tensor]:
    net, features, *rest = args
    space = space_for(net, features)
    factor = learn(net, by_level(net, features), *rest, space, **knobs)
    change = space.change.transpose(0, 1).reshape(features.shape)
    return space.loss[0], space.gradient, change.double() * factor * rest[-1].double() ** 2


def assert_near(results, references, tolerance: float):
    """In the root mean square, each against its own."""
    for got, expected in zip(results, references, strict=True):
        assert got.shape == expected.shape
        off = (got.double() - expected).norm() / expected.norm()
        assert off <= tolerance, f"off by {off:.2g} of {expected.norm():.2g}"


def test_the_cases_are_of_both_kinds():
    assert {net.kept for net in NETS} == {False, True}


@pytest.mark.parametrize("net", NETS, ids=named)
def test_loss_and_gradients(net, rng):
    """On a number of samples that fills no tile, and more tiles than there are programs."""
    args = case(net, 3 * net.tile - 7, rng)
    assert_near(found(args), learned(*args), 1e-6)


@pytest.mark.parametrize("net", [NETS[1], NETS[4]], ids=named)
def test_one_sample(net, rng):
    args = case(net, 1, rng)
    assert_near(found(args), learned(*args), 1e-6)


@pytest.mark.parametrize("net", [NETS[1], NETS[4]], ids=named)
def test_no_samples(net, rng):
    loss, gradient, change = found(case(net, 0, rng))
    assert loss == 0
    assert not gradient.any()
    assert change.shape == (0, net.inputs)


@pytest.mark.parametrize("net", [NETS[2], NETS[5]], ids=named)
@pytest.mark.parametrize("paired", [0.0, 3.0])
def test_weights_of_samples_and_of_pairs(net, paired, rng):
    args = case(net, net.tile + 10, rng)
    more = {"sample_weight": torch.rand(len(args[1]), generator=rng), "paired": paired}
    assert_near(found(args, **more), learned(*args, **more), 1e-6)


def test_pairs_of_equal_weight(rng):
    args = case(NETS[0], 70, rng)
    assert_near(found(args, paired=0.5), learned(*args, paired=0.5), 1e-6)


def test_it_adds_to_what_is_there(rng):
    net, features, *rest = case(NETS[0], 30, rng)
    space, planes = space_for(net, features), by_level(net, features)
    learn(net, planes, *rest, space)
    once = space.loss.clone(), space.gradient.clone()
    learn(net, planes, *rest, space)
    for now, before in zip((space.loss, space.gradient), once, strict=True):
        torch.testing.assert_close(now, 2 * before)


@pytest.mark.parametrize("net", [NETS[1], NETS[4], NETS[5]], ids=named)
def test_half_precision(net, rng):
    """Rounded where the kernel rounds, it is the same but for a last bit here and there."""
    args = case(net, net.tile + 9, rng, torch.float16)
    assert_near(found(args), learned(*args, dtype=torch.float16), 1e-3)


@pytest.mark.parametrize("depth", [2, 3])
def test_small_errors_do_not_vanish_in_half_precision(depth, rng):
    """A millionth of the values' spread; without a factor on what goes back, a fifth is lost."""
    net = Net(inputs=8, width=16, depth=depth, channels=2)

    def exact(*shape: int) -> Tensor:
        """Numbers that no product of them rounds."""
        return torch.randint(-2, 3, shape, generator=rng) / 4

    features, theta = exact(64, 8), exact(net.size)
    values = outputs(net, features, theta)
    miss = 1e-6 * torch.randint(0, 2, values.shape, generator=rng).mul(2).sub(1)
    args = net, features.half(), values + miss, theta, torch.zeros(2), torch.ones(())
    results, references = found(args), learned(*args)
    assert_near(results, references, 3e-3)
    assert references[2].norm() > 0


def test_shapes_of_networks_without_kernels_are_named():
    half, chip = torch.float16, Chip(2**18)
    assert unsupported(32, (64, 64), 3, half, chip) is None
    assert unsupported(MAX_WIDTH, (MAX_WIDTH,) * 2, 16, half, chip) is None
    for widths, named_ in [
        ((32, (), 3), "hidden layers, not 0"),
        ((32, (16,) * 5, 3), "hidden layers, not 5"),
        ((32, (16, 32), 3), "not 16, 32"),
        ((32, (200, 200), 3), "units a layer, not 200"),
        ((200, (64,), 3), "features, not 200"),
        ((32, (64,), 17), "values, not 17"),
    ]:
        problem = unsupported(*widths, half, chip)
        assert problem is not None
        assert problem.endswith(named_)


def test_a_gpu_with_little_room_on_the_chip_is_told_so():
    problem = unsupported(32, (128, 128), 3, torch.float16, Chip(99 * 1024, False))
    assert problem is not None
    assert "on this GPU" in problem


@pytest.mark.parametrize("place", [1, 2, 3, 4])
def test_wrong_tensors_do_not_reach_the_kernels(place, rng):
    args = list(case(NETS[0], 30, rng))
    space = space_for(args[0], args[1])
    args[1] = by_level(args[0], args[1])
    args[place] = args[place][:-1]
    with pytest.raises(ValueError, match="must have shape"):
        learn(*args, space)
    args[place] = poisoned(*args[place].shape).double()
    with pytest.raises((TypeError, ValueError), match="must"):
        learn(*args, space)


def test_the_gradient_follows_the_loss(rng):
    """A step against it lowers the loss by what it promises."""
    args = case(NETS[1], 100, rng)
    loss, gradient, _ = found(args)
    step = 1e-3 * gradient / gradient.norm()
    net, features, target, theta, *rest = args
    after, *_ = found((net, features, target, theta - step, *rest))
    promised = (gradient * step).sum()
    assert 0.9 * promised < loss - after < 1.1 * promised
