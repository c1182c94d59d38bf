"""Meshes and points to files, whole or not at all, in the coordinates they came in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .atomic import atomic_write
from .shape import Shape

Array = np.ndarray[Any, Any]

MESH_SUFFIXES = (".ply", ".obj", ".stl", ".glb")

_BLOCK = 1 << 16  # lines of text made at a time
_EXACT = 1e-6  # of the longest side: single precision that is off by more is not used
_VISIBLE = 1e-4  # of the longest side: an error that shows


def write_mesh(
    path: str | os.PathLike[str],
    vertices: Array,
    faces: Array,
    normals: Array | None = None,
    colours: Array | None = None,
) -> None:
    """Writes a mesh as the suffix says, one of `MESH_SUFFIXES`: vertices [n, 3], faces [f, 3],
    and for each vertex a normal [n, 3] and a colour [n, 3], uint8, if given.

    PLY and OBJ have double precision where the mesh lies far from the origin. GLB has single
    precision only: there the mesh is written about the middle of its bounding box, and its node
    moves it into place, in double precision. STL has neither normals nor colours, and single
    precision; ValueError if that would show, for another suffix, or for arrays that do not fit.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in MESH_SUFFIXES:
        raise ValueError(f"{path}: must end in one of {', '.join(MESH_SUFFIXES)}.")
    mesh = _shape(path, vertices, faces, normals, colours)
    if suffix == ".stl":
        _check_single(path, mesh)
    content = _glb(path, mesh) if suffix == ".glb" else b""
    with atomic_write(path) as file:
        if suffix == ".ply":
            _write_ply(file, mesh)
        elif suffix == ".obj":
            _write_obj(file, mesh)
        elif suffix == ".stl":
            _write_stl(file, mesh)
        else:
            file.write(content)


def write_points(
    path: str | os.PathLike[str],
    points: Array,
    normals: Array | None = None,
    colours: Array | None = None,
) -> None:
    """Writes a cloud [n, 3] with its normals and colours, if given, as binary PLY.

    ValueError if `path` does not end in .ply or the arrays do not fit.
    """
    if Path(path).suffix.lower() != ".ply":
        raise ValueError(f"{path}: must end in .ply.")
    cloud = _shape(path, points, None, normals, colours)
    with atomic_write(path) as file:
        _write_ply(file, cloud)


def _shape(
    path: str | os.PathLike[str],
    points: Array,
    faces: Array | None,
    normals: Array | None,
    colours: Array | None,
) -> Shape:
    shape = Shape(
        np.asarray(points, np.float64),
        None if faces is None else np.asarray(faces, np.int64),
        None if normals is None else np.asarray(normals, np.float32),
        None if colours is None else np.asarray(colours),
    )
    if not len(shape.points) or (shape.faces is not None and not len(shape.faces)):
        raise ValueError(f"{path}: there is nothing to write; the shape is empty.")
    if not np.isfinite(shape.points).all():
        raise ValueError(f"{path}: coordinates must be finite; the fit has diverged.")
    if shape.faces is not None and not 0 <= shape.faces.min() <= shape.faces.max() < len(points):
        raise ValueError(f"{path}: faces must name vertices from 0 to {len(points) - 1}.")
    return shape


def _error(shape: Shape) -> float:
    """How far single precision may move a point, as a part of the longest side."""
    return float(abs(shape.points).max()) * 2.0**-24 / max(shape.side, 1e-300)


def _check_single(path: str | os.PathLike[str], shape: Shape) -> None:
    if _error(shape) > _VISIBLE:
        raise ValueError(
            f"{path}: the shape lies too far from the origin for the single precision of STL; "
            "write a PLY, OBJ or GLB."
        )


def _write_ply(file: BinaryIO, shape: Shape) -> None:
    real = "double" if _error(shape) > _EXACT else "float"
    fields: list[tuple[str, str, Array]] = _columns("xyz", real, shape.points)
    if shape.normals is not None:
        fields += _columns(("nx", "ny", "nz"), "float", shape.normals)
    if shape.colours is not None:
        fields += _columns(("red", "green", "blue"), "uchar", shape.colours)
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(shape.points)}"]
    lines += [f"property {kind} {name}" for name, kind, _ in fields]
    if shape.faces is not None:
        lines += [f"element face {len(shape.faces)}", "property list uchar int vertex_indices"]
    file.write("\n".join([*lines, "end_header\n"]).encode())
    kinds = {"double": "<f8", "float": "<f4", "uchar": "u1"}
    rows = np.empty(len(shape.points), [(name, kinds[kind]) for name, kind, _ in fields])
    for name, _, values in fields:
        rows[name] = values
    file.write(rows.data)
    if shape.faces is not None:
        corners = np.empty(len(shape.faces), [("count", "u1"), ("corners", "<i4", 3)])
        corners["count"], corners["corners"] = 3, shape.faces
        file.write(corners.data)


def _columns(names: Any, kind: str, values: Array) -> list[tuple[str, str, Array]]:
    return [(name, kind, values[:, n]) for n, name in enumerate(names)]


def _write_obj(file: BinaryIO, shape: Shape) -> None:
    digits = 17 if _error(shape) > _EXACT else 9
    vertex, values = " ".join([f"%.{digits}g"] * 3), shape.points
    if shape.colours is not None:
        vertex, values = vertex + " %.4f %.4f %.4f", np.hstack([values, shape.colours / 255])
    _write_lines(file, f"v {vertex}\n", values)
    if shape.normals is not None:
        _write_lines(file, "vn %.6g %.6g %.6g\n", shape.normals)
    if shape.faces is not None:
        face = "f %d %d %d\n" if shape.normals is None else "f %d//%d %d//%d %d//%d\n"
        each = 1 if shape.normals is None else 2
        _write_lines(file, face, np.repeat(shape.faces + 1, each, axis=1))


def _write_lines(file: BinaryIO, line: str, values: Array) -> None:
    for block in _blocks(values):
        file.write((line * len(block) % tuple(block.ravel().tolist())).encode())


def _blocks(values: Array) -> Iterator[Array]:
    for start in range(0, len(values), _BLOCK):
        yield values[start : start + _BLOCK]


def _write_stl(file: BinaryIO, shape: Shape) -> None:
    assert shape.faces is not None
    row = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    file.write(b"fieldfit".ljust(80, b"\0") + np.uint32(len(shape.faces)).tobytes())
    for faces in _blocks(shape.faces):
        rows = np.zeros(len(faces), row)
        corners = shape.points[faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(across, axis=1, keepdims=True)
        rows["normal"] = np.divide(across, lengths, out=across, where=lengths > 0)
        rows["corners"] = corners
        file.write(rows.data)


def _glb(path: str | os.PathLike[str], shape: Shape) -> bytes:
    """A scene of one mesh; its node has the offset if the mesh lies far from the origin."""
    try:
        import trimesh
    except ImportError:
        raise ValueError(
            f"{path}: GLB needs trimesh: pip install 'fieldfit[shape]', or write a PLY."
        ) from None
    place = np.eye(4)
    if _error(shape) > _EXACT:
        place[:3, 3] = (shape.low + shape.high) / 2
    mesh = trimesh.Trimesh(
        shape.points - place[:3, 3],
        shape.faces,
        vertex_normals=shape.normals,
        vertex_colors=shape.colours,
        process=False,
    )
    scene = trimesh.Scene()
    scene.add_geometry(mesh, geom_name="shape", transform=place)
    content = scene.export(file_type="glb", include_normals=shape.normals is not None)
    assert isinstance(content, bytes)
    return content
