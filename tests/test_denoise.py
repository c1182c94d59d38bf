"""`fieldfit denoise` on real files, through the real command line."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data

from app.charts import clean_curve, stop_curve
from app.cli import main
from app.denoise import make_noisy
from app.race import Entrant, Plan
from app.report import report_html
from app.trace import Trace
from data import Picture, read_picture, write_picture
from fields import FitConfig, Snapshot, load_field, method_config
from fields.spectrum import band_power, bands
from fields.stopping import Discrepancy, HeldOut, Point

pytestmark = pytest.mark.usefixtures("handlers")


def camera(side=96):
    return data.camera()[100 : 100 + side, 190 : 190 + side]


def save(path, pixels):
    write_picture(path, Picture(pixels if pixels.ndim == 3 else pixels[..., None]))
    return path


@pytest.fixture
def clean(tmp_path):
    return save(tmp_path / "clean.png", camera())


@pytest.fixture
def noisy(tmp_path):
    rng = np.random.default_rng(0)
    values = camera() + rng.normal(0, 25, (96, 96))
    return save(tmp_path / "noisy.png", values.clip(0, 255).round().astype(np.uint8))


def run(*args):
    return main([str(a) for a in args])


def denoise(tmp_path, *args):
    out = tmp_path / "out"
    assert run("denoise", *args, "--device", "cpu", "--out", out) == 0
    return json.loads((out / "run.json").read_text()), out


def psnr(a, b):
    return -10 * np.log10(((a / 255.0 - b / 255.0) ** 2).mean())


def test_it_removes_noise(noisy, tmp_path, capfd):
    found, out = denoise(tmp_path, noisy, "--method", "hash")
    result = read_picture(out / "result.png").pixels[..., 0]
    before = psnr(read_picture(noisy).pixels[..., 0], camera())
    assert psnr(result, camera()) > before + 4
    assert found["verb"] == "denoise"
    assert found["sigma"] == pytest.approx(25, rel=0.15)
    assert found["sigma_is"] == "estimated"
    assert found["end"] == "heldout"
    stop = found["stop"]
    assert stop["rule"] == "heldout"
    assert 0 < stop["step"] < found["steps"]
    curve = stop["curve"]
    assert len(curve["step"]) == len(curve["value"]) == len(curve["seconds"])
    assert curve["value"][curve["step"].index(stop["step"])] <= 1.05 * min(curve["value"])
    assert "clean_psnr" not in found["metrics"]
    said = capfd.readouterr()
    assert f"step {stop['step']} of {found['steps']} kept" in said.out
    report = (out / "report.html").read_text()
    assert "Before the noise is learned" in report
    assert "error on held-out pixels" in report
    assert "PSNR to the clean picture" not in report


def test_a_clean_picture_only_measures(noisy, clean, tmp_path):
    blind, one = denoise(tmp_path / "a", noisy, "--method", "hash")
    seen, two = denoise(tmp_path / "b", noisy, "--method", "hash", "--clean", clean)
    assert (one / "result.png").read_bytes() == (two / "result.png").read_bytes()
    assert blind["stop"]["curve"]["value"] == seen["stop"]["curve"]["value"]
    result = read_picture(two / "result.png").pixels[..., 0]
    assert seen["metrics"]["clean_psnr"] == pytest.approx(psnr(result, camera()), abs=0.05)
    assert 0.5 < seen["metrics"]["clean_ssim"] < 1
    oracle = seen["stop"]["oracle"]
    assert oracle["clean_psnr"] == max(seen["stop"]["clean"]["clean_psnr"])
    assert seen["metrics"]["clean_psnr"] > oracle["clean_psnr"] - 0.7
    assert "clean_psnr" in seen["history"][-1]
    report = (two / "report.html").read_text()
    assert "PSNR to the clean picture" in report
    assert "best: step" in report or "kept and best" in report


def test_noise_can_be_added_to_try_it(clean, tmp_path):
    found, _ = denoise(tmp_path, clean, "--noise", "25")
    assert found["sigma"] == 25
    assert found["sigma_is"] == "added"
    assert found["metrics"]["psnr"] < 23  # against the noisy picture
    assert found["metrics"]["clean_psnr"] > 24.5
    again, _ = denoise(tmp_path / "again", clean, "--noise", "25")
    assert again["metrics"] == found["metrics"]


def test_discrepancy_takes_the_given_sigma(noisy, tmp_path):
    found, _ = denoise(tmp_path, noisy, "--stop", "discrepancy", "--sigma", "25")
    assert found["method"] == "hash"  # auto would take none that is stopped
    assert found["end"] == "discrepancy"
    assert found["sigma"] == 25
    assert found["stop"]["limit"] == pytest.approx((25 / 255) ** 2)
    assert found["config"]["stop"] == "discrepancy"


def test_sixteen_bits_and_alpha(tmp_path):
    rng = np.random.default_rng(0)
    colour = np.stack([camera(48)] * 3, -1) + rng.normal(0, 20, (48, 48, 3))
    alpha = np.zeros((48, 48, 1))
    alpha[:, 24:] = 255
    pixels = (257 * np.concatenate([colour.clip(0, 255), alpha], -1)).astype(np.uint16)
    path = save(tmp_path / "deep.png", pixels)
    found, out = denoise(tmp_path, path, "--steps", "60")
    result = read_picture(out / "result.png").pixels
    assert result.dtype == np.uint16
    assert np.array_equal(result[..., 3], pixels[..., 3])  # bit for bit
    assert (result[..., :3] != pixels[..., :3]).mean() > 0.9
    assert found["sigma"] == pytest.approx(20, rel=0.2)
    assert load_field(out / "field.safetensors").field.out_dim == 4


def test_a_run_can_be_repeated(noisy, tmp_path):
    first, one = denoise(tmp_path / "a", noisy, "--method", "dense", "--seed", "3")
    again, two = denoise(tmp_path / "b", noisy, "--config", one / "run.json")
    assert again["config"] == first["config"]
    assert (one / "result.png").read_bytes() == (two / "result.png").read_bytes()


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--sigma", "0"], "--sigma"),
        (["--sigma", "300"], "--sigma"),
        (["--noise", "nan"], "--noise"),
        (["--method", "hash", "--stop", "variance"], "unsound"),
        (["--method", "nothing"], "unknown method"),
        (["--clean", "absent.png"], "absent.png"),
    ],
)
def test_bad_flags_give_one_line(noisy, tmp_path, capfd, flags, word):
    assert run("denoise", noisy, *flags, "--out", tmp_path / "out") == 2
    said = capfd.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert word in said[0]
    assert not (tmp_path / "out").exists()


def test_help_shows_the_knobs_as_they_are_here(capfd):
    assert run("denoise", "--method", "siren", "--help") == 0
    said = capfd.readouterr().out
    assert "constant" in said
    assert "(default: 0.0001)" in said  # of --lr


def test_a_clean_picture_must_fit(noisy, tmp_path, capfd):
    other = save(tmp_path / "other.png", camera(64))
    assert run("denoise", noisy, "--clean", other) == 2
    assert "96x96" in capfd.readouterr().err
    assert run("denoise", noisy, "--clean", noisy, "--noise", "5") == 2
    assert "exclude each other" in capfd.readouterr().err


def test_what_is_added_is_not_cut_off():
    white = Picture(np.full((64, 64, 1), 255, np.uint8))
    noisy = make_noisy(white, noise=20)
    assert float(noisy.task.pixels.mean()) == pytest.approx(1, abs=0.01)
    assert float(noisy.task.pixels.std()) == pytest.approx(20 / 255, rel=0.05)
    assert torch.equal(noisy.clean.rows(slice(0, 2)), torch.ones(2, 64, 1))


def test_an_interrupted_run_goes_back_too():
    noisy = make_noisy(Picture(camera(48)[..., None]), noise=25)
    config = replace(method_config("hash", noisy.task)[0], device="cpu", steps=5000)
    entrant = Entrant(noisy.task, Plan("hash", config, ""), noisy.clean)
    while entrant.trace.steps < 60 or entrant.trace.stop.chosen.step > 0.8 * entrant.trace.steps:
        entrant.advance()
    assert not entrant.done
    entrant.close()
    stop = entrant.trace.stop
    x, values = noisy.task.sample(True, 2**14)
    with torch.no_grad():
        error = float((entrant.field(x) - values).square().mean())
    assert error == pytest.approx(stop.chosen.value, rel=1e-4)
    assert entrant.trace.end == "interrupted"
    assert entrant.trace.clean[0][0] == 1


def test_one_pixel_in_twenty_is_held_out():
    task = make_noisy(Picture(np.zeros((40, 50, 3), np.uint8)), sigma=10).task
    assert int(task.heldout.sum()) == 100
    assert torch.equal(task.known, ~task.heldout)
    assert task.sigma == pytest.approx(10 / 255)


# --- what is drawn of it ---


def stopped(rule, chosen, clean=()):
    rule.points = [Point(i, i / 10, 0.02 + 0.001 * abs(i - 6)) for i in range(1, 12)]
    rule.chosen = rule.points[chosen]
    frame = torch.zeros(16, 16, 1, dtype=torch.uint8)
    edges = bands(16, 16)
    trace = Trace("hash", "hash, as asked.", FitConfig(), edges, band_power(frame / 255, edges))
    errors = (1.0,) * (len(edges) - 1)
    trace.snapshots.append(Snapshot(11, 1.1, 0.1, frame, {"psnr": 20.0}, errors))
    trace.stop, trace.clean, trace.end, trace.seconds = rule, list(clean), rule.name, 1.1
    return trace


def rule_of(kind, limit=None):
    return kind(torch.zeros(1, 2), torch.zeros(1, 1), limit)


def test_the_chart_marks_what_was_kept():
    trace = stopped(rule_of(HeldOut), 5)
    svg = stop_curve(trace)
    assert svg.count('class="mark"') == 1
    assert "kept: step 6" in svg
    assert "held-out pixels" in svg


def test_the_other_chart_marks_the_best_in_hindsight():
    points = [(i, i / 10, 25.0 - 0.2 * abs(i - 8)) for i in range(1, 12)]
    svg = clean_curve(stopped(rule_of(HeldOut), 5, points))
    assert svg.count('class="mark"') == 2
    assert "best: step 8" in svg
    assert "kept: step 6" in svg
    same = clean_curve(stopped(rule_of(HeldOut), 7, points))
    assert same.count('class="mark"') == 1
    assert "kept and best: step 8" in same


def test_the_report_says_what_stopped_it():
    page = report_html(
        title="x.png", verb="denoise", command="fieldfit denoise x.png",
        target=torch.zeros(16, 16, 1, dtype=torch.uint8),
        traces=[stopped(rule_of(Discrepancy, limit=0.021), 4)], machine={}, notes=["Noise: 12."],
    )
    assert "was stopped before the noise" in page
    assert "noise is left over" in page
    assert "Noise: 12." in page
    assert "the dashed line" in page
