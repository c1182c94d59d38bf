"""A shaded picture of a signed distance field, by sphere tracing [Hart 1996].

A ray advances by the distance the field promises to be empty. First one ray goes out for each block
of pixels, as far as the cone around the block is empty; then one for each pixel of the blocks that
are left; then four more for each pixel on an edge.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from .lighting import Values, clay, encoded
from .spec import Spec, knob

WHOLE = 2.4  # units along the shorter side of a picture at zoom 1
FAR = 4.0  # no distance within the box is larger; stands for what is not a number as well
TRUST = 0.7  # of the promised distance that a ray advances: a fitted field is no exact distance
CAUTION = 0.35  # the same for a cone, which no pixel can put right
HALVINGS = 6  # at most, of the last step, if it led inside
STEPS = 64  # of a ray; one that still creeps along a surface is given up
BLOCK = 8  # pixels along an edge of the blocks that share a ray
CLOSE = 0.2  # pixels from the surface, where a ray has arrived
APART = 6.0  # pixels between the depths of two neighbours with an edge between them
SUBPIXELS = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))


@dataclass(frozen=True, kw_only=True)
class Camera(Spec):
    """Looks at the origin from afar."""

    azimuth: float = knob(30.0, "degrees to the right around the shape; 0 looks at its front")
    elevation: float = knob(20.0, "degrees above the horizon", low=-90, high=90)
    up: Literal["y", "z"] = knob("y", "axis that points up; the front is then +z, or -y")
    zoom: float = knob(1.0, "1 shows 2.4 units along the shorter side", low=0.01, high=1000)
    distance: float = knob(6.0, "from the eye to the origin, in units", low=2, high=1000)

    @property
    def axes(self) -> Tensor:
        """Unit vectors to the right, up and back to the eye: float32 [3, 3], one a row."""
        a, e = math.radians(self.azimuth), math.radians(self.elevation)
        right = (math.cos(a), 0.0, -math.sin(a))
        up = (-math.sin(a) * math.sin(e), math.cos(e), -math.cos(a) * math.sin(e))
        back = (math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e))
        axes = torch.tensor([right, up, back])
        return axes if self.up == "y" else axes[:, [0, 2, 1]] * torch.tensor([1.0, -1.0, 1.0])

    def framing(self, points: Tensor, size: tuple[int, int]) -> Self:
        """The same view at the zoom at which points [n, 3] fill 92 % of a picture."""
        across, above, back = (points.float() @ self.axes.T).unbind(1)
        nearer = self.distance / (self.distance - back)
        (h, w), half = size, WHOLE / 2
        wanted = max(
            float((across.abs() * nearer).max()) * min(size) / w,
            float((above.abs() * nearer).max()) * min(size) / h,
        )
        return replace(self, zoom=min(max(0.92 * half / max(wanted, 1e-6), 0.01), 1000))

    def pixel(self, size: tuple[int, int]) -> float:
        """Width of a pixel at the origin, in units."""
        return WHOLE / self.zoom / min(size)

    def rays(self, size: tuple[int, int], y: Tensor, x: Tensor) -> "_Rays":
        """The rays through places of a picture, (0, 0) the corner at the top left: [n] each."""
        (h, w), pixel = size, self.pixel(size)
        right, up, back = self.axes
        across, above = (x - w / 2) * pixel, (h / 2 - y) * pixel
        aim = across[:, None] * right + above[:, None] * up - self.distance * back
        direction = aim / aim.norm(dim=1, keepdim=True)
        return _Rays.through_the_box(self.distance * back, direction)


@dataclass(frozen=True)
class _Rays:
    """Rays from an eye [3] along unit vectors [n, 3], from `start` [n] to `end` [n]."""

    eye: Tensor
    direction: Tensor
    start: Tensor
    end: Tensor

    @staticmethod
    def through_the_box(eye: Tensor, direction: Tensor) -> "_Rays":
        """Where they are within [-1, 1]^3; `end` is less than `start` if that is nowhere."""
        sides = torch.stack([(side - eye) / direction for side in (-1.0, 1.0)])
        near, far = sides.aminmax(dim=0)
        return _Rays(eye, direction, near.amax(1).clamp(min=0), far.amin(1))

    def at(self, t: Tensor) -> Tensor:
        return self.eye + t[:, None] * self.direction

    def chosen(self, index: Tensor) -> "_Rays":
        return _Rays(self.eye, self.direction[index], self.start[index], self.end[index])

    def later(self, start: Tensor) -> "_Rays":
        """The same rays from elsewhere on, but not from before the box."""
        return _Rays(self.eye, self.direction, torch.maximum(self.start, start), self.end)


def shade(
    values: Values,
    size: tuple[int, int],
    camera: Camera | None = None,
    *,
    colours: Values | None = None,
) -> Tensor:
    """The surface of a field over [-1, 1]^3 in the light of a studio.

    Args:
        values: float32 [n, 3] -> [n], the signed distance, negative inside; on the CPU. Whatever it
            returns, there is a picture: where no surface is found, of the background.
        size: (height, width).
        colours: [n, 3] -> the surface's colours there, [n, 3] in [0, 1]; clay's when None.

    Returns:
        uint8 [h, w, 4]: colour in sRGB and opacity, which is 0 for the background.

    Raises:
        ValueError: the size has no pixels.
    """
    if min(size) < 1:
        raise ValueError(f"size must be at least 1 × 1 pixels, got {size[0]} × {size[1]}.")
    camera = camera or Camera()
    field = _Boxed(values)
    pixel = camera.pixel(size)

    def drawn(rays: _Rays, depth: Tensor) -> Tensor:
        hit = depth.isfinite().nonzero()[:, 0]
        found = rays.chosen(hit)
        out = torch.zeros(len(depth), 4)
        points = found.at(depth[hit])
        base = None if colours is None else colours(points)
        out[hit, :3] = clay(field, points, camera.axes, pixel, base)
        out[hit, 3] = 1
        return out

    rays = _first(field, size, camera)
    depth = _march(field, rays, pixel)
    picture = drawn(rays, depth)
    edge, before = _edges(depth.view(size), pixel)
    place = edge.nonzero()[:, None] + 0.5 + torch.tensor(SUBPIXELS)  # [edges, subpixels, (y, x)]
    start = before[edge].repeat_interleave(len(SUBPIXELS)) - 2 * pixel
    rays = camera.rays(size, *place.flatten(0, 1).unbind(1)).later(start)
    parts = drawn(rays, _march(field, rays, pixel))
    picture[edge.flatten()] = parts.view(-1, len(SUBPIXELS), 4).mean(1)
    return encoded(picture).view(*size, 4)


class _Boxed:
    """A field cut off at the box, without values that would lead a ray astray."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def __call__(self, x: Tensor) -> Tensor:
        if not len(x):
            return x.new_zeros(0)
        found = self.values(x.clamp(-1, 1)).detach().float().cpu()
        found = found.nan_to_num(FAR, FAR, -FAR).clamp(-FAR, FAR)
        return torch.maximum(found, x.abs().amax(1) - 1)


