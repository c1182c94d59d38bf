"""The page's parts without a page: settings, masks, pictures, runs and what is shown of them."""

import io
import json
import os
import shlex
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import tyro
from PIL import Image

from app import options
from app.cli import main
from app.page import check_access, check_limits, free_port, import_serve, private_cache
from app.ui import job_run as run_module
from app.ui import mask as masks
from app.ui import server as server_module
from app.ui import views
from app.ui.limits import MAX_KEPT, MAX_ORIGINALS, MAX_WAITING, Limits
from app.ui.originals import Original, Originals
from app.ui.painter_value import decode, encode
from app.ui.previews import SHOWN_SIDE, flat, jpeg, preview
from app.ui.run import Moment, Run
from app.ui.runs import Runs
from app.ui.server import Server
from app.ui.settings import TASKS, Settings, read_settings
from app.ui.watch import Watchers, follow
from app.verbs import COMPARE_SECONDS
from data import Picture, read_picture, write_picture
from fields import load_field

ROOT = Path(__file__).parents[1]
FOREVER = 600.0  # seconds of a fit that the test itself ends
LIMITS = Limits(megapixels=1, seconds=FOREVER)
PATIENCE = 60.0  # seconds after which a test gives up on a busy machine
QUICK = Settings(("hash",), 0.2, 0)
CHOSEN = {
    "task": "Fit", "holes": "Painted mask", "methods": ["plain", "hash"], "preset": "Quick",
    "seconds": 5, "seed": 0, "holdout": 0, "missing": 50,
}  # fmt: skip


def choose(**changed) -> Settings:
    return read_settings(LIMITS, **(CHOSEN | changed))


# --- settings ---


def test_settings_are_what_the_controls_say():
    assert choose() == Settings(("plain", "hash"), 3.0, 0)
    assert choose(preset="Custom", seconds=7).seconds == 7
    assert choose(holdout=25).holdout == 0.25
    inpaint = choose(task="Inpaint")
    assert (inpaint.masked, inpaint.missing) == (True, None)
    assert choose(preset="Until done", methods=["auto"]).seconds is None
    assert choose(preset="Until done").seconds == COMPARE_SECONDS  # as `compare` does
    noisy = choose(task="Denoise", sigma=12, noise=25, holdout=25)
    assert (noisy.denoise, noisy.sigma, noisy.noise, noisy.holdout) == (True, None, 25, None)
    assert choose(task="Denoise", level="I know it", sigma=12, noise=0).sigma == 12
    larger = choose(task="Enlarge", scale=2.5, blur="gaussian", noise=25)
    assert (larger.scale, larger.blur, larger.reduce) == (2.5, "gaussian", False)
    assert larger.noise is None
    assert [choose(task=task, scale=2).task for task in TASKS] == list(TASKS)
    random = choose(task="Inpaint", holes="Random pixels", missing=90, holdout=25)
    assert (random.masked, random.missing, random.holdout) == (False, 0.9, None)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"methods": []}, "at least one method"),
        ({"methods": ["hash", "magic"]}, "'magic'"),
        ({"methods": ["plain", "positional", "fourier", "hash", "dense", "siren", "wire"]}, "most"),
        ({"preset": "Custom", "seconds": None}, "Seconds"),
        ({"preset": "Custom", "seconds": float("nan")}, "Seconds"),
        ({"preset": "Custom", "seconds": 1e9}, "Seconds"),
        ({"preset": "Custom", "seconds": 400}, "longer than the 600 s"),
        ({"seed": -1}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"holdout": 99}, "Held out"),
        ({"task": "Inpaint", "holes": "Random pixels", "missing": 100}, "Missing"),
        ({"task": "Steal"}, "task"),
        ({"holes": "All"}, "fill"),
        ({"task": "Denoise", "level": "I know it", "sigma": 0}, "deviation"),
        ({"task": "Denoise", "level": "Perhaps"}, "noise"),
        ({"task": "Denoise", "noise": 300}, "noise to add"),
        ({"task": "Enlarge", "scale": 9}, "factor"),
        ({"task": "Enlarge", "scale": None}, "factor"),
        ({"task": "Enlarge", "scale": 2.5, "reduce": True}, "must be whole"),
        ({"task": "Enlarge", "scale": 2, "blur": "motion"}, "blur"),
    ],
)
def test_what_the_page_sends_is_checked_again(changed, problem):
    with pytest.raises(ValueError, match=problem):
        choose(**changed)


