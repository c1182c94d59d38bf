"""The Shape tab without a page: settings, scenes, runs, and what is said of them."""

import io
import json
import shlex
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import tyro
from PIL import Image

from app import options, preparing, shape_result, truth
from app.folder import RunFolder
from app.placement import Placement
from app.ui import server as server_module
from app.ui import shape_views, viewer, views
from app.ui.limits import Limits
from app.ui.previews import on_nothing
from app.ui.run import Moment
from app.ui.scene import MOST_POINTS, MOST_TRIANGLES, Scene, given_scene, mesh_scene, picture
from app.ui.server import Server
from app.ui.shape_original import ShapeOriginal
from app.ui.shape_run import ShapeRun
from app.ui.shape_server import ShapeServer, keep_input
from app.ui.shape_settings import USES, ShapeSettings, read_shape_settings
from app.ui.shape_stage import beside
from data import Shape, read_shape, write_mesh, write_points
from fields import Mesh, load_field, record_shape

LIMITS = Limits(megapixels=1, seconds=600)
PATIENCE = 60.0  # seconds after which a test gives up on a busy machine
FAR = np.array([431_000.0, 5_600_000.0, 88.0])
CHOSEN = {
    "methods": ["plain", "hash"], "preset": "Quick", "seconds": 5, "seed": 0, "resolution": 64,
}  # fmt: skip
POOL = 20_000  # places that are fitted: a ball needs few


def choose(**changed) -> ShapeSettings:
    return read_shape_settings(LIMITS, **(CHOSEN | changed))


def ball(count: int = 2000) -> Shape:
    """Points of a sphere of radius 5 far from the origin, red above and blue below."""
    normals = np.random.default_rng(0).normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colours = np.where(normals[:, 2:] > 0, [200, 20, 20], [20, 20, 200]).astype(np.uint8)
    return Shape(FAR + 5 * normals, None, normals.astype(np.float32), colours, "ball")


def grid_mesh(side: int) -> Mesh:
    """A square of 2 (side - 1)^2 triangles, at a slant."""
    axis = torch.linspace(-0.9, 0.9, side)
    x, y = torch.meshgrid(axis, axis, indexing="ij")
    corner = torch.arange((side - 1) * side).view(side - 1, side)[:, :-1].flatten()
    one = torch.stack([corner, corner + side, corner + 1], 1)
    two = torch.stack([corner + 1, corner + side, corner + side + 1], 1)
    return Mesh(torch.stack([x, y, 0.3 * x], -1).view(-1, 3), torch.cat([one, two]))


# --- settings ---


def test_settings_are_what_the_controls_say():
    assert choose() == ShapeSettings(("plain", "hash"), 3.0, 0, 64)
    assert choose(preset="Until done", methods=["auto"]).seconds is None
    chosen = choose(flip=True, trim=0.5, holdout=25, scanner=" 1, 2.5,-3e2")
    assert (chosen.flip, chosen.trim, chosen.holdout) == (True, 0.5, 0.25)
    assert chosen.scanner == (1.0, 2.5, -300.0)
    assert choose(use=USES[1]).surface is False


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"methods": []}, "at least one method"),
        ({"methods": ["magic"]}, "'magic'"),
        ({"resolution": 4}, "resolution"),
        ({"resolution": 5000}, "resolution"),
        ({"resolution": None}, "resolution"),
        ({"trim": -1}, "distance"),
        ({"trim": float("nan")}, "distance"),
        ({"holdout": 99}, "Held out"),
        ({"scanner": "1, 2"}, "x, y, z"),
        ({"scanner": "1, 2, nan"}, "x, y, z"),
        ({"seed": -1}, "seed"),
        ({"use": "Its soul"}, "What to fit"),
        ({"preset": "Custom", "seconds": 400}, "longer than the 600 s"),
    ],
)
def test_what_the_page_sends_is_checked_again(changed, problem):
    with pytest.raises(ValueError, match=problem):
        choose(**changed)


def test_only_what_says_something_of_the_shape_is_kept():
    asked = choose(flip=True, trim=2, holdout=25, scanner="1,2,3")
    mesh = Shape(np.eye(3), np.array([[0, 1, 2]]))
    of_mesh, of_cloud = asked.suited(mesh), asked.suited(ball())
    assert (of_mesh.flip, of_mesh.trim, of_mesh.holdout, of_mesh.scanner) == (False,) + (None,) * 3
    assert of_mesh.surface
    assert (of_cloud.flip, of_cloud.trim, of_cloud.surface) == (True, 2, False)
    points = choose(use=USES[1], flip=True).suited(mesh)
    assert (points.surface, points.flip) == (False, True)


