"""How near two shapes are: pure functions from tensors to numbers."""

import torch
from torch import Tensor

from .neighbours import Neighbours

NEAR = 0.01  # of the side: what counts as found for `fscore`
NEARER = 0.005  # and for `fscore_half`

# Papers halve, square, sum or scale these differently: a number is shown with what it means.
DEFINITIONS: dict[str, str] = {
    "chamfer": "mean distance to the nearest point of the other surface, averaged over both "
    "directions, not squared; percent of the true shape's longest side",
    "hausdorff": "largest distance to the nearest point of the other surface, in either "
    "direction; percent of the true shape's longest side",
    "fscore": "harmonic mean of the shares of found and of true points within 1 % of the true "
    "shape's longest side of the other surface; 0 to 1",
    "fscore_half": "the same within 0.5 % of the longest side; 0 to 1",
    "normal_consistency": "mean |cosine| between the normals of a point and of its nearest one "
    "on the other surface, averaged over both directions; 0 to 1",
    "iou": "places inside of both shapes, over those inside of either; 0 to 1",
}


def surface_metrics(
    found_points: Tensor,
    found_normals: Tensor | None,
    true_points: Tensor,
    true_normals: Tensor | None,
    side: float,
) -> dict[str, float]:
    """What `DEFINITIONS` defines, but `iou`, of points sampled on two surfaces.

    The samples' spacing is a part of every distance: take many (200,000), evenly over the area.

    Args:
        found_points, true_points: float32 [n, 3] and [m, 3].
        found_normals, true_normals: float32 [n, 3] and [m, 3] of length 1; without either of them
            there is no `normal_consistency`.
        side: longest side of the true shape, in the points' unit.
    """
    if not side > 0:
        raise ValueError(f"side must be positive, got {side}; give the true shape's longest side.")
    to_true, nearest_true = _nearest(found_points, true_points)
    to_found, nearest_found = _nearest(true_points, found_points)
    both = to_true, to_found
    scores = {
        "chamfer": 100 / side * sum(d.mean().item() for d in both) / 2,
        "hausdorff": 100 / side * max(d.max().item() for d in both),
        "fscore": _fscore(to_true, to_found, NEAR * side),
        "fscore_half": _fscore(to_true, to_found, NEARER * side),
    }
    if found_normals is not None and true_normals is not None:
        precise = _agreement(found_normals, true_normals[nearest_true])
        complete = _agreement(true_normals, found_normals[nearest_found])
        scores["normal_consistency"] = (precise + complete) / 2
    return scores


def _nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """The distance of each point to the nearest of others, float64 [n], and its number [n]."""
    distance, index = Neighbours(others).nearest(points, 1)
    return distance[:, 0].double(), index[:, 0]


def _fscore(to_true: Tensor, to_found: Tensor, threshold: float) -> float:
    """Harmonic mean of precision and recall [Knapitsch et al. 2017, "Tanks and temples"]."""
    precision = (to_true <= threshold).double().mean().item()
    recall = (to_found <= threshold).double().mean().item()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _agreement(normals: Tensor, others: Tensor) -> float:
    """Mean |cosine| between normals, whichever way they point."""
    return (normals.double() * others.double()).sum(1).abs().mean().item()


def iou(inside_a: Tensor, inside_b: Tensor) -> float:
    """Places inside of both shapes over those inside of either, bool [n] twice; 1 if none is.

    The places should lie evenly in a box around both shapes.
    """
    if inside_a.dtype != torch.bool or inside_b.dtype != torch.bool:
        raise ValueError(
            f"inside must be bool, got {inside_a.dtype} and {inside_b.dtype}; compare first."
        )
    if inside_a.shape != inside_b.shape:
        raise ValueError(
            f"both shapes need the same places, got {len(inside_a)} and {len(inside_b)}."
        )
    either = int((inside_a | inside_b).sum())
    return int((inside_a & inside_b).sum()) / either if either else 1.0
