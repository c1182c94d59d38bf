"""Winding numbers: against sums over all parts, and what they must be inside and outside."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from fields.kernels import threads
from fields.winding import Winding

pytest.importorskip("numba")

BACKENDS = ["torch", "numba"]
APPROXIMATE = 0.1  # of an approximation with the usual beta


def torus(rows: int = 48, columns: int = 24) -> tuple[Tensor, Tensor]:
    """A ring of radius 0.6 and thickness 0.25 about z: vertices float32 [n, 3], faces [f, 3]."""
    u, v = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    s, t = 2 * math.pi * u / rows, 2 * math.pi * v / columns
    out = 0.6 + 0.25 * t.cos()
    vertices = torch.stack([out * s.cos(), out * s.sin(), 0.25 * t.sin()], -1).view(-1, 3)

    def number(i: Tensor, j: Tensor) -> Tensor:
        return (i % rows * columns + j % columns).flatten()

    a, b, c, d = number(u, v), number(u + 1, v), number(u + 1, v + 1), number(u, v + 1)
    return vertices, torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)])


def torus_distance(x: Tensor) -> Tensor:
    """Signed distance to the smooth ring, [n]."""
    ring = torch.stack([x[:, :2].norm(dim=1) - 0.6, x[:, 2]], 1)
    return ring.norm(dim=1) - 0.25


def places(n: int, rng: torch.Generator) -> Tensor:
    return torch.rand(n, 3, generator=rng) * 2 - 1


def corners_and_areas(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Centres, normals and areas of triangles."""
    a, b, c = vertices[faces].unbind(1)
    vectors = torch.linalg.cross(b - a, c - a) / 2
    areas = vectors.norm(dim=1)
    return (a + b + c) / 3, vectors / areas[:, None], areas


