"""The page as people meet it: served by the real command, in a real browser and from a program."""

import base64
import contextlib
import io
import json
import re
import shlex
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data import Picture, read_picture, read_shape, write_picture, write_points
from fields import Mesh, load_field

pytestmark = pytest.mark.e2e

PATIENCE = 90_000  # milliseconds: this machine may be busy with others


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    """A part of a real photograph."""
    import skimage.data

    path = tmp_path_factory.mktemp("photo") / "my photo.png"
    write_picture(path, Picture(np.ascontiguousarray(skimage.data.chelsea()[40:232, 90:346])))
    return path


# --- in a browser ---


@pytest.fixture
def page(page, served):
    visit(page, served)
    return page


def visit(page, served, query: str = "") -> None:
    page.goto(f"{served.url}/{query}", wait_until="domcontentloaded")
    page.locator("#fit").wait_for()


def bring(page, photo: Path) -> None:
    page.locator("#upload input[type=file]").set_input_files(photo)
    page.locator("#photo img").wait_for()


def choose(page, name: str, choice: str) -> None:
    page.locator(f"#{name}").get_by_text(choice, exact=True).click()


def only(page, *methods: str) -> None:
    for box in page.locator("#methods label").all():
        if box.locator("input").is_checked() != (box.inner_text().strip() in methods):
            box.click()


def custom(page, seconds: float) -> None:
    choose(page, "preset", "Custom")
    page.locator("#seconds input").fill(str(seconds))


def expect_state(page, state: str) -> None:
    page.locator(f"#log [data-state='{state}']").wait_for()


def steps(page) -> dict[str, int]:
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#tiles .ff-tile')]"
        ".map((t) => [t.dataset.method, +t.dataset.step]))"
    )


def frame(page, method: str) -> np.ndarray:
    """The picture that the page shows of a method, float [h, w, 3]."""
    uri = page.locator(f".ff-tile[data-method={method}] img").get_attribute("src")
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    return np.asarray(image.convert("RGB")).astype(float)


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(((a - b) ** 2).mean()))


def pick(page, method: str) -> None:
    """Look at a method's result."""
    choose(page, "picker", method)
    page.locator(f"#slider img[src*='/{method}/after']").wait_for(state="attached")


def download(page, button: str) -> Path:
    with page.expect_download() as waited:
        page.locator(button).click()
    path = waited.value.path()
    named = path.with_name(waited.value.suggested_filename)
    return path.rename(named)


COUNT_FRAMES = """
window.frames_seen = {};
new MutationObserver(() => {
  for (const tile of document.querySelectorAll('#tiles .ff-tile')) {
    const seen = window.frames_seen[tile.dataset.method] ??= {frames: new Set(), psnr: []};
    const image = tile.querySelector('img');
    if (!image || seen.frames.has(image.src)) continue;
    seen.frames.add(image.src);
    seen.psnr.push(parseFloat(tile.querySelector('b').textContent.split('·')[1]));
  }
}).observe(document.querySelector('#tiles'), {subtree: true, childList: true, attributes: true});
"""


