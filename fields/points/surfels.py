"""From a cloud as it was scanned to surfels: clean points with normals that point outward."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..neighbours import Neighbours
from ..space import SIDE
from .facing import directions
from .planes import planes
from .sheet import sheet

FEW = 12  # neighbours, enough to see the surface of a clean cloud
LOOKED_AT = 5_000  # points, to estimate the noise
NOISY = 0.4  # of the spacing: a cloud with more noise is smoothed, with less is taken as it is
OUTLIER = 5.0  # times the noise: a point further from the surface is none of it


@dataclass(frozen=True)
class Surfels:
    """Points on a surface and the directions out of it, in the box [-1, 1]^3.

    Attributes:
        points: float32 [n, 3].
        normals: float32 [n, 3], unit, outward.
        noise: standard deviation of the cloud's points across the surface.
        spacing: typical distance of a point from the next.
        detail: the smallest size that the points can tell; a finer grid only learns their noise.
        score: of the orientation, as `Orientation.score`.
        trusted: whether the score says that the normals agree with a closed surface.
        how: what was done about normals and noise, in a sentence.
    """

    points: Tensor
    normals: Tensor
    noise: float
    spacing: float
    detail: float
    score: float
    trusted: bool
    how: str


def surfels(
    points: Tensor,
    normals: Tensor | None = None,
    *,
    flip: bool = False,
    scanner: Tensor | None = None,
) -> Surfels:
    """Orient a cloud, estimate its noise, and if it is noisy smooth it.

    Args:
        points: float32 [n, 3], in the box, the longest side 1.8.
        normals: float32 [n, 3], unit; of either sign throughout; None if there are none.
        flip: turn all normals around in the end.
        scanner: float32 [3], where the points were seen from.
    """
    cloud = Neighbours(points)
    noise, spacing = thickness(cloud, FEW)
    noisy = noise > NOISY * spacing
    faced = directions(cloud, normals, scanner, noisy=noisy)
    clean, normals, how = points, faced.normals, faced.how
    if noisy:
        noise, spacing = thickness(cloud, faced.count)
        found = sheet(points, normals, noise)
        noise = found.noise
        clean, normals = found.onto(points)
        kept = (clean - points).norm(dim=1) < OUTLIER * noise
        clean, normals = clean[kept], normals[kept]
        how += f"; noise of {100 * noise / SIDE:.2g} % of the longest side was smoothed away"
    if flip:
        normals, how = -normals, how + "; all were turned around, as asked"
    detail = max(spacing, noise) if noisy else spacing
    return Surfels(clean, normals, noise, spacing, detail, faced.score, faced.trusted, how + ".")


def thickness(cloud: Neighbours, count: int) -> tuple[float, float]:
    """Standard deviation of a cloud's points across its surface, and their spacing along it.

    Of the planes through `count` neighbours. A ball that is not much wider than the noise cuts it
    off: what is seen then is not more than a fifth of the ball's squared radius.
    """
    places = cloud.points[:: max(1, len(cloud.points) // LOOKED_AT)]
    found = planes(cloud, places, min(count, len(cloud.points)))
    seen = found.spreads[:, 0] * (count / (count - 3))
    whole = found.radius.square().clamp_min(1e-20) / 5
    noise = (seen / (1 - seen / whole).clamp_min(0.1)).median().sqrt()
    return float(noise), float(found.radius.median()) * (torch.pi / count) ** 0.5
