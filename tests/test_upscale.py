"""`fieldfit upscale` on real files, through the real command line."""

import json

import numpy as np
import pytest
import torch
from PIL import ImageCms
from skimage import data

from app.cli import main
from app.upscale import bicubic, bicubic_frame, make_enlarged
from data import Picture, read_picture, write_picture
from fields import FieldSpec, ImageTask, Recorder, UpscaleTask, load_field
from fields import picture as draw
from fields.encodings import Fourier
from fields.record import View
from fields.shrink import Shrink, taps

QUICK = ["--method", "hash", "--steps", "5", "--device", "cpu"]


pytestmark = pytest.mark.usefixtures("handlers")


def run(*args):
    return main([str(a) for a in args])


def upscale(tmp_path, *args, verb="upscale"):
    out = tmp_path / "out"
    assert run(verb, *args, "--out", out) == 0
    return json.loads((out / "run.json").read_text()), out


@pytest.fixture
def photo(tmp_path, waves):
    path = tmp_path / "photo.png"
    write_picture(path, Picture.from_tensor(waves(21, 30)))
    return path


def cat(side=64):
    return np.ascontiguousarray(data.chelsea()[90 : 90 + side, 130 : 130 + side])


# --- the verb ---


@pytest.mark.parametrize(("scale", "size"), [("2", (42, 60)), ("2.5", (52, 75)), ("1", (21, 30))])
def test_the_result_is_so_many_times_as_large(photo, tmp_path, scale, size):
    found, out = upscale(tmp_path, photo, "--scale", scale, *QUICK)
    assert read_picture(out / "result.png").pixels.shape == (*size, 3)
    assert found["drawn"] == {"width": size[1], "height": size[0]}
    assert found["picture"] == {"width": 30, "height": 21, "mode": "RGB", "depth": 8}
    assert found["options"]["scale"] == float(scale)
    assert found["options"]["blur"] == "box"
    assert set(found["metrics"]) == {"psnr", "ssim"}
    assert load_field(out / "field.safetensors").info["size"] == [21, 30]


def test_it_doubles_by_default_and_its_report_tells(photo, tmp_path, capfd):
    found, out = upscale(tmp_path, photo, "--blur", "gaussian", *QUICK)
    assert found["verb"] == "upscale"
    assert (found["drawn"]["width"], found["options"]["blur"]) == (60, "gaussian")
    report = (out / "report.html").read_text()
    assert "Enlarged 2 times, from 30×21 to 60×42 pixels" in report
    assert "means under a Gaussian" in report
    assert "bicubic" in report
    frames = [read_picture(p).pixels.shape for p in (out / "progress").iterdir()]
    assert set(frames) == {(42, 60, 3)}


def test_auto_enlarges_better_than_bicubic(tmp_path):
    path = tmp_path / "cat.png"
    write_picture(path, Picture(cat()))
    found, out = upscale(tmp_path, path, "--scale", "2", "--reduce")
    small = Picture(cat().reshape(32, 2, 32, 2, 3).mean((1, 3)).round().astype(np.uint8))
    error = (cat() / 255.0 - bicubic(small, (64, 64)) / 255.0) ** 2
    assert found["metrics"]["clean_psnr"] > -10 * np.log10(error.mean()) + 0.5
    error = (cat() / 255.0 - read_picture(out / "result.png").pixels / 255.0) ** 2
    assert found["metrics"]["clean_psnr"] == pytest.approx(-10 * np.log10(error.mean()), abs=0.1)
    assert 0.5 < found["metrics"]["clean_ssim"] < 1
    assert found["metrics"]["psnr"] > 35  # shrunk again, it is what was given
    assert "clean_psnr" in found["history"][-1]


def test_what_does_not_fill_a_square_is_cut_off(photo, tmp_path):
    found, out = upscale(tmp_path, photo, "--scale", "4", "--reduce", *QUICK)
    assert found["picture"]["height"] == 21
    assert found["reduced"] == {"width": 7, "height": 5}
    assert found["drawn"] == {"width": 28, "height": 20}
    assert read_picture(out / "result.png").pixels.shape == (20, 28, 3)
    assert found["options"]["reduce"] is True


