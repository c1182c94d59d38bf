"""The benchmark of meshes from clouds: what it measures, says, keeps, and does without."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from app import preparing, truth
from app.bench import points as bench_points
from app.bench import poisson
from app.bench.clouds import cases
from app.cli import main
from app.options import BenchOptions
from data import write_mesh, write_points

pytestmark = pytest.mark.usefixtures("handlers", "small")


@pytest.fixture
def small(monkeypatch):
    """Fits and measurements of moments rather than seconds."""
    made = bench_points.method_config

    def shortened(name, task):
        config, why = made(name, task)
        return replace(config, steps=20, batch=2048), why

    monkeypatch.setattr(bench_points, "method_config", shortened)
    monkeypatch.setattr(preparing, "points_task", partial(preparing.points_task, pool=10_000))
    monkeypatch.setattr(truth, "SAMPLES", 5_000)
    monkeypatch.setattr(bench_points, "DEPTHS", {"poisson": (4, 5), "poisson-9": (5,)})


@pytest.fixture
def ball(tmp_path):
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(1000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    path = tmp_path / "ball.ply"
    write_points(path, 1e5 + 3 * normals, normals)
    return path


@pytest.fixture
def box(tmp_path):
    corners = np.array([[x, y, z] for z in (0, 1) for y in (0, 2) for x in (0, 2)], np.float64)
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    path = tmp_path / "box.ply"
    write_mesh(path, corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]))
    return path


FAST = ["--samples", "1000", "--resolution", "32"]


def bench(capfd, *args) -> dict:
    assert main(["bench", "points", *map(str, args), "--json"]) == 0
    return json.loads(capfd.readouterr().out)


def test_rows_say_how_each_method_did(ball, box, capfd):
    found = bench(capfd, ball, box, *FAST, "--methods", "hash")
    assert found["bench"] == "points"
    assert found["machine"]["cores"] >= 1
    assert "chamfer" in found["definitions"]
    assert [(r["shape"], r["case"]) for r in found["rows"]] == [
        ("ball", "held out"), ("box", "clean"),
    ]
    for row in found["rows"]:
        assert 0 < row["chamfer"] < 20
        assert 0 <= row["fscore_half"] <= row["fscore"] <= 1
        assert 0 < row["normal_consistency"] <= 1
        assert row["components"] >= 1
        assert row["seconds"] > 0


@pytest.mark.skipif(not poisson.there(), reason="open3d is not installed")
def test_poisson_is_measured_likewise_at_its_best_depth(ball, capfd):
    found = bench(capfd, ball, *FAST, "--methods", "poisson", "poisson-9")
    best, fixed = found["rows"]
    assert best["chamfer"] <= fixed["chamfer"] < 5  # far from the origin, too
    assert fixed["depth"] == 5


def test_a_crash_of_poisson_is_a_row_without_figures(ball, capfd, monkeypatch):
    monkeypatch.setattr(poisson, "there", lambda: True)
    monkeypatch.setattr(poisson, "__file__", "/no/such/script.py")
    (row,) = bench(capfd, ball, *FAST, "--methods", "poisson")["rows"]
    assert row["chamfer"] is None
    assert row["watertight"] is None


def test_what_is_not_installed_is_left_out_with_its_cure(ball, capfd, monkeypatch):
    monkeypatch.setattr(poisson, "there", lambda: False)
    found = bench(capfd, ball, *FAST, "--methods", "hash", "poisson-9")
    assert found["missing"] == [{"method": "poisson-9", "cure": "pip install open3d-cpu"}]
    assert [r["method"] for r in found["rows"]] == ["hash"]


def test_a_second_call_goes_on_where_it_was(ball, tmp_path, capfd, monkeypatch):
    args = [ball, *FAST, "--methods", "hash", "--out", tmp_path / "o"]
    first = bench(capfd, *args)
    monkeypatch.setattr("app.bench.points.attempt", None)  # nothing is left to measure
    assert bench(capfd, *args)["rows"] == first["rows"]
    assert main(["bench", "points", *map(str, args), "--samples", "99"]) == 2
    assert "other settings; choose another --out" in capfd.readouterr().err


def test_an_interrupted_benchmark_shows_what_it_has(ball, box, capfd, monkeypatch):
    monkeypatch.setattr("app.bench.points.attempt", lambda *_: None)
    asked = iter([False, False, True])
    monkeypatch.setattr("app.signals.asked", lambda: next(asked, True))
    assert main(["bench", "points", str(ball), str(box), *FAST, "--methods", "hash"]) == 130
    assert len(capfd.readouterr().out.splitlines()) == 2  # the names of the columns, and one row


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{ball}", "--methods", "magic"], "unknown method 'magic'; choose from fieldfit, poisson"),
        (["{box}", "{box}", "--truth", "{box}"], "--truth needs one cloud"),
        (["{ball}", "--truth", "{ball}"], "--truth must be a mesh"),
        (["{ball}", "--samples", "3"], "--samples must be at least 50"),
        (["{ball}", "--resolution", "3"], "--resolution must be from 8"),
        (["none.ply"], "none.ply: does not exist"),
    ],
)
def test_a_mistake_is_one_clear_line(args, message, ball, box, capfd):
    assert main(["bench", "points", *(a.format(ball=ball, box=box) for a in args)]) == 2
    said = capfd.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err


def test_points_come_from_a_mesh_clean_with_normals_or_noisy_without(box):
    asked = BenchOptions(kind="points", inputs=(box,), samples=5000)
    (clean,) = cases(asked)
    (noisy,) = cases(replace(asked, noise=1.0))
    assert clean.cloud.normals is not None
    assert noisy.cloud.normals is None
    moved = noisy.cloud.points - clean.cloud.points
    assert moved.std() == pytest.approx(0.02, rel=0.05)  # 1 % of the longest side, 2
    x = clean.cloud.points
    to_a_side = np.minimum(np.abs(x), np.abs(x - [2, 2, 1])).min(1)
    assert (to_a_side < 1e-5).all()


def test_a_cloud_is_measured_on_points_that_are_held_out(ball):
    (case,) = cases(BenchOptions(kind="points", inputs=(ball,)))
    assert (len(case.cloud.points), len(case.truth.points)) == (800, 200)
    hidden = case.placement.out_of(case.truth.points)
    gaps = np.abs(hidden[:, None] - case.cloud.points).max(2).min(1)
    assert (gaps > 1e-5).all()


def test_a_cloud_can_be_measured_against_its_mesh(box, ball):
    (case,) = cases(BenchOptions(kind="points", inputs=(ball,), truth=box))
    assert len(case.truth.points) == 5_000
    assert float(case.truth.points.abs().max()) <= 0.9001  # in the box of the truth
