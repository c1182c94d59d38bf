"""The tinycudann backend against the reference, on a stand-in for the library and on the real one.

The stand-in, `fake_tinycudann.py`, runs on the CPU and raises where the library would misread.
"""

import importlib.util
import sys
from contextlib import nullcontext
from itertools import product
from pathlib import Path

import pytest
import torch
from torch.nn.functional import mse_loss

from fields.encodings.grids import growth
from fields.kernels import backends, grid, tcnn
from fields.kernels.grid import GridLayout, grid_layout

KINDS = [(dim, features) for dim in (2, 3, 4) for features in (1, 2, 4, 8)]
SIZES = [0, 1, 255, 256, 257]


def forget():
    for cache in (tcnn._encoding, tcnn._network, tcnn._configuration):
        cache.cache_clear()


@pytest.fixture
def fake(monkeypatch):
    path = Path(__file__).with_name("fake_tinycudann.py")
    spec = importlib.util.spec_from_file_location("fake_tinycudann", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "tinycudann", module)
    monkeypatch.setattr(tcnn, "_on", lambda device: nullcontext())
    forget()
    yield module
    forget()


def small(dim, features, *, levels=3, coarsest=4, log2_size=7, factor=1.7) -> GridLayout:
    return grid_layout(
        dim,
        levels=levels,
        features=features,
        log2_size=log2_size,
        coarsest=coarsest,
        growth=factor,
    )


def points(n, dim, rng):
    return torch.rand(n, dim, generator=rng)


def table_of(layout, rng, device="cpu"):
    table = torch.randn(layout.offsets[-1], layout.features, generator=rng)
    return table.to(device).requires_grad_()


def weights_of(widths, rng, device="cpu"):
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [torch.randn(shape, generator=rng) * (2 / shape[1]) ** 0.5 for shape in shapes]
    return [weight.to(device).requires_grad_() for weight in weights]


def half(tensor):
    """Rounded to half precision, with the gradient of what it was."""
    return tensor + (tensor.half().float() - tensor).detach()


def reference(x, table, layout, weights, rounded=half):
    """The network; rounded where half precision rounds, as other ReLUs have other gradients."""
    values = rounded(grid.encode(x, table, layout))
    for weight in weights[:-1]:
        values = torch.relu(rounded(values @ rounded(weight).T))
    return rounded(values @ rounded(weights[-1]).T)


def exact(tensor):
    return tensor


def assert_near(got, expected, tolerance):
    """Near in the norm: half precision rounds each number by itself."""
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    off = (got - expected).norm().item()
    assert off <= tolerance * expected.norm().item(), f"off by {off} of {expected.norm().item()}"


# --- the configuration ---------------------------------------------------------------------------


def made(fake, layout):
    """The layout that the library derives from our JSON."""
    assert tcnn.unsupported(layout, False) is None
    return fake._Grid(layout.dim, tcnn._configuration(layout, False)).layout


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize("levels", [1, 2, 5, 16])
def test_the_librarys_grid_is_ours(fake, dim, levels):
    spans = [(16, 512), (16, 2048), (5, 300), (16, 16), (1, 9), (7, 24), (16, 385), (24, 7)]
    for (coarsest, finest), log2_size in product(spans, (5, 12, 19, None)):
        factor = growth(levels, coarsest, finest)
        if log2_size is None and finest**dim > 2**24:
            continue
        layout = small(dim, 2, levels=levels, coarsest=coarsest, log2_size=log2_size, factor=factor)
        got = made(fake, layout)
        assert got.offsets == layout.offsets
        assert got.hashed == layout.hashed
        assert got.scales == pytest.approx(layout.scales, rel=tcnn.DRIFT, abs=tcnn.DRIFT)
        dense = [level for level in range(levels) if not layout.hashed[level]]
        for level in dense:
            assert got.resolutions[level] == layout.resolutions[level]


def test_no_rounding_on_the_gpu_changes_a_dense_level(fake):
    # The finest scale of (16, 300) is 299 but for rounding, on which a dense level's stride hangs.
    for levels in range(3, 12):
        layout = small(2, 2, levels=levels, coarsest=16, log2_size=None,
                       factor=growth(levels, 16, 300))  # fmt: skip
        factor = tcnn._configuration(layout, False)["per_level_scale"]
        scales, slack = tcnn._scales(factor, 16, levels)
        for sign in (-1, 1):
            ends = torch.from_numpy(scales + sign * slack).ceil().int() + 1
            assert tuple(ends.tolist()) == layout.resolutions
        assert (slack[1:] > 0).all()


