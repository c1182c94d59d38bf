"""From a signed distance field to a mesh that closes."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fields import surface
from fields.kernels.marching import table
from fields.mesh import Mesh
from fields.surface import extract


def sphere(x: Tensor, radius: float = 0.7) -> Tensor:
    return x.norm(dim=1) - radius


def torus(x: Tensor) -> Tensor:
    ring = torch.hypot(x[:, 0], x[:, 1]) - 0.6
    return torch.hypot(ring, x[:, 2]) - 0.25


def plane(x: Tensor) -> Tensor:
    return x @ torch.tensor([0.6, 0.0, 0.8]) - 0.1


def noise(seed: int):
    rng = torch.Generator().manual_seed(seed)
    return lambda x: 0.1 * torch.randn(len(x), generator=rng)


def same(a: Mesh, b: Mesh) -> bool:
    return torch.equal(a.vertices, b.vertices) and torch.equal(a.faces, b.faces)


def assert_closed(mesh: Mesh) -> None:
    assert mesh.watertight
    assert len(mesh.faces.unique()) == len(mesh.vertices)
    assert mesh.face_areas().min() > 0


def test_every_case_of_the_table_cuts_each_crossing_edge():
    counts, edges = table()
    assert counts[0] == counts[255] == 0
    for case in range(256):
        inside = [case >> corner & 1 for corner in range(8)]
        crossing = sum(
            inside[corner] != inside[corner | 1 << axis]
            for axis in range(3)
            for corner in range(8)
            if not corner >> axis & 1
        )
        assert len(np.unique(edges[case, : counts[case]])) == crossing


def test_a_sphere_has_its_area_its_volume_and_outward_normals():
    mesh, _ = extract(sphere, 64)
    assert_closed(mesh)
    assert mesh.euler == 2
    assert float(mesh.face_areas().sum()) == pytest.approx(4 * math.pi * 0.7**2, rel=0.01)
    assert mesh.volume == pytest.approx(4 / 3 * math.pi * 0.7**3, rel=0.01)
    points, normals = mesh.sample(5000, torch.Generator().manual_seed(0))
    assert float((points / 0.7 * normals).sum(1).mean()) > 0.999
    assert float(sphere(mesh.vertices).abs().max()) < 1e-3


@pytest.mark.parametrize("resolution", [16, 63, 65, 130, 200])
def test_a_torus_has_one_hole_at_every_resolution(resolution):
    mesh, _ = extract(torus, resolution)
    assert_closed(mesh)
    assert mesh.euler == 0
    assert mesh.volume == pytest.approx(2 * math.pi**2 * 0.6 * 0.25**2, rel=4 / resolution)


@pytest.mark.parametrize("resolution", [3, 7, 40])
@pytest.mark.parametrize("seed", [0, 1])
def test_whatever_the_values_are_the_mesh_closes(resolution, seed):
    mesh, _ = extract(noise(seed), resolution)
    assert_closed(mesh)


@pytest.mark.parametrize("mean", [0.3, -0.3])
def test_noise_of_which_blocks_are_judged_empty_closes_too(mean):
    values = noise(2)
    mesh, evaluations = extract(lambda x: mean + values(x), 140, lipschitz=0.5)
    assert evaluations - len(mesh.vertices) < 140**3 / 2
    assert_closed(mesh)


@pytest.mark.parametrize("resolution", [1, 2])
def test_one_vertex_within_the_box_is_the_least_that_can_be_inside(resolution):
    mesh, _ = extract(sphere, resolution)
    assert len(mesh.faces) == (0, 8)[resolution - 1]


@pytest.mark.parametrize("resolution", [10, 150])
def test_a_surface_that_leaves_the_box_is_capped_at_its_faces(resolution):
    mesh, _ = extract(plane, resolution)
    assert_closed(mesh)
    assert mesh.euler == 2
    assert float(mesh.vertices.abs().max()) <= 1
    below = float((plane(torch.rand(10**6, 3) * 2 - 1) < 0).float().mean()) * 8
    assert mesh.volume == pytest.approx(below, rel=1.2 / resolution)


def test_inside_everywhere_is_the_box():
    mesh, _ = extract(lambda x: torch.full((len(x),), -1.0), 130)
    assert_closed(mesh)
    assert mesh.volume == pytest.approx(8, rel=0.01)


def test_zeros_at_the_lattice_leave_no_triangle_without_area():
    mesh, _ = extract(lambda x: x.abs().amax(1) - 0.5, 32)
    assert_closed(mesh)
    assert mesh.volume == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("value", [1.0, math.nan, math.inf])
def test_without_an_inside_the_mesh_is_empty(value):
    mesh, evaluations = extract(lambda x: torch.full((len(x),), value), 80)
    assert mesh.vertices.shape == mesh.faces.shape == (0, 3)
    assert evaluations >= 81**3


def test_values_that_are_no_numbers_count_as_outside():
    mesh, _ = extract(lambda x: torch.where(x[:, 0] > 0, math.nan, sphere(x)), 64)
    assert_closed(mesh)
    assert float(mesh.vertices[:, 0].max()) < 0.05


def test_the_parts_it_is_made_in_do_not_matter(monkeypatch):
    whole, evaluations = extract(torus, 140)
    monkeypatch.setattr(surface, "ROOM", 1)
    monkeypatch.setattr(surface, "BATCH", 1000)
    parts, again = extract(torus, 140)
    assert same(whole, parts)
    assert evaluations == again


def test_skipping_blocks_changes_nothing_and_saves_evaluations(monkeypatch):
    sparse, few = extract(torus, 160)
    monkeypatch.setattr(surface, "COARSE", 160)
    dense, many = extract(torus, 160)
    assert same(sparse, dense)
    assert few < many / 4


def test_what_a_misleading_field_hides_is_found_near_given_points():
    place = torch.tensor([[65 * 2 / 129 - 1] * 3])  # between the vertices of the coarse lattice

    def hidden(x: Tensor) -> Tensor:
        return torch.where((x - place).norm(dim=1) < 0.01, -1.0, 1.0)

    assert len(extract(hidden, 129)[0].faces) == 0
    mesh, _ = extract(hidden, 129, near=torch.cat([place, torch.full((1, 3), 7.0)]))
    assert_closed(mesh)
    assert len(mesh.faces) == 8


def test_the_surface_runs_where_a_bent_field_is_zero():
    mesh, _ = extract(lambda x: x.norm(dim=1) ** 3 - 0.125, 24)
    assert float((mesh.vertices.norm(dim=1) - 0.5).abs().mean()) < 5e-4


def test_progress_rises_to_one_and_may_stop_the_work():
    seen: list[float] = []
    extract(torus, 200, share=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(torus, 20, share=stop)


def test_no_cells_are_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        extract(sphere, 0)


def test_noise_that_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(surface, "MOST", 1000)
    with pytest.raises(ValueError, match="more than 1,000 triangles"):
        extract(noise(0), 40)
