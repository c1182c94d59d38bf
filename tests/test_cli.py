"""The real command line on real files: what it writes, what it says, and how it ends."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli import VERBS, main
from data import Picture, read_picture, write_picture
from fields import load_field

ROOT = Path(__file__).parents[1]
KEYS = {
    "fieldfit", "verb", "input", "method", "config", "device", "backend", "seed", "steps",
    "seconds", "parameters", "metrics", "files",
}  # the contract
QUICK = ["--steps", "20", "--device", "cpu", "--field.encoding.levels", "4"]


pytestmark = pytest.mark.usefixtures("handlers")


@pytest.fixture
def photo(tmp_path, waves):
    path = tmp_path / "photo.png"
    write_picture(path, Picture.from_tensor(waves(40, 60)))
    return path


@pytest.fixture
def mask(tmp_path):
    path = tmp_path / "mask.png"
    white = np.zeros((40, 60), np.uint8)
    white[10:20, 20:40] = 255
    Image.fromarray(white).save(path)
    return path


def run(*args: str | Path) -> int:
    return main([str(a) for a in args])


def command(*args: str | Path, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, args)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )


def document(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_knobs_are_kept_apart_from_inputs_and_in_the_command(photo, tmp_path):
    out = tmp_path / "out"
    words = ["inpaint", photo, "--missing", "0.5", "--solver.passes", "1", "--out", out]
    assert run(*words) == 0
    found = document(out)
    assert found["config"]["solver"]["passes"] == 1
    assert found["command"] == shlex.join(["fieldfit", *map(str, words)])


def test_help_is_quick():
    """No heavy library is loaded for it: each takes seconds."""
    heavy = ["torch", "gradio", "open3d", "numba", "numpy", "plotly", "skimage"]
    for args in (["--help"], *([verb, "--help"] for verb in VERBS)):
        code = (
            "import sys\nfrom app.cli import main\n"
            f"assert main({args!r}) == 0\n"
            f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
        )
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert found.stderr.strip() == "[]"
        assert found.stdout.startswith("usage: fieldfit")


def test_the_engine_runs_without_the_faces():
    absent = ["gradio", "open3d", "numba", "triton", "plotly", "rich", "tyro", "PIL"]
    code = (
        "import sys\n"
        f"for m in {absent!r}: sys.modules[m] = None\n"
        "import torch\nfrom fields import ImageTask, fit, method_config\n"
        "task = ImageTask(torch.rand(8, 8, 3))\n"
        "config, _ = method_config('hash', task)\n"
        "print(next(fit(task, config)).backend)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "torch"


def test_image_writes_all_it_promises(photo, tmp_path, capfd):
    out = tmp_path / "out"
    assert run("image", photo, "--method", "hash", *QUICK, "--out", out) == 0
    assert names(out) == {"result.png", "field.safetensors", "run.json", "report.html", "progress"}
    found = document(out)
    assert set(found) >= KEYS
    assert set(found["seconds"]) == {"load", "fit", "export", "total"}
    assert found["verb"] == "image"
    assert found["method"] == "hash"
    assert found["steps"] == 20
    assert {"psnr", "ssim"} == set(found["metrics"])
    assert all((out / name).exists() for name in found["files"].values())
    assert read_picture(out / "result.png").pixels.shape == (40, 60, 3)
    assert len(list((out / "progress").iterdir())) >= 2
    said = capfd.readouterr()
    assert "psnr" in said.out
    assert "step" in said.err


def test_the_reported_psnr_is_that_of_the_result(photo, tmp_path):
    out = tmp_path / "out"
    run("image", photo, "--method", "hash", *QUICK, "--out", out)
    a, b = (read_picture(p).pixels / 255.0 for p in (photo, out / "result.png"))
    psnr = -10 * np.log10(((a - b) ** 2).mean())
    assert document(out)["metrics"]["psnr"] == pytest.approx(psnr, abs=0.1)


def test_json_is_the_only_line(photo, tmp_path, capfd):
    out = tmp_path / "out"
    assert run("image", photo, "--method", "hash", *QUICK, "--json", "--out", out) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0]) == document(out)


def test_auto_says_what_it_chose(photo, tmp_path, capfd):
    out = tmp_path / "out"
    assert run("image", photo, "--steps", "3", "--out", out) == 0
    assert document(out)["method"] == "auto"
    assert document(out)["why"].startswith("hash, since")
    assert "auto chose hash" in capfd.readouterr().out


def test_holdout_is_measured(photo, tmp_path):
    out = tmp_path / "out"
    run("image", photo, "--method", "fourier", "--steps", "5", "--holdout", "0.5", "--out", out)
    assert {"psnr", "heldout_psnr", "heldout_ssim"} <= set(document(out)["metrics"])


def test_inpaint_leaves_what_is_known_alone(photo, mask, tmp_path):
    out = tmp_path / "out"
    assert run("inpaint", photo, mask, "--method", "fourier", "--steps", "5", "--out", out) == 0
    before, after = (read_picture(p).pixels for p in (photo, out / "result.png"))
    hole = np.zeros((40, 60), bool)
    hole[10:20, 20:40] = True
    assert np.array_equal(before[~hole], after[~hole])
    assert not np.array_equal(before[hole], after[hole])
    assert "heldout_psnr" not in document(out)["metrics"]  # what lies under a mask is unknown


def test_inpaint_without_a_mask_hides_pixels(photo, tmp_path):
    out = tmp_path / "out"
    assert run("inpaint", photo, "--missing", "0.3", "--steps", "5", "--out", out) == 0
    before, after = (read_picture(p).pixels for p in (photo, out / "result.png"))
    changed = (before != after).any(-1).mean()
    assert 0.1 < changed <= 0.3
    assert "heldout_psnr" in document(out)["metrics"]


def test_compare_at_equal_size(photo, tmp_path):
    out, methods = tmp_path / "out", ["plain", "phase", "hash"]
    size = ["--parameters", "3000", "--steps", "3"]
    assert run("compare", photo, "--methods", *methods, *size, "--out", out) == 0
    found = [r["parameters"] for r in document(out)["runs"]]
    assert len(found) == 3
    assert all(1200 < count <= 3000 for count in found)


def test_compare_keeps_every_method_and_the_best(photo, tmp_path):
    out = tmp_path / "out"
    args = ["--methods", "plain", "hash", "--steps", "100"]
    assert run("compare", photo, *args, "--out", out) == 0
    found = document(out)
    assert [r["method"] for r in found["runs"]] == ["plain", "hash"]
    assert found["method"] == "hash"
    assert {"plain", "hash", "report.html", "run.json", "result.png"} <= names(out)
    for method in ("plain", "hash"):
        assert load_field(out / method / "field.safetensors").info["method"] == method
    report = (out / "report.html").read_text()
    assert "plain" in report
    assert "hash" in report


def test_a_run_can_be_repeated_from_its_run_json(photo, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    run("image", photo, "--method", "hash", *QUICK, "--seed", "5", "--out", first)
    run("image", photo, "--config", first / "run.json", "--out", second)
    assert document(second)["config"] == document(first)["config"]
    assert document(second)["method"] == "hash"
    a, b = (load_field(f / "field.safetensors").field for f in (first, second))
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    assert all((p == q).all() for p, q in pairs)


def test_a_comparison_is_repeated_with_each_method_s_own_settings(photo, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    args = ["compare", photo, "--methods", "plain", "dense", "--steps", "3"]
    run(*args, "--lr", "0.004", "--out", first)
    run(*args, "--config", first / "run.json", "--out", second)
    a, b = ([r["config"] for r in document(f)["runs"]] for f in (first, second))
    assert a == b
    assert a[0]["field"] != a[1]["field"]
    assert a[0]["lr"] == 0.004


def test_settings_are_not_fitted_under_another_name(photo, tmp_path, capfd):
    first = tmp_path / "a"
    run("image", photo, "--method", "hash", *QUICK, "--out", first)
    for args in (["image", photo, "--method", "siren"], ["compare", photo]):
        assert run(*args, "--config", first / "run.json", "--out", tmp_path / "b") == 2
        assert "holds the settings of hash, not of" in capfd.readouterr().err
    assert not (tmp_path / "b").exists()


def test_flags_win_over_the_config(photo, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    run("image", photo, "--method", "hash", *QUICK, "--out", first)
    run("image", photo, "--config", first / "run.json", "--steps", "7", "--lr", "0.5",
        "--out", second)
    config = document(second)["config"]
    assert (config["steps"], config["lr"]) == (7, 0.5)
    assert config["field"]["encoding"]["levels"] == 4


def test_a_part_can_be_chosen_by_name(photo, tmp_path):
    out = tmp_path / "out"
    args = ["--field.network.activation", "Sine", "--field.network.activation.omega", "2"]
    assert run("image", photo, "--method", "plain", "--steps", "2", *args, "--out", out) == 0
    activation = document(out)["config"]["field"]["network"]["activation"]
    assert (activation["type"], activation["omega"]) == ("Sine", 2.0)


def test_seconds_replace_the_steps_of_a_method(photo, tmp_path):
    out = tmp_path / "out"
    run("image", photo, "--method", "hash", "--seconds", "0.05", "--out", out)
    assert document(out)["config"]["steps"] is None
    assert document(out)["end"] == "seconds"


@pytest.mark.parametrize("depth", [8, 16])
def test_depth_and_channels_are_kept(depth, tmp_path, waves):
    path, out = tmp_path / "in.png", tmp_path / "out"
    write_picture(path, Picture.from_tensor(waves(20, 30, 4), depth=depth))
    run("image", path, "--method", "hash", "--steps", "5", "--out", out)
    result = read_picture(out / "result.png")
    assert (result.depth, result.channels) == (depth, 4)


def test_render_draws_any_size_and_part(photo, tmp_path, capfd):
    out = tmp_path / "out"
    run("image", photo, "--method", "hash", *QUICK, "--out", out)
    field = out / "field.safetensors"
    capfd.readouterr()
    for args, size in [
        ([], (40, 60)),
        (["--size", "90x"], (60, 90)),
        (["--size", "17x11"], (11, 17)),
        (["--region", "10,5,30,15", "--size", "x20"], (20, 40)),
        (["--depth", "16"], (40, 60)),
    ]:
        target = tmp_path / "drawn.png"
        assert run("render", field, *args, "--out", target) == 0
        assert read_picture(target).pixels.shape[:2] == size
    assert read_picture(target).depth == 16
    assert run("render", field) == 0
    drawn, result = (read_picture(out / n).pixels for n in ("render.png", "result.png"))
    assert np.array_equal(drawn, result)


def test_doctor_reports(capfd):
    assert run("doctor", "--json") == 0
    found = json.loads(capfd.readouterr().out)
    assert found["devices"]["cpu"]["backends"]["torch"] == "works"
    assert run("doctor") == 0
    assert "device cpu: auto takes" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["dance"], "unknown verb 'dance'"),
        (["image", "{tmp}/none.png"], "none.png"),
        (["image", "{tmp}"], ""),
        (["image", "{text}"], "text.png"),
        (["image", "{photo}", "--method", "magic"], "unknown method 'magic'; choose from auto"),
        (["image", "{photo}", "--stepz", "3"], "stepz"),
        (["image", "{photo}", "--steps", "0"], "FitConfig.steps must be at least 1"),
        (["image", "{photo}", "--steps", "many"], "steps"),
        (["image", "{photo}", "--seconds", "nan"], "FitConfig.seconds must be finite"),
        (["image", "{photo}", "--holdout", "1.5"], "--holdout must be between 0 and 1"),
        (["image", "{photo}", "--backend", "triton", "--device", "cpu"], "triton"),
        (["image", "{photo}", "--max-megapixels", "0.001"], "photo.png"),
        (["image", "{photo}", "--out", "{photo}"], "choose another --out"),
        (["image", "{photo}", "--config", "{text}"], "text.png"),
        (["image", "{photo}", "--method", "hash", "--field.encoding.levels", "99"], "at most 32"),
        (["image", "{photo}", "--field.encoding", "Teapot"], "must be one of Identity"),
        (["inpaint", "{photo}"], "needs a MASK"),
        (["inpaint", "{photo}", "{photo}", "--missing", "0.5"], "exclude each other"),
        (["inpaint", "{photo}", "{small}"], "small.png"),
        (["compare", "{photo}", "--methods", "plain", "plain"], "names a method twice"),
        (["render", "{photo}"], "photo.png"),
        (["bench", "encodings", "{photo}"], "needs directories"),
        (["doctor", "--frobnicate"], "frobnicate"),
    ],
)
def test_a_mistake_is_one_clear_line(args, message, photo, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("not a picture")
    Image.new("L", (5, 5), 255).save(tmp_path / "small.png")
    places = {"photo": photo, "tmp": tmp_path, "text": tmp_path / "text.png",
              "small": tmp_path / "small.png"}
    before = names(tmp_path)
    assert main([a.format(**places) for a in args]) == 2
    said = capfd.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert names(tmp_path) == before


def test_nothing_to_do_is_an_error_that_shows_how(capfd):
    assert main([]) == 2
    assert "examples:" in capfd.readouterr().out


def wait_for_step(process: subprocess.Popen) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if "step" in line:
            return
    raise AssertionError("it never began to fit")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_it_has(number, photo, tmp_path):
    out = tmp_path / "out"
    process = command("image", photo, "--method", "hash", "--seconds", "600", "--out", out)
    wait_for_step(process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert document(out)["end"] == "interrupted"
    assert load_field(out / "field.safetensors").field is not None
    assert not list(out.rglob(".*"))


def test_a_signal_before_the_fit_still_leaves_a_field(photo, tmp_path):
    """The handlers are in place before torch is imported."""
    out = tmp_path / "out"
    code = (
        "import os, signal, sys\nfrom app import signals\n"
        "keep = signals.install\n"
        "signals.install = lambda: (keep(), os.kill(os.getpid(), signal.SIGINT))\n"
        "from app.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    args = ["image", str(photo), "--method", "hash", "--seconds", "600", "--out", str(out)]
    found = subprocess.run(
        [sys.executable, "-c", code, *args], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 130
    assert document(out)["steps"] <= 1
    load_field(out / "field.safetensors")


def test_a_killed_run_leaves_no_half_file(photo, tmp_path):
    out = tmp_path / "out"
    process = command("image", photo, "--method", "hash", "--seconds", "600", "--out", out)
    wait_for_step(process)
    process.kill()
    process.communicate(timeout=60)
    for path in out.rglob("*"):
        if path.suffix == ".safetensors":
            load_field(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".png":
            read_picture(path)
    assert not list(out.rglob(".*"))


def test_a_closed_pipe_is_no_error():
    with command("doctor") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0


def test_packages_are_ours():
    """PyPI has a `fields` of its own, which would be imported silently in our place."""
    import app
    import data
    import fields

    for package in (app, data, fields):
        assert Path(os.path.realpath(package.__file__)).is_relative_to(ROOT)