def test_four_methods_race_on_a_photo(page, context, served, photo):
    truth = read_picture(photo).pixels.astype(float)
    bring(page, photo)
    custom(page, 120)
    page.evaluate(COUNT_FRAMES)
    page.locator("#fit").click()

    # The frames come while it runs, of every method, and they come nearer to the photo.
    page.wait_for_function(
        "Object.values(window.frames_seen).filter((s) => s.frames.size >= 4).length == 4"
    )
    expect_state(page, "running")
    seen = page.evaluate("Object.entries(window.frames_seen).map(([m, s]) => [m, s.psnr])")
    for method, psnr in seen:
        assert psnr[-1] > psnr[0], method
    blank = error(truth, np.broadcast_to(truth.mean((0, 1)), truth.shape))
    assert error(frame(page, "hash"), truth) < 0.8 * blank
    page.locator("#charts .ff-map[data-method=hash] rect").first.wait_for()
    page.locator("#charts .ff-wide .curve[data-name=hash]").wait_for(state="attached")

    # Pause holds it, for everybody who watches, and over a reload.
    page.locator("#pause").click()
    expect_state(page, "paused")
    held = steps(page)
    other = context.new_page()
    visit(other, served)
    expect_state(other, "paused")
    assert steps(other) == held
    other.close()
    page.reload(wait_until="domcontentloaded")
    expect_state(page, "paused")
    page.locator("#photo img").wait_for()
    assert steps(page) == held
    assert page.locator("#seconds input").input_value() == "120"
    page.get_by_role("button", name="Resume").click()
    expect_state(page, "running")
    page.wait_for_function(
        """(step) => {
          const tile = document.querySelector('[data-method=hash]');
          const decibels = parseFloat(tile.querySelector('b').textContent.split('·')[1]);
          return tile.dataset.step > step && decibels > 27;
        }""",
        arg=held["hash"],
    )

    # Stop keeps what is there.
    page.locator("#stop").click()
    expect_state(page, "stopped")
    page.locator("#slider img").first.wait_for()
    assert page.locator("#pause").is_disabled()
    assert page.locator("#stop").is_disabled()
    end = steps(page)
    assert end["hash"] > held["hash"]
    fine = error(frame(page, "hash"), truth)

    # Back to where it was coarse, and to the end again.
    page.locator("#scrub input[type=range]").focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('[data-method=hash]').dataset.step == '0'")
    assert error(frame(page, "hash"), truth) > 2 * fine
    page.keyboard.press("End")
    page.wait_for_function(
        "(step) => document.querySelector('[data-method=hash]').dataset.step == step",
        arg=str(end["hash"]),
    )

    # What can be taken away is what it says.
    pick(page, "plain")
    pick(page, "hash")
    picture, field, report = (download(page, b) for b in ("#picture", "#field", "#report"))
    assert picture.name.endswith("-hash.png")
    assert error(read_picture(picture).pixels.astype(float), truth) < 0.5 * blank
    assert load_field(field).info["method"] == "hash"
    text = report.read_text()
    assert "<html" in text.lower()
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)

    # And it can be had from a terminal.
    command = shlex.split(page.locator("#command code").inner_text())
    assert command[:2] == ["fieldfit", "compare"]
    assert (served.folder / command[2]).read_bytes() == photo.read_bytes()


def test_what_is_painted_is_what_is_filled(page, served, photo):
    original = read_picture(photo).pixels
    bring(page, photo)
    choose(page, "task", "Inpaint")
    only(page, "hash")
    custom(page, 1)
    page.locator("#painter [data-ready]").wait_for()
    paint(page, (0.3, 0.4), (0.7, 0.6))
    painted = canvas(page)
    assert 0.01 < painted.mean() < 0.5

    page.locator("#fit").click()
    expect_state(page, "done")
    page.locator("#slider img").first.wait_for()
    result = read_picture(download(page, "#picture")).pixels
    assert (result[~painted] == original[~painted]).all()
    changed = (result != original).any(-1)
    assert changed[painted].mean() > 0.9
    command = shlex.split(page.locator("#command code").inner_text())
    assert command[:2] == ["fieldfit", "inpaint"]
    saved = np.asarray(Image.open(served.folder / command[3]))
    assert (saved == painted).all()


def test_noise_is_removed_and_the_reason_is_told(page, photo):
    original = read_picture(photo).pixels.astype(float)
    bring(page, photo)
    choose(page, "task", "Denoise")
    page.locator("#fit", has_text="Remove the noise").wait_for()
    assert checked(page, "methods") == ["auto"]
    assert checked(page, "preset") == ["Until done"]
    page.locator("#noise input[type=number]").fill("25")
    page.locator("#fit").click()
    expect_state(page, "done")
    page.locator("#slider img").first.wait_for()
    page.locator("#about", has_text="auto chose").wait_for()
    assert "standard deviation 25.0" in page.locator("#about").inner_text()
    result = read_picture(download(page, "#picture")).pixels
    assert error(result, original) < 15
    command = shlex.split(page.locator("#command code").inner_text())
    assert command[:2] == ["fieldfit", "denoise"]
    assert command[command.index("--noise") + 1] == "25"

    # Back to the race, as one left it.
    choose(page, "task", "Fit")
    page.wait_for_function(
        "document.querySelectorAll('#methods input:checked').length == 4"
    )
    assert checked(page, "preset") == ["Quick · 3 s"]
    choose(page, "task", "Denoise")
    choose(page, "level", "I know it")
    page.locator("#sigma input").wait_for()


