"""Surfels where a cloud has none: its holes closed by the surface of a solid."""

import torch
from torch import Tensor

from ..neighbours import Neighbours
from ..surface import extract
from .indicator import HALF, Indicator, indicator
from .planes import areas, facing, gaps, planes

SIZES = 64, 224  # cells of the solid along an axis, at least and at most
CELL = 1.0  # surfels' spacings along it
SMOOTHED = ((2, 50), (4, 100), (6, 200), (9, 400))  # gaps from any surfel, and how many around
BLUR = 1.0  # cells: a finer solid runs nearer to the surfels, and rougher


def closed(points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    """Surfels [n, 3], [n, 3] with more of them in the holes, as dense as the rest.

    The solid is the one whose gradient is nearest to the normals, so that a hole is closed much as
    a soap film would.
    """
    cloud = Neighbours(points)
    far = gaps(cloud)
    gap = float(far.median())
    spacing = float(areas(far.median())) ** 0.5
    size = round(min(SIZES[1], max(SIZES[0], 2 * HALF / (CELL * spacing))) / 16) * 16
    solid = indicator(points, normals, areas(far), size, BLUR)
    mesh, _ = extract(solid.at, size)
    mesh = mesh.without_small()
    count = int(float(mesh.face_areas().sum()) / spacing**2)
    more, _ = mesh.sample(max(1, count), torch.Generator().manual_seed(0))
    away = cloud.nearest(more, 1)[0][:, 0]
    more, away = more[away > gap], away[away > gap]
    outward = _outward(solid, more)
    for far_away, count in SMOOTHED:
        more, outward = _smoothed(points, more, outward, away > far_away * gap, count)
    return torch.cat([points, more]), torch.cat([normals, outward])


def _smoothed(
    points: Tensor, more: Tensor, outward: Tensor, chosen: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """The chosen ones of the new surfels moved onto the planes of so many around them.

    In the middle of a wide hole the solid rises slowly, and what little noise it has moves its
    surface about.
    """
    if not bool(chosen.any()):
        return more, outward
    everything = Neighbours(torch.cat([points, more]))
    found = planes(everything, more[chosen], min(count, len(everything.points)))
    more, outward = more.clone(), outward.clone()
    more[chosen] = found.projected(more[chosen])
    outward[chosen] = facing(found.normals, outward[chosen])
    return more, outward


def _outward(solid: Indicator, points: Tensor) -> Tensor:
    """Unit normals of the solid, by central differences over a cell."""
    step = HALF / len(solid.values)
    slope = torch.stack(
        [solid.at(points + shift) - solid.at(points - shift) for shift in step * torch.eye(3)], 1
    )
    return torch.nn.functional.normalize(slope, dim=1)
