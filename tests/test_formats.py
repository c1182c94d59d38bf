"""What goes in comes out: format, depth, alpha, and every bit that was not to be touched."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from app.cli import main
from data import read_picture

SHAPE = (30, 40)
PHOTOMETRIC = {1: "minisblack", 2: "minisblack", 3: "rgb", 4: "rgb"}
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pixels(channels, depth):
    """Noise, so that no value is there by chance; fully transparent in one corner."""
    rng = np.random.default_rng(channels)
    values = rng.integers(0, 2**depth, (*SHAPE, channels), np.uint8 if depth == 8 else np.uint16)
    if channels in (2, 4):
        values[:5, :5, -1] = 0
    return values


def write_tiff(path, values, **options):
    channels = values.shape[2]
    extra = ["unassalpha"] if channels in (2, 4) else None
    tifffile.imwrite(
        path, values[..., 0] if channels == 1 else values, photometric=PHOTOMETRIC[channels],
        extrasamples=extra, planarconfig="contig" if channels > 1 else None, iccprofile=ICC,
        resolution=(300, 200), resolutionunit="INCH", **options,
    )


@pytest.fixture
def hole(tmp_path):
    white = np.zeros(SHAPE, bool)
    white[10:20, 15:30] = True
    Image.fromarray(white.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    return white


def run(*args) -> int:
    return main([*map(str, args), "--method", "hash", "--steps", "3"])


def files(folder) -> dict:
    return json.loads((folder / "run.json").read_text())["files"]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_an_inpainted_tiff_keeps_every_known_bit(channels, depth, hole, tmp_path):
    before, out = pixels(channels, depth), tmp_path / "out"
    write_tiff(tmp_path / "in.tif", before)
    assert run("inpaint", tmp_path / "in.tif", tmp_path / "mask.png", "--out", out) == 0
    assert files(out)["result"] == "result.tiff"
    assert files(out)["result_png"] == "result.png"
    with tifffile.TiffFile(out / "result.tiff") as file:
        page = file.pages[0]
        after = page.asarray().reshape(before.shape)
        assert after.dtype == before.dtype
        assert page.tags["InterColorProfile"].value == ICC
        assert [page.tags[n].value for n in ("XResolution", "YResolution")] == [(300, 1), (200, 1)]
        assert page.tags["ResolutionUnit"].value == 2
        if channels in (2, 4):
            assert page.tags["ExtraSamples"].value == (2,)
    assert np.array_equal(after[~hole], before[~hole])
    assert not np.array_equal(after[hole], before[hole])
    png = read_picture(out / "result.png")
    assert np.array_equal(png.pixels, after)
    assert png.icc == ICC
    assert png.dpi == pytest.approx((300, 200), rel=1e-3)


@pytest.mark.parametrize("depth", [8, 16])
def test_hidden_pixels_alone_change(depth, tmp_path):
    before, out = pixels(4, depth), tmp_path / "out"
    write_tiff(tmp_path / "in.tiff", before)
    assert run("inpaint", tmp_path / "in.tiff", "--missing", "0.3", "--out", out) == 0
    changed = (tifffile.imread(out / "result.tiff") != before).any(-1)
    assert 0.25 < changed.mean() <= 0.3


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_an_inpainted_png_keeps_every_known_bit(mode, hole, tmp_path):
    before, out = pixels(len(mode), 8), tmp_path / "out"
    Image.fromarray(before[..., 0] if mode == "L" else before, mode).save(
        tmp_path / "in.png", icc_profile=ICC, dpi=(300, 300)
    )
    assert run("inpaint", tmp_path / "in.png", tmp_path / "mask.png", "--out", out) == 0
    assert files(out)["result"] == "result.png"
    assert not (out / "result.tiff").exists()
    with Image.open(out / "result.png") as after:
        assert after.mode == mode
        assert after.info["icc_profile"] == ICC
        assert after.info["dpi"] == pytest.approx((300, 300), rel=1e-3)
        assert np.array_equal(np.asarray(after)[~hole].reshape(-1), before[~hole].reshape(-1))


def test_a_tiff_is_told_by_its_content(hole, tmp_path):
    write_tiff(tmp_path / "in.png", pixels(3, 16), compression="zlib", predictor=True)
    assert run("image", tmp_path / "in.png", "--out", tmp_path / "out") == 0
    assert tifffile.imread(tmp_path / "out" / "result.tiff").dtype == np.uint16


def test_a_comparison_keeps_the_format(tmp_path):
    out = tmp_path / "out"
    write_tiff(tmp_path / "in.tif", pixels(3, 16))
    args = ["--methods", "hash", "dense", "--steps", "3", "--out", str(out)]
    assert main(["compare", str(tmp_path / "in.tif"), *args]) == 0
    best = out / json.loads((out / "run.json").read_text())["method"]
    for name in ("result.tiff", "result.png", "field.safetensors"):
        assert (out / name).read_bytes() == (best / name).read_bytes()
    assert files(out)["result"] == "result.tiff"
