"""Splines: what they reproduce, where their lattices lie, and the kernels against the reference."""

import pytest
import torch
from torch import Tensor

from fields import Direct, FieldSpec, FitConfig, fit, load_field, method_config, picture, save_field
from fields.encodings import Fourier, Identity, Spline
from fields.grid import pixel_centres
from fields.kernels import backends, lattice, spline, threads
from fields.kernels.spline import spline_layout
from fields.render import evaluate, strips

KINDS = [((9,), 1), ((7, 5), 3), ((1, 6), 3), ((5, 3, 4), 1), ((4, 3, 2, 5), 2)]
SHAPES = [(1, 1, 1), (1, 2, 3), (2, 1, 2), (2, 2, 1), (3, 2, 4), (5, 1, 3), (17, 31, 3), (70, 9, 4)]
BACKENDS = [
    name for name in ("torch", "numba") if backends.missing(name, torch.device("cpu")) is None
]
FUSED = pytest.mark.skipif("numba" not in BACKENDS, reason="numba is not installed")


def layout_of(cells: tuple[int, ...], features: int = 1, merge="sum", levels: int = 3):
    return spline_layout(cells, levels=levels, features=features, merge=merge)


def points(n: int, dim: int, rng: torch.Generator) -> Tensor:
    """Points of the domain, its corners, some beyond it, and some far away."""
    x = 2 * torch.rand(n, dim, generator=rng) - 1
    x[::7] *= 4
    x[1::11] = 1
    x[5::17] *= 1e5
    return x


def assert_close(got: Tensor, expected: Tensor, tolerance: float = 2e-6) -> None:
    assert got.shape == expected.shape
    torch.testing.assert_close(
        got, expected, rtol=0, atol=tolerance * max(1e-3, expected.abs().max().item())
    )


def one_level(cells: tuple[int, ...], features: int = 1):
    return Spline(cells=cells, levels=1, features=features).build(len(cells), torch.Generator())


# --- what splines are ----------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_the_weights_sum_to_one(dim, rng):
    encoding = one_level((6, 4, 5, 3)[:dim])
    torch.nn.init.ones_(encoding.table)
    torch.testing.assert_close(encoding(points(50, dim, rng)), torch.ones(50, 1))


def test_a_lattice_of_one_point_is_constant(rng):
    encoding = one_level((1, 1), features=2)
    torch.testing.assert_close(encoding(points(40, 2, rng)), encoding.table.expand(40, 2))


def test_a_cubic_is_reproduced_away_from_the_edges():
    def cubic(t: Tensor) -> Tensor:
        return 1 - t / 3 + t**2 / 50 - t**3 / 500

    t = torch.arange(80, dtype=torch.float64)
    fine = torch.linspace(33.0, 47.0, 99, dtype=torch.float64)
    # Its coefficients: interpolation mirrors the ends, which is forgotten 33 points away.
    c = lattice.coefficients(cubic(t)[None, :, None], backend="torch")
    found = lattice.resample(c, torch.zeros(1), fine)[0, :, 0]
    torch.testing.assert_close(found, cubic(fine), rtol=1e-9, atol=1e-9)


def test_it_is_twice_continuously_differentiable(rng):
    encoding = one_level((9,)).double()
    encoding.table.data = torch.randn(9, 1, generator=rng).double()
    knots = torch.arange(-6, 15, dtype=torch.float64) - 4.0
    found = []
    for side in (-1e-9, 1e-9):
        x = ((knots + side) * encoding.layout.spacings[0]).requires_grad_()
        y = encoding(x[:, None])
        first = torch.autograd.grad(y.sum(), x, create_graph=True)[0]
        second = torch.autograd.grad(first.sum(), x)[0]
        found.append((y, first, second))
    for before, after in zip(*found, strict=True):
        torch.testing.assert_close(before, after, rtol=0, atol=1e-5)


# --- where its lattices lie ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [(5, 8), (8, 5), (7, 7), (1, 4)])
def test_the_finest_lattice_lies_on_the_pixels(size, rng):
    h, w = size
    encoding = one_level((w, h))
    encoding.table.data = torch.rand(h * w, 1, generator=rng)
    found = encoding(pixel_centres(h, w)).view(h, w, 1)
    torch.testing.assert_close(found, lattice.samples(encoding.table.view(h, w, 1)))
    encoding.table.data = lattice.coefficients(found).view(-1, 1)
    torch.testing.assert_close(encoding(pixel_centres(h, w)), found.view(-1, 1))


def test_each_level_has_half_the_points_of_the_next():
    layout = layout_of((9, 4), levels=5)
    assert layout.sizes == ((1, 1), (2, 1), (3, 1), (5, 2), (9, 4))
    assert layout.offsets == (0, 1, 3, 6, 16, 52)
    assert [layout.spacings[0] / s for s in layout.spacings] == [1, 2, 4, 8, 16]
    assert layout.spacings[-1] == 2 / 9


