"""Fields that the kernels do whole, seen from `Field`: the same as torch's, and told why not."""

from dataclasses import replace

import pytest
import torch
from interpreted.cases import assert_close, points
from torch import Tensor

from fields import MLP, FieldSpec, FitConfig, ImageTask
from fields.activations import Sine
from fields.encodings import DenseGrid, Fourier, HashGrid
from fields.field import Field
from fields.fit import Run, check
from fields.fused.cuda import TritonFused
from fields.kernels.backends import BackendUnavailable

GRID = HashGrid(levels=3, log2_size=6, coarsest=4, finest=14)
SPEC = FieldSpec(encoding=GRID, network=MLP(width=16, depth=2))
OTHERS = {
    "dense": (DenseGrid(levels=2, features=4, coarsest=3, finest=5), MLP(width=20, depth=1)),
    "deep": (replace(GRID, levels=2), MLP(width=20, depth=3)),
    "wide": (replace(GRID, levels=2, features=8), MLP(width=100, depth=2)),
}


def pair(spec: FieldSpec, rng: torch.Generator, dim=2, channels=3, operands=torch.float32):
    """A field with the kernels behind it, and the same in torch."""
    fields = [
        spec.build(dim, channels, rng, backend=backend, operands=type_)
        for backend, type_ in (("triton", operands), ("torch", torch.float32))
    ]
    with torch.no_grad():
        fields[0].encoding.tables[0].normal_(generator=rng)
        fields[0].shift.copy_(torch.rand(channels, generator=rng))
        fields[0].scale.fill_(0.4)
    fields[1].load_state_dict(fields[0].state_dict())
    assert isinstance(fields[0].fused, TritonFused)
    assert fields[1].fused is None
    return fields


def batch_of(n: int, rng: torch.Generator, dim=2, channels=3) -> tuple[Tensor, Tensor]:
    return 2 * points(n, dim, rng) - 1, torch.rand(n, channels, generator=rng)


def gradients(field: Field) -> list[Tensor]:
    found = [p.grad for p in field.parameters()]
    assert all(g is not None for g in found)
    return [g for g in found if g is not None]


def assert_same_steps(fields, x, target, weight=None, *, tolerance=1e-5, **knobs):
    """Loss and gradients, of a loss that goes on from the squared error."""
    for field in fields:
        field.zero_grad()
    losses = [field.squared_error(x, target, weight, **knobs) for field in fields]
    for loss in losses:
        (3 * loss).backward()
    assert_close(losses[0].detach(), losses[1].detach(), tolerance)
    for got, expected in zip(*map(gradients, fields), strict=True):
        assert_close(got, expected, tolerance)


@pytest.mark.parametrize("n", [1, 70])
@pytest.mark.parametrize("weighted", [False, True])
def test_squared_error(n, weighted, rng):
    fields = pair(SPEC, rng)
    weight = torch.rand(n, generator=rng) if weighted else None
    assert_same_steps(fields, *batch_of(n, rng), weight)


@pytest.mark.parametrize("kind", OTHERS)
def test_squared_error_of_pairs_in_other_fields(kind, rng):
    encoding, network = OTHERS[kind]
    fields = pair(FieldSpec(encoding=encoding, network=network), rng, dim=3, channels=1)
    weight = torch.rand(30, generator=rng)
    assert_same_steps(fields, *batch_of(30, rng, 3, 1), weight, paired=2.0)


def test_half_precision_is_near(rng):
    """A few of the units change sides, and 3 % of the gradient with them."""
    fields = pair(SPEC, rng, operands=torch.float16)
    x, target = batch_of(70, rng)
    losses = [field.squared_error(x, target) for field in fields]
    for loss in losses:
        loss.backward()
    torch.testing.assert_close(*losses, rtol=2e-3, atol=0)
    for got, expected in zip(*map(gradients, fields), strict=True):
        assert (got - expected).norm() < 0.03 * expected.norm()


def test_nothing_has_no_mean(rng):
    fields = pair(SPEC, rng)
    losses = [f.squared_error(torch.zeros(0, 2), torch.zeros(0, 3)) for f in fields]
    assert all(loss.isnan() for loss in losses)


def test_pairs_must_be_whole(rng):
    fields = pair(SPEC, rng)
    with pytest.raises(ValueError, match="even"):
        fields[0].squared_error(*batch_of(5, rng), paired=1.0)


def test_a_second_step_adds_to_the_gradient_in_place(rng):
    field, _ = pair(SPEC, rng)
    x, target = batch_of(40, rng)
    field.squared_error(x, target).backward()
    once = [g.clone() for g in gradients(field)]
    places = [g.data_ptr() for g in gradients(field)]
    field.squared_error(x, target).backward()
    for now, before in zip(gradients(field), once, strict=True):
        assert_close(now, 2 * before)
    assert [g.data_ptr() for g in gradients(field)] == places


