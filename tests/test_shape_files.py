"""Shapes from files and back: every format, what is refused, and what a damaged file may do."""

import io
import json
import os
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import trimesh

from data import MESH_SUFFIXES, Shape, read_shape, write_mesh, write_points
from data.headers import Unreadable
from data.parsers import PARSERS, parse
from data.parsers.lzf import unpack
from data.shape_checks import checked

MANY = 1_000_000


def ball(rows: int = 9, columns: int = 12) -> Shape:
    """An ellipsoid of quads cut in two, with a normal and a colour at each vertex."""
    up = np.pi * np.arange(1, rows) / rows
    round_ = 2 * np.pi * np.arange(columns) / columns
    rings = np.stack(
        [
            np.sin(up)[:, None] * np.cos(round_),
            np.sin(up)[:, None] * np.sin(round_),
            np.repeat(np.cos(up)[:, None], columns, axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    normals = np.concatenate([rings, [[0, 0, 1], [0, 0, -1]]])
    index = np.arange(len(rings)).reshape(rows - 1, columns)
    a, b, c, d = index[:-1], np.roll(index, -1, 1)[:-1], index[1:], np.roll(index, -1, 1)[1:]
    after, top, bottom = np.roll(index, -1, 1), len(rings), len(rings) + 1
    faces = [np.stack([a, c, b], -1), np.stack([b, c, d], -1)]
    faces += [np.stack([np.full(columns, top), index[0], after[0]], -1)]
    faces += [np.stack([np.full(columns, bottom), after[-1], index[-1]], -1)]
    colours = np.rint(127.5 * (normals + 1)).astype(np.uint8)
    scale = np.array([3.0, 2.0, 1.0])
    return Shape(
        normals * scale, np.concatenate([f.reshape(-1, 3) for f in faces]).astype(np.int64),
        (normals / scale / np.linalg.norm(normals / scale, axis=1, keepdims=True)).astype("f4"),
        colours,
    )  # fmt: skip


BALL = ball()


def volume(shape: Shape) -> float:
    a, b, c = (shape.points[shape.faces[:, n]] for n in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def text(values, form="%.9g") -> str:
    return "\n".join(" ".join(form % value for value in row) for row in values)


def ply_text(vertices, faces, names, kinds, face_lines) -> bytes:
    head = ["ply", "format ascii 1.0", "comment test", f"element vertex {len(vertices)}"]
    head += [f"property {kind} {name}" for name, kind in zip(names, kinds, strict=True)]
    head += [f"element face {len(faces)}", *face_lines, "end_header"]
    rows = [" ".join(map(str, [len(face), *face])) for face in faces]
    return ("\n".join(head) + "\n" + text(vertices) + "\n" + "\n".join(rows) + "\n").encode()


LIST = ["property list uchar int vertex_indices"]


def quads() -> list[list[int]]:
    """The side of the ball as quads, with one polygon of 12 at each end."""
    index = np.arange(96).reshape(8, 12)
    after = np.roll(index, -1, 1)
    sides = np.stack([index[:-1], index[1:], after[1:], after[:-1]], -1).reshape(-1, 4)
    return [*sides.tolist(), index[0].tolist(), index[-1][::-1].tolist()]


def off_mesh() -> bytes:
    rows = [" ".join(map(str, [len(face), *face])) for face in quads()]
    return f"OFF\n96 {len(rows)} 0\n{text(BALL.points[:96])}\n".encode() + "\n".join(rows).encode()


def obj_mesh() -> bytes:
    faces = "\n".join("f " + " ".join(f"{i + 1}/{i + 1}/1" for i in face) for face in quads())
    return f"# x\nv {text(BALL.points[:96]).replace(chr(10), chr(10) + 'v ')}\n{faces}\n".encode()


def stl_text() -> bytes:
    corners = BALL.points[BALL.faces]
    facets = [
        "facet normal 0 0 0\nouter loop\n"
        + "\n".join(f"vertex {x:.7g} {y:.7g} {z:.7g}" for x, y, z in corner)
        + "\nendloop\nendfacet"
        for corner in corners
    ]
    return ("solid ball\n" + "\n".join(facets) + "\nendsolid ball\n").encode()


def pcd(storage: str) -> bytes:
    """The ball's points with normals and colours, in one of PCD's three storages."""
    row = np.dtype([(n, "<f4") for n in ("x", "y", "z", "nx", "ny", "nz")] + [("rgb", "<u4")])
    rows = np.zeros(len(BALL.points), row)
    for n, name in enumerate("xyz"):
        rows[name], rows["n" + name] = BALL.points[:, n], BALL.normals[:, n]
    rows["rgb"] = BALL.colours.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    head = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z normal_x normal_y normal_z rgb\n"
        "SIZE 4 4 4 4 4 4 4\nTYPE F F F F F F U\nCOUNT 1 1 1 1 1 1 1\n"
        f"WIDTH {len(rows)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\n"
        f"POINTS {len(rows)}\nDATA {storage}\n"
    ).encode()
    if storage == "ascii":
        return head + "\n".join(" ".join(map(str, r.tolist())) for r in rows).encode()
    if storage == "binary":
        return head + rows.tobytes()
    columns = b"".join(rows[name].tobytes() for name in row.names)
    packed = lzf_literal(columns)
    return head + struct.pack("<II", len(packed), len(columns)) + packed


def lzf_literal(content: bytes) -> bytes:
    """LZF that copies nothing."""
    pieces = [content[n : n + 32] for n in range(0, len(content), 32)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


def saved(save, *arrays, **named) -> bytes:
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def table(delimiter: str, *parts) -> bytes:
    return text(np.hstack(parts)).replace(" ", delimiter).encode()


def written(suffix: str, folder: Path) -> bytes:
    path = folder / f"seed{suffix}"
    write_mesh(path, BALL.points, BALL.faces, BALL.normals, BALL.colours)
    return path.read_bytes()


def seeds(folder: Path) -> dict[str, bytes]:
    """A sound small file of each kind, by a name that ends in its suffix."""
    xyz, points, normals, colours = ["x", "y", "z"], BALL.points, BALL.normals, BALL.colours
    return {
        **{f"written{suffix}": written(suffix, folder) for suffix in MESH_SUFFIXES},
        "text.ply": ply_text(points[:96], quads(), xyz, ["double"] * 3, LIST),
        "quads.obj": obj_mesh(),
        "text.stl": stl_text(),
        "mesh.off": off_mesh(),
        "plain.xyz": table(" ", points),
        "normals.txt": table("\t", points, normals),
        "names.csv": b"x,y,z,red,green,blue\n" + table(",", points, colours),
        "text.pcd": pcd("ascii"),
        "binary.pcd": pcd("binary"),
        "packed.pcd": pcd("binary_compressed"),
        "points.npy": saved(np.save, points),
        "mesh.npz": saved(np.savez_compressed, vertices=points, faces=BALL.faces),
    }  # fmt: skip


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def parsed(folder: Path, name: str, content: bytes) -> Shape:
    """As `read_shape` reads it, but in this process, which is quicker."""
    path = put(folder, name, content)
    return checked(parse(path, path.suffix), MANY)


# Every format gives the same shape.


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".stl", ".glb"])
def test_a_mesh_comes_back(suffix, tmp_path):
    path = tmp_path / f"ball{suffix}"
    write_mesh(path, BALL.points, BALL.faces, BALL.normals, BALL.colours)
    shape = read_shape(path)
    assert shape.name == "ball"
    assert shape.is_mesh
    assert len(shape.points) == 98
    assert len(shape.faces) == len(BALL.faces)
    assert volume(shape) == pytest.approx(volume(BALL), rel=1e-6)
    if suffix != ".stl":
        assert np.allclose(shape.points, BALL.points, atol=1e-6)
        assert np.array_equal(shape.faces, BALL.faces)
        assert np.array_equal(shape.colours, BALL.colours)
    if suffix == ".ply":
        assert np.allclose(shape.normals, BALL.normals, atol=1e-6)


def test_a_cloud_comes_back(tmp_path):
    write_points(tmp_path / "cloud.ply", BALL.points, BALL.normals, BALL.colours)
    shape = read_shape(tmp_path / "cloud.ply")
    assert not shape.is_mesh
    assert np.array_equal(shape.points, BALL.points.astype(np.float32))
    assert np.allclose(shape.normals, BALL.normals, atol=1e-6)
    assert np.array_equal(shape.colours, BALL.colours)
    assert "98 points" in shape.describe()
    assert "normals; colours" in shape.describe()


def test_every_kind_of_file_gives_the_same_points(tmp_path):
    for name, content in seeds(tmp_path).items():
        shape = parsed(tmp_path, name, content)
        assert len(shape.points) in (96, 98), name
        assert np.allclose(np.sort(shape.low), [-3, -2, -1], atol=0.1), name
        assert shape.side == pytest.approx(6, rel=0.1), name
        if shape.is_mesh:
            assert volume(shape) == pytest.approx(volume(BALL), rel=0.05), name


def test_pcd_has_the_same_in_each_storage(tmp_path):
    for storage in ("ascii", "binary", "binary_compressed"):
        shape = parsed(tmp_path, "x.pcd", pcd(storage))
        assert np.allclose(shape.points, BALL.points, atol=1e-6)
        assert np.allclose(shape.normals, BALL.normals, atol=1e-6)
        assert np.array_equal(shape.colours, BALL.colours)


def test_missing_points_of_a_pcd_are_left_out(tmp_path):
    content = pcd("ascii").replace(b"POINTS 98", b"POINTS 99").replace(b"WIDTH 98", b"WIDTH 99")
    shape = parsed(tmp_path, "x.pcd", content + b"\nnan nan nan 0 0 0 0")
    assert len(shape.points) == 98


def test_lzf_copies_over_itself():
    # Two bytes as they are, then a copy of seven from two back, then one of ten.
    assert unpack(b"\x01ab\xa0\x01", 9) == b"ababababa"
    assert unpack(b"\x00a\xe0\x03\x00", 13) == b"a" * 13
    with pytest.raises(Unreadable):
        unpack(b"\x00a\x20\x05", 4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_binary_ply_in_either_order_with_mixed_polygons(order, tmp_path):
    name = {"<": "little", ">": "big"}[order]
    head = (
        f"ply\nformat binary_{name}_endian 1.0\nelement vertex 96\nproperty uchar red\n"
        "property double z\nproperty float y\nproperty uchar green\nproperty float x\n"
        f"property uchar blue\nelement face {len(quads())}\n"
        "property list ushort uint vertex_index\nproperty uchar flag\nend_header\n"
    )
    kind = [("r", "u1"), ("z", order + "f8"), ("y", order + "f4"), ("g", "u1")]
    rows = np.zeros(96, np.dtype([*kind, ("x", order + "f4"), ("b", "u1")]))
    for n, (axis, colour) in enumerate(zip("xyz", "rgb", strict=True)):
        rows[axis], rows[colour] = BALL.points[:96, n], BALL.colours[:96, n]
    faces = b"".join(struct.pack(f"{order}H{len(f)}IB", len(f), *f, 7) for f in quads())
    shape = parsed(tmp_path, "x.ply", head.encode() + rows.tobytes() + faces)
    assert np.allclose(shape.points, BALL.points[:96], atol=1e-6)
    assert np.array_equal(shape.colours, BALL.colours[:96])
    same = parsed(tmp_path, "x.off", off_mesh())
    assert np.array_equal(shape.faces, same.faces)


def test_ply_colours_may_be_floats(tmp_path):
    names = ["x", "y", "z", "red", "green", "blue"]
    values = np.hstack([BALL.points, BALL.colours / 255])
    shape = parsed(tmp_path, "x.ply", ply_text(values, [], names, ["float"] * 6, LIST))
    assert np.array_equal(shape.colours, BALL.colours)
    assert not shape.is_mesh


def test_triangle_strips_face_one_side(tmp_path):
    index = np.arange(96).reshape(8, 12)
    closed = np.concatenate([index, index[:, :1]], axis=1)
    strips = [np.stack([a, b], -1).ravel() for a, b in pairwise(closed)]
    corners = np.concatenate([np.append(strip, -1) for strip in strips])
    head = (
        b"ply\nformat binary_little_endian 1.0\nelement vertex 96\nproperty float x\n"
        b"property float y\nproperty float z\nelement tristrips 1\n"
        b"property list int int vertex_indices\nend_header\n"
    )
    body = BALL.points[:96].astype("<f4").tobytes() + struct.pack("<i", len(corners))
    shape = parsed(tmp_path, "x.ply", head + body + corners.astype("<i4").tobytes())
    assert len(shape.faces) == 7 * 12 * 2
    edges = np.concatenate([shape.faces[:, [0, 1]], shape.faces[:, [1, 2]], shape.faces[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges)  # neighbours run along it opposite ways
    assert volume(shape) > 0


def test_obj_counts_back_from_the_end(tmp_path):
    lines = obj_mesh().decode().splitlines()
    vertices = [line for line in lines if line[0] == "v"]
    faces = [
        "f " + " ".join(str(int(word.split("/")[0]) - 97) for word in line.split()[1:])
        for line in lines if line[0] == "f"
    ]  # fmt: skip
    extra = ["v 0 0 0"] * 5
    shape = parsed(tmp_path, "x.obj", "\n".join([*vertices, *faces, *extra]).encode())
    same = parsed(tmp_path, "y.obj", obj_mesh())
    assert np.array_equal(shape.faces, same.faces)
    assert np.array_equal(shape.points, same.points)


def test_vertex_colours_of_an_obj(tmp_path):
    rows = np.hstack([BALL.points, BALL.colours / 255])
    content = "v " + text(rows).replace("\n", "\nv ")
    shape = parsed(tmp_path, "x.obj", content.encode())
    assert not shape.is_mesh
    assert np.array_equal(shape.colours, BALL.colours)


def test_off_with_colours_and_with_counts_on_its_first_line(tmp_path):
    rows = np.hstack([BALL.points, BALL.colours, np.full((98, 1), 255)])
    shape = parsed(tmp_path, "x.off", f"COFF\n98 0 0\n{text(rows)}".encode())
    assert np.array_equal(shape.colours, BALL.colours)
    glued = off_mesh().replace(b"OFF\n", b"OFF", 1)
    assert len(parsed(tmp_path, "y.off", glued).points) == 96


@pytest.mark.parametrize("delimiter", [" ", "\t", ",", ";"])
def test_six_columns_are_normals_if_of_unit_length(delimiter, tmp_path):
    with_normals = parsed(tmp_path, "a.txt", table(delimiter, BALL.points, BALL.normals))
    assert np.allclose(with_normals.normals, BALL.normals, atol=1e-6)
    assert with_normals.colours is None
    with_colours = parsed(tmp_path, "b.txt", table(delimiter, BALL.points, BALL.colours))
    assert np.array_equal(with_colours.colours, BALL.colours)
    assert with_colours.normals is None


def test_names_decide_which_columns_count(tmp_path):
    columns = np.hstack([np.arange(98)[:, None], BALL.points[:, [2, 0, 1]], BALL.normals])
    head = b'"id","Z","X","Y","nx","ny","nz"\r\n'
    content = head + table(",", columns).replace(b"\n", b"\r\n")
    shape = parsed(tmp_path, "x.csv", content)
    assert np.allclose(shape.points, BALL.points)
    assert np.allclose(shape.normals, BALL.normals, atol=1e-6)


def test_a_comma_is_a_point_where_semicolons_part(tmp_path):
    content = table(";", BALL.points).replace(b".", b",")
    assert np.allclose(parsed(tmp_path, "x.csv", content).points, BALL.points)


def test_comments_and_a_count_are_passed_over(tmp_path):
    content = b"98\n" + table(" ", BALL.points) + b"  # the last\n# the end\n\n"
    assert len(parsed(tmp_path, "x.xyz", b"# a scan\n" + content).points) == 98


def test_npz_names_its_arrays(tmp_path):
    content = saved(np.savez, points=BALL.points, normals=BALL.normals, colours=BALL.colours)
    shape = parsed(tmp_path, "x.npz", content)
    assert np.allclose(shape.normals, BALL.normals, atol=1e-6)
    assert np.array_equal(shape.colours, BALL.colours)
    with pytest.raises(Unreadable, match="no array called points"):
        parsed(tmp_path, "y.npz", saved(np.savez, dots=BALL.points))


def test_a_glb_puts_each_mesh_where_its_node_says(tmp_path):
    mesh = trimesh.Trimesh(BALL.points, BALL.faces, process=False)
    mirror = np.diag([-1.0, 1, 1, 1])
    mirror[:3, 3] = (10, 0, 0)
    scene = trimesh.Scene()
    scene.add_geometry(mesh)
    scene.add_geometry(mesh, transform=mirror)
    shape = parsed(tmp_path, "x.glb", scene.export(file_type="glb"))
    assert len(shape.points) == 2 * 98
    assert np.allclose(shape.low, BALL.points.min(axis=0))
    assert np.allclose(shape.high[0], 10 - BALL.points[:, 0].min())
    assert shape.colours is None
    assert volume(shape) == pytest.approx(2 * volume(BALL), rel=1e-6)


@pytest.mark.parametrize("colours", [None, BALL.colours])
def test_a_glb_may_hold_points(colours, tmp_path):
    cloud = trimesh.PointCloud(BALL.points, colours)
    shape = parsed(tmp_path, "x.glb", trimesh.Scene(cloud).export(file_type="glb"))
    assert not shape.is_mesh
    assert np.allclose(shape.points, BALL.points, atol=1e-6)
    assert shape.colours is colours is None or np.array_equal(shape.colours, colours)


def test_range_scans_are_joined_with_normals_to_the_scanner(tmp_path):
    rows, columns = 12, 16
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    points = np.stack([x, y, 0.3 * x * x], -1).reshape(-1, 3)
    head = (
        f"ply\nformat ascii 1.0\nobj_info num_cols {columns}\nobj_info num_rows {rows}\n"
        f"element vertex {len(points)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element range_grid {rows * columns + columns}\n{LIST[0]}\nend_header\n"
    ).replace(f"num_rows {rows}", f"num_rows {rows + 1}")
    grid = "\n".join([*(f"1 {n}" for n in range(rows * columns)), *["0"] * columns])
    put(tmp_path, "raw_a.ply", f"{head}{text(points)}\n{grid}\n".encode())
    lines = ["bmesh a.ply 0 0 0 0 0 0 1", f"bmesh a.ply 5 0 0 0 {0.5**0.5} 0 {0.5**0.5}"]
    path = put(tmp_path, "x.conf", "\n".join(["camera 0 0 0 0 0 0 1", *lines]).encode())
    shape = checked(parse(path, ".conf"), MANY)
    one, two = np.split(shape.normals, 2)
    assert (one[:, 2] > 0.8).all()
    assert (abs(two[:, 0]) > 0.8).all()
    assert np.ptp(np.sign(two[:, 0])) == 0
    moved = shape.points[len(points) :]
    assert moved.mean(axis=0)[0] == pytest.approx(5 - points.mean(axis=0)[2], abs=1e-5)
    path.write_text(f"{lines[0]}\nbmesh gone.ply 0 0 0 0 0 0 1")
    assert "not there: gone.ply" in read_shape(path).describe()
    path.write_text("bmesh ../../secret.ply 0 0 0 0 0 0 1")
    with pytest.raises(ValueError, match="without folders"):
        read_shape(path)


# What is refused.


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.gltf", b"{}", "export it as .glb"),
        ("x.zip", b"PK", "unpack it first"),
        ("x.png", b"", "must end in .ply, .obj"),
        ("x.ply", b"", "is empty"),
        ("x.ply", b"solid", "is not a PLY file"),
        ("x.ply", b"ply\nformat ascii 1.0\nelement vertex 2000000000\nproperty float x\n"
         b"property float y\nproperty float z\nend_header\n1 2 3\n", "too short for them"),
        ("x.obj", b"hello", "no vertices"),
        ("x.obj", b"v 1 2 x\n" * 60, "text where numbers belong"),
        ("x.stl", b"\0" * 80 + b"\xff\xff\xff\x7f" + b"\0" * 50, "cut short"),
        ("x.off", b"OFF\n1000000000 5 0\n1 2 3", "has 1 lines"),
        ("x.xyz", b"1 2 3\n4 5\n" * 40, "unequal length"),
        ("x.npy", b"\x93NUMPY junk", "cut short or holds Python objects"),
        ("x.npy", saved(np.save, np.array([{}] * 60, object), allow_pickle=True), "Python objects"),
        ("x.npy", saved(np.save, np.zeros((60, 4))), "must be"),
        ("x.glb", b"glTF" + struct.pack("<III", 2, 20, 0) + b"JSON", "damaged"),
        ("x.conf", b"bmesh a.ply 0 0 0 0 0 0 1", "none lies beside it"),
        ("two\nlines.ply", b"no", "is not a PLY"),
    ],
)  # fmt: skip
def test_refusals_are_one_line_with_the_name_and_a_way_out(name, content, words, tmp_path):
    with pytest.raises(ValueError, match=words) as refusal:
        read_shape(put(tmp_path, name, content))
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith(str(tmp_path))


def test_limits_are_kept(tmp_path):
    path = put(tmp_path, "x.xyz", table(" ", BALL.points))
    with pytest.raises(ValueError, match="98 points, over the limit of 97"):
        read_shape(path, max_points=97)
    with pytest.raises(ValueError, match="MB, over the limit"):
        read_shape(path, max_megabytes=1e-3)
    with pytest.raises(ValueError, match="must be above 0"):
        read_shape(path, max_points=0)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_shape(tmp_path / "gone.ply")
    (tmp_path / "folder.ply").mkdir()
    os.mkfifo(tmp_path / "pipe.ply")
    (tmp_path / "zero.ply").symlink_to("/dev/zero")
    for name in ("folder.ply", "pipe.ply", "zero.ply"):
        with pytest.raises(ValueError, match="is not a file"):
            read_shape(tmp_path / name)


# What a hostile file may do.


def other_file(folder: Path, uri: str) -> bytes:
    """A GLB whose buffer lies in another file."""
    description = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": 0}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 60, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 720}],
        "buffers": [{"uri": uri, "byteLength": 720}],
    }
    body = json.dumps(description).encode()
    body += b" " * (-len(body) % 4)
    return b"glTF" + struct.pack("<IIII", 2, 20 + len(body), len(body), 0x4E4F534A) + body


def test_a_glb_does_not_read_another_file(tmp_path):
    secret = put(tmp_path, "secret.bin", np.random.default_rng(0).random((60, 3), "f4").tobytes())
    for uri in ("secret.bin", secret.as_uri(), "http://x/y"):
        with pytest.raises(ValueError, match="keeps its data in another file"):
            read_shape(put(tmp_path, "x.glb", other_file(tmp_path, uri)))


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """`content` damaged in one of nine ways, up to three times."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(0, max(1, len(data))))
        near = int(rng.integers(0, max(1, min(400, len(data)))))  # where headers are
        some = rng.bytes(int(rng.integers(1, 12)))
        match rng.integers(0, 9):
            case 0:
                del data[place:]
            case 1:
                data[place : place + 1] = bytes([rng.integers(0, 256)])
            case 2:
                data[near : near + 1] = bytes([rng.integers(0, 256)])
            case 3:
                data[near : near + len(some)] = some
            case 4:
                data[place:place] = some
            case 5:
                del data[place : place + int(rng.integers(1, 40))]
            case 6:
                size = [0, 1, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1][rng.integers(0, 7)]
                data[place : place + 4] = struct.pack("<I", size)
            case 7:
                words = bytes(data).split(b" ")
                wild = [b"-1", b"nan", b"1e999", b"99999999999999999999", b"0", b"", b"\n", b"/"]
                words[rng.integers(0, len(words))] = wild[rng.integers(0, len(wild))]
                data = bytearray(b" ".join(words))
            case 8:
                lines = bytes(data).split(b"\n")
                a, b = rng.integers(0, len(lines), 2)
                lines[a], lines[b] = lines[b], lines[a]
                data = bytearray(b"\n".join(lines))
    return bytes(data)


def is_sound(shape: Shape) -> bool:
    faces = shape.faces
    return (
        bool(np.isfinite(shape.points).all())
        and shape.side > 0
        and (faces is None or 0 <= faces.min() <= faces.max() < len(shape.points))
        and (shape.normals is None or np.allclose((shape.normals**2).sum(axis=1), 1, atol=1e-3))
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of NumPy and trimesh on damaged numbers
def test_a_damaged_file_gives_a_sound_shape_or_an_error(tmp_path):
    rng = np.random.default_rng(4)
    outcomes = []
    for name, content in seeds(tmp_path).items():
        for _ in range(10):
            try:
                shape = parsed(tmp_path, name, mutated(content, rng))
            except Exception as error:  # the process turns any of them into a refusal
                outcomes.append(isinstance(error, Unreadable))
            else:
                assert is_sound(shape), name
                outcomes.append(None)
    assert outcomes.count(None) > 20
    assert outcomes.count(True) > 60


@pytest.mark.parametrize("name", ["written.ply", "text.ply", "packed.pcd", "mesh.npz"])
def test_damaged_files_through_the_real_process(name, tmp_path):
    rng = np.random.default_rng(5)
    content, refusals = seeds(tmp_path)[name], []
    for _ in range(2):
        path = put(tmp_path, name, mutated(content, rng))
        try:
            shape = read_shape(path)
        except ValueError as error:
            refusals.append(str(error))
        else:
            assert is_sound(shape)
    assert all(refusal.startswith(str(tmp_path)) for refusal in refusals)
    assert all(refusal.isprintable() for refusal in refusals)


def test_there_is_a_seed_for_every_format(tmp_path):
    assert {Path(name).suffix for name in seeds(tmp_path)} | {".conf"} == set(PARSERS)