@pytest.mark.parametrize(
    ("layout", "word"),
    [
        (small(1, 2), "coordinates, got 1"),
        (small(2, 3), "features must be 1, 2, 4 or 8, got 3"),
        (small(2, 8, levels=17, factor=1.1), r"levels \* features .* got 17 \* 8"),
        (GridLayout(2, 2, (3.0, 7.0, 9.0), (4, 8, 10), (0, 16, 80, 184), (False,) * 3), "factor"),
        (GridLayout(2, 2, (7.0, 15.0), (8, 16), (0, 48, 80), (True,) * 2), "power of two"),
    ],
)
def test_what_the_library_cannot_make_is_named(fake, layout, word, rng):
    assert tcnn.unsupported(layout, False) is not None
    x, table = points(5, layout.dim, rng), table_of(layout, rng)
    with pytest.raises(ValueError, match=f"{word}.*choose backend"):
        tcnn.encode(x, table, layout)


@pytest.mark.parametrize(
    ("widths", "word"),
    [
        ((8, 3), "hidden layer"),
        ((8, 48, 3), r"width 16, 32, 64 or 128, got \[48\]"),
        ((8, 64, 32, 3), r"got \[64, 32\]"),
        ((8, 64, 0), "1, got 8 and 0"),
    ],
)
def test_networks_it_cannot_fuse_are_named(fake, widths, word, rng):
    assert tcnn.network_unsupported(widths) is not None
    layout = small(2, 2, levels=4)
    x, table, weights = points(5, 2, rng), table_of(layout, rng), weights_of(widths, rng)
    with pytest.raises(ValueError, match=f"{word}.*choose backend"):
        tcnn.grid_mlp(x, table, layout, weights)


def test_a_build_with_other_parameters_is_refused(fake, rng):
    fake.shift = 16
    layout = small(2, 2)
    with pytest.raises(backends.BackendUnavailable, match="half precision"):
        tcnn.encode(points(5, 2, rng), table_of(layout, rng), layout)


# --- the encoding --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("dim", "features"), KINDS)
def test_encoding_and_its_gradients(fake, dim, features, n, rng):
    layout, smooth = small(dim, features), features > 2
    x, table = points(n, dim, rng).requires_grad_(), table_of(layout, rng)
    change = torch.randn(n, layout.levels * features, generator=rng)
    results = []
    for encode in (tcnn.encode, grid.encode):
        out = encode(x, table, layout, smooth=smooth)
        results.append([out, *torch.autograd.grad(out, [x, table], change)])
    assert results[0][1].shape == (n, dim)
    for got, expected in zip(*results, strict=True):
        assert_near(got, expected, 2e-5)  # the scales' last digits


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("measure", [torch.sum, torch.norm])  # the sum's gradient has stride 0
@pytest.mark.parametrize("n", [0, 256, 300])
def test_second_derivatives(fake, n, measure, frozen, rng):
    layout = small(3, 2)
    x, table = points(n, 3, rng).requires_grad_(), table_of(layout, rng)
    table.requires_grad_(not frozen)
    inputs = [x] if frozen else [x, table]
    results = []
    for encode in (tcnn.encode, grid.encode):
        out = encode(x, table, layout, smooth=True)
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        results.append(torch.autograd.grad(measure(slope), inputs))
    for got, expected in zip(*results, strict=True):
        assert expected.any() or not n
        assert_near(got, expected, 1e-4)


def test_gradients_are_read_as_numbers_not_as_memory(fake, rng):
    layout = small(2, 2)
    x, table = points(256, 2, rng), table_of(layout, rng)
    change = torch.randn(6, 256, generator=rng)
    results = [
        torch.autograd.grad(encode(x, table, layout), table, change.T)[0]
        for encode in (tcnn.encode, grid.encode)
    ]
    assert_near(*results, 2e-5)


