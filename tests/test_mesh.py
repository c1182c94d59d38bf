"""What meshes measure, and their pieces."""

import pytest
import torch
from torch import Tensor

from fields.mesh import Mesh

TETRAHEDRON = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def tetrahedron(scale: float = 1.0, shift: float = 0.0) -> Mesh:
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    return Mesh(scale * corners + shift, TETRAHEDRON)


def together(*meshes: Mesh) -> Mesh:
    starts = torch.tensor([0] + [len(m.vertices) for m in meshes]).cumsum(0)
    faces = [m.faces + int(start) for m, start in zip(meshes, starts, strict=False)]
    return Mesh(torch.cat([m.vertices for m in meshes]), torch.cat(faces))


def strip(n: int, rng: torch.Generator) -> Mesh:
    """n triangles in a row, each sharing an edge with the next, numbered at random."""
    number = torch.randperm(n + 2, generator=rng)
    faces = torch.arange(n)[:, None] + torch.arange(3)
    shuffle = torch.randperm(n, generator=rng)
    return Mesh(torch.rand(n + 2, 3, generator=rng), number[faces][shuffle])


def test_a_tetrahedron_measures_what_it_should():
    mesh = tetrahedron(2.0, 5.0)
    assert mesh.volume == pytest.approx(8 / 6)
    torch.testing.assert_close(mesh.face_areas(), torch.tensor([2.0, 2, 2, 2 * 3**0.5]))
    assert mesh.watertight
    assert mesh.euler == 2


def test_normals_point_away_from_the_middle():
    mesh = tetrahedron()
    middle = mesh.vertices.mean(0)
    centres = mesh.vertices[mesh.faces].mean(1)
    assert ((centres - middle) * mesh.face_normals()).sum(1).min() > 0
    assert ((mesh.vertices - middle) * mesh.vertex_normals()).sum(1).min() > 0
    for normals in (mesh.face_normals(), mesh.vertex_normals()):
        torch.testing.assert_close(normals.norm(dim=1), torch.ones(4))


def test_turned_inside_out_the_volume_is_negative():
    mesh = Mesh(tetrahedron().vertices, TETRAHEDRON.flip(1))
    assert mesh.volume == pytest.approx(-1 / 6)
    assert mesh.watertight


@pytest.mark.parametrize(
    "faces",
    [
        TETRAHEDRON[:3],
        torch.cat([TETRAHEDRON[:3], TETRAHEDRON[3:].flip(1)]),
        torch.cat([TETRAHEDRON, TETRAHEDRON]),
        TETRAHEDRON[:0],
    ],
    ids=["open", "one face turned", "doubled", "empty"],
)
def test_not_watertight(faces: Tensor):
    assert not Mesh(tetrahedron().vertices, faces).watertight


def test_points_lie_on_faces_in_proportion_to_their_area(rng):
    mesh = together(tetrahedron(), tetrahedron(3.0, 10.0))
    points, normals = mesh.sample(20000, rng)
    large = points.amax(1) > 5
    assert float(large.float().mean()) == pytest.approx(0.9, abs=0.01)
    inside = torch.where(large[:, None], (points - 10) / 3, points)
    on_a_side = inside.amin(1).abs() < 1e-5
    on_the_slope = (inside.sum(1) - 1).abs() < 1e-5
    assert (on_a_side | on_the_slope).all()
    assert inside.min() > -1e-5
    torch.testing.assert_close(normals[on_the_slope & ~on_a_side].std(0), torch.zeros(3))


def test_points_are_the_same_for_the_same_seed():
    draws = [tetrahedron().sample(50, torch.Generator().manual_seed(4))[0] for _ in range(2)]
    assert torch.equal(*draws)


def test_a_mesh_without_area_cannot_be_drawn_from(rng):
    with pytest.raises(ValueError, match="no area"):
        Mesh(torch.zeros(3, 3), torch.tensor([[0, 1, 2]])).sample(5, rng)


@pytest.mark.parametrize("n", [1, 2, 17, 5000])
def test_a_long_strip_is_one_piece(n, rng):
    assert strip(n, rng).components().tolist() == [0] * n


def test_pieces_that_share_nothing_are_told_apart(rng):
    mesh = together(strip(40, rng), tetrahedron(), strip(700, rng))
    piece = mesh.components()
    assert torch.equal(piece.bincount(), torch.tensor([40, 4, 700]))
    shuffle = torch.randperm(len(piece), generator=rng)
    assert torch.equal(Mesh(mesh.vertices, mesh.faces[shuffle]).components(), piece[shuffle])


def test_kept_faces_bring_their_vertices_and_no_others():
    small, large = tetrahedron(), tetrahedron(2.0, 7.0)
    kept = together(small, large).keep(torch.arange(8) >= 4)
    assert torch.equal(kept.vertices, large.vertices)
    assert torch.equal(kept.faces, large.faces)


def test_specks_are_dropped_and_others_are_not():
    mesh = together(tetrahedron(0.1, 3.0), tetrahedron(), tetrahedron(0.5, 8.0))
    cleaned = mesh.without_small(0.05)
    assert torch.equal(cleaned.vertices, mesh.vertices[4:])
    assert cleaned.watertight
    assert mesh.without_small(0.001) is mesh


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (torch.zeros(3, 2), TETRAHEDRON, "vertices must be"),
        (torch.zeros(3, 3), TETRAHEDRON[0], "faces must be"),
        (torch.zeros(3, 3), TETRAHEDRON, "name vertices 0 to 2, got 0 to 3"),
        (torch.zeros(3, 3), -TETRAHEDRON, "name vertices"),
    ],
)
def test_malformed_meshes_are_refused(vertices, faces, message):
    with pytest.raises(ValueError, match=message):
        Mesh(vertices, faces)
