"""Nearest points: the tree against all distances, on clouds of every kind."""

import pytest
import torch
from torch import Tensor

from fields.kernels import neighbours, threads
from fields.neighbours import Neighbours

pytest.importorskip("numba")


def cloud(kind: str, n: int, rng: torch.Generator) -> Tensor:
    """Points float32 [n, 3], on which a tree may stumble."""
    x = torch.randn(n, 3, generator=rng)
    if kind == "sphere":
        return x / x.norm(dim=1, keepdim=True)
    if kind == "clusters":  # of sizes from 1 to 1e-6, and one point far away
        x = x * 10.0 ** -torch.randint(7, (n, 1), generator=rng) + (x > 0)
        x[0] = 1e4
        return x
    if kind == "line":
        return x[:, :1] * torch.tensor([1.0, 2.0, -0.5])
    if kind == "duplicates":
        return x[torch.randint(1 + n // 50, (n,), generator=rng)]
    if kind == "one place":
        return x[:1].repeat(n, 1)
    return x


def places(points: Tensor, m: int, rng: torch.Generator) -> Tensor:
    """Queries on the cloud, near it and far from it."""
    x = points[torch.randint(len(points), (m,), generator=rng)].clone()
    x[::3] += 0.1 * torch.randn(len(x[::3]), 3, generator=rng)
    x[1::7] = 10 * torch.randn(len(x[1::7]), 3, generator=rng)
    return x


KINDS = ["noise", "sphere", "clusters", "line", "duplicates", "one place"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 33, 3000])
def test_the_tree_finds_what_measuring_all_distances_finds(kind, n, rng):
    points = cloud(kind, n, rng)
    queries = places(points, 700, rng)
    search = Neighbours(points, backend="numba")
    for k in sorted({1, 2, min(n, 7), min(n, 100)} - ({2} if n < 2 else set())):
        distance, index = search.nearest(queries, k)
        wanted = Neighbours(points, backend="torch").nearest(queries, k)[0]
        torch.testing.assert_close(distance, wanted, rtol=1e-5, atol=1e-30)
        measured = (queries[:, None] - points[index]).norm(dim=-1)
        torch.testing.assert_close(distance, measured, rtol=1e-5, atol=1e-30)
        assert (distance.diff(dim=1) >= 0).all()
        chosen = index.sort(dim=1).values
        assert (chosen.diff(dim=1) > 0).all(), "a point was found twice"


@pytest.mark.parametrize("m", [0, 1, 15, 17, 513])
def test_any_number_of_queries(m, rng):
    points, queries = cloud("noise", 50, rng), torch.randn(m, 3, generator=rng)
    for k in (1, 5):
        found = Neighbours(points, backend="numba").nearest(queries, k)
        wanted = neighbours.nearest(points, queries, k)
        assert found[0].shape == found[1].shape == wanted[0].shape == wanted[1].shape == (m, k)
        assert torch.equal(found[1], wanted[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("m", [1, 2, 3000])
def test_queries_are_sorted_into_a_permutation(kind, m, rng):
    from fields.kernels.numba_packets import ranked

    rank = torch.from_numpy(ranked(cloud(kind, m, rng).numpy()))
    assert torch.equal(rank.sort().values, torch.arange(m))


def test_one_place_far_away_coarsens_no_order(rng):
    from fields.kernels.numba_packets import ranked

    x = torch.rand(20_000, 3, generator=rng)
    x[7] = 1e9
    order = torch.from_numpy(ranked(x.numpy()))
    steps = x[order[order != 7]].diff(dim=0).norm(dim=1)
    assert steps.mean() < 3 * 20_000 ** (-1 / 3), "neighbours in the order are neighbours in space"


def test_all_the_points(rng):
    points = cloud("noise", 40, rng)
    _, index = Neighbours(points).nearest(points, 40)
    assert torch.equal(index.sort(dim=1).values, torch.arange(40).repeat(40, 1))
    assert torch.equal(index[:, 0], torch.arange(40)), "a point is its own nearest one"


def test_distances_too_small_to_square(rng):
    points = cloud("noise", 100, rng) * 1e-25
    distance, index = Neighbours(points).nearest(points, 10)
    assert (distance == 0).all()
    assert (index.sort(dim=1).values.diff(dim=1) > 0).all()


def test_results_do_not_depend_on_the_number_of_threads(rng, monkeypatch):
    points = cloud("clusters", 5000, rng)
    queries = places(points, 3000, rng)
    runs = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "COUNT", count)
        search = Neighbours(points)
        runs.append([*search.nearest(queries, 1), *search.nearest(queries, 12)])
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))


def test_points_and_queries_may_be_views(rng):
    both = torch.randn(100, 6, generator=rng)
    points, queries = both[:, :3], both[:, 3:]
    found = Neighbours(points, backend="numba").nearest(queries, 3)[1]
    assert torch.equal(found, neighbours.nearest(points, queries, 3)[1])


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_no_gradient_is_kept(backend, rng):
    points = torch.randn(100, 3, generator=rng, requires_grad=True)
    distance, _ = Neighbours(points, backend=backend).nearest(points, 2)
    assert not distance.requires_grad


@pytest.mark.parametrize("k", [0, 11])
def test_more_neighbours_than_points_are_refused(k):
    with pytest.raises(ValueError, match="10 points"):
        Neighbours(torch.zeros(10, 3)).nearest(torch.zeros(1, 3), k)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (torch.zeros(0, 3), "without points"),
        (torch.zeros(5, 2), r"float32 \[n, 3\]"),
        (torch.zeros(5, 3).double(), "float32"),
        (torch.full((5, 3), torch.nan), "finite"),
        (torch.full((5, 3), -1e16), "within 1e"),
    ],
)
def test_a_cloud_that_cannot_be_searched_is_refused(points, words):
    with pytest.raises(ValueError, match=words):
        Neighbours(points)


def test_queries_that_cannot_be_answered_are_refused():
    search = Neighbours(torch.zeros(5, 3))
    with pytest.raises(ValueError, match="queries must be finite"):
        search.nearest(torch.tensor([[0.0, torch.inf, 0.0]]), 1)
