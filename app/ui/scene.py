"""What a viewer in the page draws: points or triangles in the box, thinned, in a few bytes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from data import Shape
from fields import Camera, Mesh
from fields.neighbours import Neighbours
from fields.points.planes import planes

from ..placement import Placement
from .previews import flat, jpeg

MOST_POINTS = 60_000
MOST_TRIANGLES = 200_000  # of a mesh that is shown; more are put together
CELLS = 192  # along the box, in which the vertices of such a mesh are put together
AROUND = 32  # neighbours, of which a point's normal is estimated to shade it
SPLAT = 512, 5  # pixels along a picture of points, and across a point in it
THUMBNAIL = 192
INK, PAPER = np.array([130.0, 138.0, 150.0]), 255.0
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Scene:
    """Points, or triangles over them.

    Attributes:
        points: float32 [n, 3] in the box.
        normals: float32 [n, 3], unit; of points perhaps of either sign.
        faces: int64 [f, 3]; None for points alone.
        colours: uint8 [n, 3], or None.
    """

    points: Tensor
    normals: Tensor
    faces: Tensor | None = None
    colours: Array | None = None

    def encode(self) -> bytes:
        """As `viewer.js` reads it, little endian: how many points and triangles, and whether there
        are colours, uint32 [4]; places, uint16 [n, 4], of which the last is 0; normals, int8
        [n, 4]; colours, uint8 [n, 4], if any; triangles, uint32 [f, 3]."""
        n, f = len(self.points), 0 if self.faces is None else len(self.faces)
        head = np.array([n, f, self.colours is not None, 0], "<u4")
        places = np.zeros((n, 4), "<u2")
        places[:, :3] = ((self.points.numpy().clip(-1, 1) + 1) * 32767.5).round()
        normals = np.zeros((n, 4), "i1")
        normals[:, :3] = (self.normals.numpy() * 127).round()
        parts = [head, places, normals]
        if self.colours is not None:
            parts.append(np.pad(self.colours, ((0, 0), (0, 1))))
        if self.faces is not None:
            parts.append(self.faces.numpy().astype("<u4"))
        return b"".join(part.tobytes() for part in parts)


def given_scene(shape: Shape, placement: Placement) -> Scene:
    """What a person brought: its points, or its mesh."""
    points = placement.into(shape.points)
    if shape.faces is not None:
        return mesh_scene(Mesh(points, torch.from_numpy(shape.faces)), shape.colours)
    chosen = thinned(len(points))
    shown = points[chosen]
    colours = None if shape.colours is None else shape.colours[chosen.numpy()]
    if shape.normals is not None:
        return Scene(shown, torch.from_numpy(shape.normals)[chosen], None, colours)
    return Scene(shown, lying(shown), None, colours)


def mesh_scene(mesh: Mesh, colours: Array | None = None) -> Scene:
    """A mesh, coarser where it would be too much for a browser."""
    if len(mesh.faces) > MOST_TRIANGLES:
        mesh, kept = clustered(mesh)
        colours = None if colours is None else colours[kept.numpy()]
    return Scene(mesh.vertices, mesh.vertex_normals(), mesh.faces, colours)


def thinned(count: int) -> Tensor:
    """Numbers of the points that are shown, the same each time."""
    if count <= MOST_POINTS:
        return torch.arange(count)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return order[:MOST_POINTS].sort()[0]


def lying(points: Tensor) -> Tensor:
    """How the surface lies at points, to shade them: unit normals of either sign."""
    return planes(Neighbours(points), points, min(AROUND, len(points))).normals


def clustered(mesh: Mesh) -> tuple[Mesh, Tensor]:
    """One vertex for all in a cell of the box [Rossignac & Borrel 1993], and which it was."""
    cell = ((mesh.vertices + 1) * (CELLS / 2)).long().clamp(0, CELLS - 1)
    key = (cell[:, 2] * CELLS + cell[:, 1]) * CELLS + cell[:, 0]
    found, number = key.unique(return_inverse=True)
    first = torch.full((len(found),), len(key)).scatter_reduce(
        0, number, torch.arange(len(key)), "amin"
    )
    a, b, c = (faces := number[mesh.faces]).unbind(1)
    flat_ones = (a == b) | (b == c) | (c == a)
    return Mesh(mesh.vertices[first], faces[~flat_ones]), first


def picture(scene: Scene) -> bytes:
    """The scene as a small JPEG on white, as a viewer first shows it."""
    side, wide = SPLAT
    points, normals, colours = _spread(scene)
    camera = Camera().framing(points, (side, side))
    x, y, depth = _projected(camera, points, side)
    towards = normalize(_LIGHT @ camera.axes, dim=0)
    bright = 0.45 + 0.65 * (normals @ towards).abs()
    shade = bright.numpy()[:, None] * (INK if colours is None else colours)
    # From far to near, so that what is near is drawn last.
    order = depth.argsort(descending=True).numpy()
    pixels = np.full((side + wide, side + wide, 3), PAPER)
    column, row = x.long().numpy()[order], y.long().numpy()[order]
    near = np.full((side + wide, side + wide), -1)
    for dy in range(wide):
        for dx in range(wide):
            np.maximum.at(near, (row + dy, column + dx), np.arange(len(order)))
    seen = near >= 0
    pixels[seen] = shade[order][near[seen]]
    image = flat(pixels[:side, :side].clip(0, 255).astype(np.uint8))
    image = image.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return jpeg(image, None, 85)


_LIGHT = torch.tensor([-0.5, 0.6, 0.6])  # to it, as the camera has it


def _spread(scene: Scene) -> tuple[Tensor, Tensor, Array | None]:
    """Points of a scene, close enough to hide what is behind them."""
    if scene.faces is None:
        return scene.points, scene.normals, scene.colours
    mesh = Mesh(scene.points, scene.faces)
    points, normals = mesh.sample(MOST_POINTS, torch.Generator().manual_seed(0))
    if scene.colours is None:
        return points, normals, None
    nearest = Neighbours(scene.points).nearest(points, 1)[1][:, 0].numpy()
    return points, normals, scene.colours[nearest]


def _projected(camera: Camera, points: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels across and down of points, and how far they are from the eye."""
    across, above, back = (points @ camera.axes.T).unbind(1)
    away = camera.distance - back
    pixel = camera.pixel((side, side))
    x = side / 2 + across * camera.distance / away / pixel
    y = side / 2 - above * camera.distance / away / pixel
    return x.clamp(0, side - 1), y.clamp(0, side - 1), away