@pytest.mark.parametrize(
    ("settings", "kind", "wanted"),
    [
        (
            ShapeSettings(("hash",), 3.0, 7, 96, False, True, 0.25, 0.2, (-1.0, 2.0, 3.5)),
            options.PointsOptions,
            {"method": "hash", "seconds": 3.0, "seed": 7, "resolution": 96, "flip": True,
             "trim": 0.25, "holdout": 0.2, "scanner": "-1,2,3.5"},
        ),
        (
            ShapeSettings(("auto",), None, 0, 64),
            options.MeshVerbOptions,
            {"method": "auto", "seconds": None, "resolution": 64},
        ),
        (
            ShapeSettings(("plain", "hash"), 0.5, 0, 64, False, trim=2.0),
            options.CompareOptions,
            {"methods": ("plain", "hash"), "resolution": 64, "trim": 2.0, "flip": False},
        ),
    ],
)  # fmt: skip
def test_the_command_shown_is_one_that_the_command_line_takes(settings, kind, wanted):
    program, verb, *args = shlex.split(settings.command(Path("a scan.ply")))
    read = tyro.cli(kind, args=args)
    assert program == "fieldfit"
    verbs = {"points": "PointsOptions", "mesh": "MeshVerbOptions", "compare": "CompareOptions"}
    assert kind.__name__ == verbs[verb]
    assert {name: getattr(read, name) for name in wanted} == wanted


# --- scenes ---


