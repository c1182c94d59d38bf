"""Normals at every point of a cloud, from whatever is known of them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..neighbours import Neighbours
from .orient import CELL, MANY, Orientation, judge, orient, thin
from .planes import facing, planes

AROUND = 16  # neighbours for the normals of a clean cloud
NOISY_AROUND = 50  # and of a noisy one, if nothing says more


@dataclass(frozen=True)
class Directions:
    """Outward normals of a cloud.

    Attributes:
        normals: float32 [n, 3], unit.
        score: of their orientation, as `Orientation.score`.
        count: of neighbours over which the cloud looks like a surface.
        how: they were found, in a few words.
    """

    normals: Tensor
    score: float
    trusted: bool
    count: int
    how: str


def directions(
    cloud: Neighbours, given: Tensor | None, scanner: Tensor | None, *, noisy: bool
) -> Directions:
    """The normals given, if they agree with one another; else estimated ones.

    Args:
        given: float32 [n, 3], or None.
        scanner: float32 [3], where the points were seen from, or None.
    """
    count = NOISY_AROUND if noisy else AROUND
    if scanner is not None:
        return _towards(cloud, scanner, given, count)
    kept = None
    if given is not None:
        kept = _judged(cloud, given)
        if kept.trusted:
            return _as_given(cloud, given, kept, count, "the normals given were kept")
    turned = orient(cloud)
    if given is not None and kept is not None and kept.score <= turned.score:
        how = "the normals given were kept, though they hardly agree with one another"
        return _as_given(cloud, given, kept, count, how)
    found = planes(cloud, cloud.points, max(AROUND, 3 * turned.count // 4) if noisy else AROUND)
    _, nearest = Neighbours(turned.points).nearest(found.projected(cloud.points), 1)
    normals = facing(found.normals, turned.normals[nearest[:, 0]])
    how = f"normals were estimated and oriented by {turned.count} neighbours"
    if given is not None:
        how = f"the normals given contradict one another; {how}"
    return Directions(normals, turned.score, turned.trusted, turned.count, how)


def _towards(
    cloud: Neighbours, scanner: Tensor, given: Tensor | None, count: int
) -> Directions:
    normals = planes(cloud, cloud.points, count).normals if given is None else given
    normals = facing(normals, scanner - cloud.points)
    found = _judged(cloud, normals)
    return Directions(normals, found.score, found.trusted, count, "normals face the scanner")


def _judged(cloud: Neighbours, normals: Tensor) -> Orientation:
    """What solid given normals amount to."""
    points = cloud.points
    index = thin(points, CELL) if len(points) > MANY else torch.arange(len(points))
    return judge(cloud, points[index], normals[index], 0)


def _as_given(
    cloud: Neighbours, given: Tensor, found: Orientation, count: int, how: str
) -> Directions:
    """The normals given, turned around if they point inward."""
    if found.inside_out:
        given, how = -given, f"{how} and turned around, as they pointed inward"
    return Directions(given, found.score, found.trusted, count, how)