@pytest.mark.parametrize(("backend", "tolerance"), [("torch", 1e-4), ("numba", APPROXIMATE)])
def test_inside_a_closed_mesh_is_1_and_outside_0(backend, tolerance, rng):
    x = places(2000, rng)
    distance = torus_distance(x)
    x, inside = x[distance.abs() > 0.02], (distance < 0)[distance.abs() > 0.02]
    assert 100 < inside.sum() < len(x) - 100
    found = Winding.of_mesh(*torus(), backend=backend).at(x)
    torch.testing.assert_close(found, inside.float(), atol=tolerance, rtol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mesh_turned_inside_out_counts_backwards(backend, rng):
    vertices, faces = torus()
    x = places(300, rng)
    found = Winding.of_mesh(vertices, faces, beta=100, backend=backend).at(x)
    turned = Winding.of_mesh(vertices, faces.flip(1), beta=100, backend=backend).at(x)
    torch.testing.assert_close(turned, -found, atol=1e-4, rtol=0)


@pytest.mark.parametrize("faces", [1, 2, 3, 4, 5, 9, 700])
def test_with_nothing_far_the_sum_is_exact(faces, rng):
    corners = places(3 * faces, rng)
    numbers = torch.arange(3 * faces).view(-1, 3)
    x = places(100, rng)
    exact = Winding.of_mesh(corners, numbers, backend="torch").at(x)
    found = Winding.of_mesh(corners, numbers, beta=1e4, backend="numba").at(x)
    # Rounding of a sum of as many numbers of up to 1/2.
    torch.testing.assert_close(found, exact, atol=3e-6 * max(1, faces**0.5), rtol=0)


@pytest.mark.parametrize("n", [1, 2, 5, 700])
def test_with_nothing_far_the_sum_over_points_is_exact(n, rng):
    points, normals = places(n, rng), torch.nn.functional.normalize(places(n, rng), dim=1)
    areas = torch.rand(n, generator=rng) / n
    x = torch.cat([places(100, rng), points[:1]])
    exact = Winding.of_points(points, normals, areas, backend="torch").at(x)
    found = Winding.of_points(points, normals, areas, beta=1e4, backend="numba").at(x)
    torch.testing.assert_close(found, exact, atol=1e-5, rtol=1e-4)


def test_a_larger_beta_is_more_exact(rng):
    vertices, faces = torus()
    x = places(1000, rng)
    exact = Winding.of_mesh(vertices, faces, backend="torch").at(x)
    errors = [
        (Winding.of_mesh(vertices, faces, beta=beta, backend="numba").at(x) - exact).abs().max()
        for beta in (1.0, 2.0, 4.0, 8.0)
    ]
    assert all(b < a / 2 for a, b in pairwise(errors)), errors
    assert errors[1] < APPROXIMATE


@pytest.mark.parametrize("backend", BACKENDS)
def test_points_tell_inside_from_outside(backend, rng):
    cloud = corners_and_areas(*torus(96, 48))
    x = places(2000, rng)
    x = x[torus_distance(x).abs() > 0.05]
    found = Winding.of_points(*cloud, backend=backend).at(x)
    assert torch.equal(found > 0.5, torus_distance(x) < 0)
    torch.testing.assert_close(found, (found > 0.5).float(), atol=APPROXIMATE, rtol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_open_hemisphere_is_in_between(backend):
    """Seen from its centre it covers half of all directions, from elsewhere what is to be seen."""
    rows = 64
    t = torch.arange(rows + 1) / rows * math.pi / 2  # from the pole down to the equator
    s = torch.arange(rows) / rows * 2 * math.pi
    ring = torch.stack([s.cos(), s.sin()], 1)
    vertices = torch.cat([torch.cat([ring * a.sin(), a.cos().expand(rows, 1)], dim=1) for a in t])
    i, j = torch.meshgrid(torch.arange(rows), torch.arange(rows), indexing="ij")
    a, b = (i * rows + j).flatten(), (i * rows + (j + 1) % rows).flatten()
    faces = torch.cat([torch.stack([a, a + rows, b], 1), torch.stack([b, a + rows, b + rows], 1)])
    heights = torch.tensor([-3.0, -0.5, 0.0, 0.3, 0.9, 1.5])
    x = torch.stack([torch.zeros(6), torch.zeros(6), heights], 1)
    found = Winding.of_mesh(vertices, faces, backend=backend).at(x)
    # The solid angle of the equator's disk, and of the whole sphere for what is inside of it.
    disk = (1 - heights.abs() / (1 + heights**2).sqrt()) / 2
    inside = (heights > 0) & (heights < 1)
    wanted = torch.where(heights > 0, torch.where(inside, 1 - disk, -disk), disk)
    torch.testing.assert_close(found, wanted, atol=APPROXIMATE, rtol=0)
    assert found[2] == pytest.approx(0.5, abs=0.02)


def test_two_nested_meshes_add_up():
    vertices, faces = torus()
    both = torch.cat([vertices, vertices * torch.tensor([1.0, 1.0, 0.5])])
    winding = Winding.of_mesh(both, torch.cat([faces, faces + len(vertices)]))
    x = torch.tensor([[0.6, 0.0, 0.0], [0.6, 0.0, 0.2], [0.6, 0.0, 0.4]])
    torch.testing.assert_close(
        winding.at(x), torch.tensor([2.0, 1.0, 0.0]), atol=2 * APPROXIMATE, rtol=0
    )


def test_what_is_found_for_a_place_does_not_depend_on_the_others(rng, monkeypatch):
    winding, x = Winding.of_mesh(*torus(), backend="numba"), places(2000, rng)
    runs = []
    for count in (1, 3):
        monkeypatch.setattr(threads, "COUNT", count)
        runs.append(winding.at(x))
    assert torch.equal(*runs)
    some = torch.randperm(2000, generator=rng)[:77]
    assert torch.equal(winding.at(x[some]), runs[0][some])


@pytest.mark.parametrize("backend", BACKENDS)
def test_degenerate_triangles_add_nothing(backend, rng):
    vertices, faces = torus()
    x = places(200, rng)
    whole = Winding.of_mesh(vertices, faces, backend=backend, beta=100).at(x)
    flat = torch.stack([torch.arange(99), torch.arange(99) + 1, torch.arange(99)], 1)
    more = Winding.of_mesh(vertices, torch.cat([faces, flat]), backend=backend, beta=100).at(x)
    torch.testing.assert_close(more, whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_places_on_the_surface_are_finite(backend):
    vertices, faces = torus()
    x = torch.cat([vertices, vertices[faces].mean(1)])
    assert Winding.of_mesh(vertices, faces, backend=backend).at(x).isfinite().all()
    cloud = corners_and_areas(vertices, faces)
    assert Winding.of_points(*cloud, backend=backend).at(cloud[0]).isfinite().all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_places(backend):
    assert Winding.of_mesh(*torus(), backend=backend).at(torch.empty(0, 3)).shape == (0,)


def test_what_cannot_be_summed_is_refused():
    vertices, faces = torus()
    with pytest.raises(ValueError, match="from 0 to 1151, got 0 to 1152"):
        Winding.of_mesh(vertices, torch.cat([faces, torch.tensor([[0, 1, 1152]])]))
    with pytest.raises(ValueError, match="without faces"):
        Winding.of_mesh(vertices, faces[:0])
    with pytest.raises(ValueError, match="int64"):
        Winding.of_mesh(vertices, faces.int())
    with pytest.raises(ValueError, match="beta must be at least 1"):
        Winding.of_mesh(vertices, faces, beta=0.5)
    with pytest.raises(ValueError, match="as many normals"):
        Winding.of_points(vertices, vertices[1:], torch.ones(len(vertices)))
    with pytest.raises(ValueError, match="areas must be float32"):
        Winding.of_points(vertices, vertices, torch.ones(len(vertices)).double())
    with pytest.raises(ValueError, match="without points"):
        Winding.of_points(vertices[:0], vertices[:0], torch.ones(0))
    with pytest.raises(ValueError, match="queries must be finite"):
        Winding.of_mesh(vertices, faces).at(torch.full((1, 3), torch.nan))
