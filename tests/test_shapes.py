"""Fitting shapes: tasks from clouds and meshes, every method on them, what is recorded."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from fields import (
    METHODS,
    Derivatives,
    FitConfig,
    Mesh,
    ShapeTask,
    extract,
    fit,
    mesh_task,
    method_config,
    points_task,
    recorder,
)
from fields.fit import check
from fields.kernels.draws import in_order
from fields.points.surfels import surfels
from fields.render import distance_in
from fields.spectrum import band_error, band_power, bands
from fields.tasks.objectives import SLOPES
from fields.tasks.shape import slope

RADIUS = 0.7


def sphere_points(n: int) -> tuple[Tensor, Tensor]:
    normals = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    normals = torch.nn.functional.normalize(normals, dim=1)
    return RADIUS * normals, normals


def sphere_mesh(resolution: int = 24) -> Mesh:
    return extract(lambda x: x.norm(dim=1) - RADIUS, resolution)[0]


@pytest.fixture(scope="module")
def task() -> ShapeTask:
    return points_task(surfels(*sphere_points(4000)), pool=20_000)


def test_the_task_of_a_cloud_holds_true_distances(task: ShapeTask):
    x, y = task.places.flatten(0, 1), task.distances.flatten()
    true = x.norm(dim=1) - RADIUS
    near = true.abs() < 0.1
    assert float((y - true)[near].abs().mean()) < 2e-3
    assert bool((y.sign() == true.sign())[true.abs() > 0.02].all())
    assert bool((x.abs() <= 1).all())


def test_pairs_are_a_detail_apart(task: ShapeTask):
    inner = task.places.abs().amax((1, 2)) < 1
    apart = (task.places[:, 0] - task.places[:, 1]).norm(dim=1)
    torch.testing.assert_close(
        apart[inner], torch.full_like(apart[inner], task.detail), rtol=1e-3, atol=0
    )


def test_places_are_in_order():
    rng = torch.Generator().manual_seed(0)
    places = 2 * torch.rand(5000, 3, generator=rng) - 1
    ordered = places[in_order(places)]
    assert torch.equal(ordered.sort(dim=0).values, places.sort(dim=0).values)
    jumps = (ordered[1:] - ordered[:-1]).norm(dim=1).mean()
    assert float(jumps) < float((places[1:] - places[:-1]).norm(dim=1).mean()) / 4


@pytest.mark.parametrize("name", [*METHODS, "auto"])
def test_every_method_fits_a_shape(task: ShapeTask, name: str):
    config, why = method_config(name, task)
    assert why
    check(task, config)
    small = replace(config, steps=20, batch=256, precision="fp32")
    reports = list(fit(task, small))
    first = task.evaluate(next(fit(task, small)).field)
    last = task.evaluate(reports[-1].field)
    assert last["distance_error"] < first["distance_error"]


def test_a_hash_field_becomes_the_shape(task: ShapeTask):
    config, _ = method_config("auto", task)
    *_, last = fit(task, replace(config, steps=200, batch=2**12))
    scores = task.evaluate(last.field)
    assert scores["distance_error"] < 0.3
    assert scores["eikonal"] < 0.15
    mesh, _ = extract(distance_in(last.field), 48)
    mesh = mesh.without_small()
    assert mesh.watertight
    assert mesh.euler == 2
    assert mesh.volume == pytest.approx(4 / 3 * math.pi * RADIUS**3, rel=0.02)


def test_equal_seeds_make_equal_tasks():
    found = surfels(*sphere_points(2000))
    a, b = points_task(found, seed=3, pool=2000), points_task(found, seed=3, pool=2000)
    assert torch.equal(a.places, b.places)
    assert torch.equal(a.distances, b.distances)
    assert not torch.equal(a.places, points_task(found, seed=4, pool=2000).places)


def test_the_loss_counts_errors_and_their_differences(task: ShapeTask):
    config, _ = method_config("plain", task)
    field = next(fit(task, replace(config, steps=1))).field
    batch = next(task.batches(64, torch.Generator().manual_seed(0)))
    places, distances, weight = batch
    error = field(places.flatten(0, 1)).view_as(distances) - distances
    apart = (error[:, :1] - error[:, 1:]).square()
    wanted = (weight * (error.square() + SLOPES / 2 * apart)).mean()
    torch.testing.assert_close(task.loss(field, batch), wanted)


def test_slope_of_a_distance_is_one(task: ShapeTask):
    found = slope(lambda x: x.norm(dim=1) - RADIUS, task.probes[:100])
    torch.testing.assert_close(found, torch.ones(100), rtol=1e-3, atol=1e-3)


def test_a_closed_mesh_has_exact_distances():
    mesh = sphere_mesh()
    found = mesh_task(mesh.vertices, mesh.faces, pool=4000)
    assert "closed" in found.how
    x = torch.tensor([[0.0, 0.0, 0.0], [0.9, 0.0, 0.0], [0.0, 0.0, 0.65]])
    torch.testing.assert_close(found.distance(x), x.norm(dim=1) - RADIUS, atol=8e-3, rtol=0)


def test_a_mesh_that_is_inside_out_is_turned():
    mesh = sphere_mesh()
    found = mesh_task(mesh.vertices, mesh.faces.flip(1), pool=2000)
    assert float(found.distance(torch.zeros(1, 3))) < 0
    outward = (found.points * found.normals).sum(1) > 0
    assert bool(outward.all())


def test_an_open_mesh_is_signed_by_its_winding_and_says_so():
    mesh = sphere_mesh()
    middle = mesh.vertices[mesh.faces].mean(1)
    part = mesh.keep(middle[:, 2] < 0.4)
    found = mesh_task(part.vertices, part.faces, pool=2000)
    assert "winding" in found.how
    assert float(found.distance(torch.zeros(1, 3))) < 0
    assert float(found.distance(torch.tensor([[0.0, 0.0, 0.9]]))) > 0


def test_the_recorder_sees_the_shape_and_its_frequencies(task: ShapeTask):
    looking = recorder(task)
    config, _ = method_config("auto", task)
    run = fit(task, replace(config, steps=100, batch=2**11))
    for _ in looking.watch(run):
        pass
    first, last = looking.snapshots[0], looking.snapshots[-1]
    side = last.frame.shape[0]
    assert 80 <= side <= 256
    assert last.frame.shape == first.frame.shape == (side, side, 3)
    assert last.metrics["distance_error"] < first.metrics["distance_error"]
    # A sphere in the middle, on white.
    assert last.frame[0, 0].tolist() == [255, 255, 255]
    assert int(last.frame[side // 2, side // 2].max()) < 255
    assert len(last.band_error) == len(looking.edges) - 1
    assert last.band_error[1] < first.band_error[1]
    assert looking.best is not None
    target = looking.target()
    assert target.shape == last.frame.shape
    off = (target - last.frame.float() / 255).abs().mean()
    assert float(off) < 0.03


def test_a_task_that_nobody_records_is_refused():
    with pytest.raises(TypeError, match="recorder"):
        recorder("nothing")  # pyright: ignore[reportArgumentType]


def test_derivatives_draw_a_sphere_from_normals(task: ShapeTask):
    found = replace(task, objective=Derivatives())
    config, _ = method_config("auto", found)
    config = replace(config, steps=40, batch=256)
    first = found.evaluate(next(fit(found, config)).field)
    *_, last = fit(found, config)
    scores = found.evaluate(last.field)
    assert scores["distance_error"] < 0.85 * first["distance_error"]


def test_divergence_counts_less_and_less(task: ShapeTask):
    objective = Derivatives(oriented=False, guided=4)
    draws = objective.batches(task, 16, torch.Generator().manual_seed(0))
    left = [float(next(draws)[3][0]) for _ in range(6)]
    assert left == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    config, _ = method_config("auto", replace(task, objective=objective))
    *_, last = fit(replace(task, objective=objective), replace(config, steps=6, batch=64))
    assert math.isfinite(last.loss)


def test_second_derivatives_of_splines_need_torch(task: ShapeTask):
    found = replace(task, objective=Derivatives())
    config, _ = method_config("spline", found)
    with pytest.raises(ValueError, match="--backend torch"):
        next(fit(found, replace(config, backend="numba")))


def test_second_derivatives_of_grids_are_the_kernels_too(task: ShapeTask):
    found = replace(task, objective=Derivatives())
    config, _ = method_config("hash", found)
    config = replace(config, steps=3, batch=128, report=1)
    losses = []
    for backend in ("torch", "numba"):
        reports = list(fit(found, replace(config, backend=backend)))
        assert reports[-1].backend == backend
        losses.append([r.loss for r in reports[1:]])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_bands_in_space_follow_parseval():
    values = torch.randn(8, 10, 12, 2, generator=torch.Generator().manual_seed(0))
    edges = bands(8, 10, 12)
    power = band_power(values, edges)
    assert float(power.sum()) == pytest.approx(float(values.double().square().mean()), rel=1e-5)
    assert bool((band_error(values, values, edges)[power > 0] == 0).all())


def test_a_config_survives_json(task: ShapeTask):
    config, _ = method_config("auto", task)
    assert FitConfig.from_dict(config.to_dict()) == config
