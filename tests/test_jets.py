"""Derivatives carried forwards are those that backpropagation finds."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from fields import ACTIVATIONS, MLP, Direct, FieldSpec
from fields.activations import Gabor, Sine, Tanh
from fields.encodings import (
    DenseGrid,
    Fourier,
    HashGrid,
    Identity,
    MultiFourier,
    Positional,
    Spline,
)
from fields.jets import jet, slope
from fields.networks import Mscale1, Mscale2, Phase, SharedTrunk

REAL = [name for name in ACTIVATIONS if name != "Gabor"]
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def kinds(activation):
    """Networks that hold an activation of real units in every way there is."""
    return [
        MLP(widths=(4, 6), activation=activation),
        MLP(width=4, activation=activation, slopes="neuron", antisymmetric=True, init="normal"),
        MLP(width=4, activation=activation, slopes="global", first="sine"),
        Mscale1(scales=(1.0, 2.0), width=5, depth=2, activation=activation),
        Mscale2(scales=(1.0, 2.0), width=3, depth=2, activation=activation),
        Phase(bands=1, highest=2.0, width=3, activation=activation, trainable=True),
        SharedTrunk(
            frequencies=3, sigmas=(0.5, 1.0), time_sigmas=(1.0,), width=4, activation=activation
        ),
    ]


def built(network, encoding=None, output="linear", dims=2, backend="torch"):
    """A field in double precision, of two values, with a range that is not the usual one."""
    spec = FieldSpec(encoding=encoding or Identity(), network=network, output=output)
    field = spec.build(dims, 2, torch.Generator().manual_seed(4), backend=backend).double()
    field.shift.copy_(torch.tensor([0.5, -2.0]))
    field.scale.fill_(1.7)
    return field


def points(n, dims=2):
    rng = torch.Generator().manual_seed(6)
    return 0.3 * (2 * torch.rand(n, dims, generator=rng, dtype=torch.float64) - 1)


def backpropagated(field, x, axis):
    """Values and both derivatives, by differentiating twice."""
    x = x.clone().requires_grad_()
    found = [field(x)]
    for _ in range(2):
        columns = [
            torch.autograd.grad(c.sum(), x, create_graph=True, materialize_grads=True)[0][:, axis]
            for c in found[-1].unbind(-1)
        ]
        found.append(torch.stack(columns, dim=-1))
    return found


def agree(field, x, axis):
    """Check a field's jet against backpropagation, and its gradient in the parameters too."""
    found, wanted = jet(field, x, axis), backpropagated(field, x, axis)
    torch.testing.assert_close(list(found), wanted, **EXACT)
    parameters = list(field.parameters())
    a, b = (
        torch.autograd.grad(
            sum((part * (i + 1)).square().sum() for i, part in enumerate(parts)),
            parameters,
            materialize_grads=True,
            allow_unused=True,
        )
        for parts in (found, wanted)
    )
    torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-7)


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("name", REAL)
def test_every_activation_in_every_network(name, number):
    field = built(kinds(ACTIVATIONS[name]())[number])
    for axis in (0, 1):
        agree(field, points(5), axis)


@pytest.mark.parametrize("first", ["same", "sine"])
def test_complex_units(first):
    activation = Gabor(omega=4.0, scale=2.0)
    agree(built(MLP(width=6, activation=activation, first=first)), points(5), 1)


def test_no_network():
    x = points(5)
    value, first, second = jet(built(Direct()), x, 1)
    torch.testing.assert_close(value, torch.tensor([0.5, -2.0], dtype=x.dtype) + 1.7 * x)
    torch.testing.assert_close(first, torch.tensor([[0.0, 1.7]], dtype=x.dtype).expand(5, 2))
    assert not second.any()


@pytest.mark.parametrize("output", ["linear", "sigmoid"])
@pytest.mark.parametrize(
    "encoding",
    [
        Fourier(frequencies=5, sigma=2.0),
        MultiFourier(frequencies=5, sigmas=(1.0, 3.0)),
        Positional(frequencies=3, octaves=2.0),
        Positional(frequencies=3, octaves=2.0, include_input=False),
    ],
)
def test_waves_and_outputs(encoding, output):
    agree(built(MLP(width=4, activation=Tanh()), encoding, output), points(5), 1)


