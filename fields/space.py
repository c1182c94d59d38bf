"""Points and triangles in space: where a shape lies, and what must hold of them."""

import torch
from torch import Tensor

SIDE = 1.8  # of a shape's longest side in the box [-1, 1]^3: 5 % margin on either end

LARGEST = 1e15  # coordinate; float32 holds the squares of distances among these


def check_points(points: Tensor, what: str) -> None:
    """Raise a ValueError that names `what` unless these are float32 [n, 3] within `LARGEST`."""
    if points.ndim != 2 or points.shape[1] != 3 or points.dtype != torch.float32:
        raise ValueError(
            f"{what} must be float32 [n, 3], got {points.dtype} {list(points.shape)}; "
            "convert them with .float() and give one row a point."
        )
    if not (points.abs() < LARGEST).all():
        raise ValueError(
            f"{what} must be finite and within {LARGEST:g}; drop the rows that are not."
        )


def check_triangles(vertices: Tensor, faces: Tensor) -> None:
    """Raise a ValueError unless these are a mesh of at least one triangle.

    Args:
        vertices: float32 [n, 3], finite.
        faces: int64 [f, 3], numbers of vertices.
    """
    check_points(vertices, "vertices")
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype != torch.int64:
        raise ValueError(
            f"faces must be int64 [f, 3], got {faces.dtype} {list(faces.shape)}; "
            "convert them with .long() and give one row a triangle."
        )
    if not len(faces):
        raise ValueError("a mesh without faces has no surface; give at least one triangle.")
    least, most = int(faces.min()), int(faces.max())
    if least < 0 or most >= len(vertices):
        raise ValueError(
            f"faces must name vertices from 0 to {len(vertices) - 1}, got {least} to {most}; "
            "drop the faces that name others."
        )


def cell_numbers(points: Tensor, cell: float) -> Tensor:
    """Which cell of a grid each point of the box [n, 3] is in: int64 [n]; no two have the same."""
    place = ((points + 2) / cell).long()
    return (place[:, 2] * 2**20 + place[:, 1]) * 2**20 + place[:, 0]
