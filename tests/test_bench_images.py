"""The benchmark beside other tools: what it measures, says, keeps, and does without."""

import json
import sys

import numpy as np
import pytest

from app.bench import peers
from app.bench.images import summary
from app.bench.masks import MASKS, make_mask
from app.bench.peers import PEERS, REFERENCES, shaped
from app.bench.problems import Problem, box, load, problems
from app.cli import main
from app.options import BenchOptions
from data import Picture, write_picture

FAST = ["--side", "32", "--seeds", "1", "--masks", "random50", "blocks", "--sigmas", "25",
        "--scales", "2"]


@pytest.fixture
def folder(tmp_path, waves):
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_picture(folder / "colour.png", Picture.from_tensor(waves(40, 60)))
    write_picture(folder / "grey.png", Picture.from_tensor(waves(48, 36, 1)))
    return folder


@pytest.fixture
def truth(waves):
    return waves(33, 40).numpy()


def bench(capfd, *args) -> dict:
    assert main(["bench", "images", *map(str, args), "--json"]) == 0
    return json.loads(capfd.readouterr().out)


def test_rows_say_how_each_method_did(folder, capfd):
    methods = ["hash", "biharmonic", "nlm-fast", "bicubic", "back-projection"]
    found = bench(capfd, folder, *FAST, "--methods", *methods)
    assert found["bench"] == "images"
    assert found["machine"]["cores"] >= 1
    rows = {(r["task"], r["case"], r["method"]): r for r in found["rows"]}
    assert rows.keys() >= {
        ("inpaint", "random50", "hash"), ("inpaint", "blocks", "biharmonic"),
        ("denoise", "sigma25", "nlm-fast"), ("upscale", "x2", "bicubic"),
    }
    for (task, _, method), row in rows.items():
        assert row["n"] == 2
        assert row["seconds"] > 0
        assert 5 < row["psnr"] < 80
        assert -1 <= row["ssim"] <= 1
        if method == REFERENCES[task]:
            assert row["min_margin"] == 0
    assert {r["picture"] for r in found["pictures"]} == {"colour.png", "grey.png"}


def test_a_second_call_goes_on_where_it_was(folder, tmp_path, capfd, monkeypatch):
    args = [folder, *FAST, "--tasks", "inpaint", "--methods", "biharmonic", "--out", tmp_path / "o"]
    first = bench(capfd, *args)
    monkeypatch.setattr("app.bench.images.attempt", None)  # nothing is left to measure
    assert bench(capfd, *args)["rows"] == first["rows"]
    assert main(["bench", "images", *map(str, args), "--side", "16"]) == 2
    assert "other settings; choose another --out" in capfd.readouterr().err


def test_an_interrupted_benchmark_shows_what_it_has(folder, capfd, monkeypatch):
    asked = iter([False, False, True])
    monkeypatch.setattr("app.signals.asked", lambda: next(asked, True))
    args = [str(folder), *FAST, "--tasks", "inpaint", "--methods", "biharmonic"]
    assert main(["bench", "images", *args]) == 130
    said = capfd.readouterr()
    assert len(said.out.splitlines()) == 3  # the names of the columns, and two cases
    assert "of 4, " in said.err


def test_what_is_not_installed_is_left_out_with_its_cure(folder, capfd, monkeypatch):
    peers._there.cache_clear()
    for module in ("cv2", "bm3d"):
        monkeypatch.setitem(sys.modules, module, None)
    try:
        found = bench(capfd, folder, *FAST, "--methods", "fsr", "bm3d", "bicubic")
    finally:
        peers._there.cache_clear()
    cures = {m["method"]: m["cure"] for m in found["missing"]}
    assert cures == {
        "fsr": "pip install opencv-contrib-python-headless", "bm3d": "pip install bm3d",
    }
    assert {r["method"] for r in found["rows"]} == {"bicubic"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{tmp}/none"], "bench images needs a directory"),
        (["{dir}", "--methods", "magic"], "unknown method 'magic'; choose from fieldfit, telea"),
        (["{dir}", "--masks", "moth"], "unknown mask 'moth'; choose from random50"),
        (["{dir}", "--seeds", "0"], "--seeds must be at least 1"),
        (["{dir}", "--methods", "bicubic", "--scales", "99"], "colour.png: --scales 99 is more"),
    ],
)
def test_a_mistake_is_one_clear_line(args, message, folder, tmp_path, capfd):
    assert main(["bench", "images", *(a.format(dir=folder, tmp=tmp_path) for a in args)]) == 2
    said = capfd.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("size", [(24, 32), (96, 64), (256, 256)])
