"""What is mended in a shape, and what is refused."""

import numpy as np
import pytest

from data import Shape, load_shape_sample
from data.headers import Unreadable
from data.shape_checks import checked

MANY = 1_000_000
MESH = load_shape_sample("bracket")
COUNT = len(MESH.points)


def test_a_sound_shape_stays_as_it_is():
    shape = checked(MESH, MANY)
    assert np.array_equal(shape.points, MESH.points)
    assert np.array_equal(shape.faces, MESH.faces)


def test_vertices_at_one_place_become_one_and_unused_ones_go():
    soup = Shape(
        np.concatenate([MESH.points[MESH.faces].reshape(-1, 3), [[99.0, 99, 99]]]),
        np.concatenate([np.arange(3 * len(MESH.faces)).reshape(-1, 3), [[0, 0, 1]]]),
    )
    shape = checked(soup, MANY)
    assert len(shape.points) == COUNT
    assert len(shape.faces) == len(MESH.faces)
    assert np.array_equal(shape.points[shape.faces], MESH.points[MESH.faces])


def test_welding_keeps_normals_that_agree_and_drops_those_of_sharp_edges():
    points = np.concatenate([MESH.points, MESH.points])
    faces = np.concatenate([MESH.faces, MESH.faces + COUNT])
    one = np.tile(np.float32([0, 0, 1]), (COUNT, 1))
    other = np.tile(np.float32([0, 1, 0]), (COUNT, 1))
    agree = checked(Shape(points, faces, np.concatenate([one, one])), MANY)
    assert np.array_equal(agree.normals, one)
    assert checked(Shape(points, faces, np.concatenate([one, other])), MANY).normals is None


def test_a_cloud_keeps_points_that_are_there_twice():
    shape = checked(Shape(np.concatenate([MESH.points, MESH.points])), MANY)
    assert len(shape.points) == 2 * COUNT


def test_normals_come_out_with_unit_length():
    normals = 7 * np.random.default_rng(0).normal(size=(COUNT, 3)).astype(np.float32)
    shape = checked(Shape(MESH.points, None, normals), MANY)
    assert np.allclose(np.linalg.norm(shape.normals, axis=1), 1, atol=1e-6)
    normals[:5] = 0
    shape = checked(Shape(MESH.points, None, normals), MANY)
    assert shape.normals is None
    assert "normals not usable" in shape.describe()


def test_a_few_points_without_a_normal_go():
    points = np.random.default_rng(0).normal(size=(1000, 3))
    normals = points.astype(np.float32)
    normals[3] = 0
    normals.view(np.uint32)[7] = 0x7FA00000  # a NaN that signals when it is converted
    colours = np.arange(3000).reshape(-1, 3).astype(np.uint8)
    shape = checked(Shape(points, None, normals, colours), MANY)
    assert np.array_equal(shape.points, np.delete(points, [3, 7], axis=0))
    assert np.array_equal(shape.colours, np.delete(colours, [3, 7], axis=0))
    assert "2 points without a normal" in shape.note


@pytest.mark.parametrize(
    ("points", "faces", "words"),
    [
        (MESH.points * np.nan, None, "not finite"),
        (np.full((60, 3), np.inf), None, "not finite"),
        (MESH.points[:49], None, "49 distinct points and no faces"),
        (np.zeros((100, 3)), None, "1 distinct points"),
        (MESH.points * 1e-40, None, "in one place"),
        (MESH.points * 1e40, None, "coordinates up to"),
        ((MESH.points - 2) * 8e307, None, "coordinates up to"),
        (MESH.points + 1e11, None, "too far from its origin"),
        (MESH.points, MESH.faces + 1, f"name vertex {COUNT} of {COUNT}"),
        (MESH.points, MESH.faces - 1, f"name vertex -1 of {COUNT}"),
        (MESH.points, np.zeros((4, 3), np.int64), "three different corners"),
        (MESH.points, MESH.faces[:0], "no faces"),
    ],
)
def test_what_cannot_be_a_shape_is_refused(points, faces, words):
    with pytest.raises(Unreadable, match=words):
        checked(Shape(points, faces), MANY)


def test_arrays_of_another_type_or_size_are_no_shape():
    with pytest.raises(ValueError, match=r"Shape\.points must be float64, got float32"):
        Shape(MESH.points.astype(np.float32))
    with pytest.raises(ValueError, match=r"Shape\.faces must be \[n, 3\], got \[135, 12\]"):
        Shape(MESH.points, MESH.faces.reshape(-1, 12))
    with pytest.raises(ValueError, match=r"Shape\.colours must be one for each of 268 points"):
        Shape(MESH.points, colours=np.zeros((267, 3), np.uint8))


def test_a_shape_knows_its_box():
    assert np.array_equal(MESH.low, [0, 0, 0])
    assert np.array_equal(MESH.high, [4, 3, 4])
    assert MESH.side == 4
    assert MESH.describe() == (
        "268 vertices, 540 triangles; 4 × 3 × 4 from (0, 0, 0); no normals; no colours"
    )
