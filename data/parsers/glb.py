"""GLB, binary glTF 2.0, read by trimesh; one file, nothing fetched from elsewhere."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..headers import Unreadable
from ..shape import Shape

Array = np.ndarray[Any, Any]

_JSON = 0x4E4F534A
_PACKED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression")


def parse(path: Path) -> Shape:
    """All meshes of a GLB's scene, each where its node puts it, as one; or its points.

    Unreadable if a buffer lies in another file or is packed.
    """
    content = path.read_bytes()
    parts = _geometries(_plain(content))
    meshes = [part for part in parts if part[1] is not None]
    chosen = meshes or parts
    if not chosen:
        raise Unreadable("has neither triangles nor points; export it again")
    colours = [part[2] for part in chosen if part[2] is not None]
    return Shape(
        np.concatenate([part[0] for part in chosen]),
        _joined(meshes),
        None,
        np.concatenate(colours) if len(colours) == len(chosen) else None,
    )


def _joined(meshes: list[tuple[Array, Array | None, Array | None]]) -> Array | None:
    """The faces of all meshes, numbered on through their vertices."""
    faces, before = [], 0
    for points, indices, _ in meshes:
        if indices is not None:
            faces.append(indices + before)
        before += len(points)
    return np.concatenate(faces) if faces else None


def _plain(content: bytes) -> bytes:
    """The GLB without materials and pictures, which may lie elsewhere and are never opened."""
    if len(content) < 20 or content[:4] != b"glTF":
        raise Unreadable("is not a GLB file, whatever its name says; check what it is")
    version, _, length, kind = struct.unpack_from("<IIII", content, 4)
    if version != 2 or kind != _JSON or length > len(content) - 20:
        raise Unreadable("is a damaged GLB or not of version 2; export it again")
    try:
        description = json.loads(content[20 : 20 + length])
    except (ValueError, RecursionError):
        raise Unreadable("is a damaged GLB; download or export it again") from None
    _check(description, len(content))
    for name in ("images", "textures", "samplers", "materials"):
        description.pop(name, None)
    for mesh in description.get("meshes", []):
        for primitive in mesh["primitives"]:
            primitive.pop("material", None)
    text = json.dumps(description).encode()
    text += b" " * (-len(text) % 4)
    rest = content[20 + length :]
    size = 20 + len(text) + len(rest)
    return b"glTF" + struct.pack("<IIII", 2, size, len(text), _JSON) + text + rest


def _check(description: dict[str, Any], size: int) -> None:
    for buffer in description.get("buffers", []):
        uri = buffer.get("uri", "data:")
        if not isinstance(uri, str) or not uri.startswith("data:"):
            raise Unreadable("keeps its data in another file; export it as one GLB, or as PLY")
    for accessor in description.get("accessors", []):
        if not 0 <= accessor["count"] <= size:  # trimesh makes room for all of them
            raise Unreadable("says it has more than it is long; download or export it again")
    packed = [name for name in _PACKED if name in description.get("extensionsRequired", [])]
    if packed:
        raise Unreadable(f"is packed ({packed[0]}); export it without compression")


def _geometries(content: bytes) -> list[tuple[Array, Array | None, Array | None]]:
    """Points, faces and colours of everything in the scene, where its node puts it."""
    try:
        import trimesh
    except ImportError:
        raise Unreadable(
            "needs trimesh: pip install 'fieldfit[shape]', or save it as PLY"
        ) from None
    scene = trimesh.load_scene(io.BytesIO(content), file_type="glb", resolver=None, process=False)
    parts = []
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        part = scene.geometry[name]
        if not isinstance(part, trimesh.Trimesh | trimesh.PointCloud):
            continue
        points = np.asarray(part.vertices, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
        faces = None
        if isinstance(part, trimesh.Trimesh):
            faces = np.asarray(part.faces, np.int64)
            if np.linalg.det(matrix[:3, :3]) < 0:  # a mirror image faces inwards
                faces = faces[:, ::-1]
        parts.append((points, faces, _colours(part)))
    return parts


def _colours(part: Any) -> Array | None:
    """uint8 [n, 3], if the file has colours of vertices."""
    if part.visual.kind != "vertex":
        return None
    colours = np.asarray(part.visual.vertex_colors, np.uint8)
    # A cloud without colours has an empty list of them.
    return colours[:, :3] if len(colours) == len(part.vertices) else None