def test_masks_leave_something_and_hide_something(kind, size):
    first, again, other = (make_mask(kind, *size, seed) for seed in (0, 0, 1))
    assert first.shape == size
    assert 0 < first.mean() < 0.95
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", ["text", "scratches", "blocks"])
def test_masks_grow_with_the_picture(kind):
    small, large = (make_mask(kind, n, n, 0).mean() for n in (128, 512))
    assert large == pytest.approx(small, rel=0.25)


def test_problems_are_spoiled_as_they_say(truth):
    asked = BenchOptions(kind="images", masks=("random70",), sigmas=(25,), scales=(2,))
    holes, noisy, small = problems(truth, 0, asked)
    assert holes.missing is not None
    assert (holes.given[holes.missing] == 0).all()
    assert np.array_equal(holes.given[~holes.missing], truth[~holes.missing])
    assert (noisy.given - truth).std() == pytest.approx(25 / 255, rel=0.05)
    assert small.truth.shape == (32, 40, 3)
    assert small.given.shape == (16, 20, 3)
    np.testing.assert_allclose(small.given[0, 0], truth[:2, :2].mean((0, 1)), rtol=1e-5)
    assert [p.task for p in problems(truth, 1, asked)] == ["inpaint", "denoise"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [(t, p.name) for t, found in PEERS.items() for p in found],
                         ids="-".join)
def test_peers_improve_on_what_they_are_given(name, channels, waves):
    """Those that are installed here; all must take grey and colour."""
    peer = next(p for p in PEERS[name[0]] if p.name == name[1])
    if peer.missing():
        pytest.skip(f"{peer.install} is not installed")
    asked = BenchOptions(kind="images", masks=("random50",), sigmas=(25,), scales=(2,),
                         tasks=(name[0],))
    problem = next(problems(waves(64, 64, channels).numpy(), 0, asked))
    found = shaped(peer.run(problem), problem)
    start = problem.given
    if problem.task == "upscale":
        start = start.repeat(2, 0).repeat(2, 1)
    error = np.square(found - problem.truth).mean()
    assert error < 0.8 * np.square(start - problem.truth).mean()


def test_back_projection_keeps_the_small_picture(truth):
    problem = Problem("upscale", "x2", truth[:32], box(truth[:32], 2), scale=2)
    drawn = shaped(next(p for p in PEERS["upscale"] if p.name == "back-projection").run(problem),
                   problem)
    np.testing.assert_allclose(box(drawn, 2), problem.given, atol=2e-3)


def test_margins_are_the_smallest_over_the_reference():
    def row(picture, method, psnr):
        return {"picture": picture, "task": "inpaint", "case": "text", "seed": 0, "method": method,
                "psnr": psnr, "ssim": 1.0, "seconds": 1.0}

    rows = [row("a", "biharmonic", 20.0), row("b", "biharmonic", 30.0),
            row("a", "ours", 23.0), row("b", "ours", 30.5)]
    _, ours = summary(rows)
    assert (ours["method"], ours["min_margin"], ours["psnr"]) == ("ours", 0.5, 26.75)
    assert next(summary(rows[2:]))["min_margin"] is None


def test_pictures_lose_alpha_and_depth_and_shrink(tmp_path, waves):
    path = tmp_path / "deep.png"
    write_picture(path, Picture.from_tensor(waves(40, 60, 4), depth=16))
    values = load(path, 30)
    assert values.shape == (20, 30, 3)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values * 255, np.rint(values * 255), atol=1e-4)
    assert load(path, 0).shape == (40, 60, 3)