def test_derivatives_it_has_not_are_refused(fake, rng):
    layout = small(2, 2)
    x, table = points(10, 2, rng), table_of(layout, rng)
    out = tcnn.encode(x, table, layout).square().sum()
    (gradient,) = torch.autograd.grad(out, table, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()


def test_nothing_is_prepared_where_no_gradient_is_wanted(fake, rng):
    layout = small(2, 2)
    x, table = points(10, 2, rng), table_of(layout, rng)
    weights = weights_of((6, 16, 3), rng)
    with torch.no_grad():
        assert not tcnn.grid_mlp(x, table, layout, weights).requires_grad
    assert fake.calls == ["inference", "inference"]


def test_the_library_keeps_no_parameters_of_its_own(fake):
    device = torch.device("cpu")
    held = tcnn._encoding(small(2, 2), False, device), tcnn._network((6, 16, 3), device)
    assert [module.params.numel() for module in held] == [0, 0]


def test_two_fields_share_a_module_and_no_values(fake, rng):
    layout = small(2, 2)
    x, tables = points(10, 2, rng), [table_of(layout, rng) for _ in range(2)]
    outs = [tcnn.encode(x, table, layout) for table in tables]
    (outs[0].sum() + 2 * outs[1].sum()).backward()
    for out, table in zip(outs, tables, strict=True):
        assert_near(out, grid.encode(x, table, layout), 2e-5)
    assert_near(tables[1].grad, 2 * tables[0].grad, 1e-6)


# --- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    ("features", "hidden", "channels"),
    [(1, (16,), 1), (2, (32, 32), 3), (8, (64, 64), 17), (4, (128,), 16), (2, (16, 16, 16), 3)],
)
def test_network_and_its_gradients(fake, features, hidden, channels, n, rng):
    layout = small(2, features)
    widths = (layout.levels * features, *hidden, channels)
    x, table, weights = points(n, 2, rng), table_of(layout, rng), weights_of(widths, rng)
    x.requires_grad_()
    change = torch.randn(n, channels, generator=rng)
    results = []
    for mlp in (tcnn.grid_mlp, reference):
        out = mlp(x, table, layout, weights)
        results.append([out, *torch.autograd.grad(out, [x, table, *weights], change)])
    for got, expected in zip(*results, strict=True):
        assert_near(got, expected, 3e-3)


