"""Metrics of shapes: axioms."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from fields.shape_metrics import DEFINITIONS, iou, surface_metrics


def sphere(n: int, rng: torch.Generator) -> Tensor:
    return normalize(torch.randn(n, 3, generator=rng), dim=1)


def blob(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points in space and unit vectors."""
    return torch.randn(n, 3, generator=rng), sphere(n, rng)


def test_equal_surfaces_are_perfect(rng):
    points, normals = blob(500, rng)
    assert surface_metrics(points, normals, points, normals, 2.0) == {
        "chamfer": 0,
        "hausdorff": 0,
        "fscore": 1,
        "fscore_half": 1,
        "normal_consistency": pytest.approx(1),
    }


def test_concentric_spheres_are_their_radii_apart(rng):
    normals = sphere(20_000, rng)
    scores = surface_metrics(1.01 * normals, normals, normals, normals, 2.0)
    assert scores["chamfer"] == pytest.approx(0.5, abs=0.01)
    assert scores["hausdorff"] == pytest.approx(0.5, abs=0.01)
    assert scores["fscore"] == 1
    assert surface_metrics(1.03 * normals, normals, normals, normals, 2.0)["fscore"] == 0
    assert surface_metrics(1.015 * normals, None, normals, None, 2.0)["fscore_half"] == 0


def test_one_sided_differences_count_half(rng):
    """What is missing lowers one direction alone, so the Chamfer distance is a mean of two."""
    near = torch.zeros(10, 3)
    far = torch.cat([near, torch.tensor([[1.0, 0, 0]]).repeat(10, 1)])
    scores = surface_metrics(near, None, far, None, 1.0)
    assert scores["chamfer"] == pytest.approx(100 * (0 + 0.5) / 2)
    assert scores["hausdorff"] == pytest.approx(100)
    assert scores["fscore"] == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert "normal_consistency" not in scores


def test_the_two_surfaces_may_be_exchanged(rng):
    a, b = blob(300, rng), blob(400, rng)
    assert surface_metrics(*a, *b, 3.0) == pytest.approx(surface_metrics(*b, *a, 3.0))


def test_turning_and_moving_both_changes_nothing(rng):
    (p, n), (q, m) = blob(300, rng), blob(400, rng)
    turn, move = torch.linalg.qr(torch.randn(3, 3, generator=rng))[0].T, torch.randn(3)
    turned = surface_metrics(p @ turn + move, n @ turn, q @ turn + move, m @ turn, 3.0)
    assert turned == pytest.approx(surface_metrics(p, n, q, m, 3.0), rel=1e-4)


def test_growing_both_with_the_side_changes_nothing(rng):
    (p, n), (q, m) = blob(300, rng), blob(400, rng)
    grown = surface_metrics(4 * p, n, 4 * q, m, 12.0)
    assert grown == pytest.approx(surface_metrics(p, n, q, m, 3.0))


def test_which_way_normals_point_does_not_matter(rng):
    points = sphere(300, rng)
    scores = surface_metrics(points, points, points, -points, 2.0)
    assert scores["normal_consistency"] == pytest.approx(1)
    across = normalize(torch.linalg.cross(points, torch.tensor([[0.0, 0, 1]])), dim=1)
    scores = surface_metrics(points, points, points, across, 2.0)
    assert scores["normal_consistency"] == pytest.approx(0, abs=1e-6)


def test_every_metric_is_defined(rng):
    points, normals = blob(10, rng)
    assert {*surface_metrics(points, normals, points, normals, 1.0), "iou"} == set(DEFINITIONS)


def test_overlap_of_two_balls(rng):
    x = torch.rand(100_000, 3, generator=rng) * 2 - 1
    small, large = x.norm(dim=1) < 0.5, x.norm(dim=1) < 0.9
    assert iou(large, large) == 1
    assert iou(small, large) == iou(large, small) == pytest.approx((5 / 9) ** 3, abs=0.01)
    assert iou(small, ~large) == 0
    assert iou(small, ~small) == 0
    assert math.isclose(iou(x[:0, 0] > 0, x[:0, 0] > 0), 1)


def test_what_cannot_be_compared_is_refused(rng):
    points, _ = blob(10, rng)
    with pytest.raises(ValueError, match="side must be positive"):
        surface_metrics(points, None, points, None, 0.0)
    for pair in ((points[:0], points), (points, points[:0])):
        with pytest.raises(ValueError, match="without points"):
            surface_metrics(pair[0], None, pair[1], None, 1.0)
    with pytest.raises(ValueError, match="must be bool"):
        iou(points[:, 0], points[:, 0])
    with pytest.raises(ValueError, match="same places"):
        iou(points[:, 0] > 0, points[1:, 0] > 0)
