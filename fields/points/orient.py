"""Which side of a cloud's surface is outside: normals that agree with one another."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..kernels.backends import choose
from ..neighbours import Neighbours
from ..space import SIDE, cell_numbers
from ..surface import extract
from .flood import outward
from .indicator import Indicator, indicator
from .planes import areas, facing, gaps, planes

COUNTS = (24, 50, 100, 200)  # of neighbours, each tried: none is right for every cloud
MANY = 25_000  # points; of a larger cloud one in each cell of `CELL` is oriented
CELL = 0.03
LINKS = 8  # neighbours that agree on their signs
ALONG = 0.5  # cost of a link that leaves the planes, such as one through a thin wall
SWEEPS = 20
TRUSTED = 0.03  # of the extent: a surface further from the points than this is no surface
PROBES = 20_000
TIE = 1.03  # of two scores this close, the one of more neighbours, which average more noise


@dataclass(frozen=True)
class Orientation:
    """Some of a cloud's points, moved onto its surface, with normals that point outward.

    Attributes:
        points: float32 [m, 3].
        normals: float32 [m, 3].
        solid: the coarse solid that they bound.
        score: mean distance of its surface from the points, as a share of the extent: what is
            wrongly oriented makes sheets far from any point.
        count: of neighbours that were used; 0 if the normals were given.
        inside_out: whether the normals had to be turned around for it.
    """

    points: Tensor
    normals: Tensor
    solid: Indicator
    score: float
    count: int
    inside_out: bool

    @property
    def trusted(self) -> bool:
        return self.score <= TRUSTED


def orient(cloud: Neighbours) -> Orientation:
    """Orient a cloud that has no normals, with several counts of neighbours; the best of them.

    If none of them is to be trusted, sides are also told without agreeing on normals: by what water
    that comes from the rim of the box does not reach.
    """
    points = cloud.points
    chosen = points[thin(points, CELL)] if len(points) > MANY else points
    best: Orientation | None = None
    for count in COUNTS:
        if count > len(points) // 4:
            break
        found = _candidate(cloud, chosen, count)
        if best is None or found.score < TIE * best.score:
            best = found
    assert best is not None, "a cloud has at least 50 distinct points, or so its reader said"
    if not best.trusted:
        flooded = (_flooded(cloud, chosen, best.count, rise) for rise in outward(cloud, chosen))
        best = min([best, *flooded], key=lambda found: found.score)
    return best


def _flooded(cloud: Neighbours, chosen: Tensor, count: int, rise: Tensor) -> Orientation:
    """The points' planes, facing where the water came from."""
    found = planes(cloud, chosen, count)
    return judge(cloud, found.projected(chosen), facing(found.normals, rise), count)


def thin(points: Tensor, cell: float) -> Tensor:
    """The number of one of the points in each occupied cell of a grid: int64 [cells]."""
    cells, inverse = cell_numbers(points, cell).unique(return_inverse=True)
    first = torch.full((len(cells),), len(points), dtype=torch.int64)
    first.scatter_reduce_(0, inverse, torch.arange(len(points)), "amin")
    return first


def _candidate(cloud: Neighbours, chosen: Tensor, count: int) -> Orientation:
    found = planes(cloud, chosen, count)
    places = found.projected(chosen)
    signs = agree(places, found.normals)
    return judge(cloud, places, found.normals * signs[:, None], count)


def judge(cloud: Neighbours, places: Tensor, normals: Tensor, count: int) -> Orientation:
    """Make a coarse solid of oriented points, turned the right way out, and score its surface."""
    solid = indicator(places, normals, areas(gaps(Neighbours(places))))
    rim = torch.cartesian_prod(*[torch.linspace(-1, 1, 9)] * 3)
    rim = rim[rim.abs().amax(1) == 1]
    inside_out = float(solid.at(rim).mean()) < 0
    if inside_out:
        normals, solid = -normals, Indicator(-solid.values, -solid.level)
    mesh, _ = extract(solid.at, 64)
    score = 1.0
    if len(mesh.faces):
        probes, _ = mesh.sample(PROBES, torch.Generator().manual_seed(0))
        score = float(cloud.nearest(probes, 1)[0].mean()) / SIDE
    return Orientation(places, normals, solid, score, count, inside_out)


def agree(places: Tensor, normals: Tensor) -> Tensor:
    """Signs, 1 or -1, [n], that make neighbouring normals point to the same side.

    Along a minimum spanning forest of the neighbours [Hoppe et al. 1992, sec. 3.3], in which a
    link costs more the more the normals differ and the more it leaves their planes. Then each point
    follows the majority of its neighbours. The signs of each part are such that it encloses a
    positive volume.
    """
    _, index = Neighbours(places).nearest(places, min(LINKS + 1, len(places)))
    a = torch.arange(len(places)).repeat_interleave(index.shape[1])
    b = index.flatten()
    a, b = a[a != b], b[a != b]
    along = torch.nn.functional.normalize(places[b] - places[a], dim=1)
    same = (normals[a] * normals[b]).sum(1)
    leaving = torch.maximum(
        (along * normals[a]).sum(1).abs(), (along * normals[b]).sum(1).abs()
    )
    cost = 1 - same.abs() + ALONG * leaving
    root, turned = _forest(len(places), a, b, cost, same >= 0)
    signs = torch.where(turned, -1.0, 1.0)
    weight = torch.exp(-4 * cost.square()) * same.sign()
    for _ in range(SWEEPS):
        votes = torch.zeros(len(places))
        votes.index_add_(0, a, weight * signs[b]).index_add_(0, b, weight * signs[a])
        changed = torch.where(votes == 0, signs, votes.sign())
        if torch.equal(changed, signs):
            break
        signs = changed
    volume = torch.zeros(len(places))
    count = torch.zeros(len(places)).index_add_(0, root, torch.ones(len(places)))
    centre = torch.zeros(len(places), 3).index_add_(0, root, places) / count.clamp_min(1)[:, None]
    inward = ((places - centre[root]) * normals).sum(1) * signs
    volume.index_add_(0, root, inward)
    return torch.where(volume[root] < 0, -signs, signs)


def _forest(
    nodes: int, a: Tensor, b: Tensor, cost: Tensor, alike: Tensor
) -> tuple[Tensor, Tensor]:
    """The root of each node's tree [n], and whether its sign is not the root's [n]."""
    if choose("auto", "cpu")[0] == "numba":
        from ..kernels.numba_signs import spread
    else:
        from ..kernels.signs import spread

    parent, turned = np.arange(nodes), np.zeros(nodes, bool)
    ends = torch.stack([a, b], dim=1).numpy()
    order = torch.argsort(cost, stable=True).numpy()
    spread(order, ends, alike.numpy(), parent, turned)
    return torch.from_numpy(parent), torch.from_numpy(turned)