def test_a_point_of_a_lattice_is_at_its_place():
    encoding = Spline(cells=(8, 6), levels=2, features=1).build(2, torch.Generator())
    encoding.table.data.zero_()
    encoding.lattice(0).data[1, 3] = 1  # of [3, 4], whose middle is at (1.5, 1)
    spacing = 2 * 2 / 8
    x = torch.tensor([[1.5 * spacing, 0.0], [0.5 * spacing, 0.0], [1.5 * spacing, -spacing]])
    # The spline is 2/3 at its own point and 1/6 beside it. Above the first row lies a
    # mirror, in which the second row is seen once more.
    expected = torch.tensor([[4 / 9], [1 / 9], [2 / 9]])
    torch.testing.assert_close(encoding(x), expected)


def test_levels_are_added_up_or_side_by_side(rng):
    knobs = {"cells": (12, 7), "levels": 3, "features": 2}
    summed = Spline(**knobs).build(2, rng)
    beside = Spline(**knobs, merge="concat").build(2, rng)
    assert (summed.out_dim, beside.out_dim) == (2, 6)
    beside.load_state_dict(summed.state_dict())
    x = points(30, 2, rng)
    torch.testing.assert_close(beside(x).view(30, 3, 2).sum(1), summed(x))


@pytest.mark.parametrize(
    ("knobs", "dim", "message"),
    [
        ({"cells": (4, 4)}, 3, "one for each of the 3 coordinates, got 2"),
        ({"cells": ()}, 2, "one for each of the 2 coordinates, got 0"),
        ({"cells": (4,)}, 5, "1 to 4 coordinates, got 5"),
        ({"cells": (65536,)}, 2, "lower its cells or features"),
    ],
)
def test_what_cannot_be_built_is_refused(knobs, dim, message, rng):
    with pytest.raises(ValueError, match=message):
        Spline(**knobs).build(dim, rng)


# --- the kernels against the reference -----------------------------------------------------------


@FUSED
@pytest.mark.parametrize("merge", ["sum", "concat"])
@pytest.mark.parametrize(("cells", "features"), KINDS)
def test_values_and_gradients(cells, features, merge, rng):
    layout = layout_of(cells, features, merge)
    table = torch.randn(layout.offsets[-1], features, generator=rng).requires_grad_()
    for n in (0, 1, 65, 300):
        x = points(n, len(cells), rng).requires_grad_()
        change = torch.randn(n, layout.out_dim, generator=rng)
        results = []
        for backend in ("numba", "torch"):
            out = spline.spline_encode(x, table, layout, backend)
            results.append([out, *torch.autograd.grad(out, [x, table], change)])
        for got, expected in zip(*results, strict=True):
            if got.numel():
                assert_close(got, expected)


@FUSED
def test_second_derivatives(rng):
    layout = layout_of((7, 5), 3)
    table = torch.randn(layout.offsets[-1], 3, generator=rng).requires_grad_()
    x = (2 * torch.rand(100, 2, generator=rng) - 1).requires_grad_()
    results = []
    for backend in ("numba", "torch"):
        value = spline.spline_encode(x, table, layout, backend).sin().sum(-1)
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        loss = (slope.norm(dim=-1) - 1).square().mean() + value.square().mean()
        results.append([slope, *torch.autograd.grad(loss, [table, x])])
    for got, expected in zip(*results, strict=True):
        assert_close(got, expected, 1e-5)


@FUSED
def test_nothing_depends_on_the_number_of_threads(monkeypatch):
    runs = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "COUNT", count)
        rng = torch.Generator().manual_seed(3)
        layout = layout_of((40, 30), 3)
        table = torch.randn(layout.offsets[-1], 3, generator=rng).requires_grad_()
        x = points(5000, 2, rng).requires_grad_()
        out = spline.spline_encode(x, table, layout, "numba")
        values = torch.randn(90, 70, 3, generator=rng)
        drawn = lattice.samples(lattice.coefficients(values))
        runs.append([out, *torch.autograd.grad((out**3).sum(), [x, table]), drawn])
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_point_reads_beyond_the_table(backend):
    layout = layout_of((7, 5), 3)
    table = torch.ones(layout.offsets[-1], 3).requires_grad_()
    far = [float("nan"), float("inf"), -float("inf"), 3e38, -1e20]
    x = torch.tensor(far)[:, None].expand(5, 2).contiguous()
    out = spline.spline_encode(x, table, layout, backend)
    out.sum().backward()
    assert out[:3].isnan().all()
    torch.testing.assert_close(out[3:], torch.full((2, 3), 3.0))


@FUSED
@pytest.mark.parametrize(
    ("x", "table", "error"),
    [
        (torch.zeros(3, 2).double(), torch.zeros(20, 1), TypeError),
        (torch.zeros(3, 3), torch.zeros(20, 1), ValueError),
        (torch.zeros(3, 2), torch.zeros(20, 2), ValueError),
        (torch.zeros(3, 2), torch.zeros(19, 1), ValueError),
    ],
)
def test_wrong_tensors_do_not_reach_the_kernels(x, table, error):
    with pytest.raises(error, match="must"):
        spline.spline_encode(x, table, layout_of((5, 4), levels=1), "numba")


