"""Planes through the neighbours of a point: where a cloud's surface runs, and how thick it is."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..neighbours import Neighbours

PART = 2**22  # neighbours held at once
ABOUT = 8  # next points, whose distance says how wide a gap is


@dataclass(frozen=True)
class Planes:
    """The plane nearest to the k points around each of m places, in the sense of least squares.

    Attributes:
        normals: float32 [m, 3], unit, of either sign.
        centres: float32 [m, 3], means of the neighbours.
        spreads: float32 [m, 3], variances of the neighbours along the axes of their ellipsoid,
            the least, which is the one across the plane, first.
        radius: float32 [m], distance of the last neighbour.
    """

    normals: Tensor
    centres: Tensor
    spreads: Tensor
    radius: Tensor

    def projected(self, places: Tensor) -> Tensor:
        """The places, each on its plane."""
        off = ((places - self.centres) * self.normals).sum(1, keepdim=True)
        return places - off * self.normals


def planes(cloud: Neighbours, places: Tensor, k: int) -> Planes:
    """Principal axes of the k nearest points to each place [Hoppe et al. 1992, sec. 3.2]."""
    found = [_planes(cloud, part, k) for part in places.split(max(1, PART // k))]
    return Planes(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def _planes(cloud: Neighbours, places: Tensor, k: int) -> tuple[Tensor, ...]:
    distance, index = cloud.nearest(places, k)
    around = cloud.points[index] - places[:, None]
    centre = around.mean(1)
    around -= centre[:, None]
    spreads, axes = torch.linalg.eigh((around.mT @ around).double() / k)
    normals = axes[..., 0].float()
    return normals, centre + places, spreads.clamp_min(0).float(), distance[:, -1]


def facing(normals: Tensor, directions: Tensor) -> Tensor:
    """Normals [n, 3], each turned around if it points against its direction [n, 3]."""
    against = (normals * directions).sum(1, keepdim=True) < 0
    return torch.where(against, -normals, normals)


def gaps(cloud: Neighbours) -> Tensor:
    """Distance of each point from the eighth next: float32 [n]."""
    distance, _ = cloud.nearest(cloud.points, min(ABOUT + 1, len(cloud.points)))
    return distance[:, -1]


def areas(gaps: Tensor) -> Tensor:
    """Of the surface that each point stands for, by its gap: float32 [n]."""
    return torch.pi / ABOUT * gaps.square()
