"""The light of a studio on a surface: what a signed distance field looks like at its zeros.

The lights stand still beside the camera. The field itself tells how a surface lies (its gradient),
how it bends (its Laplacian), and how much of the light its surroundings take away (its values
along the normal [Evans 2006]).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

Values = Callable[[Tensor], Tensor]  # of a field at points: [n, 3] -> [n]

CLAY = (0.60, 0.585, 0.565)  # linear light
# To each light in the camera's (right, up, back), and its colour in linear light.
KEY = ((-0.60, 0.75, 0.55), (1.25, 1.20, 1.12))
FILL = ((0.85, 0.05, 0.50), (0.13, 0.15, 0.19))
RIM = ((0.35, 0.55, -0.80), (0.45, 0.47, 0.52))
SKY, GROUND = (0.24, 0.26, 0.29), (0.09, 0.08, 0.075)
OCCLUSION = ((0.02, 0.30), (0.06, 0.40), (0.18, 0.50))  # (height over the surface, weight)
BEND = 0.10  # of the brightness, for a curvature of one over two pixels
GLOSS, SHINE = 24.0, 0.07  # exponent and strength of the highlight


def clay(field: Values, points: Tensor, axes: Tensor, pixel: float, base: Tensor | None) -> Tensor:
    """Light from points of the surface to the camera, linear, [n, 3].

    Args:
        points: [n, 3].
        axes: the camera's right, up and back, [3, 3].
        pixel: its width in units, the size of what is to be seen.
        base: the surface's sRGB colours, [n, 3] in [0, 1]; clay's when None.
    """
    normal, slope, bend = _shape(field, points, max(0.7 * pixel, 1 / 512))
    seen = normal @ axes.T  # as the camera has it
    albedo = torch.tensor(CLAY) if base is None else decoded(base)
    open_ = _openness(field, points, normal, slope)[:, None]
    up = (seen[:, 1:2] + 1) / 2
    light = open_ * (up * torch.tensor(SKY) + (1 - up) * torch.tensor(GROUND))
    for towards, colour in (KEY, FILL, RIM):
        facing = (seen @ normalize(torch.tensor(towards), dim=0))[:, None]
        light = light + facing.clamp(min=0) * torch.tensor(colour) * open_.sqrt()
    half = normalize(normalize(torch.tensor(KEY[0]), dim=0) + torch.tensor([0.0, 0.0, 1.0]), dim=0)
    shine = SHINE * (seen @ half).clamp(min=0)[:, None] ** GLOSS
    return albedo * light * (1 + BEND * (bend * pixel * 2).clamp(-1, 1))[:, None] + open_ * shine


def _shape(field: Values, points: Tensor, step: float) -> tuple[Tensor, Tensor, Tensor]:
    """Of the surface at points: unit normals [n, 3], how steep the field is there [n], and the mean
    curvature in 1/units, positive where it is convex [n]."""
    offsets = step * torch.cat([torch.eye(3), -torch.eye(3), torch.zeros(1, 3)])
    around = field((points + offsets[:, None]).flatten(0, 1)).view(7, -1)
    gradient = (around[:3] - around[3:6]).T / (2 * step)
    slope = gradient.norm(dim=1).clamp(min=0.05)
    bend = (around[:6].sum(0) - 6 * around[6]) / step**2
    return normalize(gradient, dim=1, eps=1e-12), slope, bend / slope / 2


def _openness(field: Values, points: Tensor, normal: Tensor, slope: Tensor) -> Tensor:
    """The share of the light from all around that reaches a point, [n]: as far as the field over
    the surface is less than the height over it, something else is near."""
    lost = torch.zeros(len(points))
    for height, weight in OCCLUSION:
        free = field(points + height * normal) / slope
        lost += weight * (1 - free / height).clamp(0, 1)
    return (1 - lost).clamp(min=0.05)


def encoded(linear: Tensor) -> Tensor:
    """Linear light and opacity, colour times opacity, [n, 4] -> sRGB uint8 [n, 4]."""
    opacity = linear[:, 3:]
    light = (linear[:, :3] / opacity.clamp(min=1e-6)).clamp(0, 1)
    curve = torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (torch.cat([curve, opacity], dim=1) * 255 + 0.5).to(torch.uint8)


def decoded(colours: Tensor) -> Tensor:
    """sRGB in [0, 1] as linear light."""
    return torch.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
