"""The signed distance that surfels stand for: moving least squares near them."""

import torch
from torch import Tensor

from .. import parallel
from ..neighbours import Neighbours
from ..winding import Winding
from .planes import areas, gaps

AROUND = 12, 32  # surfels that a sphere is fitted to: exact ones, and at most
EXACT = 0.1  # of the spacing: less noise than that may as well be curvature
MORE = 120, 2.0  # surfels and width, for each spacing of noise beyond it
NARROW = 0.5, 0.7  # width of their weights in distances of the last: exact ones, and at most
FAR = 4.0  # gaps: further away, the distance is that of the nearest surfel
PART = 2**18  # places at once
ROWS = 2**13  # of them that a thread takes at once: 1 MB of surfels around them


class Implicit:
    """Signed distance to a surface known by points and normals, negative inside.

    Near it the distance from the sphere that fits the nearest points and their normals best, each
    weighed by a Gaussian: algebraic point set surfaces [Guennebaud & Gross 2007, ACM TOG 26(3),
    sec. 4.3], which keep curved surfaces where planes [Kolluri 2008] would shrink them. Far from it
    the distance of the nearest point, with the sign of the winding number.

    Args:
        points: float32 [n, 3].
        normals: float32 [n, 3], unit, outward.
        roughness: noise of the cloud over its spacing. Exact surfels are told from few neighbours,
            which keeps edges sharp; rough ones are evened out.

    Attributes:
        gap: median distance of a surfel from the eighth next.
    """

    def __init__(self, points: Tensor, normals: Tensor, roughness: float = 0.0) -> None:
        self.normals = normals
        rough = max(0.0, roughness - EXACT)
        self.count = min(AROUND[1], round(AROUND[0] + MORE[0] * rough), len(points))
        self.narrow = min(NARROW[1], NARROW[0] + MORE[1] * rough)
        self.cloud = Neighbours(points)
        around = gaps(self.cloud)
        self.gap, covered = float(around.median()), areas(around)
        self.winding = Winding.of_points(points, normals, covered)
        # Inside out, it winds -1 times around what is outside then, and 0 around all the rest.
        inside_out = float((covered * (points * normals).sum(1)).sum()) < 0
        self.inside = -0.5 if inside_out else 0.5

    def __call__(self, x: Tensor) -> Tensor:
        """float32 [n, 3] in the box -> float32 [n]."""
        return torch.cat([self._distance(part) for part in x.split(PART)])

    def _distance(self, x: Tensor) -> Tensor:
        distance, index = self.cloud.nearest(x, self.count)
        found = torch.empty(len(x))

        def work(rows: slice) -> None:
            found[rows] = self._near(x[rows], distance[rows], index[rows])

        parallel.each(work, [slice(i, i + ROWS) for i in range(0, len(x), ROWS)], grad=False)
        far = (distance[:, 0] > FAR * self.gap).nonzero()[:, 0]
        inside = self.winding.at(x[far]) > self.inside
        found[far] = torch.where(inside, -distance[far, 0], distance[far, 0])
        return found

    def _near(self, x: Tensor, distance: Tensor, index: Tensor) -> Tensor:
        width = (self.narrow * distance[:, -1:]).clamp_min(1e-6)
        weight = torch.exp((distance[:, :1].square() - distance.square()) / width.square())
        around = self.cloud.points[index] - x[:, None]
        return _from_sphere(around, self.normals[index], weight, self.gap)


def _from_sphere(points: Tensor, normals: Tensor, weight: Tensor, gap: float) -> Tensor:
    """Signed distance of the origin from the sphere that fits points [n, k, 3] and normals best.

    The sphere is c + l.x + q |x|^2 = 0; of one smaller than the gap between points nothing can be
    known, and its tangent plane stands in.
    """
    weight = (weight / weight.sum(1, keepdim=True))[..., None]
    point, normal = (weight * points).sum(1), (weight * normals).sum(1)
    outward = (weight * points * normals).sum((1, 2)) - (point * normal).sum(1)
    square = (weight * points.square()).sum((1, 2))
    spread = (square - point.square().sum(1)).clamp_min(1e-12)
    q = 0.5 * outward / spread
    linear = normal - 2 * q[:, None] * point
    c = -(linear * point).sum(1) - q * square
    length = linear.norm(dim=1)
    root = (length.square() - 4 * q * c).clamp_min(0).sqrt()
    sphere = 2 * c / (length + root).clamp_min(1e-6)
    return torch.where(q.abs() * gap < 1, sphere, c / length.clamp_min(1e-6))