@pytest.mark.parametrize(
    ("settings", "mask", "kind", "wanted"),
    [
        (
            Settings(("hash",), 3.0, 7, holdout=0.25),
            None,
            options.ImageOptions,
            {"method": "hash", "holdout": 0.25, "seconds": 3.0, "seed": 7},
        ),
        (
            Settings(("fourier",), 3.0, 0, masked=True),
            Path("my mask.png"),
            options.InpaintOptions,
            {"method": "fourier", "mask": Path("my mask.png")},
        ),
        (
            Settings(("fourier",), 3.0, 0, missing=0.9),
            None,
            options.InpaintOptions,
            {"missing": 0.9, "mask": None},
        ),
        (
            Settings(("plain", "hash"), 0.5, 0, masked=True),
            Path("m.png"),
            options.CompareOptions,
            {"methods": ("plain", "hash"), "mask": Path("m.png"), "seconds": 0.5},
        ),
        (
            Settings(("auto",), None, 0, denoise=True, sigma=12.5),
            None,
            options.DenoiseOptions,
            {"method": "auto", "sigma": 12.5, "noise": None, "seconds": None},
        ),
        (
            Settings(("auto",), 3.0, 0, scale=2.5, blur="gaussian"),
            None,
            options.UpscaleOptions,
            {"scale": 2.5, "blur": "gaussian", "reduce": False},
        ),
        (
            Settings(("auto", "hash"), 3.0, 0, denoise=True, noise=25),
            None,
            options.CompareOptions,
            {"methods": ("auto", "hash"), "task": "denoise", "noise": 25, "scale": None},
        ),
        (
            Settings(("auto", "hash"), 3.0, 0, scale=2, reduce=True),
            None,
            options.CompareOptions,
            {"methods": ("auto", "hash"), "task": "upscale", "scale": 2, "reduce": True},
        ),
    ],
)
def test_the_command_shown_is_one_that_the_command_line_takes(settings, mask, kind, wanted):
    program, verb, *args = shlex.split(settings.command(Path("a photo.png"), mask))
    read = tyro.cli(kind, args=args)
    assert program == "fieldfit"
    assert kind.__name__ == f"{verb.title()}Options"
    assert {name: getattr(read, name) for name in wanted} == wanted


# --- masks ---


@pytest.fixture
def spots(rng) -> np.ndarray:
    return (torch.rand(13, 17, generator=rng) > 0.8).numpy()


@pytest.mark.parametrize("size", [(13, 17), (40, 51), (131, 97), (26, 34)])
def test_a_mask_survives_being_enlarged_and_shrunk(spots, size):
    assert (masks.shrink(masks.enlarge(spots, size), spots.shape) == spots).all()


def test_shrinking_loses_no_hair(rng):
    fine = (torch.rand(100, 130, generator=rng) > 0.99).numpy()
    small = masks.shrink(fine, (10, 13))
    assert (masks.enlarge(small, fine.shape) >= fine).all()


def test_what_was_not_painted_over_stays_sharp(rng):
    base = (torch.rand(100, 130, generator=rng) > 0.99).numpy()
    painted = masks.shrink(base, (10, 13))
    painted[3, 4] = ~painted[3, 4]
    merged = masks.merge(base, painted, base.shape)
    assert (merged[30:40, 40:50] == painted[3, 4]).all()
    merged[30:40, 40:50] = base[30:40, 40:50]
    assert (merged == base).all()


def test_a_mask_of_nothing_or_of_everything_is_refused(spots):
    assert masks.check(spots) is spots
    for one in (np.zeros_like(spots), np.ones_like(spots)):
        with pytest.raises(ValueError, match="marked"):
            masks.check(one)


