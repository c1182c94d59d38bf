"""Distances to triangles: the tree against all triangles, and what distances must be."""

import math

import pytest
import torch
from torch import Tensor

from fields.distance import Triangles, signed_distance
from fields.kernels import threads
from fields.kernels.distance import closest

pytest.importorskip("numba")


def soup(kind: str, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Triangles on which a tree may stumble: vertices float32 [3 n, 3], faces [n, 3]."""
    corners = torch.randn(n, 3, 3, generator=rng)
    if kind == "small":
        corners = corners[:, :1] + 0.05 * corners
    elif kind == "slivers":
        corners[:, 2] = corners[:, 1] + 1e-4 * corners[:, 2]
    elif kind == "segments":
        corners[:, 2] = (corners[:, 0] + corners[:, 1]) / 2
    elif kind == "points":
        corners[:] = corners[:, :1].clone()
    elif kind == "equal":
        corners[:] = corners[:1].clone()
    return corners.view(-1, 3), torch.arange(3 * n).view(-1, 3)


def sphere(rows: int) -> tuple[Tensor, Tensor]:
    """A closed unit sphere of 2 rows^2 triangles, some of them at the poles without area."""
    t = torch.arange(rows + 1) / rows * math.pi
    s = torch.arange(rows) / rows * 2 * math.pi
    ring = torch.stack([s.cos(), s.sin()], 1)
    vertices = torch.cat([torch.cat([ring * a.sin(), a.cos().expand(rows, 1)], dim=1) for a in t])
    i, j = torch.meshgrid(torch.arange(rows), torch.arange(rows), indexing="ij")
    a, b = (i * rows + j).flatten(), (i * rows + (j + 1) % rows).flatten()
    faces = torch.cat([torch.stack([a, a + rows, b], 1), torch.stack([b, a + rows, b + rows], 1)])
    return vertices, faces


KINDS = ["large", "small", "slivers", "segments", "points", "equal"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 4, 5, 500])
def test_the_tree_finds_what_measuring_all_triangles_finds(kind, n, rng):
    vertices, faces = soup(kind, n, rng)
    queries = torch.cat([torch.randn(300, 3, generator=rng), vertices[:100]])
    queries[::5] *= 10
    distance, index, point = Triangles(vertices, faces, backend="numba").nearest(queries)
    wanted, _, _ = Triangles(vertices, faces, backend="torch").nearest(queries)
    torch.testing.assert_close(distance, wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close((queries - point).norm(dim=1), distance, rtol=1e-5, atol=1e-6)
    again = closest(queries.double(), vertices[faces][index].double())
    torch.testing.assert_close(point.double(), again, rtol=1e-4, atol=2e-4)


def test_the_nearest_point_is_the_least_of_many_on_the_triangle(rng):
    corners = torch.randn(50, 3, 3, generator=rng, dtype=torch.float64)
    queries = 2 * torch.randn(50, 3, generator=rng, dtype=torch.float64)
    point = closest(queries, corners)
    inside = torch.rand(20_000, 3, generator=rng, dtype=torch.float64).log()
    step = torch.linspace(0, 1, 300, dtype=torch.float64)
    edge = torch.stack([step, 1 - step, torch.zeros_like(step)], 1)
    weights = [inside / inside.sum(1, keepdim=True), *(edge.roll(k, 1) for k in range(3))]
    weights = torch.cat(weights)
    sampled = (queries[:, None] - weights @ corners).norm(dim=-1).amin(1)
    distance = (queries - point).norm(dim=1)
    assert (distance <= sampled + 1e-12).all()
    assert (sampled - distance < 0.06).all()


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_places_on_a_triangle_have_no_distance(backend, rng):
    vertices, faces = soup("small", 200, rng)
    weights = torch.rand(200, 3, generator=rng)
    weights = weights / weights.sum(1, keepdim=True)
    on = (weights[..., None] * vertices[faces]).sum(1)
    distance, index, point = Triangles(vertices, faces, backend=backend).nearest(on)
    assert distance.max() < 5e-7
    torch.testing.assert_close(point, on, rtol=0, atol=5e-7)
    assert (index == torch.arange(200)).float().mean() > 0.9


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_the_signed_distance_of_a_sphere(backend, rng):
    vertices, faces = sphere(32)
    x = torch.randn(300, 3, generator=rng)
    far = x.norm(dim=1) - 1
    found = signed_distance(vertices, faces, x, backend=backend)
    torch.testing.assert_close(found, far, rtol=0, atol=1e-2)


def test_the_gradient_of_the_distance_has_length_1(rng):
    vertices, faces = sphere(24)
    mesh = Triangles(vertices, faces)
    x = 2 * torch.randn(2000, 3, generator=rng)
    distance, _, point = mesh.nearest(x)
    clear = distance > 0.1
    way, step = torch.nn.functional.normalize(x - point, dim=1), 0.05
    nearer = mesh.nearest(x - step * way)[0]
    farther = mesh.nearest(x + step * way)[0]
    torch.testing.assert_close(nearer[clear], distance[clear] - step, rtol=0, atol=1e-5)
    # Inside of the sphere another point can become the nearest one.
    outside = clear & (x.norm(dim=1) > 1)
    torch.testing.assert_close(farther[outside], distance[outside] + step, rtol=0, atol=1e-5)
    other = x + 0.3 * torch.randn(2000, 3, generator=rng)
    assert ((mesh.nearest(other)[0] - distance).abs() <= (other - x).norm(dim=1) + 1e-5).all()


def test_distances_turn_and_move_with_everything(rng):
    vertices, faces = soup("large", 300, rng)
    x = torch.randn(500, 3, generator=rng)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=rng))[0]
    move = torch.randn(3, generator=rng)
    distance, _, point = Triangles(vertices, faces).nearest(x)
    turned, _, moved = Triangles(vertices @ turn.T + move, faces).nearest(x @ turn.T + move)
    torch.testing.assert_close(turned, distance, rtol=0, atol=5e-6)
    torch.testing.assert_close(moved, point @ turn.T + move, rtol=0, atol=1e-4)


def test_results_do_not_depend_on_the_number_of_threads(rng, monkeypatch):
    mesh, x = Triangles(*soup("small", 2000, rng)), torch.randn(3000, 3, generator=rng)
    runs = []
    for count in (1, 3):
        monkeypatch.setattr(threads, "COUNT", count)
        runs.append(mesh.nearest(x))
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_no_places(backend, rng):
    mesh = Triangles(*soup("small", 5, rng), backend=backend)
    shapes = [found.shape for found in mesh.nearest(torch.empty(0, 3))]
    assert shapes == [(0,), (0,), (0, 3)]


def test_what_cannot_be_searched_is_refused(rng):
    vertices, faces = soup("small", 5, rng)
    with pytest.raises(ValueError, match="from 0 to 14, got -1"):
        Triangles(vertices, faces - 1)
    with pytest.raises(ValueError, match="without faces"):
        Triangles(vertices, faces[:0])
    with pytest.raises(ValueError, match="vertices must be float32"):
        Triangles(vertices.double(), faces)
    with pytest.raises(ValueError, match="queries must be finite"):
        Triangles(vertices, faces).nearest(torch.full((1, 3), torch.inf))