@pytest.mark.parametrize("paired", [0.0, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_means_what_the_numba_one_does(fake, weighted, paired, rng):
    from fields.kernels import numba_mlp

    layout, n = small(2, 2), 500
    x, table, weights = points(n, 2, rng), table_of(layout, rng), weights_of((6, 32, 3), rng)
    target = torch.rand(n, 3, generator=rng)
    sample_weight = torch.rand(n, generator=rng) if weighted else None
    knobs = {"sample_weight": sample_weight, "paired": paired}
    biases = [torch.zeros(len(weight)) for weight in weights]
    losses = (
        tcnn.grid_mlp_loss(x, target, table, layout, weights, **knobs),
        numba_mlp.grid_mlp_loss(x, target, table, layout, weights, biases, **knobs),
    )
    results = [[loss, *torch.autograd.grad(loss, [table, *weights])] for loss in losses]
    for got, expected in zip(*results, strict=True):
        assert_near(got, expected, 1e-2)


@pytest.mark.parametrize(("n", "error"), [(2**12, 1e-3), (2**12, 1e-6), (2**17, 1.0), (1, 100.0)])
def test_neither_small_nor_many_errors_are_lost(fake, n, error, rng):
    """The gradient of a mean underflows in half precision, and that of a sum overflows."""
    layout = small(2, 2, levels=2)
    x, table, weights = points(n, 2, rng), table_of(layout, rng), weights_of((4, 16, 1), rng)
    with torch.no_grad():  # from the rounded values, lest their rounding be the error
        target = tcnn.grid_mlp(x, table, layout, weights) + error
    got = tcnn.grid_mlp_loss(x, target, table, layout, weights)
    gradients = torch.autograd.grad(got, [table, *weights])
    expected = mse_loss(
        reference(x, table, layout, weights, exact),
        reference(x, table, layout, weights, exact).detach() + error,
    )
    for found, wanted in zip(
        gradients, torch.autograd.grad(expected, [table, *weights]), strict=True
    ):
        assert wanted.any()
        assert_near(found, wanted, 2e-2)


def test_no_error_no_gradient(fake, rng):
    layout = small(2, 2)
    x, table, weights = points(9, 2, rng), table_of(layout, rng), weights_of((6, 16, 3), rng)
    target = tcnn.grid_mlp(x, table, layout, weights).detach()
    loss = tcnn.grid_mlp_loss(x, target, table, layout, weights)
    assert loss == 0
    assert not any(g.any() for g in torch.autograd.grad(loss, [table, *weights]))


@pytest.mark.parametrize("jit", [False, True])
def test_fusion_is_on_where_the_library_has_it(fake, jit):
    fake.jit = jit
    assert tcnn._network((6, 16, 3), torch.device("cpu")).jit_fusion == jit


def test_an_older_library_without_fusion_will_do(fake):
    del fake.supports_jit_fusion
    assert not tcnn._network((6, 16, 3), torch.device("cpu")).jit_fusion


def test_second_derivatives_of_the_network_are_refused(fake, rng):
    layout = small(2, 2)
    x, table, weights = points(9, 2, rng), table_of(layout, rng), weights_of((6, 16, 1), rng)
    out = tcnn.grid_mlp(x.requires_grad_(), table, layout, weights)
    (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


# --- bad input -----------------------------------------------------------------------------------


def test_bad_shapes_are_named(fake, rng):
    layout = small(2, 2)
    x, table, weights = points(9, 2, rng), table_of(layout, rng), weights_of((6, 16, 3), rng)
    target = torch.zeros(9, 3)

    def loss(**changed):
        args = {"x": x, "target": target, "table": table, "weights": weights} | changed
        return tcnn.grid_mlp_loss(layout=layout, **args)

    for name, value in {
        "x": x[:, :1],
        "table": table[1:],
        "target": target[1:],
        "weight": torch.zeros(4, 5),
        "sample_weight": torch.zeros(8),
    }.items():
        changed = {"weights": [value, weights[1]]} if name == "weight" else {name: value}
        with pytest.raises(ValueError, match=f"^{name} must"):
            loss(**changed)
    with pytest.raises(ValueError, match="even in number, got 9"):
        loss(paired=1.0)
    with pytest.raises(TypeError, match="x must be float32"):
        loss(x=x.double())
    with pytest.raises(ValueError, match="at most 715827625 points at a time"):
        tcnn.encode(torch.zeros(1, 2).expand(2**30, 2), table, layout)


def test_needs_a_gpu(rng):
    layout = small(2, 2)
    with pytest.raises(TypeError, match="NVIDIA GPU, got tensors on cpu"):
        tcnn.encode(points(5, 2, rng), table_of(layout, rng), layout)


def test_the_library_is_not_imported_before_it_is_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycudann", None)  # an import would raise
    spec = importlib.util.find_spec("fields.kernels.tcnn")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


# --- the real one --------------------------------------------------------------------------------


@pytest.fixture
def real():
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    problem = backends._import_problem("tinycudann")
    if problem is not None:
        pytest.skip(problem)
    forget()
    yield torch.device("cuda")
    forget()


@pytest.mark.cuda
@pytest.mark.parametrize(("dim", "features"), KINDS)
def test_real_encoding(real, dim, features, rng):
    layout = small(dim, features)
    for n, smooth in product(SIZES, (False, True)):
        x = points(n, dim, rng).to(real).requires_grad_()
        table = table_of(layout, rng, real)
        results = []
        for encode in (tcnn.encode, grid.encode):
            out = encode(x, table, layout, smooth=smooth)
            (slope,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
            second = torch.autograd.grad(slope.square().sum(), [x, table])
            results.append([out, slope, *second])
        for got, expected in zip(*results, strict=True):
            assert_near(got, expected, 1e-3)


@pytest.mark.cuda
@pytest.mark.parametrize("hidden", [(16,), (64, 64), (128, 128, 128)])
def test_real_network(real, hidden, rng):
    layout = small(2, 2)
    for n in SIZES:
        x, table = points(n, 2, rng).to(real), table_of(layout, rng, real)
        weights = weights_of((6, *hidden, 3), rng, real)
        target = torch.rand(n, 3, generator=rng).to(real)
        losses = (
            tcnn.grid_mlp_loss(x, target, table, layout, weights),
            mse_loss(reference(x, table, layout, weights), target),
        )
        results = [torch.autograd.grad(loss, [table, *weights]) for loss in losses]
        torch.testing.assert_close(*losses, rtol=1e-2, atol=1e-4, equal_nan=True)
        for got, expected in zip(*results, strict=True):
            assert_near(got, expected, 5e-2)  # it sums in half precision as well