def checked(page, name: str) -> list[str]:
    found = page.locator(f"#{name} label:has(input:checked)").all_inner_texts()
    return [text.strip() for text in found]


def test_a_photo_is_enlarged_by_two_methods(page, served, photo):
    original = read_picture(photo).pixels
    bring(page, photo)
    choose(page, "task", "Enlarge")
    page.locator("#reduce input").check()
    page.locator("#scale input[type=number]").fill("2.5")
    page.keyboard.press("Tab")
    page.locator("#fit").click()
    page.get_by_test_id("toast-text").get_by_text("the factor must be whole").wait_for()
    page.locator("#scale input[type=number]").fill("2")
    page.keyboard.press("Tab")
    only(page, "auto", "hash")
    custom(page, 1.5)
    page.locator("#fit").click()
    expect_state(page, "done")
    page.locator("#slider img").first.wait_for()
    page.locator("#picker", has_text="bicubic").wait_for()
    for method in ("auto", "hash"):
        pick(page, method)
        page.locator("#about", has_text="chose").wait_for(
            state="visible" if method == "auto" else "detached"
        )
        picture = download(page, "#picture")
        assert picture.name.endswith(f"-{method}.png")
        assert read_picture(picture).pixels.shape == original.shape
    page.wait_for_function(
        "[...document.querySelectorAll('#slider img')]"
        ".map((i) => `${i.naturalWidth}x${i.naturalHeight}`).join() == '256x192,256x192'"
    )
    command = shlex.split(page.locator("#command code").inner_text())
    assert command[:2] == ["fieldfit", "compare"]
    assert command[command.index("--task") + 1] == "upscale"
    saved = json.loads((served.folder / Path(command[2]).parent / "run.json").read_text())
    assert all(r["metrics"]["clean_psnr"] > 20 for r in saved["runs"])

    page.reload(wait_until="domcontentloaded")  # the controls are as the run was begun
    page.locator("#reduce input:checked").wait_for()
    assert checked(page, "task") == ["Enlarge"]