@pytest.mark.parametrize(
    "encoding",
    [
        DenseGrid(levels=2, coarsest=3, finest=5, interpolation="smooth"),
        HashGrid(levels=2, log2_size=4, coarsest=3, finest=5),
        Spline(cells=(6,), levels=2),
    ],
)
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_grids_are_differentiated_by_backpropagation(encoding, output):
    field = built(MLP(width=4, activation=Tanh()), encoding, output)
    for table in field.encoding.tables:
        nn.init.uniform_(table, -1, 1, generator=torch.Generator().manual_seed(1))
    agree(field, points(5), 1)


def test_numba_s_grids_have_them_too():
    encoding = DenseGrid(levels=2, coarsest=3, finest=5, interpolation="smooth")
    found = []
    for backend in ("torch", "numba"):
        field = built(MLP(width=4, activation=Tanh()), encoding, backend=backend).float()
        nn.init.uniform_(field.encoding.table, -1, 1, generator=torch.Generator().manual_seed(1))
        found.append(list(jet(field, points(5).float(), 1)))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)


def test_a_slope_is_the_start_of_a_jet():
    for field in (built(MLP(width=4, activation=Tanh())), built(MLP(), Spline(cells=(6,)))):
        whole, start = jet(field, points(5), 1), slope(field, points(5), 1)
        assert torch.equal(whole.value, start.value)
        assert torch.equal(whole.first, start.first)


def test_a_known_function_has_its_known_derivatives():
    field = built(MLP(width=1, depth=1, activation=Sine(first_omega=3.0)), dims=1)
    field.shift.zero_()
    field.scale.fill_(1.0)
    for parameter in field.parameters():
        nn.init.ones_(parameter)  # sin(3 (x + 1)) + 1
    x = points(9, dims=1)
    phase = 3 * (x + 1)
    value, first, second = jet(field, x, 0)
    torch.testing.assert_close(value[:, :1], phase.sin() + 1)
    torch.testing.assert_close(first[:, :1], 3 * phase.cos())
    torch.testing.assert_close(second[:, :1], -9 * phase.sin())


def test_stages_add_up(rng):
    spec = FieldSpec(encoding=Identity(), network=MLP(width=4, activation=Tanh()), stages=3)
    field = spec.build(2, 2, rng).double()
    found, wanted = jet(field, points(5), 0), backpropagated(field, points(5), 0)
    torch.testing.assert_close(list(found), wanted, **EXACT)


@pytest.mark.parametrize("encoding", [Identity(), DenseGrid(coarsest=3, finest=5)])
def test_nothing_is_kept_for_a_gradient_that_is_not_wanted(encoding):
    field = built(MLP(width=4, activation=Tanh()), encoding)
    with torch.no_grad():
        found = jet(field, points(5), 0)
    assert not any(part.requires_grad for part in found)


def test_a_field_of_single_precision_answers_in_it(rng):
    field = FieldSpec(encoding=Identity()).build(2, 1, rng)
    assert all(part.dtype == torch.float32 for part in jet(field, points(3), 0))


class Equation(nn.Module):
    """u'' + u u' of a field, as a module whose parameters can be put in place of its own."""

    def __init__(self, field):
        super().__init__()
        self.field = field

    def forward(self, x):
        value, first, second = jet(self.field, x, 0)
        return (second + value * first)[:, 0]


@pytest.mark.parametrize("number", range(7))
def test_gradients_point_by_point(number):
    equation = Equation(built(kinds(Tanh())[number]))
    parameters = {n: p.detach() for n, p in equation.named_parameters()}
    x = points(4)

    def one(values, point):
        return functional_call(equation, values, (point[None],)).sum()

    found = vmap(grad(one), in_dims=(None, 0))(parameters, x)
    for i in range(len(x)):
        wanted = torch.autograd.grad(
            equation(x[i : i + 1]).sum(),
            list(equation.parameters()),
            materialize_grads=True,
            allow_unused=True,
        )
        torch.testing.assert_close([g[i] for g in found.values()], list(wanted), **EXACT)


def test_jets_can_be_differentiated_in_x():
    equation = Equation(built(MLP(width=4, activation=Tanh())))
    x = points(4).requires_grad_()
    assert torch.autograd.gradcheck(equation, (x,))


@pytest.mark.parametrize(
    ("x", "axis", "message"),
    [
        (torch.zeros(3, 2), 2, "axis must be 0 to 1"),
        (torch.zeros(3, 2), -1, "axis must be 0 to 1"),
        (torch.zeros(3, 1), 0, r"x must be \[n, 2\]"),
        (torch.zeros(2), 0, r"x must be \[n, 2\]"),
    ],
)
def test_what_has_no_derivative_is_refused(x, axis, message):
    with pytest.raises(ValueError, match=message):
        jet(built(MLP()), x, axis)