def decode(data: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
    """Points, normals, colours and triangles, as the page's script reads them."""
    n, f, painted, _ = np.frombuffer(data, "<u4", 4)
    places = np.frombuffer(data, "<u2", 4 * n, 16).reshape(n, 4)[:, :3]
    normals = np.frombuffer(data, "i1", 4 * n, 16 + 8 * n).reshape(n, 4)[:, :3]
    end = 16 + 12 * n + 4 * n * painted
    colours = None
    if painted:
        colours = np.frombuffer(data, "u1", 4 * n, 16 + 12 * n).reshape(n, 4)[:, :3]
    faces = np.frombuffer(data, "<u4", 3 * f, end).reshape(f, 3)
    assert len(data) == end + 12 * f
    return places / 32767.5 - 1, normals / 127, colours, faces


@pytest.mark.parametrize("painted", [False, True])
def test_a_scene_says_where_all_is(painted):
    mesh = grid_mesh(5)
    colours = np.arange(75, dtype=np.uint8).reshape(25, 3) if painted else None
    points, normals, found, faces = decode(mesh_scene(mesh, colours).encode())
    np.testing.assert_allclose(points, mesh.vertices.numpy(), atol=2e-5)
    np.testing.assert_allclose(normals, mesh.vertex_normals().numpy(), atol=5e-3)
    np.testing.assert_array_equal(faces, mesh.faces.numpy())
    np.testing.assert_array_equal(found, colours)


def test_a_large_cloud_is_thinned_with_its_colours():
    shape = ball(MOST_POINTS + 5000)
    scene = given_scene(shape, Placement.of(shape))
    assert len(scene.points) == len(scene.normals) == MOST_POINTS
    red = scene.colours[:, 0] == 200
    assert (red == (scene.normals[:, 2] > 0).numpy()).all()


def test_points_without_normals_get_some_to_be_shaded_by():
    shape = ball()
    scene = given_scene(Shape(shape.points), Placement.of(shape))
    outward = torch.nn.functional.normalize(scene.points, dim=1)
    assert ((outward * scene.normals).sum(1).abs() > 0.95).float().mean() > 0.99


def test_a_large_mesh_is_made_coarser_and_stays_where_it_is():
    mesh = grid_mesh(400)
    assert len(mesh.faces) > MOST_TRIANGLES
    scene = mesh_scene(mesh)
    assert 10_000 < len(scene.faces) < MOST_TRIANGLES
    coarse = Mesh(scene.points, scene.faces)
    areas = [float(m.face_areas().sum()) for m in (coarse, mesh)]
    assert areas[0] == pytest.approx(areas[1], rel=0.02)
    assert (coarse.face_normals() @ mesh.face_normals()[0] > 0.99).all()


def test_a_small_picture_shows_the_shape_in_its_colours():
    shape = ball(30_000)
    pixels = np.asarray(Image.open(io.BytesIO(picture(given_scene(shape, Placement.of(shape))))))
    assert (pixels[0] > 240).all()  # paper at the edge
    middle = pixels[80:112, 80:112].astype(int)
    assert (abs(middle[..., 0] - middle[..., 2]) > 40).mean() > 0.5
    solid = mesh_scene(grid_mesh(9))
    assert (np.asarray(Image.open(io.BytesIO(picture(solid)))) < 200).any()


def test_white_around_a_frame_lets_the_page_through():
    pixels = np.full((8, 8, 3), 255, np.uint8)
    pixels[2:6, 2:6] = 120
    alpha = np.asarray(Image.open(io.BytesIO(on_nothing(pixels))))[..., 3]
    assert (alpha == np.where((pixels == 255).all(-1), 0, 255)).all()


# --- the server and its runs ---


@pytest.fixture(scope="module", autouse=True)
def small():
    """Real tasks take seconds to prepare, and pictures seconds to shade."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_shape, "SIDES", (24, 32))
        patch.setattr(record_shape, "GLANCE", 24)
        patch.setattr(shape_result, "PREVIEWS", (64,))
        patch.setattr(truth, "SAMPLES", 20_000)
        patch.setattr(server_module, "_warm_up", lambda: None)
        for name in ("points_task", "mesh_task"):
            patch.setattr(preparing, name, partial(getattr(preparing, name), pool=POOL))
        yield


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """A server with shapes, closed in the end."""
    folder = tmp_path_factory.mktemp("shapes")
    (folder / "cache").mkdir()
    server = Server.of(options.AppOptions(runs=folder / "runs"), folder / "cache")
    server.runs.start()
    yield ShapeServer(server)
    server.runs.close()


@pytest.fixture(scope="module")
def cloud(shapes, tmp_path_factory) -> ShapeOriginal:
    path = tmp_path_factory.mktemp("upload") / "a <b>.ply"
    given = ball()
    write_points(path, given.points, given.normals, given.colours)
    return shapes.take(str(path))


@pytest.fixture(scope="module")
def finished(shapes, cloud) -> ShapeRun:
    run = shapes.begin(cloud, ShapeSettings(("hash", "auto"), 0.8, 0, 40))
    wait_for(run, "done")
    return run


def wait_for(run: ShapeRun, *states: str) -> None:
    version = -1
    for _ in range(10_000):
        if run.state in states:
            return
        version = run.wait(version, PATIENCE)
    pytest.fail(f"the run is {run.state}, not {' or '.join(states)}: {run.problem}")


def test_an_upload_is_described_and_its_place_is_not_told(shapes, cloud, tmp_path):
    html = shape_views.described(cloud.shape)
    assert "2,000" in html
    assert html.count("found") == 2
    assert cloud.shown.read_bytes() == cloud.scene.encode()
    (tmp_path / "notes.ply").write_text("hello")
    with pytest.raises(ValueError, match="notes") as refusal:
        shapes.take(str(tmp_path / "notes.ply"))
    assert str(tmp_path) not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_run_leaves_what_the_command_line_leaves(finished, cloud):
    folder = finished.folder.path
    names = {path.name for path in folder.iterdir()}
    assert names >= {"run.json", "report.html", "result.ply", "field.safetensors", "input.ply"}
    document = json.loads((folder / "run.json").read_text())
    assert document["command"] == finished.command
    assert [r["method"] for r in document["runs"]] == finished.methods
    assert document["options"] == {"resolution": 40, "methods": ["hash", "auto"]}
    np.testing.assert_allclose(read_shape(folder / "input.ply").points, cloud.shape.points)
    assert finished.job is None
    assert finished.source is None


def test_the_mesh_that_is_seen_is_the_one_in_the_file(finished):
    document = finished.described("hash")
    points, normals, colours, faces = decode(finished.now[0].scene.read_bytes())
    assert (len(points), len(faces)) == (document["mesh"]["vertices"], document["mesh"]["faces"])
    mesh = read_shape(finished.folder.path / "hash" / "result.ply")
    placed = (mesh.points - FAR) / 5 * 0.9
    np.testing.assert_allclose(points, placed, atol=0.03)
    assert ((points / 0.9 * normals).sum(1) > 0.8).mean() > 0.9
    above = points[:, 2] > 0.15
    assert (colours[above] == [200, 20, 20]).all(1).mean() > 0.95


def test_looking_back_goes_from_coarse_to_fine(finished):
    for moments in finished.past:
        steps = [m.step for m in moments]
        assert steps[0] == 0
        assert steps == sorted(set(steps))
        assert len(steps) >= 3
        assert all(m.frame is not None and m.end for m in moments)
    scenes = [m.scene for m in finished.past[0] if m.scene is not None]
    assert len({s.read_bytes() for s in scenes}) == len(scenes) >= 2
    last, at = views.past(finished, 100, 100)
    assert (last, at) == (finished.now, None)


def test_what_is_seen_is_what_was_given_beside_each_method(finished):
    value = json.loads(beside(finished, finished.now))
    assert [v["name"] for v in value["views"]] == ["given", "hash", "auto"]
    assert [bool(v["src"]) for v in value["views"]] == [True] * 3
    assert value["views"][0]["title"] == "your points"
    assert "chamfer" in value["views"][1]["title"]
    assert sum("best" in v["title"] for v in value["views"]) == 1
    past = json.loads(beside(finished, finished.now, 0.5))
    assert past["at"] == 0.5


def test_what_can_be_taken_away_is_of_one_method_and_in_its_place(shapes, finished):
    meshes = {}
    for suffix in (".ply", ".obj", ".glb"):
        path = shapes.mesh_file(finished, "auto", suffix)
        assert path.suffix == suffix
        assert shapes.server.cache in path.parents
        meshes[suffix] = read_shape(path)
        np.testing.assert_allclose(meshes[suffix].low, FAR - 5, atol=0.6)
        np.testing.assert_allclose(meshes[suffix].high, FAR + 5, atol=0.6)
    assert len({len(m.faces) for m in meshes.values()}) == 1
    assert load_field(shapes.field_file(finished, "hash")).info["method"] == "hash"
    assert "<html" in shapes.report_file(finished).read_text().lower()
    with pytest.raises(ValueError, match="too far from the origin"):
        shapes.mesh_file(finished, "auto", ".stl")
    with pytest.raises(ValueError, match="must be one of"):
        shapes.mesh_file(finished, "auto", ".exe")


def test_metrics_are_shown_with_their_meaning(finished):
    html = shape_views.metrics(finished)
    for method in finished.methods:
        assert f'data-method="{method}"' in html
    assert "averaged over both directions" in html
    assert html.count("ff-lead") == 1
    assert "held out" in shape_views.meaning("heldout_chamfer")
    charts = views.charts(finished)
    assert "error of the distance near the surface, %" in charts
    assert 'data-name="hash"' in charts


def test_the_orientation_is_told_with_its_score(finished):
    html = shape_views.about(finished)
    score = finished.document["shape"]["orientation"]["score"]
    assert f"{100 * score:.2g} %" in html
    assert any(f">{word}</b>" in html for word in ("sure", "fair", "doubtful"))
    assert "The normals given were kept" in html
    assert "<b>auto</b> chose" in html or finished.best != "auto"


def test_names_of_files_are_text(finished):
    assert "<b>" in finished.name
    shown = views.cards([finished]) + views.charts(finished)
    assert "<b>.ply" not in shown


def test_an_equal_shape_need_not_be_prepared_again(shapes, cloud, finished, monkeypatch):
    before = cloud.prepared

    def fail(*args, **kwargs):
        raise AssertionError("prepared again")

    monkeypatch.setattr("app.ui.shape_run.prepare_points", fail)
    run = shapes.begin(cloud, ShapeSettings(("hash",), 0.2, 0, 24))
    wait_for(run, "done")
    assert cloud.prepared is before
    assert "--method hash" in run.command


def test_flipping_turns_the_normals_around(shapes, cloud):
    run = shapes.begin(cloud, ShapeSettings(("hash",), 0.2, 0, 24, flip=True))
    wait_for(run, "done")
    assert run.document["options"]["flip"] is True
    assert "--flip" in run.command
    assert "turned around, as asked" in shape_views.about(run)


def test_a_mesh_is_fitted_by_its_faces(shapes, tmp_path):
    corners = np.array([[x, y, z] for z in (0, 1) for y in (0, 2) for x in (0, 2)], np.float64)
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    write_mesh(tmp_path / "box.ply", corners, faces)
    original = shapes.take(str(tmp_path / "box.ply"))
    assert "Triangles" in shape_views.described(original.shape)
    run = shapes.begin(original, ShapeSettings(("hash",), 2.0, 0, 24, flip=True))
    wait_for(run, "done")
    assert not run.cloud
    assert run.document["verb"] == "mesh"
    assert "--flip" not in run.command
    assert "iou" in run.document["metrics"]
    with pytest.raises(ValueError, match="at least 50"):
        shapes.begin(original, ShapeSettings(("hash",), 0.3, 0, 24, surface=False))


def test_a_mesh_may_be_fitted_by_its_points_alone(shapes, tmp_path):
    mesh = grid_mesh(9)
    write_mesh(tmp_path / "grid.ply", mesh.vertices.numpy(), mesh.faces.numpy())
    original = shapes.take(str(tmp_path / "grid.ply"))
    assert original.shape.is_mesh
    run = shapes.begin(original, ShapeSettings(("hash", "plain"), 0.2, 0, 24, surface=False))
    run.stop()
    assert run.cloud
    assert run.command.startswith("fieldfit compare")
    wait_for(run, "stopped")


def test_the_points_of_a_mesh_are_kept_without_its_faces(shapes, tmp_path):
    mesh = grid_mesh(9)
    original = ShapeOriginal(
        "grid", Shape(mesh.vertices.numpy().astype(float), mesh.faces.numpy()), tmp_path / "g"
    )
    for surface in (True, False):  # so that `compare` does the same
        path = keep_input(RunFolder(tmp_path / str(surface)), original, choose_surface(surface))
        assert read_shape(path).is_mesh == surface


def choose_surface(surface: bool) -> ShapeSettings:
    return ShapeSettings(("hash",), 0.2, 0, 24, surface=surface)


def test_stop_while_it_is_prepared_leaves_nothing(shapes, cloud, monkeypatch):
    runs = []

    def prepared(original, settings):
        runs[0].stop()
        return original.prepared[1]

    monkeypatch.setattr("app.ui.shape_run.prepare", prepared)
    runs.append(shapes.begin(cloud, ShapeSettings(("hash",), 600.0, 0, 24)))
    wait_for(runs[0], "stopped")
    assert not runs[0].has_results
    assert not runs[0].folder.path.exists()


def test_stop_keeps_what_was_fitted(shapes, cloud):
    run = shapes.begin(cloud, ShapeSettings(("hash",), 600.0, 0, 24))
    version = -1
    while not run.now[0].step > 60:
        version = run.wait(version, PATIENCE)
    run.stop()
    wait_for(run, "stopped")
    assert run.has_results
    assert run.document["end"] == "interrupted"
    assert (run.folder.path / "result.ply").exists()


def test_a_shape_without_a_surface_says_so(finished, monkeypatch):
    moment = Moment("hash", 3, 0.1, metrics={"distance_error": 2.0})
    shown = json.loads(beside(finished, [moment, moment]))["views"][1]
    assert (shown["src"], shown["nothing"]) == ("", "No surface yet")
    lost = finished.document | {
        "runs": [r | {"mesh": None, "problem": "no surface <b>"} for r in finished.document["runs"]]
    }
    monkeypatch.setattr(finished, "document", lost)
    assert "no surface &lt;b&gt;" in shape_views.metrics(finished)


def test_captions_say_how_near_a_shape_is():
    moment = Moment("hash", 640, 1.234, 0.5, 1.2, {"distance_error": 0.21})
    assert views.caption(moment).replace("\u00a0", " ") == "hash · error 0.21 % · 1.2 s"
    better = Moment("siren", 5, 1.0, metrics={"distance_error": 0.1})
    assert views.leader([moment, better]) is better
    assert views.leader([moment, Moment("siren", 5, metrics={"chamfer": 0.1})]) is None


def test_a_viewer_is_told_where_to_fetch(tmp_path):
    scene = Scene(torch.zeros(1, 3), torch.zeros(1, 3))
    (tmp_path / "a.scene").write_bytes(scene.encode())
    value = json.loads(viewer.shown([viewer.View("a", "A", "", tmp_path / "a.scene", 1.0)]))
    assert value["views"][0]["src"] == f"gradio_api/file={tmp_path.as_posix()}/a.scene"
    assert value["at"] is None