def test_two_losses_at_once_do_not_share_memory(rng):
    fields = pair(SPEC, rng)
    batches = batch_of(40, rng), batch_of(30, rng)
    for field in fields:
        losses = [field.squared_error(*batch) for batch in batches]
        (losses[0] + 2 * losses[1]).backward()
    for got, expected in zip(*map(gradients, fields), strict=True):
        assert_close(got, expected, 1e-5)


def test_a_frozen_table_gets_no_gradient(rng):
    field, other = pair(SPEC, rng)
    for each in (field, other):
        each.encoding.requires_grad_(False)
    x, target = batch_of(40, rng)
    for each in (field, other):
        each.squared_error(x, target).backward()
    assert field.encoding.tables[0].grad is None
    for got, expected in zip(field.network.parameters(), other.network.parameters(), strict=True):
        assert_close(got.grad, expected.grad, 1e-5)


@pytest.mark.parametrize("shape", [(0, 2), (5, 2), (3, 4, 2)])
def test_values(shape, rng):
    fields = pair(SPEC, rng)
    x = torch.rand(shape, generator=rng) * 2 - 1
    with torch.no_grad():
        assert_close(*(field(x) for field in fields), 1e-5)


def test_values_of_half_precision_are_computed_in_single(rng):
    fields = pair(SPEC, rng, operands=torch.float16)
    x, _ = batch_of(40, rng)
    with torch.no_grad():
        assert_close(*(field(x) for field in fields), 1e-5)


def test_derivatives_of_values(rng):
    """Where x wants a gradient, the encoding's kernel and torch's network find it."""
    fields = pair(SPEC, rng)
    x = (torch.rand(20, 2, generator=rng) * 2 - 1).requires_grad_()
    slopes = [torch.autograd.grad(field(x).sum(), x)[0] for field in fields]
    assert_close(*slopes, 1e-5)


# --- what has no kernels -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"network": MLP(width=200)}, "up to 128 units a layer, not 200"),
        ({"network": MLP(widths=(16, 32))}, "layers of one width, not 16, 32"),
        ({"network": MLP(width=16, depth=5)}, "1 to 4 hidden layers, not 5"),
        ({"network": MLP(width=16, depth=0)}, "1 to 4 hidden layers, not 0"),
        ({"network": MLP(activation=Sine())}, "networks of ReLUs alone"),
        ({"output": "sigmoid"}, "no sigmoid"),
        ({"encoding": replace(GRID, interpolation="smooth")}, "linearly"),
        ({"encoding": replace(GRID, levels=17, features=8)}, "up to 128 features, not 136"),
    ],
)
def test_a_field_without_kernels_says_why(changes, why, task):
    """The encoding's kernel and torch's network fit it; in half precision there is no way."""
    config = FitConfig(field=replace(SPEC, **changes), device="cpu", backend="triton", steps=1,
                       batch=16)
    run = Run(task, config)
    assert run.backend == "triton"
    assert run.field.fused is None
    assert run.how.startswith("triton for the encoding, torch for the rest: ")
    assert why in run.how
    with pytest.raises(ValueError, match="choose auto, bf16 or fp32") as caught:
        check(task, replace(config, precision="fp16"))
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"field": replace(SPEC, encoding=replace(GRID, features=3))}, "features a vertex, not 3"),
        ({"field": replace(SPEC, encoding=replace(GRID, features=16))}, "a vertex, not 16"),
        ({"field": replace(SPEC, encoding=Fourier())}, "Fourier is none"),
        ({"precision": "fp64"}, "double precision"),
    ],
)
def test_a_field_that_triton_cannot_encode_is_refused_by_name(changes, why, task):
    config = replace(FitConfig(field=SPEC, device="cpu", backend="triton"), **changes)
    for begin in (check, Run):
        with pytest.raises(BackendUnavailable, match="choose auto or torch") as caught:
            begin(task, config)
        assert why in str(caught.value)


def test_a_field_that_triton_cannot_encode_falls_back_and_says_why(task, monkeypatch):
    monkeypatch.setattr("fields.placing.choose", lambda *_: ("triton", "the fastest on the GPU"))
    field = replace(SPEC, encoding=replace(GRID, features=3))
    run = Run(task, FitConfig(field=field, device="cpu", backend="auto", batch=16))
    assert run.backend == "torch"
    assert "8 features a vertex, not 3" in run.how


def test_a_field_that_triton_follows_says_so(task):
    run = Run(task, FitConfig(field=SPEC, device="cpu", backend="triton", batch=16))
    assert run.how == "triton, from the coordinates to the loss and back"
    assert isinstance(task, ImageTask)
