"""From clouds to surfels: planes, orientation, cleaning, closing; and the distance from them."""

import math

import pytest
import torch
from torch import Tensor

from fields.kernels import signs
from fields.kernels.numba_signs import spread as numba_spread
from fields.kernels.numba_solid import bend as numba_bend
from fields.kernels.solid import bend, bent
from fields.neighbours import Neighbours
from fields.points.closing import closed
from fields.points.facing import directions
from fields.points.flood import outward
from fields.points.implicit import Implicit
from fields.points.indicator import indicator
from fields.points.orient import agree, judge, orient, thin
from fields.points.planes import planes
from fields.points.sheet import sheet
from fields.points.surfels import surfels, thickness

RADIUS = 0.7


def sphere(n: int, noise: float = 0.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    normals = torch.nn.functional.normalize(torch.randn(n, 3, generator=rng), dim=1)
    return RADIUS * normals + noise * torch.randn(n, 3, generator=rng), normals


def torus(n: int, noise: float = 0.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    a, b = (2 * math.pi * torch.rand(2, n, generator=rng)).unbind()
    ring = torch.stack([a.cos(), a.sin(), torch.zeros(n)], dim=1)
    normals = b.cos()[:, None] * ring + b.sin()[:, None] * torch.tensor([0.0, 0.0, 1.0])
    return 0.6 * ring + 0.25 * normals + noise * torch.randn(n, 3, generator=rng), normals


def right(found: Tensor, true: Tensor) -> float:
    """Share of normals on the right side."""
    return float(((found * true).sum(1) > 0).float().mean())


def test_planes_of_a_plane_are_it():
    rng = torch.Generator().manual_seed(0)
    flat = torch.rand(500, 3, generator=rng) * torch.tensor([1.0, 1.0, 0.0]) + 0.2
    found = planes(Neighbours(flat), flat, 20)
    assert torch.allclose(found.normals.abs(), torch.tensor([0.0, 0.0, 1.0]), atol=1e-4)
    lifted = flat + torch.tensor([0.0, 0.0, 0.1])
    assert torch.allclose(found.projected(lifted), flat, atol=1e-5)
    assert bool((found.spreads[:, 0] < 1e-8).all())


def test_planes_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch):
    points, _ = sphere(300)
    whole = planes(Neighbours(points), points, 10)
    monkeypatch.setattr("fields.points.planes.PART", 64)
    parts = planes(Neighbours(points), points, 10)
    assert torch.equal(whole.centres, parts.centres)


@pytest.mark.parametrize("noise", [0.02, 0.04])
def test_thickness_finds_the_noise_across_a_surface(noise: float):
    points, _ = torus(20_000, noise)
    found, _ = thickness(Neighbours(points), 100)
    assert found == pytest.approx(noise, rel=0.25)


def test_a_clean_surface_has_little_thickness_and_its_spacing():
    points, _ = sphere(20_000)
    noise, spacing = thickness(Neighbours(points), 12)
    assert noise < 0.1 * spacing
    assert spacing == pytest.approx((4 * math.pi * RADIUS**2 / 20_000) ** 0.5, rel=0.15)


def random_graph(nodes: int, edges: int, seed: int = 0):
    rng = torch.Generator().manual_seed(seed)
    truth = torch.rand(nodes, generator=rng) < 0.5
    ends = torch.randint(nodes, (edges, 2), generator=rng)
    alike = truth[ends[:, 0]] == truth[ends[:, 1]]
    order = torch.randperm(edges, generator=rng)
    return truth, ends.numpy(), alike.numpy(), order.numpy()


@pytest.mark.parametrize("spread", [signs.spread, numba_spread])
def test_signs_that_can_agree_do(spread):
    truth, ends, alike, order = random_graph(200, 1500)
    parent = torch.arange(200).numpy()
    turned = torch.zeros(200, dtype=torch.bool).numpy()
    spread(order, ends, alike, parent, turned)
    found = torch.from_numpy(turned)
    assert len(set(parent.tolist())) == 1  # so many edges leave no node alone
    assert torch.equal(found, truth) or torch.equal(found, ~truth)


def test_both_kernels_make_the_same_forest():
    _, ends, alike, order = random_graph(300, 200)  # in many pieces
    results = []
    for spread in (signs.spread, numba_spread):
        parent, turned = torch.arange(300).numpy(), torch.zeros(300, dtype=torch.bool).numpy()
        spread(order, ends, alike, parent, turned)
        results.append((parent.tolist(), turned.tolist()))
    assert results[0] == results[1]


@pytest.mark.parametrize("size", [4, 5, 7, 13])
@pytest.mark.parametrize("weighed", [False, True])
def test_compiled_bending_is_the_same(size: int, weighed: bool):
    rng = torch.Generator().manual_seed(size)
    f = torch.randn(size, size, size, dtype=torch.float64, generator=rng)
    weight = torch.rand(f.shape, dtype=torch.float64, generator=rng) if weighed else None
    torch.testing.assert_close(numba_bend(f, weight), bend(f, weight))


def test_bending_is_the_gradient_of_its_energy():
    f = torch.randn(6, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    f.requires_grad_()
    energy = bent(f).sum() / 2
    energy.backward()
    torch.testing.assert_close(bend(f.detach(), None), f.grad)


def test_a_linear_function_is_not_bent():
    axis = torch.linspace(-1, 1, 8, dtype=torch.float64)
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    assert float(bent(x - 2 * y + 3 * z).abs().max()) < 1e-16


@pytest.mark.parametrize("shape", [sphere, torus])
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_a_cloud_without_normals_is_oriented(shape, noise: float):
    points, _ = shape(6000, noise)
    found = orient(Neighbours(points))
    assert found.trusted
    away = found.points / found.points.norm(dim=1, keepdim=True)
    if shape is torus:
        ring = found.points * torch.tensor([1.0, 1.0, 0.0])
        away = found.points - 0.6 * torch.nn.functional.normalize(ring, dim=1)
    assert right(found.normals, away) > 0.99


def test_water_finds_the_outside_without_normals():
    points, normals = torus(6000, noise=0.05)
    found = outward(Neighbours(points), points)
    assert found
    assert max(right(rise, normals) for rise in found) > 0.9


def test_water_finds_no_inside_of_an_open_surface():
    rng = torch.Generator().manual_seed(0)
    sheet_ = 1.6 * torch.rand(3000, 3, generator=rng) * torch.tensor([1.0, 1.0, 0.0]) - 0.8
    assert outward(Neighbours(sheet_), sheet_) == []


def test_water_helps_where_neighbours_do_not_agree(monkeypatch: pytest.MonkeyPatch):
    points, normals = torus(4000)
    rng = torch.Generator().manual_seed(0)
    monkeypatch.setattr(
        "fields.points.orient.agree",
        lambda places, axes: torch.randint(2, (len(places),), generator=rng) * 2.0 - 1,
    )
    found = orient(Neighbours(points))
    assert found.trusted
    assert right(found.normals, normals) > 0.99


def test_neighbours_through_a_thin_wall_do_not_agree():
    rng = torch.Generator().manual_seed(0)
    top = torch.rand(2000, 3, generator=rng) * torch.tensor([1.0, 1.0, 0.0])
    both = torch.cat([top, top + torch.tensor([0.0, 0.0, 0.06])])
    axes = torch.tensor([0.0, 0.0, 1.0]).repeat(4000, 1)
    found = agree(both, axes)
    assert len(found[:2000].unique()) == 1
    assert len(found[2000:].unique()) == 1


def test_the_score_tells_right_from_wrong_normals():
    points, normals = torus(4000)
    cloud = Neighbours(points)
    good = judge(cloud, points, normals, 0)
    mixed = torch.where(torch.arange(4000)[:, None] % 2 == 0, normals, -normals)
    bad = judge(cloud, points, mixed, 0)
    assert good.trusted
    assert not bad.trusted
    assert good.score < bad.score / 3


def test_normals_that_point_inward_are_turned_around():
    points, normals = torus(4000)
    found = directions(Neighbours(points), -normals, None, noisy=False)
    assert right(found.normals, normals) == 1.0
    assert "turned around" in found.how
    kept = directions(Neighbours(points), normals, None, noisy=False)
    assert torch.equal(kept.normals, normals)


def test_normals_of_mixed_signs_are_replaced():
    points, normals = torus(4000)
    mixed = torch.where(torch.arange(4000)[:, None] % 2 == 0, normals, -normals)
    found = directions(Neighbours(points), mixed, None, noisy=False)
    assert right(found.normals, normals) > 0.99
    assert "contradict" in found.how


def test_a_scanner_sees_fronts():
    points, normals = sphere(3000)
    scanner = torch.tensor([0.0, 0.0, 5.0])
    seen = (normals * (scanner - points)).sum(1) > 0
    found = directions(Neighbours(points[seen]), None, scanner, noisy=False)
    assert right(found.normals, normals[seen]) > 0.99


def test_flip_turns_everything_around():
    points, normals = sphere(2000)
    assert right(surfels(points, normals, flip=True).normals, normals) == 0.0


def test_thin_leaves_one_point_in_a_cell():
    points = torch.tensor([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [0.5, 0.0, 0.0]])
    assert thin(points, 0.1).tolist() == [0, 2]


def test_the_indicator_is_inside_where_the_solid_is():
    points, normals = sphere(5000)
    solid = indicator(points, normals, torch.full((5000,), 4 * math.pi * RADIUS**2 / 5000))
    places = torch.tensor([[0.0, 0.0, 0.0], [0.3, 0.2, 0.1], [0.95, 0.0, 0.0], [1.0, 1.0, 1.0]])
    assert (solid.at(places) < 0).tolist() == [True, True, False, False]
    # The jump across the surface is that of an indicator.
    assert float(solid.at(places[3:]) - solid.at(places[:1])) == pytest.approx(1, abs=0.05)


def test_smoothing_takes_most_of_the_noise_away():
    points, normals = sphere(8000, noise=0.04)
    found = sheet(points, normals, 0.03)
    assert found.noise == pytest.approx(0.04, rel=0.2)
    clean, directions_ = found.onto(points)
    off = (clean.norm(dim=1) - RADIUS).abs()
    assert float(off.mean()) < 0.006
    assert float((directions_ * torch.nn.functional.normalize(clean, dim=1)).sum(1).mean()) > 0.98


def test_a_clean_cloud_is_taken_as_it_is():
    points, normals = torus(4000)
    found = surfels(points, normals)
    assert torch.equal(found.points, points)
    assert torch.equal(found.normals, normals)
    assert found.detail == found.spacing


def test_outliers_are_dropped_from_a_noisy_cloud():
    points, _ = sphere(6000, noise=0.03)
    points = torch.cat([points, torch.tensor([[0.0, 0.0, 0.0], [0.02, 0.0, 0.0]])])
    found = surfels(points)
    assert len(found.points) <= 6000
    assert float(found.points.norm(dim=1).min()) > RADIUS / 2


def test_surfels_are_the_same_every_time():
    points, _ = torus(3000, noise=0.02)
    a, b = surfels(points), surfels(points)
    assert torch.equal(a.points, b.points)
    assert a.how == b.how


def test_distance_to_a_sphere_is_nearly_exact():
    points, normals = sphere(20_000)
    rng = torch.Generator().manual_seed(1)
    x = 2 * torch.rand(4000, 3, generator=rng) - 1
    true = x.norm(dim=1) - RADIUS
    found = Implicit(points, normals)(x)
    near = true.abs() < 0.03
    assert float((found - true)[near].abs().mean()) < 3e-4  # a plane would be 1e-3 off
    assert bool((found.sign() == true.sign())[true.abs() > 0.02].all())
    assert float((found - true).abs().max()) < 0.02


def test_a_hole_is_closed():
    points, normals = sphere(12_000)
    kept = points[:, 2] < 0.6
    points, normals = points[kept], normals[kept]
    more, directions_ = closed(points, normals)
    added = more[len(points) :]
    assert torch.equal(more[: len(points)], points)
    assert len(added) > 50
    rim = 0.6
    assert float(added[:, 2].max()) > rim - 0.05
    assert float(directions_[len(points) :, 2].mean()) > 0.5
    above = Implicit(more, directions_)(torch.tensor([[0.0, 0.0, 0.9], [0.0, 0.0, 0.3]]))
    assert float(above[0]) > 0.1
    assert float(above[1]) < -0.1


def test_inside_out_every_distance_has_the_other_sign():
    points, normals = torus(8000)
    x = 2 * torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) - 1
    torch.testing.assert_close(Implicit(points, -normals)(x), -Implicit(points, normals)(x))
