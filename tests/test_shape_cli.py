"""The verbs on shapes, through the real command line: files, units, words, and bad input."""

import json
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from app import preparing, shape_result, truth
from app.cli import main
from data import Picture, read_picture, read_shape, write_mesh, write_picture, write_points
from fields import load_field, record_shape
from fields.mesh import Mesh

pytestmark = pytest.mark.usefixtures("handlers")
ROOT = Path(__file__).parents[1]
FAR = np.array([431_000.0, 5_600_000.0, 88.0])
QUICK = ["--method", "hash", "--steps", "60", "--resolution", "48", "--device", "cpu",
         "--field.encoding.levels", "3", "--field.encoding.log2-size", "14",
         "--lr", "1e-2", "--table-lr", "3e-2"]
POOL = 20_000  # places that are fitted: a ball needs few


def ball(count: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a sphere of radius 5 far from the origin, normals, and colours: red above."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colours = np.where(normals[:, 2:] > 0, [200, 20, 20], [20, 20, 200]).astype(np.uint8)
    return FAR + 5 * normals, normals.astype(np.float32), colours


def box() -> tuple[np.ndarray, np.ndarray]:
    """A closed box of 2 x 2 x 1."""
    corners = np.array([[x, y, z] for z in (0, 1) for y in (0, 2) for x in (0, 2)], np.float64)
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    points, normals, colours = ball()
    write_points(folder / "ball.ply", points, normals, colours)
    write_mesh(folder / "box.ply", *box())
    return folder


@pytest.fixture(scope="module", autouse=True)
def small():
    """Real tasks take seconds to prepare, and pictures seconds to shade."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_shape, "SIDES", (48, 48))
        patch.setattr(record_shape, "GLANCE", 24)
        patch.setattr(shape_result, "PREVIEWS", (96,))
        patch.setattr(truth, "SAMPLES", 20_000)
        for name in ("points_task", "mesh_task"):
            patch.setattr(preparing, name, partial(getattr(preparing, name), pool=POOL))
        yield


@pytest.fixture(scope="module")
def fitted(shapes, tmp_path_factory):
    """A run of `points` on the ball, with held-out points."""
    out = tmp_path_factory.mktemp("runs") / "ball"
    assert run("points", shapes / "ball.ply", *QUICK, "--holdout", "0.2", "--out", out) == 0
    return out


def run(*args: str | Path) -> int:
    return main([str(a) for a in args])


def document(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_points_write_all_they_promise(fitted):
    assert names(fitted) == {
        "result.ply", "preview.png", "field.safetensors", "run.json", "report.html", "progress",
    }
    found = document(fitted)
    assert all((fitted / name).exists() for name in found["files"].values())
    assert set(found["metrics"]) >= {
        "chamfer", "hausdorff", "fscore", "fscore_half", "normal_consistency", "watertight",
        "eikonal", "heldout_chamfer", "heldout_fscore",
    }
    assert set(found["seconds"]) >= {"load", "prepare", "fit", "extract", "export", "total"}
    assert found["shape"]["points"] == 2000
    assert found["shape"]["normals"]
    assert found["shape"]["colours"]
    assert {"score", "trusted", "how"} == set(found["shape"]["orientation"])
    assert set(found["mesh"]) >= {"vertices", "faces", "components", "watertight", "evaluations"}
    assert read_picture(fitted / "preview.png").pixels.shape == (96, 96, 4)
    assert len(names(fitted / "progress")) >= 2


def test_the_mesh_is_closed_and_lies_where_the_points_do(fitted):
    mesh = read_shape(fitted / "result.ply")
    assert mesh.faces is not None
    np.testing.assert_allclose(mesh.low, FAR - 5, atol=0.4)
    np.testing.assert_allclose(mesh.high, FAR + 5, atol=0.4)
    assert mesh.normals is not None
    outward = (mesh.points - FAR) / 5
    assert ((outward * mesh.normals).sum(1) > 0.5).mean() > 0.95
    local = torch.from_numpy((mesh.points - FAR).astype(np.float32))
    found = Mesh(local, torch.from_numpy(mesh.faces))
    assert found.watertight
    assert document(fitted)["metrics"]["watertight"] is True
    assert found.volume == pytest.approx(4 / 3 * np.pi * 125, rel=0.1)


def test_colours_are_those_of_the_nearest_points(fitted):
    mesh = read_shape(fitted / "result.ply")
    assert mesh.colours is not None
    height = mesh.points[:, 2] - FAR[2]
    assert (mesh.colours[height > 1] == [200, 20, 20]).all()
    assert (mesh.colours[height < -1] == [20, 20, 200]).all()


def test_a_saved_shape_says_where_it_lies(fitted):
    info = load_field(fitted / "field.safetensors").info
    assert info["kind"] == "shape"
    assert info["method"] == "hash"
    np.testing.assert_allclose(info["centre"], FAR, atol=0.1)
    assert info["metrics"]["chamfer"] == document(fitted)["metrics"]["chamfer"]


def test_the_report_is_about_a_shape(fitted):
    report = (fitted / "report.html").read_text()
    assert "a Chamfer distance of" in report
    assert "cycles per shape" in report
    assert " dB" not in report
    assert "mean distance to the nearest point" in report


def test_it_says_what_was_found_and_made(shapes, tmp_path, capfd):
    assert run("points", shapes / "ball.ply", *QUICK, "--out", tmp_path / "out") == 0
    said = capfd.readouterr()
    assert "2,000 points; " in said.out
    assert "--flip if it is inside out" in said.out
    assert "watertight yes" in said.out
    assert "chamfer: mean distance" in said.out
    assert said.out.splitlines()[-1].endswith("report.html")
    assert "preparing 2,000 points" in said.err
    assert "hash: step" in said.err


def test_a_mesh_is_measured_against_itself_and_json_is_the_only_line(shapes, tmp_path, capfd):
    out = tmp_path / "out"
    assert run("mesh", shapes / "box.ply", *QUICK, "--format", "stl", "--json", "--out", out) == 0
    found = document(out)
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line) == found
    assert found["metrics"]["iou"] > 0.7
    assert found["metrics"]["chamfer"] < 3
    assert found["metrics"]["distance_error"] > 0
    assert found["shape"]["faces"] == 12
    result = read_shape(out / "result.stl")
    np.testing.assert_allclose(result.high - result.low, [2, 2, 1], atol=0.3)


def test_of_a_mesh_points_takes_the_vertices_and_a_scanner_may_be_anywhere(tmp_path, capfd):
    points, normals, _ = ball(200)
    faces = np.arange(198).reshape(-1, 3)
    write_mesh(tmp_path / "soup.ply", points - FAR, faces, normals)
    out = tmp_path / "out"
    args = [*QUICK, "--scanner", "-9,2,3", "--out", out]
    assert run("points", tmp_path / "soup.ply", *args) == 0
    assert "only the vertices are used" in capfd.readouterr().err
    assert document(out)["shape"]["faces"] == 0
    assert document(out)["options"]["scanner"] == "-9,2,3"


def test_compare_ranks_methods_on_a_shape(shapes, tmp_path):
    out = tmp_path / "out"
    args = ["--methods", "plain", "hash", "--steps", "30", "--resolution", "24",
            "--field.network.width", "16", "--batch", "1024"]
    assert run("compare", shapes / "ball.ply", *args, "--out", out) == 0
    found = document(out)
    assert [r["method"] for r in found["runs"]] == ["plain", "hash"]
    best = min(found["runs"], key=lambda r: r["metrics"].get("chamfer", np.inf))
    assert found["method"] == best["method"]
    assert {"plain", "hash", "report.html", "run.json", "result.ply"} <= names(out)
    for method in ("plain", "hash"):
        assert load_field(out / method / "field.safetensors").info["kind"] == "shape"


def test_what_no_point_supports_can_be_left_open(tmp_path):
    points, normals, colours = ball(3000)
    kept = normals[:, 2] < 0.5
    write_points(tmp_path / "bowl.ply", points[kept] - FAR, normals[kept], colours[kept])
    out = tmp_path / "out"
    assert run("points", tmp_path / "bowl.ply", *QUICK, "--trim", "1", "--out", out) == 0
    found = document(out)
    assert found["metrics"]["watertight"] is False
    assert read_shape(out / "result.ply").high[2] < 4.5
    assert "not watertight" in (out / "report.html").read_text()


def test_a_run_can_be_repeated_from_its_run_json(fitted, shapes, tmp_path):
    out = tmp_path / "out"
    args = ["--config", fitted / "run.json", "--holdout", "0.2", "--resolution", "48"]
    assert run("points", shapes / "ball.ply", *args, "--out", out) == 0
    assert document(out)["config"] == document(fitted)["config"]
    assert document(out)["metrics"] == document(fitted)["metrics"]


def test_render_draws_a_shape_and_its_mesh(fitted, tmp_path):
    field = fitted / "field.safetensors"
    drawn = tmp_path / "drawn.png"
    assert run("render", field, "--size", "80x60", "--azimuth", "200", "--out", drawn) == 0
    pixels = read_picture(drawn).pixels
    assert pixels.shape == (60, 80, 4)
    assert 0.2 < (pixels[..., 3] > 128).mean() < 0.9
    assert (pixels[0, :, 3] == 0).all()  # the whole of it is in the picture
    mesh = tmp_path / "drawn.obj"
    assert run("render", field, "--resolution", "32", "--out", mesh) == 0
    np.testing.assert_allclose(read_shape(mesh).low, FAR - 5, atol=0.5)


def test_export_writes_for_other_programs(fitted, tmp_path):
    field = fitted / "field.safetensors"
    for kind in ("ply", "glb"):
        path = tmp_path / f"made.{kind}"
        assert run("export", field, "--to", kind, "--resolution", "24", "--out", path) == 0
        np.testing.assert_allclose(read_shape(path).low, FAR - 5, atol=0.6)
    path = tmp_path / "made.npz"
    assert run("export", field, "--to", "numpy", "--resolution", "16", "--out", path) == 0
    with np.load(path) as found:
        assert found["values"].shape == (17, 17, 17)
        assert found["values"][8, 8, 8] < 0 < found["values"][0, 0, 0]
        np.testing.assert_allclose((found["low"] + found["high"]) / 2, FAR, atol=0.1)


def test_export_of_a_picture_is_its_drawing_or_its_pixels(tmp_path, waves, capfd):
    write_picture(tmp_path / "photo.png", Picture.from_tensor(waves(20, 30)))
    out = tmp_path / "out"
    run("image", tmp_path / "photo.png", "--method", "hash", "--steps", "5", "--out", out)
    field = out / "field.safetensors"
    assert run("export", field, "--to", "png") == 0
    drawn, result = (read_picture(out / n).pixels for n in ("export.png", "result.png"))
    assert np.array_equal(drawn, result)
    assert run("export", field, "--to", "numpy") == 0
    with np.load(out / "export.npz") as found:
        assert found["pixels"].shape == (20, 30, 3)
    for args, message in [
        (["--to", "ply"], "holds a picture, which has no mesh"),
        (["--to", "html"], "comes with a later version"),
        (["--to", "png", "--azimuth", "3"], "--azimuth is for shapes"),
    ]:
        capfd.readouterr()
        assert run("export", field, *args) == 2
        assert message in capfd.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["points", "{tmp}/none.ply"], "none.ply: does not exist"),
        (["points", "{text}"], "text.ply"),
        (["points", "{photo}"], "is not a shape; it must end in .ply"),
        (["points", "{ball}", "--psnr", "30"], "--psnr is for pictures"),
        (["points", "{ball}", "--resolution", "4096"], "--resolution must be from 8 to 1024"),
        (["points", "{ball}", "--scanner", "here"], "--scanner must be x,y,z"),
        (["points", "{ball}", "--trim", "0"], "--trim must be above 0"),
        (["points", "{ball}", "--holdout", "1.5"], "--holdout must be between 0 and 1"),
        (["points", "{ball}", "--holdout", "0.99"], "leaves 20 points to fit"),
        (["points", "{ball}", "--max-points", "10"], "ball.ply"),
        (["points", "{ball}", "--format", "stl"], "result.stl: the shape lies too far"),
        (["points", "{ball}", "--method", "magic"], "unknown method 'magic'"),
        (["points", "{box}"], "a surface needs at least 50"),
        (["mesh", "{ball}"], "is a cloud of points; use fieldfit points"),
        (["compare", "{ball}", "--missing", "0.5"], "--missing is for pictures"),
        (["compare", "{ball}", "--psnr", "30"], "--psnr is for pictures"),
        (["compare", "{box}", "--flip"], "--flip is for clouds of points; box.ply is a mesh"),
        (["compare", "{photo}", "--resolution", "64"], "--resolution is for shapes"),
        (["render", "{field}", "--region", "0,0,1,1"], "--region is for pictures"),
        (["render", "{field}", "--size", "9x9", "--out", "{tmp}/a.ply"], "--size is for pictures"),
        (["render", "{field}", "--out", "{tmp}/a.bmp"], "must end in png or tiff"),
        (["render", "{field}", "--elevation", "100", "--size", "9x9"], "elevation"),
        (["export", "{field}", "--to", "onnx"], "comes with a later version"),
        (["export", "{field}", "--to", "glb", "--out", "{tmp}/a.ply"], "that ends in .glb"),
    ],
)
def test_a_mistake_is_one_clear_line(args, message, shapes, fitted, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.ply").write_text("not a shape")
    write_picture(tmp_path / "photo.png", Picture.from_tensor(torch.rand(8, 8, 3)))
    places = {"ball": shapes / "ball.ply", "box": shapes / "box.ply", "tmp": tmp_path,
              "text": tmp_path / "text.ply", "photo": tmp_path / "photo.png",
              "field": fitted / "field.safetensors"}
    before = names(tmp_path)
    assert main([a.format(**places) for a in args]) == 2
    said = capfd.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert names(tmp_path) == before


def test_an_interrupted_run_keeps_the_mesh_so_far(shapes, tmp_path):
    out = tmp_path / "out"
    code = (  # as the fixture `small` has it
        "import sys\nfrom functools import partial\n"
        "from app import preparing, shape_result\nfrom app.cli import main\n"
        "from fields import record_shape\n"
        "record_shape.FRAME, shape_result.PREVIEWS = 48, (96,)\n"
        f"preparing.points_task = partial(preparing.points_task, pool={POOL})\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "points", str(shapes / "ball.ply"), *QUICK,
         "--steps", "1000000", "--out", str(out)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    steps = (re.search(r"step (\d+)", line) for line in process.stderr)
    assert any(found and int(found[1]) >= 30 for found in steps)  # there is a surface by then
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    found = document(out)
    assert found["end"] == "interrupted"
    assert found["mesh"]["watertight"]
    assert len(read_shape(out / "result.ply").points) == found["mesh"]["vertices"]
    load_field(out / "field.safetensors")


@pytest.mark.parametrize("verb", ["points", "mesh"])
def test_knobs_of_a_method_are_those_for_shapes(verb, capfd):
    assert run(verb, "--method", "hash", "--help") == 0
    said = capfd.readouterr().out
    assert "values shown are those for a mesh" in said
    assert "--field.encoding.levels" in said


def test_a_field_without_a_surface_leaves_no_mesh_and_says_so(shapes, tmp_path, capfd):
    out = tmp_path / "out"
    args = [*QUICK, "--steps", "1", "--lr", "0", "--table-lr", "0", "--out", out]
    assert run("points", shapes / "ball.ply", *args) == 0
    assert document(out)["mesh"] is None
    assert "no mesh, since no surface was found" in capfd.readouterr().out
    assert not (out / "result.ply").exists()
    assert (out / "report.html").exists()


def test_derivatives_can_be_asked_for_instead_of_distances(shapes, tmp_path, capfd):
    args = ["--objective", "derivatives", "--steps", "3", "--batch", "64", "--resolution", "16"]
    assert run("points", shapes / "ball.ply", *args, "--out", tmp_path / "out", "--json") == 0
    found = json.loads(capfd.readouterr().out)
    assert found["method"] == "auto"
    assert "Sine" in json.dumps(found["config"]["field"]["network"])
    assert found["backend"] == "torch"
    assert found["options"]["objective"] == "derivatives"
    assert run("points", shapes / "ball.ply", *args[:2], "--method", "spline", "--backend", "numba",
               "--out", tmp_path / "other") == 2
    assert "--backend torch" in capfd.readouterr().err