def _first(field: Values, size: tuple[int, int], camera: Camera) -> _Rays:
    """A ray for the centre of each pixel, row by row, begun where its block's cone ends."""
    h, w = size
    rows, columns = -(-h // BLOCK), -(-w // BLOCK)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cones = camera.rays(size, (y.flatten() + 0.5) * BLOCK, (x.flatten() + 0.5) * BLOCK)
    farthest = 1 + math.sqrt(3) / camera.distance  # part of the box, from the eye
    width = camera.pixel(size) * BLOCK * math.sqrt(0.5) * farthest
    reached = _clear(field, cones, width)
    wide = reached.view(rows, columns).repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)
    y, x = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
    return camera.rays(size, y.flatten(), x.flatten()).later(wide[:h, :w].flatten())


def _clear(field: Values, cones: _Rays, width: float) -> Tensor:
    """How far the cones around rays are empty, [n].

    Args:
        width: radius of a cone in the box, in units.
    """
    t = cones.start.clone()
    live = (cones.start <= cones.end).nonzero()[:, 0]
    for _ in range(STEPS):
        free = CAUTION * field(cones.chosen(live).at(t[live])) - width
        t[live] += free.clamp(min=0)
        live = live[(free > 0) & (t[live] <= cones.end[live])]
        if not len(live):
            break
    # Rays beside a cone's middle may be in the box before it, or though it never is.
    return torch.where((t > cones.start) & (cones.start <= cones.end), t, 0)


def _march(field: Values, rays: _Rays, pixel: float) -> Tensor:
    """The depth at which each ray meets the surface, [n]; infinite if it does not."""
    depth = torch.full_like(rays.start, math.inf)
    last, t = rays.start.clone(), rays.start.clone()
    live = (rays.start <= rays.end).nonzero()[:, 0]
    for step in range(STEPS):
        if not len(live):
            break
        value = field(rays.chosen(live).at(t[live]))
        arrived = value < CLOSE * pixel
        here = live[arrived]
        depth[here] = torch.where(value[arrived] < 0, (last[here] + t[here]) / 2, t[here])
        live, value = live[~arrived], value[~arrived]
        last[live] = t[live]
        t[live] += (TRUST * value).clamp(min=pixel * (0.5 + step / 16))
        live = live[t[live] <= rays.end[live]]
    crossed = (depth < t).nonzero()[:, 0]
    depth[crossed] = _halved(field, rays.chosen(crossed), last[crossed], t[crossed], pixel)
    return depth


def _halved(field: Values, rays: _Rays, low: Tensor, high: Tensor, pixel: float) -> Tensor:
    """Where between two depths, one before the surface and one behind, rays meet it: [n]."""
    for _ in range(HALVINGS):
        live = (high - low > CLOSE * pixel).nonzero()[:, 0]
        middle = (low + high)[live] / 2
        inside = field(rays.chosen(live).at(middle)) < 0
        low[live], high[live] = low[live].where(inside, middle), middle.where(inside, high[live])
    return (low + high) / 2


def _edges(depth: Tensor, pixel: float) -> tuple[Tensor, Tensor]:
    """Pixels with a neighbour at another depth: bool [h, w]; and the least depth around each."""
    finite = depth.nan_to_num(posinf=FAR + 1e3)[None]
    most = max_pool2d(finite, 3, stride=1, padding=1)[0]
    least = -max_pool2d(-finite, 3, stride=1, padding=1)[0]
    return most - least > APART * pixel, least