# --- interpolation -------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_coefficients_give_the_samples_back(shape, backend, rng):
    values = torch.rand(shape, generator=rng)
    found = lattice.coefficients(values, backend=backend)
    assert_close(lattice.samples(found, backend=backend), values, 1e-6)
    assert_close(lattice.coefficients(lattice.samples(values)), values, 4e-6)


@FUSED
@pytest.mark.parametrize("shape", SHAPES)
def test_interpolation_equals_its_reference(shape, rng):
    values = torch.randn(shape, generator=rng)
    h, w, _ = shape
    ys = 3 * h * torch.rand(11, generator=rng) - h
    xs = 3 * w * torch.rand(13, generator=rng, dtype=torch.float64) - w
    results = []
    for backend in ("numba", "torch"):
        found = [f(values, backend=backend) for f in (lattice.coefficients, lattice.samples)]
        results.append([*found, lattice.resample(values, ys, xs, backend=backend)])
    for got, expected in zip(*results, strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("size", [(6, 9), (3, 1), (2, 5)])
def test_resampling_is_encoding(size, rng):
    h, w = size
    encoding = one_level((w, h), features=3)
    encoding.table.data.normal_(generator=rng)
    ys, xs = 4 * torch.rand(5, generator=rng) - 2, 4 * torch.rand(7, generator=rng) - 2
    spacing = encoding.layout.spacings[0]
    y, x = spline.positions(ys, h, spacing), spline.positions(xs, w, spacing)
    found = lattice.resample(encoding.lattice(0), y, x)
    grid = torch.stack([xs.expand(5, 7), ys[:, None].expand(5, 7)], dim=-1)
    assert_close(found, encoding(grid.flatten(0, 1)).view(5, 7, 3))


def test_resampling_at_nothing_is_nothing():
    assert lattice.resample(torch.zeros(3, 4, 2), torch.zeros(0), torch.zeros(5)).shape == (0, 5, 2)


@pytest.mark.parametrize("shape", [(3, 4), (0, 4, 1)])
def test_a_lattice_is_a_picture(shape):
    with pytest.raises(ValueError, match=r"must be \[h, w, c\] and not empty"):
        lattice.coefficients(torch.zeros(shape))


# --- fields of splines ---------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("region", "out"), [(None, None), ((-3.0, 2.5, 11.0, 9.0), (40, 30)), ((4, 4, 5, 5), (3, 700))]
)
def test_it_is_drawn_as_it_is_evaluated(backend, region, out, rng, monkeypatch):
    monkeypatch.setattr("fields.render.TILE", 400)
    spec = FieldSpec(encoding=Spline(cells=(13, 10), levels=4), network=Direct())
    field = spec.build(2, 3, rng, backend=backend)
    field.encoding.table.data.normal_(generator=rng)
    field.encoding.lattice(2).data.zero_()
    field.shift.copy_(torch.tensor([0.3, 0.1, 0.2]))
    field.scale.fill_(0.3)
    fast = picture(field, (10, 13), region=region, out=out)
    monkeypatch.setattr("fields.render._splines", lambda field: None)
    slow = torch.cat([v for _, v in strips(field, (10, 13), region=region, out=out)])
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-5)


@pytest.mark.parametrize("knobs", [{"output": "sigmoid"}, {"merge": "concat"}])
def test_other_fields_of_splines_are_drawn_too(knobs, rng):
    merge, output = knobs.get("merge", "sum"), knobs.get("output", "linear")
    encoding = Spline(cells=(6, 5), levels=3 if merge == "sum" else 1, merge=merge)
    field = FieldSpec(encoding=encoding, network=Direct(), output=output).build(2, 3, rng)
    expected = evaluate(field, pixel_centres(5, 6)).view(5, 6, 3)
    torch.testing.assert_close(picture(field, (5, 6)), expected)


def test_the_method_learns_a_picture_and_its_field_survives(task, tmp_path):
    config, _ = method_config("spline", task)
    assert config.field.encoding.cells == (32, 24)
    assert config.field.encoding.levels == 4
    *_, end = fit(task, config)
    assert task.evaluate(end.field)["psnr"] > 40
    save_field(tmp_path / "f.safetensors", end.field, config.field, {})
    loaded = load_field(tmp_path / "f.safetensors")
    assert torch.equal(picture(loaded.field, task.size), picture(end.field, task.size))


def test_the_lattice_has_the_picture_s_channels(waves):
    from fields import ImageTask

    config, _ = method_config("spline", ImageTask(waves(9, 20, 4)))
    assert config.field.encoding.features == 4
    config.field.build(2, 4, torch.Generator())


def test_direct_needs_a_feature_for_each_value(task, rng):
    with pytest.raises(ValueError, match=r"got 2 features for 3 values; set field.encoding.feat"):
        next(fit(task, FitConfig(field=FieldSpec(encoding=Identity(), network=Direct()))))
    with pytest.raises(ValueError, match="got 18 features for 1 values"):
        FieldSpec(encoding=Fourier(frequencies=9), network=Direct()).build(2, 1, rng)
    assert not list(Direct().build(3, 3, rng).parameters())
