"""Shapes to files: far from the origin, with everything on, and what is refused."""

import struct

import numpy as np
import pytest
import trimesh

from data import MESH_SUFFIXES, load_shape_sample, write_mesh, write_points
from data.parsers import parse
from data.shape_checks import checked

MESH = load_shape_sample("bracket")
FAR = MESH.points + np.array([500_000.25, 5_000_000.5, 123.0])


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb"])
def test_a_mesh_far_from_the_origin_keeps_its_detail(suffix, tmp_path):
    path = tmp_path / f"far{suffix}"
    write_mesh(path, FAR, MESH.faces)
    assert abs(checked(parse(path, suffix), 1000).points - FAR).max() < 1e-6


def test_stl_is_refused_where_it_would_show(tmp_path):
    with pytest.raises(ValueError, match="single precision of STL; write a PLY"):
        write_mesh(tmp_path / "far.stl", FAR, MESH.faces)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
def test_others_read_what_is_written(suffix, tmp_path):
    path = tmp_path / f"x{suffix}"
    colours = np.arange(MESH.points.size).reshape(-1, 3).astype(np.uint8)
    write_mesh(path, MESH.points, MESH.faces, colours=colours)
    mesh = trimesh.load_mesh(path)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(10.911, abs=1e-3)


def test_normals_of_an_stl_point_out_of_its_faces(tmp_path):
    write_mesh(tmp_path / "x.stl", MESH.points, MESH.faces)
    content = (tmp_path / "x.stl").read_bytes()
    assert struct.unpack_from("<I", content, 80)[0] == len(MESH.faces)
    row = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    rows = np.frombuffer(content, row, offset=84)
    mesh = trimesh.Trimesh(MESH.points, MESH.faces, process=False)
    assert np.allclose(rows["normal"], mesh.face_normals, atol=1e-5)


def test_a_cloud_far_away_is_in_double_precision(tmp_path):
    write_points(tmp_path / "far.ply", FAR)
    write_points(tmp_path / "near.ply", MESH.points)
    assert np.array_equal(parse(tmp_path / "far.ply", ".ply").points, FAR)
    assert b"property float x" in (tmp_path / "near.ply").read_bytes()


@pytest.mark.parametrize(
    ("name", "points", "faces", "words"),
    [
        ("x.dae", MESH.points, MESH.faces, "must end in one of .ply, .obj, .stl, .glb"),
        ("x.ply", MESH.points * np.nan, MESH.faces, "must be finite"),
        ("x.ply", MESH.points, MESH.faces + 1, "vertices from 0 to 267"),
        ("x.ply", MESH.points, MESH.faces[:0], "is empty"),
        ("no/x.ply", MESH.points, MESH.faces, "does not exist; create it first"),
    ],
)
def test_what_cannot_be_written_is_refused(name, points, faces, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        write_mesh(tmp_path / name, points, faces)
    assert not list(tmp_path.iterdir())


def test_points_are_written_as_ply_alone(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.ply"):
        write_points(tmp_path / "x.xyz", MESH.points)
