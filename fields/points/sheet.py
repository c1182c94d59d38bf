"""The surface through a noisy cloud: as near to the points as their noise asks, bent the least.

A signed distance on a lattice is sought that is 0 at the points and rises along their normals,
after Calakli & Taubin 2011 ("SSD: smooth signed distance surface reconstruction", eq. 4), with the
bending counted by its size and no longer by its square where it is large, so that an edge stays
one. What each term weighs follows from the noise alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..kernels import bend
from ..kernels.solid import bent
from ..neighbours import Neighbours

STIFF = 120.0  # weight of the bending, for points of noise 1
SURE = 1.5  # weight of the normals, for points of noise 1
CURVATURE = 1.0  # per unit of length: what is bent more than this counts as an edge
RIM = 0.05  # weight of the rim of the box, where the distance is known, beside all of the points
ITERATIONS = 60  # of conjugate gradients, each time
TOLERANCE = 1e-4  # of the residual, relative to the right-hand side
ROUNDS = 4  # in which the edges are found
SIZES = 48, 84  # points along an axis of the lattice, at least and at most
NEWTON = 4  # steps onto the surface
DEVIATION = 1.2533  # standard deviation over mean size, of a normal variable


@dataclass(frozen=True)
class Sheet:
    """A signed distance, negative inside, trilinear between the points of a lattice over the box.

    Attributes:
        values: float64 [size, size, size], along x, y, z.
        noise: standard deviation of the points across the surface.
    """

    values: Tensor
    noise: float

    def onto(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The points [n, 3] moved to the surface, and its normals there, unit: both float32."""
        at = points.double()
        for _ in range(NEWTON):
            value, slope = sampled(self.values, at)
            at = at - (value / slope.square().sum(1).clamp_min(0.05))[:, None] * slope
            at = at.clamp(-1, 1)
        _, slope = sampled(self.values, at)
        return at.float(), torch.nn.functional.normalize(slope, dim=1).float()


def sheet(points: Tensor, normals: Tensor, noise: float) -> Sheet:
    """Solve for the distance; a noise that turns out to be another is then believed, once.

    Args:
        points: float32 [n, 3], in the box.
        normals: float32 [n, 3], outward, more or less.
        noise: standard deviation of the points across the surface, estimated.
    """
    cloud = Neighbours(points)
    found = _solved(cloud, normals, noise)
    if not 0.7 < found.noise / noise < 1.4:
        found = _solved(cloud, normals, found.noise)
    return found