def paint(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A stroke over the picture, from and to places as shares of it."""
    sheet = page.locator("#painter canvas")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    (x0, y0), (x1, y1) = (
        (box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=5)
    page.mouse.up()


def canvas(page) -> np.ndarray:
    """What the painter shows as painted: bool [h, w]."""
    uri = page.locator("#painter canvas").evaluate("(c) => c.toDataURL('image/png')")
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    return np.asarray(image)[..., 3] > 0


def test_a_mask_is_uploaded_inverted_undone_cleared_and_saved(page, photo, tmp_path):
    mask = np.zeros(read_picture(photo).pixels.shape[:2], np.uint8)
    mask[20:60, 30:90] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    bring(page, photo)
    choose(page, "task", "Inpaint")
    page.locator("#painter [data-ready]").wait_for()

    with page.expect_file_chooser() as chooser:
        page.locator("#mask-upload").click()
    chooser.value.set_files(tmp_path / "mask.png")
    until_painted(page, mask > 0)
    page.locator("#mask-invert").click()
    until_painted(page, mask == 0)
    page.get_by_role("button", name="Undo").click()
    until_painted(page, mask > 0)
    page.locator("#painter").get_by_role("button", name="Erase").click()
    paint(page, (0.2, 0.2), (0.3, 0.2))
    erased = canvas(page)
    assert erased.sum() < (mask > 0).sum()
    saved = np.asarray(Image.open(download(page, "#mask-save")))
    assert (saved == erased).all()
    choose(page, "task", "Fit")  # what is painted outlives a look at the other task
    page.locator("#painter").wait_for(state="detached")
    choose(page, "task", "Inpaint")
    until_painted(page, erased)
    page.locator("#mask-clear").click()
    until_painted(page, mask > 255)


def until_painted(page, mask: np.ndarray) -> None:
    page.wait_for_function(
        """(wanted) => {
          const c = document.querySelector('#painter canvas');
          if (!c) return false;
          const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
          let n = 0;
          for (let i = 3; i < pixels.length; i += 4) n += pixels[i] > 0;
          return n === wanted;
        }""",
        arg=int(mask.sum()),
    )
    assert (canvas(page) == mask).all()


def test_runs_wait_in_turn_and_can_be_opened_and_deleted(page, served, photo):
    bring(page, photo)
    only(page, "hash")
    custom(page, 60)
    page.locator("#fit").click()
    expect_state(page, "running")
    page.locator("#fit").click()
    expect_state(page, "queued")
    page.get_by_role("tab", name="Runs").click()
    cards = page.locator("#runs .ff-card")
    cards.nth(1).wait_for()
    assert "fieldfit image" in cards.first.locator("code").inner_text()
    waiting, running = "[data-state=queued]", "[data-state=running]"
    page.locator(f"#runs {waiting}").get_by_role("button", name="Stop").click()
    page.locator(f"#runs {waiting}").wait_for(state="detached")
    page.locator(f"#runs {running}").get_by_role("button", name="Open").click()
    expect_state(page, "running")
    page.locator("#stop").click()
    expect_state(page, "stopped")
    folder = page.locator("#log").inner_text().rpartition("saved in ")[2].strip()
    assert (served.folder / folder / "run.json").exists()

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("tab", name="Runs").click()
    card = page.locator("#runs .ff-card", has_text=f"{folder}/")
    card.get_by_role("button", name="Delete").click()
    card.wait_for(state="detached")
    assert not (served.folder / folder).exists()


def test_what_goes_wrong_is_said_in_one_sentence(page, tmp_path):
    page.locator("#fit").click()
    page.get_by_text("Drop a photo first, or take a sample.").wait_for()
    (tmp_path / "notes.png").write_text("not a picture")
    page.locator("#upload input[type=file]").set_input_files(tmp_path / "notes.png")
    page.get_by_text("notes.png: is not a picture").wait_for()
    page.locator("#samples [data-sample=zone_plate]").click()  # and one can go on
    page.locator("#photo img").wait_for()


def test_the_page_fits_a_phone_and_the_dark(chromium, served):
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    visit(page, served, "?__theme=dark")
    page.locator("#samples [data-sample=cat]").click()
    page.locator("#photo img").wait_for()
    for tab in ("Shape", "Runs", "Image"):
        page.get_by_role("tab", name=tab).click()
        # A phone shows a page that is too wide smaller, and then says it were as wide as the page.
        assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    background = page.locator(".ff-panel").first.evaluate(
        "(panel) => getComputedStyle(panel).backgroundColor"
    )
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 60
    context.close()


# --- shapes ---


def ring(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Points of a torus with radii 1 and 0.4 about the y axis, and normals."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0, 2 * np.pi, (2, count))
    normals = np.stack([np.cos(b) * np.cos(a), np.sin(b), np.cos(b) * np.sin(a)], 1)
    middle = np.stack([np.cos(a), 0 * a, np.sin(a)], 1)
    return middle + 0.4 * normals, normals


def shot(canvas) -> np.ndarray:
    """What a canvas shows, uint8 [h, w, 3]."""
    canvas.scroll_into_view_if_needed()
    return np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"))


def shades(pixels: np.ndarray) -> int:
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


def expect_triangles(page, method: str, count: int) -> None:
    page.locator(
        f"#shape-viewer [data-method={method}] canvas[data-triangles='{count}']"
    ).wait_for()


def test_a_scan_becomes_a_mesh_that_can_be_turned_and_taken_away(page, served, tmp_path):
    points, normals = ring()
    write_points(tmp_path / "my ring.ply", points, normals)
    page.get_by_role("tab", name="Shape").click()
    (tmp_path / "notes.ply").write_text("not a shape")
    upload = page.locator("#shape-upload input[type=file]")
    upload.set_input_files(tmp_path / "notes.ply")
    page.get_by_text("notes.ply: ").wait_for()

    page.locator("#shape-samples [data-sample=bracket]").click()
    page.locator("#shape-given canvas[data-triangles='540']").wait_for()
    assert shades(shot(page.locator("#shape-given canvas"))) > 20
    page.get_by_role("button", name="Another shape").click()
    upload.set_input_files(tmp_path / "my ring.ply")
    page.locator("#shape-given canvas[data-points='4000'][data-triangles='0']").wait_for()
    assert "4,000" in page.locator("#shape-about").inner_text()
    choose(page, "shape-methods", "auto")
    choose(page, "shape-methods", "hash")
    choose(page, "shape-preset", "Custom")
    page.locator("#shape-seconds input").fill("4")
    page.locator("#shape-resolution input[type=number]").fill("64")
    page.keyboard.press("Tab")
    page.locator("#shape-fit").click()
    page.locator("#shape-log [data-state=running]").wait_for()
    page.locator("#shape-viewer [data-method=hash] img[src^='data:']").wait_for()

    # The mesh is the one in the file: a ring, closed, with one hole, where the points are.
    page.locator("#shape-log [data-state=done]").wait_for()
    page.locator("#shape-metrics [data-method=hash]").wait_for()
    command = shlex.split(page.locator("#shape-command code").inner_text())
    assert command[:2] == ["fieldfit", "points"]
    saved = json.loads((served.folder / Path(command[2]).parent / "run.json").read_text())
    expect_triangles(page, "hash", saved["mesh"]["faces"])
    found = read_shape(download(page, "#shape-ply"))
    mesh = Mesh(torch.from_numpy(found.points.astype(np.float32)), torch.from_numpy(found.faces))
    assert len(mesh.faces) == saved["mesh"]["faces"]
    assert mesh.watertight
    assert mesh.euler == 0
    assert mesh.volume == pytest.approx(2 * np.pi**2 * 0.4**2, rel=0.1)
    assert load_field(download(page, "#shape-field")).info["kind"] == "shape"
    assert download(page, "#shape-stl").suffix == ".stl"

    # It is seen, and turns with the mouse, together with the points.
    solid = page.locator("#shape-viewer [data-method=hash] canvas")
    cloud = page.locator("#shape-viewer [data-method=given] canvas")
    before = shot(solid), shot(cloud)
    assert min(map(shades, before)) > 20
    paper = before[0][20, before[0].shape[1] // 20]
    share = (before[0] != paper).any(-1).mean()
    assert 0.2 < share < 0.9  # neither nothing nor a wall
    box = solid.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 140, steps=3)
    page.mouse.up()
    page.wait_for_timeout(100)
    for old, canvas in zip(before, (solid, cloud), strict=True):
        assert (shot(canvas) != old).any(-1).mean() > 0.1

    # Back to where it was coarse, and to the end again.
    page.locator("#shape-scrub input[type=range]").focus()
    page.keyboard.press("Home")
    page.locator("#shape-viewer [data-method=hash][data-step='0']").wait_for()
    page.keyboard.press("End")
    expect_triangles(page, "hash", saved["mesh"]["faces"])

    # A reload keeps it.
    page.reload(wait_until="domcontentloaded")
    page.get_by_role("tab", name="Shape").click()
    expect_triangles(page, "hash", saved["mesh"]["faces"])
    page.locator("#shape-given canvas[data-points='4000']").wait_for()
    assert page.locator("#shape-resolution input[type=number]").input_value() == "64"

    # A flip is another run, which can be stopped.
    page.locator("#shape-flip").click()
    page.wait_for_function(
        "document.querySelector('#shape-command code').textContent.includes('--flip')"
    )
    page.locator("#shape-log [data-state=running]").wait_for()
    page.locator("#shape-stop").click()
    page.locator("#shape-log :is([data-state=stopped], [data-state=done])").wait_for()
    page.locator("#shape-found", has_text="turned around, as asked").wait_for()
    page.locator("#shape-more").get_by_text("More").click()
    page.locator("#shape-flip-choice input:checked").wait_for()

    # The Runs tab leads back to the first.
    page.get_by_role("tab", name="Runs").click()
    card = page.locator("#runs .ff-card", has_text="fieldfit points").nth(1)
    card.get_by_role("button", name="Open").click()
    expect_triangles(page, "hash", saved["mesh"]["faces"])


# --- from a program ---


@pytest.fixture(scope="module")
def client(served):
    from gradio_client import Client

    client = Client(served.url, verbose=False)
    yield client
    client.close()


def test_only_what_is_meant_for_programs_is_offered(client):
    offered = client.view_api(return_format="dict")
    assert set(offered["named_endpoints"]) == {
        "/fit_image", "/inpaint_image", "/denoise_image", "/enlarge_image", "/methods",
    }  # fmt: skip
    assert not offered["unnamed_endpoints"]
    assert "hash" in client.predict(api_name="/methods")


def fit(client, photo: Path, methods, seconds=0.5, **rest):
    from gradio_client import handle_file

    return client.submit(
        photo=handle_file(photo), methods=methods, seconds=seconds, api_name="/fit_image", **rest
    )


def test_a_program_fits_a_photo_as_the_page_does(client, photo):
    job = fit(client, photo, ["plain", "hash"], seconds=1, holdout=25)
    document, files = job.result(timeout=90)
    assert [r["method"] for r in document["runs"]] == ["plain", "hash"]
    assert document["metrics"]["heldout_psnr"] > 10
    picture, field, report = map(Path, files)
    assert read_picture(picture).pixels.shape == read_picture(photo).pixels.shape
    assert load_field(field).info["metrics"] == pytest.approx(document["metrics"])
    assert report.read_text().lstrip().lower().startswith("<!doctype html")
    states = [where["state"] for where, _ in job.outputs()[:-1]]
    assert "running" in states


def test_a_program_fills_a_mask(client, photo, tmp_path):
    from gradio_client import handle_file

    original = read_picture(photo).pixels
    mask = np.zeros(original.shape[:2], bool)
    mask[50:80, 60:99] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    document, files = client.predict(
        handle_file(photo), handle_file(tmp_path / "mask.png"), ["hash"], 0.5,
        api_name="/inpaint_image",
    )  # fmt: skip
    result = read_picture(files[0]).pixels
    assert document["verb"] == "inpaint"
    assert (result[~mask] == original[~mask]).all()
    assert (result[mask] != original[mask]).any()


def test_a_program_removes_noise_and_enlarges(client, photo):
    from gradio_client import handle_file

    document, _ = client.predict(
        photo=handle_file(photo), methods=["hash"], seconds=0.5, sigma=12, api_name="/denoise_image"
    )
    assert (document["verb"], document["sigma"]) == ("denoise", 12)
    document, files = client.predict(
        photo=handle_file(photo), methods=["hash"], seconds=0.5, scale=1.5,
        api_name="/enlarge_image",
    )  # fmt: skip
    assert document["verb"] == "upscale"
    assert read_picture(files[0]).pixels.shape == (288, 384, 3)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"methods": []}, "at least one method"),
        ({"methods": ["hash"], "seconds": 1e9}, "Seconds"),
        ({"methods": ["hash"], "missing": 100}, "Missing"),
    ],
)
def test_a_program_is_told_what_is_wrong(client, photo, asked, problem):
    with pytest.raises(Exception, match=problem):
        fit(client, photo, **asked).result(timeout=90)


# --- the server ---


def status_of(request: urllib.request.Request | str) -> int:
    with contextlib.closing(_open(request)) as response:
        return response.status


def _open(request):
    try:
        return urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as refusal:
        return refusal


def test_another_name_for_this_machine_gets_no_answer(served):
    request = urllib.request.Request(f"{served.url}/config", headers={"Host": "evil.example"})
    assert status_of(request) == 400
    assert status_of(f"{served.url}/config") == 200


def test_files_beside_the_page_cannot_be_fetched(served, client, photo):
    fit(client, photo, ["hash"]).result(timeout=90)
    secret = next(served.folder.glob("runs/*/run.json"))
    for path in ("/etc/passwd", secret, served.folder / "stderr.txt"):
        assert status_of(f"{served.url}/gradio_api/file={path}") == 403


def test_an_upload_over_the_limit_is_refused(served):
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    body = head + bytes(21 * 2**20) + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{served.url}/gradio_api/upload", body, kind)
    assert status_of(request) == 413


def test_a_signal_stops_the_server_and_saves_the_run(tmp_path, photo, serve):
    from gradio_client import Client

    server = serve(tmp_path)
    client = Client(server.url, verbose=False, download_files=False)
    job = fit(client, photo, ["hash"], seconds=300)
    for where, _ in job:
        if where["state"] == "running" and where["methods"]["hash"]["step"]:
            break
    assert server.stop() == 130
    client.close()
    (run,) = server.runs()
    assert json.loads((run / "run.json").read_text())["end"] == "interrupted"
    assert load_field(run / "field.safetensors").info["method"] == "hash"
    assert not list(tmp_path.glob("fieldfit-*"))  # the private directory is gone
    assert "Traceback" not in server.errors
