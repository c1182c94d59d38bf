"""Which side of a cloud is outside, found without any normals: water is let in from the rim."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d, max_pool3d, pad

from ..neighbours import Neighbours

SIZE = 48  # lattice points along an axis
WALLS = (2.0, 3.0, 4.0, 6.0)  # cells around the points that hold the water back, each tried
POCKET = 0.001  # of the box: less than this that stays dry is no inside
SPREADINGS = 40  # of outside and inside into the walls


def outward(cloud: Neighbours, places: Tensor) -> list[Tensor]:
    """Directions out of the solid, float32 [n, 3] at the places, of every wall that keeps some of
    the box dry; of any length, and 0 where nothing is known."""
    axis = torch.linspace(-1, 1, SIZE)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    lattice = torch.stack([x, y, z], dim=-1).view(-1, 3)
    distance = cloud.nearest(lattice, 1)[0].view(SIZE, SIZE, SIZE)
    found = []
    for wall in WALLS:
        free = distance > wall * 2 / (SIZE - 1)
        outside = _filled(free)
        inside = free & ~outside
        if int(inside.sum()) > POCKET * SIZE**3:
            found.append(_rise(_between(outside, inside), places))
    return found


def _filled(free: Tensor) -> Tensor:
    """The free lattice points that are connected with the rim."""
    wet = pad(torch.zeros_like(free[1:-1, 1:-1, 1:-1]), [1] * 6, value=True) & free
    while True:
        more = max_pool3d(wet[None].float(), 3, stride=1, padding=1)[0].bool() & free
        if torch.equal(more, wet):
            return wet
        wet = more


def _between(outside: Tensor, inside: Tensor) -> Tensor:
    """1 outside, -1 inside, and a smooth passage through the walls."""
    known = outside | inside
    labels = outside.float() - inside.float()
    found = labels
    for _ in range(SPREADINGS):
        spread = avg_pool3d(found[None], 3, stride=1, padding=1, count_include_pad=False)[0]
        found = torch.where(known, labels, spread)
    return found


def _rise(values: Tensor, places: Tensor) -> Tensor:
    """Slopes of a function on the lattice, float32 [n, 3], over two cells."""
    step = 2 / (SIZE - 1)
    rises = []
    for shift in step * torch.eye(3):
        ends = torch.stack([places + shift, places - shift])[None, None]  # [1, 1, 2, n, 3]
        a, b = torch.nn.functional.grid_sample(
            values[None, None], ends, align_corners=True, padding_mode="border"
        )[0, 0, 0]
        rises.append(a - b)
    return torch.stack(rises, dim=1)