def test_the_painter_gives_back_what_it_was_given(spots):
    assert (decode(encode(spots), spots.shape) == spots).all()
    assert not decode("", spots.shape).any()
    assert encode(None) == encode(np.zeros_like(spots)) == ""


@pytest.mark.parametrize(
    "value",
    ["data:image/png;base64,AAAA", "data:image/png;base64,???", "x" * 9_000_000, 7, ["a"]],
)
def test_a_mask_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="Clear"):
        decode(value, (4, 4))


def test_a_mask_of_another_picture_is_refused(spots):
    with pytest.raises(ValueError, match="does not belong"):
        decode(encode(spots), (17, 13))


# --- pictures ---


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_preview_shows_every_kind_of_picture(channels, dtype):
    pixels = np.full((40, 30, channels), np.iinfo(dtype).max // 2, dtype)
    image = preview(Picture(pixels), 20)
    assert image.size == (15, 20)
    assert image.mode == ("RGB" if channels > 2 else "L")
    wanted = 127 if channels in (1, 3) else 127 * 0.5 + 255 * 0.5  # half of it over white
    assert abs(np.asarray(image).mean() - wanted) < 2


def test_a_small_picture_is_its_own_preview():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert (np.asarray(preview(Picture(pixels))) == pixels).all()


def test_a_preview_keeps_the_colour_profile_of_colours_only():
    profile = b"\0" * 16 + b"RGB " + b"\0" * 108
    for channels, wanted in ((3, profile), (1, None)):
        image = flat(np.zeros((4, 4, channels), np.uint8))
        assert Image.open(io.BytesIO(jpeg(image, profile))).info.get("icc_profile") == wanted


def test_only_the_last_pictures_are_kept():
    originals = Originals()
    picture = Picture(np.zeros((4, 4, 3), np.uint8))
    kept = [originals.add(Original(f"{i}.png", picture)) for i in range(MAX_ORIGINALS + 1)]
    assert originals.find(kept[-1].id) is kept[-1]
    assert len({o.id for o in kept}) == len(kept)
    with pytest.raises(ValueError, match="no longer has this picture"):
        originals.get(kept[0].id)
    with pytest.raises(ValueError, match="Drop a photo first"):
        originals.get(None)


# --- runs ---


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server that is closed in the end, its kernels as they are."""
    monkeypatch.setattr(server_module, "_warm_up", lambda: None)
    cache = tmp_path / "cache"
    cache.mkdir()
    given = options.AppOptions(runs=tmp_path / "runs", max_megapixels=1)
    server = Server.of(given, cache)
    server.runs.start()
    yield server
    server.runs.close()


@pytest.fixture
def original(server, waves) -> Original:
    picture = Picture.from_tensor(waves(24, 32))
    return server.originals.add(Original("waves <b>.png", picture))


def wait_for(run: Run, *states: str) -> None:
    version = -1
    for _ in range(10_000):
        if run.state in states:
            return
        version = run.wait(version, PATIENCE)
    pytest.fail(f"the run is {run.state}, not {' or '.join(states)}")


def wait_for_step(run: Run, step: int) -> None:
    version = -1
    while not all(m.step >= step for m in run.now):
        before, version = version, run.wait(version, PATIENCE)
        assert version != before, "the run stands still"


def begin(server, original, methods=("hash",), seconds=FOREVER, **changed) -> Run:
    return server.begin(original, Settings(tuple(methods), seconds, 0, **changed))


def test_a_run_is_done_and_leaves_what_the_command_line_leaves(server, original):
    run = begin(server, original, ("plain", "hash"), 0.2)
    wait_for(run, "done")
    folder = run.folder.path
    names = {path.name for path in folder.iterdir()}
    assert names >= {"run.json", "report.html", "result.png", "field.safetensors", "input.png"}
    document = json.loads((folder / "run.json").read_text())
    assert document["command"] == run.command
    assert [r["method"] for r in document["runs"]] == run.methods
    assert (read_picture(folder / "input.png").pixels == original.picture.pixels).all()
    assert run.best in run.methods
    assert run.job is None  # and with it the picture and the fields


def test_runs_are_done_in_turn_and_say_where_they_are(server, original):
    first, second = begin(server, original), begin(server, original)
    wait_for(first, "running")
    assert second.state == "queued"
    assert [server.runs.before(r) for r in (first, second)] == [0, 1]
    assert server.runs.newest_first() == [second, first]
    first.stop()
    wait_for(second, "running")
    assert first.state == "stopped"
    assert server.runs.before(second) == 0


def test_stop_keeps_what_was_fitted(server, original):
    run = begin(server, original)
    wait_for_step(run, 5)
    run.stop()
    wait_for(run, "stopped")
    assert run.has_results
    assert run.document["end"] == "interrupted"
    assert load_field(run.folder.path / "field.safetensors").info["method"] == "hash"


def test_a_run_that_waits_can_leave_the_queue(server, original):
    first, second = begin(server, original), begin(server, original)
    wait_for(first, "running")
    second.stop()
    assert second.state == "stopped"
    assert not second.has_results
    assert not second.folder.path.exists()
    assert "before it began" in views.news(second, 0)


def test_pause_holds_and_resume_goes_on(server, original):
    run = begin(server, original, ("plain", "hash"))
    wait_for_step(run, 1)
    run.pause(True)
    wait_for(run, "paused")
    steps, version = [m.step for m in run.now], run.version
    assert run.wait(version, 0.5) == version
    assert [m.step for m in run.now] == steps
    run.pause(False)
    wait_for_step(run, max(steps) + 1)
    assert run.state == "running"


def test_a_paused_run_can_be_stopped(server, original):
    run = begin(server, original)
    wait_for_step(run, 1)
    run.pause(True)
    wait_for(run, "paused")
    run.stop()
    wait_for(run, "stopped")
    assert run.has_results


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ValueError("The field is too large."), "The field is too large."),
        (MemoryError(), "ran out of memory"),
        (RuntimeError("secret path"), "fault of ours"),
    ],
)
def test_a_fit_that_fails_says_so_and_the_next_is_done(
    server, original, monkeypatch, capsys, error, problem
):
    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "fit_job", fail)
        run = begin(server, original)
        wait_for(run, "failed")
    assert problem in views.news(run, 0)
    assert "secret" not in views.log(run, 0)
    assert ("Traceback" in capsys.readouterr().err) == isinstance(error, RuntimeError)
    wait_for(begin(server, original, seconds=0.2), "done")


def test_the_queue_has_an_end(server, original):
    runs = [begin(server, original) for _ in range(MAX_WAITING + 1)]
    wait_for(runs[0], "running")
    extra = [begin(server, original) for _ in range(MAX_WAITING - len(server.runs.waiting()))]
    with pytest.raises(ValueError, match="waiting already"):
        begin(server, original)
    assert len(server.runs.waiting()) == MAX_WAITING
    del extra


def test_only_the_last_runs_are_kept_and_files_stay(server, original):
    first = begin(server, original, seconds=0.2)
    wait_for(first, "done")
    for _ in range(MAX_KEPT):
        run = begin(server, original)
        run.stop()
    assert len(server.runs.newest_first()) == MAX_KEPT
    assert server.runs.find(first.id) is None
    assert (first.folder.path / "run.json").exists()


def test_a_run_is_deleted_with_its_files_once_it_is_over(server, original):
    run = begin(server, original)
    wait_for_step(run, 1)
    with pytest.raises(ValueError, match="stop it first"):
        server.delete(run)
    run.stop()
    wait_for(run, "stopped")
    taken = server.taken(run, "hash")
    server.delete(run)
    assert server.runs.find(run.id) is None
    assert not run.folder.path.exists()
    assert not taken.picture.exists()
    server.delete(run)  # twice does no harm


def test_closing_saves_the_run_that_is_being_fitted(server, original):
    run, waiting = begin(server, original), begin(server, original)
    wait_for_step(run, 1)
    server.runs.close()
    assert run.state == "stopped"
    assert (run.folder.path / "run.json").exists()
    assert waiting.state == "stopped"


def test_a_fit_waits_for_the_kernels_and_says_so(server, original):
    warm = threading.Event()
    runs = Runs(warm.wait)
    server.runs, before = runs, server.runs
    before.close()
    runs.start()
    run = begin(server, original)
    wait_for(run, "warming up")
    assert "compiled" in views.news(run, 0)
    warm.set()
    wait_for(run, "running")
    runs.close()


def test_a_page_that_turns_to_another_run_lets_go_of_the_first(server, original):
    first, second = begin(server, original), begin(server, original)
    watchers = Watchers()
    looks = follow(first, watchers.turn("page"))
    next(looks)
    elsewhere = follow(first, watchers.turn("another page"))
    next(elsewhere)
    next(follow(second, watchers.turn("page")))
    assert next(looks, "ended") == "ended"
    assert next(elsewhere, "ended") != "ended"


def test_following_shows_the_end_with_its_charts(server, original):
    run = begin(server, original, seconds=0.2)
    looks = list(follow(run, Watchers().turn("page")))
    assert run.over
    assert looks[-1] is True


# --- the server ---


def test_an_upload_is_read_at_full_depth_and_its_place_is_not_told(server, tmp_path):
    pixels = np.arange(6 * 8 * 3, dtype=np.uint16).reshape(6, 8, 3) * 400
    write_picture(tmp_path / "deep.png", Picture(pixels))
    assert (server.take(str(tmp_path / "deep.png")).picture.pixels == pixels).all()
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ValueError, match="not a picture") as refusal:
        server.take(str(tmp_path / "text.png"))
    assert str(refusal.value).startswith("text.png: ")


def test_a_picture_over_the_limit_is_refused(server, tmp_path):
    Image.new("1", (1001, 1000)).save(tmp_path / "large.png")
    with pytest.raises(ValueError, match="over the limit"):
        server.take(str(tmp_path / "large.png"))


def test_only_what_is_masked_is_filled(server, original, spots):
    original.mask = masks.enlarge(spots, original.size)
    run = begin(server, original, ("hash",), 0.2, masked=True)
    wait_for(run, "done")
    result = read_picture(run.folder.path / "result.png").pixels
    kept = ~original.mask
    assert (result[kept] == original.picture.pixels[kept]).all()
    assert (result[original.mask] != original.picture.pixels[original.mask]).any()
    saved = np.asarray(Image.open(run.folder.path / "mask.png"))
    assert (saved == original.mask).all()
    assert "mask.png" in run.command


def test_inpainting_needs_a_mask(server, original):
    with pytest.raises(ValueError, match="Paint over"):
        begin(server, original, masked=True)
    assert server.runs.newest_first() == []


def test_a_tiff_gives_a_tiff_to_take_away(server, tmp_path, waves):
    write_picture(tmp_path / "deep.tif", Picture.from_tensor(waves(24, 32), depth=16))
    run = begin(server, server.take(str(tmp_path / "deep.tif")), seconds=0.1)
    wait_for(run, "done")
    taken = server.taken(run, "hash")
    assert taken.picture.suffix == ".tiff"
    assert read_picture(taken.picture).depth == 16
    assert read_picture(taken.after).pixels.shape == (24, 32, 3)


def test_what_can_be_taken_away_is_whole_and_of_one_method(server, original):
    run = begin(server, original, ("plain", "hash"), 0.2)
    wait_for(run, "done")
    taken = server.taken(run, "plain")
    assert server.taken(run, "plain") == taken
    assert load_field(taken.field).info["method"] == "plain"
    wanted = (run.folder.path / "plain" / "result.png").read_bytes()
    assert taken.picture.read_bytes() == wanted
    assert taken.report.read_text().lstrip().lower().startswith("<!doctype html")
    for path in (taken.before, taken.after):
        assert read_picture(path).pixels.shape == (24, 32, 3)
    assert all(server.cache in path.parents for path in taken)


def test_the_before_picture_shows_what_was_hidden(server, original):
    run = begin(server, original, ("hash",), missing=0.5)
    before = np.asarray(Image.open(io.BytesIO(run.before)).convert("RGB")).astype(int)
    assert before.shape == (24, 32, 3)
    assert max(before.shape) <= SHOWN_SIDE
    grey = (abs(before - server_module.HOLE) < 40).all(-1).mean()
    assert 0.3 < grey


# --- noise and size ---


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(
    ("chosen", "size"),
    [
        ({"denoise": True, "noise": 20}, (24, 32)),
        ({"denoise": True}, (24, 32)),
        ({"scale": 2.5}, (60, 80)),
        ({"scale": 2.0, "reduce": True, "blur": "gaussian"}, (24, 32)),
        ({"missing": 0.3}, (24, 32)),
    ],
)
def test_the_command_shown_does_the_same(server, original, tmp_path, capsys, chosen, size):
    run = begin(server, original, ("auto",), None, **chosen)
    wait_for(run, "done")
    result = run.folder.path / "result.png"
    assert read_picture(result).pixels.shape == (*size, 3)
    assert run.size == size
    assert main([*shlex.split(run.command)[1:], "--out", str(tmp_path / "again")]) == 0
    assert result.read_bytes() == (tmp_path / "again" / "result.png").read_bytes()
    again = json.loads((tmp_path / "again" / "run.json").read_text())
    assert run.document["options"].items() <= again["options"].items()
    for key in ("verb", "why", "metrics", "drawn", "sigma"):
        assert run.document.get(key) == again.get(key)
    taken = server.taken(run, "auto")
    for path in (taken.before, taken.after):
        assert read_picture(path).pixels.shape == (*size, 3)
    assert f"<b>auto</b> chose {run.document['why']}" in views.about(run, "auto")


def test_what_was_asked_for_needs_no_reason(server, original):
    run = begin(server, original, ("hash", "auto"), 0.2, denoise=True, noise=20)
    wait_for(run, "done")
    assert "chose" not in views.about(run, "hash")
    assert "chose" in views.about(run, "auto")
    assert "Noise: standard deviation 20.0" in views.about(run, "hash")
    assert "PSNR to the clean picture" in views.charts(run)
    caption = views.caption(run.now[0]).replace("\u00a0", " ")
    clean = run.document["runs"][0]["metrics"]["clean_psnr"]
    assert f"hash · {clean:.1f} dB" in caption
    assert "dB to the input" in views.detail(run.now[0]).replace("\u00a0", " ")


def test_noise_that_was_added_is_seen_before(server, original):
    run = begin(server, original, denoise=True, noise=40)
    before = np.asarray(Image.open(io.BytesIO(run.before))).astype(float)
    assert (before - original.picture.pixels).std() > 20


def test_a_large_result_is_compared_pixel_by_pixel(server, original, monkeypatch):
    monkeypatch.setattr(server_module, "SHOWN_SIDE", 40)
    run = begin(server, original, ("hash",), 0.2, scale=3.0)
    wait_for(run, "done")
    taken = server.taken(run, "hash")
    before, after = (read_picture(p).pixels.astype(int) for p in (taken.before, taken.after))
    assert before.shape == after.shape == (40, 40, 3)
    result = read_picture(taken.picture).pixels[16:56, 28:68].astype(int)
    assert abs(after - result).mean() < 6
    assert abs(before - result).mean() < 12  # the same part of the picture
    assert "pixel by pixel" in views.sides(run, 40)


def test_a_picture_is_not_made_larger_than_the_limit(server):
    large = server.originals.add(Original("a.png", Picture(np.zeros((600, 900, 1), np.uint8))))
    with pytest.raises(ValueError, match="take a smaller factor"):
        begin(server, large, scale=4.0)
    assert server.runs.newest_first() == []


# --- what is shown ---


@pytest.fixture
def finished(server, original) -> Run:
    run = begin(server, original, ("plain", "hash"), 0.3)
    wait_for(run, "done")
    return run


def test_captions_say_method_decibels_and_seconds():
    moment = Moment("hash", 640, 1.234, 0.5, 1.2, {"psnr": 34.06, "heldout_psnr": 27.3})
    assert views.caption(moment).replace("\u00a0", " ") == "hash · 34.1 dB · 1.2 s"
    detail = views.detail(moment).replace("\u00a0", " ")
    assert detail == "step 640 · 1.2 s left · 27.3 dB on hidden pixels"


def test_tiles_show_each_method_with_a_picture_that_can_be_heard(finished):
    html = views.tiles(finished.now, finished.size, "title")
    for method in ("plain", "hash"):
        assert f'data-method="{method}"' in html
        assert f'alt="{method} ·' in html
    assert html.count("data:image/jpeg;base64,") == 2
    assert html.count("ff-lead") == 1


def test_nobody_leads_before_all_have_begun(finished):
    assert "ff-lead" not in views.tiles([finished.now[0], Moment("hash")], (2, 3), "title")
    assert "ff-blank" in views.tiles([Moment("hash")], (2, 3), "title")


def test_names_of_files_are_text(finished):
    shown = [
        views.tiles(finished.now, finished.size, finished.name),
        views.cards([finished]),
        views.photo("data:,", finished.name, "8 bit"),
        views.command("fieldfit image '<i>'"),
    ]
    assert "<b>.png" in finished.name
    assert not any("<b>.png" in html or "<i>'" in html for html in shown)


def test_looking_back_goes_from_coarse_to_fine(finished):
    (start, first), (end, last) = views.past(finished, 0, 100), views.past(finished, 100, 100)
    assert ([m.step for m in start], first) == ([0, 0], 0.0)
    assert ([m.step for m in end], last) == ([m.step for m in finished.now], None)
    places = [views.past(finished, place, 100)[0] for place in range(101)]
    steps = np.array([[m.step for m in moments] for moments in places])
    assert (np.diff(steps, axis=0) >= 0).all()
    assert len(np.unique(steps[:, 1])) > 2


def test_charts_have_a_curve_and_a_heat_map_for_each_method(finished):
    html = views.charts(finished)
    for method in ("plain", "hash"):
        assert f'<figure class="ff-map" data-method="{method}"' in html
        assert f'class="curve" data-name="{method}"' in html


def test_what_was_hidden_is_what_the_curves_measure(server, original):
    run = begin(server, original, ("hash",), 0.2, holdout=0.25)
    wait_for(run, "done")
    assert "PSNR on hidden pixels" in views.charts(run)


def test_the_list_invites_when_it_is_empty():
    assert "No runs yet" in views.cards([])


# --- serving ---


def test_other_machines_need_a_password():
    assert check_access("127.0.0.1", None) is None
    assert check_access("localhost", None) is None
    assert check_access("0.0.0.0", "ada:byron") == ("ada", "byron")
    for host, auth in (("0.0.0.0", None), ("example.org", None), ("::1", "ada"), ("::1", ":b")):
        with pytest.raises(ValueError, match="--auth"):
            check_access(host, auth)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_limits_must_be_limits(value):
    with pytest.raises(ValueError, match="--max-seconds"):
        check_limits(options.AppOptions(max_seconds=value))


def test_a_port_that_is_taken_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        if port < 65535:
            assert free_port("127.0.0.1", port) > port
    with pytest.raises(ValueError, match="--port"):
        free_port("127.0.0.1", 0)
    with pytest.raises(ValueError, match="cannot listen"):
        free_port("192.0.2.1", 7860)


def test_uploads_lie_where_only_this_user_can_look(monkeypatch):
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")
    with private_cache() as cache:
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700
        assert os.environ["GRADIO_TEMP_DIR"] == str(cache)
        assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
        (cache / "upload.png").touch()
    assert not cache.exists()


def test_a_missing_gradio_is_named_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "app.ui.serving", raising=False)
    with pytest.raises(ValueError, match="pip install"):
        import_serve()


def test_help_waits_for_no_gradio():
    script = (
        "import sys, app.cli, app.page; app.cli.main(['--help']); app.cli.main(['app', '--help'])\n"
        "sys.exit('gradio' in sys.modules or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