def test_a_deep_tiff_with_alpha_and_profile_keeps_them(tmp_path, waves):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "deep.tif"
    given = Picture.from_tensor(waves(10, 12, 4), depth=16, icc=icc, dpi=(300.0, 300.0))
    write_picture(path, given)
    _, out = upscale(tmp_path, path, "--scale", "1.5", *QUICK)
    for name in ("result.tiff", "result.png"):
        result = read_picture(out / name)
        assert result.pixels.shape == (15, 18, 4)
        assert result.depth == 16
        assert result.icc == icc
        assert result.dpi == pytest.approx((300, 300), abs=0.1)


def test_grey_stays_grey(tmp_path, waves):
    path = tmp_path / "grey.png"
    write_picture(path, Picture.from_tensor(waves(9, 8, 1)))
    _, out = upscale(tmp_path, path, "--scale", "3", *QUICK)
    assert read_picture(out / "result.png").pixels.shape == (27, 24, 1)


def test_a_run_can_be_repeated(photo, tmp_path):
    first, one = upscale(tmp_path / "a", photo, *QUICK, "--seed", "3")
    again, two = upscale(tmp_path / "b", photo, "--config", one / "run.json")
    assert again["config"] == first["config"]
    assert (one / "result.png").read_bytes() == (two / "result.png").read_bytes()


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--scale", "0.5"], "--scale must be from 1 to 16, got 0.5."),
        (["--scale", "17"], "--scale must be from 1 to 16"),
        (["--scale", "nan"], "--scale must be from 1 to 16"),
        (["--scale", "2.5", "--reduce"], "--reduce needs a whole --scale"),
        (["--scale", "1", "--reduce"], "--reduce needs a whole --scale"),
        (["--scale", "4", "--method", "magic"], "unknown method"),
    ],
)
def test_bad_flags_give_one_line(photo, tmp_path, capfd, flags, word):
    assert run("upscale", photo, *flags, "--out", tmp_path / "out") == 2
    said = capfd.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert word in said[0]
    assert not (tmp_path / "out").exists()


def test_too_large_a_drawing_is_refused_before_the_fit(photo, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("app.upscale.MAX_DRAWN", 2000)
    assert run("upscale", photo, "--scale", "2", "--out", tmp_path / "out") == 2
    assert "Use a smaller --scale" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_help_has_the_knobs_of_the_solver_here(capfd):
    assert run("upscale", "--method", "hash", "--help") == 0
    assert "--lr" in capfd.readouterr().out


# --- several methods ---


def test_several_methods_enlarge_or_remove_noise(photo, tmp_path):
    flags = ["--methods", "auto", "hash", "--steps", "4"]
    given = ["--task", "upscale", "--scale", "2", "--reduce"]
    found, out = upscale(tmp_path / "a", photo, *flags, *given, verb="compare")
    assert [r["method"] for r in found["runs"]] == ["auto", "hash"]
    assert all("clean_psnr" in r["metrics"] for r in found["runs"])
    best = max(found["runs"], key=lambda r: r["metrics"]["clean_psnr"])
    assert found["method"] == best["method"]
    assert read_picture(out / "hash" / "result.png").pixels.shape == (20, 30, 3)
    given = ["--task", "denoise", "--noise", "20"]
    found, _ = upscale(tmp_path / "b", photo, *flags, *given, verb="compare")
    assert found["sigma"] == 20
    assert all("clean_psnr" in r["metrics"] for r in found["runs"])


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--scale", "2"], "--scale needs --task upscale."),
        (["--noise", "20"], "--noise needs --task denoise."),
        (["--task", "denoise", "--reduce"], "--reduce needs --task upscale."),
        (["--task", "upscale", "--holdout", "0.5"], "--holdout needs --task fit."),
        (["--task", "inpaint"], "--task inpaint needs --mask"),
        (["--task", "fit", "--missing", "0.5"], "need --task inpaint"),
    ],
)
def test_flags_of_another_task_are_refused(photo, tmp_path, capfd, flags, word):
    assert run("compare", photo, *flags, "--out", tmp_path / "out") == 2
    assert word in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