def _solved(cloud: Neighbours, normals: Tensor, noise: float) -> Sheet:
    size = int(min(SIZES[1], max(SIZES[0], 1.6 / noise))) // 4 * 4
    f = torch.zeros(size // 4, size // 4, size // 4, dtype=torch.float64)
    penalty = STIFF * noise**2 / len(normals)
    for part in (4, 2, 1):
        f = refined(f, size // part)
        pull = _Pull(cloud, normals, SURE * noise**2, size // part)
        f = _minimised(pull, f, penalty, None)
    for _ in range(ROUNDS):
        f = _minimised(pull, f, penalty, (1 + bent(f) / CURVATURE**2).rsqrt())
    value, slope = sampled(f, cloud.points.double())
    off = value.abs() / slope.norm(dim=1).clamp_min(0.2)
    return Sheet(f, DEVIATION * float(off.mean()))


def refined(f: Tensor, size: int) -> Tensor:
    """The same function on a lattice of another size."""
    if len(f) == size:
        return f
    return torch.nn.functional.interpolate(
        f[None, None], size=(size,) * 3, mode="trilinear", align_corners=True
    )[0, 0]


def _rows(points: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """How values and slopes at points follow from a lattice's: the number of the first corner of
    each one's cell, int64 [n], and weights [n, 4, 8] of the corners."""
    spacing = 2 / (size - 1)
    at = ((points + 1) / spacing).clamp(0, size - 1 - 1e-6)
    low = at.long()
    share = at - low
    steps = torch.cartesian_prod(*[torch.arange(2)] * 3).bool()  # [8, 3]
    x, y, z = torch.where(steps, share[:, None], 1 - share[:, None]).unbind(-1)  # [n, 8] each
    slope = torch.where(steps, 1.0, -1.0).to(points.dtype) / spacing
    rows = torch.stack([x * y * z, slope[:, 0] * y * z, slope[:, 1] * x * z, slope[:, 2] * x * y])
    return (low[:, 0] * size + low[:, 1]) * size + low[:, 2], rows.transpose(0, 1)


def _corners(first: Tensor, size: int) -> Tensor:
    x, y, z = torch.cartesian_prod(*[torch.arange(2)] * 3).unbind(-1)
    return first[:, None] + (x * size + y) * size + z


def sampled(f: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Values [n] and slopes [n, 3] of a function on a lattice, at points [n, 3]."""
    first, rows = _rows(points, len(f))
    found = (rows @ f.flatten()[_corners(first, len(f))][..., None])[..., 0]
    return found[:, 0], found[:, 1:]


class _Pull:
    """What the points ask of the lattice, as a quadratic form, cell by cell.

    The mean of f(p)^2 + sure |grad f(p) - n|^2, and on the rim of the box the distance from the
    points.

    Attributes:
        corners: int64 [cells, 8], lattice points around each cell that has points.
        blocks: float64 [cells, 8, 8], the quadratic form in them.
        rim: float64 [size^3], its diagonal from the rim.
        aim: float64 [size^3], the linear form.
    """

    def __init__(self, cloud: Neighbours, normals: Tensor, sure: float, size: int) -> None:
        points = cloud.points.double()
        first, rows = _rows(points, size)
        cells, cell = first.unique(return_inverse=True)
        self.corners = _corners(cells, size)
        weight = torch.tensor([1.0, sure, sure, sure], dtype=torch.float64) / len(points)
        blocks = rows.mT @ (weight[:, None] * rows)
        self.blocks = torch.zeros(len(cells), 8, 8, dtype=torch.float64)
        self.blocks.index_add_(0, cell, blocks)
        wanted = torch.cat([torch.zeros(len(points), 1), normals], dim=1).double()
        aim = (wanted * weight)[:, None] @ rows  # [n, 1, 8]
        self.aim = torch.zeros(size**3, dtype=torch.float64)
        self.aim.index_add_(0, self.corners[cell].flatten(), aim.flatten())
        axis = torch.linspace(-1, 1, size)
        lattice = torch.cartesian_prod(axis, axis, axis)
        rim = (lattice.abs().amax(1) == 1).nonzero()[:, 0]
        self.rim = torch.zeros(size**3, dtype=torch.float64)
        self.rim[rim] = RIM / len(rim)
        self.aim[rim] += RIM / len(rim) * cloud.nearest(lattice[rim], 1)[0][:, 0].double()

    def apply(self, f: Tensor) -> Tensor:
        """The quadratic form times f [size^3]."""
        local = self.blocks @ f[self.corners][..., None]
        return (self.rim * f).index_add_(0, self.corners.flatten(), local.flatten())

    def diagonal(self) -> Tensor:
        local = self.blocks.diagonal(dim1=1, dim2=2)
        return self.rim.index_add(0, self.corners.flatten(), local.flatten())


def _minimised(pull: _Pull, f: Tensor, penalty: float, weight: Tensor | None) -> Tensor:
    """Conjugate gradients from f, with the diagonal as preconditioner."""
    size = len(f)
    factor = penalty * (2 / (size - 1)) ** 3  # the volume of a cell

    def apply(f: Tensor) -> Tensor:
        return pull.apply(f).add_(bend(f.view(size, size, size), weight).flatten(), alpha=factor)

    stiff = 42 * ((size - 1) / 2) ** 4 * factor
    diagonal = pull.diagonal() + (stiff if weight is None else stiff * weight.flatten())
    f = f.flatten().clone()
    residual = pull.aim - apply(f)
    step = residual / diagonal
    direction, square = step, residual @ step
    goal = TOLERANCE * pull.aim.norm()
    for _ in range(ITERATIONS):
        if residual.norm() <= goal:
            break
        image = apply(direction)
        length = square / (direction @ image)
        f += length * direction
        residual -= length * image
        step = residual / diagonal
        square, before = residual @ step, square
        direction = step + (square / before) * direction
    return f.view(size, size, size)
