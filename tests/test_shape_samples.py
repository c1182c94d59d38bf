"""The sample shapes: all there, the same each time, and as their titles say."""

import numpy as np
import pytest
import trimesh

from data import SHAPE_SAMPLES, load_shape_sample
from data.shape_checks import checked
from data.shape_samples import gyroid, knot, torus_scan


@pytest.mark.parametrize("name", SHAPE_SAMPLES)
def test_every_sample_is_a_sound_shape(name):
    shape = load_shape_sample(name)
    assert shape.name == SHAPE_SAMPLES[name].name == name
    assert SHAPE_SAMPLES[name].title
    assert len(checked(shape, 1_000_000).points) == len(shape.points)
    again = load_shape_sample(name)
    assert np.array_equal(shape.points, again.points)


@pytest.mark.parametrize("name", ["bracket", "gyroid"])
def test_the_meshes_are_closed_and_face_outwards(name):
    shape = load_shape_sample(name)
    mesh = trimesh.Trimesh(shape.points, shape.faces, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 1


def test_the_bracket_has_two_holes_and_the_volume_of_its_plan():
    shape = load_shape_sample("bracket")
    mesh = trimesh.Trimesh(shape.points, shape.faces, process=False)
    assert mesh.euler_number == 2 - 2 * 2
    hole = 32 * 0.8**2 * np.sin(2 * np.pi / 64) * 0.6
    assert mesh.volume == pytest.approx(3 * (4 * 4 - 3.4 * 3.4) - 2 * hole)


def test_the_gyroid_lies_in_its_ball():
    shape = gyroid(32)
    assert np.linalg.norm(shape.points, axis=1).max() < 1.01


@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_the_torus_has_the_noise_it_says(noise):
    points = torus_scan(20_000, noise).points
    radius = np.hypot(points[:, 0], points[:, 1]) - 1
    off = np.hypot(radius, points[:, 2]) - 0.4
    assert off.std() == pytest.approx(2.8 * noise, rel=0.05, abs=1e-12)


def test_the_torus_is_even():
    """Its outer half has 1/2 + 0.4 / pi of the surface."""
    points = torus_scan(20_000, 0.0).points
    outer = np.hypot(points[:, 0], points[:, 1]) > 1
    assert outer.mean() == pytest.approx(0.5 + 0.4 / np.pi, abs=0.02)


def test_the_knot_has_normals_of_its_surface():
    shape = knot(10_000)
    assert np.allclose(np.linalg.norm(shape.normals, axis=1), 1, atol=1e-6)
    near = shape.points[None, :200] - shape.points[:, None]
    distance = np.linalg.norm(near, axis=2)
    distance[distance == 0] = np.inf
    nearest = distance.argmin(axis=0)
    along = near[nearest, np.arange(200)] / distance.min(axis=0)[:, None]
    assert np.median(abs((along * shape.normals[:200]).sum(axis=1))) < 0.1
    assert np.ptp(shape.colours, axis=0).min() > 150


def test_bad_requests_name_the_thing():
    with pytest.raises(ValueError, match="unknown sample 'teapot'; choose from torus scan"):
        load_shape_sample("teapot")
    with pytest.raises(ValueError, match="count must be at least 1"):
        torus_scan(0)
    with pytest.raises(ValueError, match="size must be at least 16"):
        gyroid(8)
    with pytest.raises(ValueError, match="count must be at least 1"):
        knot(0)
