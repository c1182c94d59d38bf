"""The grid kernels against `grid.encode`: values, first and second derivatives, edges."""

from itertools import product

import pytest
import torch
from interpreted.cases import assert_close, points, poisoned, small, table_of

from fields.kernels import grid, triton_grid

# Dimension and features: each of them with each half of the others.
KINDS = [(1, 1), (1, 8), (2, 2), (2, 4), (3, 1), (3, 8), (4, 2), (4, 4)]
SLOPED = [(1, 2, False), (2, 1, True), (3, 4, False), (4, 2, True)]
SECOND = [(2, 2, False), (3, 1, True)]
NEAR = [*product([1, 2, 3], [0.0, 0.02, 0.4]), (4, 0.0)]  # dimension, spread of the points


def slopes(encode, x, table, layout, smooth):
    """The features, and their gradients to both inputs along some change of the features."""
    out = encode(x, table, layout, smooth=smooth)
    rng = torch.Generator().manual_seed(1)
    change = torch.randn(out.shape, generator=rng)
    return [out, *torch.autograd.grad(out, [t for t in (x, table) if t.requires_grad], change)]


def assert_same(compute, tolerance=2e-6):
    results = compute(triton_grid.encode), compute(grid.encode)
    for got, expected in zip(*results, strict=True):
        assert_close(got, expected, tolerance)


@pytest.mark.parametrize(("dim", "features"), KINDS)
def test_encoding_and_the_gradient_to_the_table(dim, features, rng):
    layout = small(dim, features)
    assert layout.hashed == (False, True)
    x, table = points(70, dim, rng), table_of(layout, rng).requires_grad_()
    assert_same(lambda encode: slopes(encode, x, table, layout, False))


@pytest.mark.parametrize("n", [0, 1, 2 * triton_grid.TILE + 1])
def test_any_number_of_points(n, rng):
    layout = small(2, 2)
    x, table = points(n, 2, rng).requires_grad_(), table_of(layout, rng).requires_grad_()
    assert_same(lambda encode: slopes(encode, x, table, layout, True))


@pytest.mark.parametrize(("dim", "features", "smooth"), SLOPED)
def test_gradients_to_the_points(dim, features, smooth, rng):
    layout = small(dim, features)
    x, table = points(70, dim, rng).requires_grad_(), table_of(layout, rng).requires_grad_()
    assert_same(lambda encode: slopes(encode, x, table, layout, smooth), 5e-6)


@pytest.mark.parametrize("coarsest", [3, 9])
@pytest.mark.parametrize("log2_size", [None, 3, 6])
def test_dense_and_hashed_levels_of_any_number_of_rows(coarsest, log2_size, rng):
    """Rows are found by a multiplication in place of a division: any divisor must do."""
    layout = small(2, 2, coarsest=coarsest, log2_size=log2_size)
    x, table = points(70, 2, rng), table_of(layout, rng)
    assert_same(lambda encode: [encode(x, table, layout)])


def test_every_vertex_is_read(rng):
    """From the first row of a level that just fits to its last."""
    layout = small(1, 1, levels=1)
    table = table_of(layout, rng)
    x = ((torch.arange(8) - 0.5) / layout.scales[0])[:, None]
    assert_close(triton_grid.encode(x, table, layout), table, 1e-5)


@pytest.mark.parametrize(("dim", "features", "smooth"), SECOND)
def test_second_derivatives(dim, features, smooth, rng):
    """An eikonal loss needs the gradient of the gradient to x, one input at a time."""
    layout = small(dim, features)
    table = table_of(layout, rng).requires_grad_()
    mix = torch.randn(layout.levels * features, 1, generator=rng)
    x = torch.rand(30, dim, generator=rng).requires_grad_()

    def compute(encode):
        value = torch.sin(encode(x, table, layout, smooth=smooth) @ mix)
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        loss = ((slope.norm(dim=-1) - 1) ** 2).mean() + (value**2).mean()
        return [slope, *torch.autograd.grad(loss, [table, x])]

    assert_same(compute, 1e-5)


def test_third_derivatives(rng):
    layout = small(1, 1)
    table = table_of(layout, rng).requires_grad_()
    x = torch.rand(20, 1, generator=rng).requires_grad_()

    def compute(encode):
        value = torch.sin(encode(x, table, layout, smooth=True)).sum()
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        second = torch.autograd.grad((slope**2).sum(), [x, table], create_graph=True)
        return torch.autograd.grad(sum((s**2).sum() for s in second), [table, x])

    assert_same(compute, 1e-5)


