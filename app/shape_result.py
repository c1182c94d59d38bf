"""What is made of a shape's field: a mesh in the person's units, coloured, and a shaded picture."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data import Picture, Shape, write_mesh, write_picture
from fields import Camera, Mesh, extract, shade
from fields.neighbours import Neighbours

from .placement import Placement
from .truth import Values

PREVIEWS = (768, 512, 384, 256)  # pixels along an edge of the shaded picture,
PREVIEW_SECONDS = 1.0  # the first that is drawn in this time, or the last
ASKED = 25  # places that the field is asked for, about, for each of its pixels
RESOLUTION = 256  # unless it is given
LEAST, MOST = 8, 1024  # cells along an edge
Array = np.ndarray[Any, Any]


class Colours:
    """The colours of a shape's points, for what is near to them.

    Args:
        points: float32 [n, 3] in the box.
        values: uint8 [n, 3].
    """

    def __init__(self, points: Tensor, values: Array) -> None:
        self.cloud, self.values = Neighbours(points), values

    def at(self, places: Tensor) -> Array:
        """The nearest point's colour at places [m, 3]: uint8 [m, 3]."""
        return self.values[self.cloud.nearest(places, 1)[1][:, 0].numpy()]

    def shown(self, places: Tensor) -> Tensor:
        """The same as `shade` takes it: float32 [m, 3] in [0, 1]."""
        return torch.from_numpy(self.at(places).astype(np.float32) / 255)


def check_resolution(resolution: int | None) -> int:
    """The resolution, or what is usual.

    Raises:
        ValueError: it is out of range.
    """
    if resolution is None:
        return RESOLUTION
    if not LEAST <= resolution <= MOST:
        raise ValueError(f"--resolution must be from {LEAST} to {MOST}, got {resolution}.")
    return resolution


def check_format(shape: Shape, suffix: str) -> None:
    """ValueError if a mesh like this shape could not be written, before time is spent on one."""
    corners = np.array([shape.low, [*shape.low[:2], shape.high[2]], [*shape.high[:2], shape.low[2]],
                        shape.high])  # fmt: skip
    with TemporaryDirectory() as folder:
        try:
            path = Path(folder) / f"result{suffix}"
            write_mesh(path, corners, np.array([[0, 1, 2], [1, 2, 3]]))
        except ValueError as error:
            raise ValueError(str(error).replace(f"{folder}/", "")) from None


def make_mesh(
    values: Values,
    resolution: int,
    *,
    near: Tensor | None = None,
    share: Callable[[float], None] = lambda done: None,
) -> tuple[Mesh, int]:
    """The surface without specks, and how many times the field was asked; perhaps no face."""
    mesh, evaluations = extract(values, resolution, near=near, share=share)
    return mesh.without_small(), evaluations


def trimmed(mesh: Mesh, points: Tensor, distance: float) -> Mesh:
    """The faces of which the middle is no further than a distance from one of the points."""
    if not len(mesh.faces):
        return mesh
    middles = mesh.vertices[mesh.faces].mean(1)
    return mesh.keep(Neighbours(points).nearest(middles, 1)[0][:, 0] <= distance)


def write_result(path: Path, mesh: Mesh, placement: Placement, colours: Colours | None) -> None:
    """A mesh in the person's coordinates, with normals, and with colours if there are any."""
    write_mesh(
        path,
        placement.out_of(mesh.vertices),
        mesh.faces.numpy(),
        mesh.vertex_normals().numpy(),
        None if colours is None else colours.at(mesh.vertices),
    )


def write_preview(
    path: Path, values: Values, points: Tensor, colours: Colours | None, rate: float
) -> None:
    """A shaded picture of a field, with points [n, 3] filling it.

    Args:
        rate: places that the field is asked for in a second; 0 if that is not known.
    """
    quick = (n for n in PREVIEWS if not rate or ASKED * n * n <= rate * PREVIEW_SECONDS)
    side = next(quick, PREVIEWS[-1])
    size = side, side
    shown = None if colours is None else colours.shown
    drawn = shade(values, size, Camera().framing(points, size), colours=shown)
    write_picture(path, Picture(drawn.numpy()))