# --- how the small picture comes from the large one ---


def shrunk(large, size, blur, rows=7):
    shrink = Shrink(size, large.shape[:2], blur)
    starts = range(0, len(large), rows)
    parts = [part for top in starts for part in shrink.add(top, large[top : top + rows])]
    tops = np.cumsum([0, *(len(values) for _, values in parts)])
    assert [top for top, _ in parts] == tops[:-1].tolist()
    return torch.cat([values for _, values in parts])


@pytest.mark.parametrize("blur", ["box", "gaussian", "none"])
@pytest.mark.parametrize("size", [(30, 40), (15, 20), (12, 16), (10, 13), (1, 1)])
def test_shrinking_in_strips_is_shrinking(rng, blur, size):
    large = torch.rand(30, 40, 3, generator=rng)
    whole = shrunk(large, size, blur, rows=30)
    assert whole.shape == (*size, 3)
    torch.testing.assert_close(shrunk(large, size, blur, rows=4), whole)
    flat = torch.full((30, 40, 1), 0.3)
    torch.testing.assert_close(shrunk(flat, size, blur), torch.full((*size, 1), 0.3))


def test_a_box_is_a_mean_of_squares(rng):
    large = torch.rand(30, 40, 3, generator=rng)
    wanted = large.view(10, 3, 8, 5, 3).mean((1, 3))
    torch.testing.assert_close(shrunk(large, (10, 8), "box"), wanted)


def test_without_a_blur_an_odd_factor_takes_the_middle(rng):
    large = torch.rand(9, 15, 1, generator=rng)
    torch.testing.assert_close(shrunk(large, (3, 5), "none"), large[1::3, 1::3])


def test_a_gaussian_is_half_a_pixel_wide():
    index, weights = taps(11, 88, "gaussian")
    centre = (index * weights).sum(1, keepdim=True)
    spread = ((index - centre) ** 2 * weights).sum(1).sqrt()
    assert float(spread[5]) == pytest.approx(0.5 * 8, rel=0.03)


@pytest.mark.parametrize("blur", ["box", "gaussian", "none"])
def test_what_is_seen_during_a_fit_is_what_is_scored(picture, rng, blur):
    field = FieldSpec(encoding=Fourier(frequencies=4, sigma=1.0)).build(2, 3, rng)
    task = UpscaleTask(picture, scale=4.0, blur=blur)
    seen = task.seen(field, torch.arange(24 * 32)).view(24, 32, 3)
    wanted = shrunk(draw(field, (24, 32), out=(96, 128)), (24, 32), blur)
    torch.testing.assert_close(seen[2:-2, 2:-2], wanted[2:-2, 2:-2], atol=0.01, rtol=0)


def test_a_recorder_shows_the_larger_picture(picture, rng):
    recorder = Recorder(UpscaleTask(picture, scale=2.5))
    assert recorder.view.shape == (60, 80)
    assert recorder.target().shape == (60, 80, 3)
    assert Recorder(ImageTask(picture)).view.shape == (24, 32)


def test_bicubic_is_shown_where_frames_are(waves, monkeypatch):
    picture = Picture.from_tensor(waves(30, 40))
    whole = torch.from_numpy(bicubic(picture, (75, 100)).copy())
    task = UpscaleTask(torch.from_numpy(picture.pixels), scale=2.5)
    monkeypatch.setattr("app.upscale.STRIP", 8)
    for stride in (1, 3):
        view = View(task, stride)
        frame = bicubic_frame(picture, task, view)
        assert frame.shape[:2] == view.shape
        wanted = whole.flatten(0, 1)[view.index].view(frame.shape)
        assert (frame.int() - wanted.int()).abs().max() <= 1


def test_reducing_keeps_the_depth(waves):
    picture = Picture.from_tensor(waves(20, 30, 2), depth=16)
    made = make_enlarged(picture, scale=2, reduce=True)
    wanted = picture.pixels.reshape(10, 2, 15, 2, 2).mean((1, 3))
    assert made.picture.depth == 16
    assert np.abs(made.picture.pixels - wanted).max() <= 0.5
    assert made.clean.size == (20, 30)