@pytest.mark.parametrize(("dim", "spread"), NEAR)
def test_gradients_of_points_near_one_another(dim, spread, rng):
    """They are summed before they are added to the table, as long as they share few vertices."""
    layout = small(dim, 2, levels=1, coarsest=30, log2_size=8)
    x = 0.5 + spread * (torch.rand(70, dim, generator=rng) - 0.5)
    table = table_of(layout, rng).requires_grad_()
    smooth = dim % 2 == 0
    assert_same(lambda encode: slopes(encode, x, table, layout, smooth), 5e-6)


@pytest.mark.parametrize("spread", [0.02, 0.4])
def test_half_precision_gradients_by_level(spread, rng):
    layout = small(2, 2)
    x = 0.5 + spread * (torch.rand(70, 2, generator=rng) - 0.5)
    change = torch.randn(2, 70, 2, generator=rng).half()
    flat = change.transpose(0, 1).reshape(70, 4).float()
    found = triton_grid.table_gradient(x, change, layout, planes=True)
    assert_close(found, triton_grid.table_gradient(x, flat, layout), 2e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_features_are_written_where_they_are_wanted(dtype, rng):
    """All of them and nothing else, of points in [-1, 1]."""
    layout = small(2, 2)
    x, table = points(70, 2, rng), table_of(layout, rng)
    out = poisoned(71, 4, dtype=dtype)
    triton_grid.features(2 * x - 1, table, layout, centred=True, out=out[:70])
    # Twice x less 1 is rounded, and a vertex may change with it.
    expected = grid.encode(((2 * x - 1) + 1) / 2, table, layout)
    assert_close(out[:70], expected.to(dtype), 2e-6 if dtype == torch.float32 else 1e-3)
    assert out[70].isnan().all()
    planes = poisoned(2, 70, 2, dtype=dtype)
    triton_grid.features(2 * x - 1, table, layout, centred=True, planes=True, out=planes)
    assert torch.equal(planes.transpose(0, 1).reshape(70, 4), out[:70])


def test_a_gradient_is_added_to_what_is_there(rng):
    """Times both factors."""
    layout = small(2, 4)
    x = points(70, 2, rng)
    change = torch.randn(70, 8, generator=rng)
    there = table_of(layout, rng)
    alone = triton_grid.table_gradient(x, change, layout)
    into, factors = there.clone(), (torch.tensor([0.5]), -3.0)
    found = triton_grid.table_gradient(x, change, layout, factors=factors, into=into)
    assert found is into
    assert_close(into, there - 1.5 * alone)


def test_half_precision_gradients_are_summed_in_single(rng):
    """2^12 ones are still counted one by one, where half precision has no odd numbers."""
    layout = small(1, 1, levels=1)
    x, ones = torch.zeros(2**12 + 1, 1), torch.ones(2**12 + 1, 1, dtype=torch.float16)
    found = triton_grid.table_gradient(x, ones, layout)
    assert found.sum() == 2**12 + 1


def test_views_are_taken(rng):
    layout = small(2, 2)
    x, table = torch.rand(4, 70, generator=rng).T[:, 1:3], table_of(layout, rng).requires_grad_()
    change = torch.randn(4, 70, generator=rng).T
    results = []
    for points_, change_ in ((x, change), (x.contiguous(), change.contiguous())):
        out = triton_grid.encode(points_, table, layout)
        results.append([out, *torch.autograd.grad(out, table, change_)])
    for got, expected in zip(*results, strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize(
    ("x", "table", "error"),
    [
        (torch.zeros(3, 2).double(), torch.zeros(8, 2), TypeError),
        (torch.zeros(3, 2), torch.zeros(8, 2).half(), TypeError),
        (torch.zeros(3, 3), torch.zeros(8, 2), ValueError),
        (torch.zeros(3, 2), torch.zeros(8, 4), ValueError),
        (torch.zeros(3, 2), torch.zeros(7, 2), ValueError),
    ],
)
def test_wrong_tensors_do_not_reach_the_kernels(x, table, error):
    layout = small(2, 2, levels=1, log2_size=3)
    with pytest.raises(error, match="must"):
        triton_grid.encode(x, table, layout)


@pytest.mark.parametrize("features", [3, 16])
def test_layouts_without_kernels_are_refused(features):
    layout = small(2, features)
    problem = triton_grid.unsupported(layout)
    assert problem is not None
    assert str(features) in problem
    with pytest.raises(ValueError, match="1, 2, 4 or 8 features"):
        triton_grid.encode(torch.zeros(3, 2), torch.zeros(layout.offsets[-1], features), layout)
