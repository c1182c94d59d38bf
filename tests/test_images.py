"""Pictures in and out: exact where the format is, and one clear error for everything else.

The files are made here, by Pillow, tifffile and the small encoders below, never by the code that
is tested (except where it is read back by another library).
"""

import os
import resource
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms, ImageOps

import data
from data import Picture, PictureWriter, atomic_write, read_picture, write_picture, write_text

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
BLACK_IS_ZERO, RGB = 1, 2
PACKBITS = 32773


def noise(height=7, width=11, channels=3, depth=8, seed=0):
    """[height, width, channels], every value of the depth equally likely."""
    rng = np.random.default_rng(seed)
    shape = (height, width, channels)
    return rng.integers(0, 2**depth, shape, np.uint8 if depth == 8 else np.uint16)


def smooth(height=16, width=24, channels=3):
    """A ramp that JPEG and WebP keep nearly as it is, without symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    ramp = 20 + 200 * (x / width * 0.7 + y / height * 0.3)
    return np.repeat(ramp[..., None], channels, axis=2).astype(np.uint8)


def pillow(pixels):
    """A Pillow image of uint8 pixels, or of 16-bit grey ones."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def chunk(kind, content):
    """One PNG chunk."""
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def png(pixels, *, extra=b"", interlaced=False, filters=(0,)):
    """A PNG by an encoder of its own; the rows take turns with `filters`."""
    height, width, channels = pixels.shape
    depth = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBB3B", width, height, depth, COLOUR_TYPES[channels], 0, 0, interlaced)
    passes = [pixels]
    if interlaced:
        steps = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2)]
        steps += [(0, 1, 2, 2), (1, 0, 2, 1)]
        passes = [pixels[y::down, x::across] for y, x, down, across in steps]
    content = b"".join(png_rows(part, filters) for part in passes if part.size)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra,
            chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b""),
        )
    )


def png_rows(pixels, filters):
    """The filtered rows of a PNG, byte by byte as in its specification."""
    step = pixels.shape[2] * pixels.dtype.itemsize
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8).reshape(len(pixels), -1)
    above = [0] * rows.shape[1]
    out = bytearray()
    for index, row in enumerate(rows.tolist()):
        kind = filters[index % len(filters)]
        out.append(kind)
        for i, value in enumerate(row):
            a, c = (row[i - step], above[i - step]) if i >= step else (0, 0)
            b = above[i]
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            out.append((value - (0, a, b, (a + b) // 2, paeth)[kind]) % 256)
        above = row
    return bytes(out)


def tiff(pixels, *, photometric, compression=1, order="<", **tags):
    """A one-strip TIFF with PackBits or no compression; `tags` like t338=(1,) add or replace."""
    height, width, channels = pixels.shape
    content = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    if compression == PACKBITS:
        runs = [content[i : i + 128] for i in range(0, len(content), 128)]
        content = b"".join(bytes([len(run) - 1]) + run for run in runs)
    values = {256: (width,), 257: (height,), 258: (8 * pixels.dtype.itemsize,) * channels}
    values |= {259: (compression,), 262: (photometric,), 273: (8,), 277: (channels,)}
    values |= {278: (height,), 279: (len(content),)}
    values |= {int(name[1:]): value for name, value in tags.items()}
    content += b"\0" * (len(content) % 2)
    entries, beyond = b"", 8 + len(content)
    for tag, value in sorted(values.items()):
        packed = struct.pack(f"{order}{len(value)}I", *value)
        if len(packed) > 4:
            content += packed
            packed = struct.pack(f"{order}I", beyond)
            beyond += 4 * len(value)
        entries += struct.pack(f"{order}HHI", tag, 4, len(value)) + packed
    mark = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(f"{order}H", len(values)) + entries + bytes(4)
    return mark + struct.pack(f"{order}I", beyond) + content + directory


def saved(tmp_path, content, name="picture.bin"):
    """A file with this content; the name says nothing about it, on purpose."""
    path = tmp_path / name
    path.write_bytes(content)
    return path


def encoded(image, kind, **options):
    """The bytes of a Pillow image saved as `kind`."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tifffile_bytes(pixels, **options):
    """The bytes of a TIFF written by tifffile."""
    file = BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    return file.getvalue()


def refused(path, words, **options):
    """Reading fails with one line that names the file and has `words`."""
    with pytest.raises(ValueError, match=words) as error:
        read_picture(path, **options)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


# The picture itself


def test_a_picture_says_what_it_is():
    picture = Picture(noise(3, 5, 4, 16))
    assert (picture.height, picture.width, picture.channels) == (3, 5, 4)
    assert (picture.mode, picture.depth, picture.has_alpha) == ("RGBA", 16, True)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 5), np.uint8), np.zeros((0, 2, 3), np.uint8)],
    ids=str,
)
def test_a_picture_refuses_other_shapes(pixels):
    with pytest.raises(ValueError, match=r"must be \[height, width"):
        Picture(pixels)


def test_a_picture_refuses_other_numbers():
    with pytest.raises(ValueError, match="uint8 or uint16, got float32"):
        Picture(np.zeros((2, 2, 3), np.float32))


@pytest.mark.parametrize("depth", [8, 16])
def test_every_value_survives_the_tensor(depth):
    pixels = np.arange(2**depth, dtype=np.uint8 if depth == 8 else np.uint16).reshape(16, -1, 1)
    values = Picture(pixels).tensor()
    assert values.dtype == torch.float32
    assert (values.min(), values.max()) == (0, 1)
    assert (Picture.from_tensor(values, depth).pixels == pixels).all()


def test_tensor_values_are_clamped_and_rounded():
    values = torch.tensor([-1.0, 0.0, 0.4 / 255, 0.6 / 255, 1.0, torch.inf]).reshape(1, 6, 1)
    assert Picture.from_tensor(values).pixels.ravel().tolist() == [0, 0, 0, 1, 255, 255]


def test_half_precision_and_gradients_are_no_obstacle():
    values = torch.full((2, 2, 3), 0.5, dtype=torch.bfloat16, requires_grad=True)
    assert (Picture.from_tensor(values).pixels == 128).all()


def test_nan_is_an_error():
    with pytest.raises(ValueError, match="NaN"):
        Picture.from_tensor(torch.full((1, 1, 3), torch.nan))


@pytest.mark.parametrize("values", [torch.zeros(2, 2), torch.zeros(2, 2, 3, dtype=torch.uint8)])
def test_other_tensors_are_an_error(values):
    with pytest.raises(ValueError, match="float tensor"):
        Picture.from_tensor(values)


def test_depth_must_be_8_or_16():
    with pytest.raises(ValueError, match="depth must be 8 or 16, got 12"):
        Picture.from_tensor(torch.zeros(1, 1, 3), depth=12)


def test_16_bits_round_to_the_nearest_8():
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    rounded = Picture(pixels).with_depth(8)
    assert (rounded.pixels == np.rint(pixels / 257)).all()
    assert (rounded.with_depth(16).with_depth(8).pixels == rounded.pixels).all()


# Round trips


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
def test_lossless_formats_keep_everything(tmp_path, suffix, depth, channels):
    path = tmp_path / f"picture{suffix}"
    picture = Picture(noise(37, 23, channels, depth), ICC, (300.0, 200.0))
    write_picture(path, picture)
    read = read_picture(path)
    assert read.pixels.dtype == picture.pixels.dtype
    assert (read.pixels == picture.pixels).all()
    assert read.icc == ICC
    assert read.dpi == pytest.approx((300, 200), abs=0.02)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("limit", [4_000_000_000, 0], ids=["classic", "big"])
def test_tifffile_reads_our_tiff(tmp_path, monkeypatch, depth, channels, limit):
    monkeypatch.setattr("data.tiff_rows._CLASSIC_LIMIT", limit)
    monkeypatch.setattr("data.tiff_rows._STRIP", 300)
    picture = Picture(noise(31, 5, channels, depth), ICC)
    path = tmp_path / "picture.tif"
    write_picture(path, picture)
    assert (tifffile.imread(path).reshape(picture.pixels.shape) == picture.pixels).all()
    assert (read_picture(path).pixels == picture.pixels).all()


@pytest.mark.parametrize("content", ["noise", "smooth", "flat"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pillow_reads_our_16_bit_png(tmp_path, channels, content):
    pixels = noise(40, 30, channels, 16)
    if content != "noise":
        pixels = smooth(40, 30, channels).astype(np.uint16) * (257 if content == "smooth" else 0)
    path = tmp_path / "picture.png"
    write_picture(path, Picture(pixels))
    with Image.open(path) as image:
        found = np.asarray(image).reshape(pixels.shape)
    assert (found == (pixels if channels == 1 else pixels >> 8)).all()
    assert (read_picture(path).pixels == pixels).all()


@pytest.mark.parametrize(("suffix", "channels"), [(".jpg", 1), (".jpeg", 3), (".webp", 3)])
@pytest.mark.parametrize("depth", [8, 16])
def test_lossy_formats_come_close(tmp_path, suffix, channels, depth):
    path = tmp_path / f"picture{suffix}"
    picture = Picture(smooth(channels=channels), ICC).with_depth(depth)
    write_picture(path, picture)
    read = read_picture(path)
    assert read.depth == 8
    assert np.abs(read.pixels.astype(int) - smooth(channels=channels)).max() <= 4
    assert read.icc == ICC


def test_webp_keeps_alpha(tmp_path):
    pixels = np.concatenate([smooth(), smooth(channels=1)], axis=2)
    write_picture(tmp_path / "a.webp", Picture(pixels))
    read = read_picture(tmp_path / "a.webp")
    assert (read.pixels[..., 3] == pixels[..., 3]).all()


def test_a_large_16_bit_picture_round_trips(tmp_path):
    rows = np.arange(2000, dtype=np.uint16)[:, None, None] * np.uint16(31)
    pixels = rows + np.arange(9000, dtype=np.uint16).reshape(1, 3000, 3)
    write_picture(tmp_path / "large.png", Picture(pixels))
    assert (read_picture(tmp_path / "large.png").pixels == pixels).all()


# Writing


@pytest.mark.parametrize("channels", [2, 4])
def test_a_jpeg_has_no_alpha(tmp_path, channels):
    with pytest.raises(ValueError, match=r"a\.jpg: .*no alpha.*PNG, WebP or TIFF"):
        write_picture(tmp_path / "a.jpg", Picture(noise(channels=channels)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.exe"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in one of \.png"):
        write_picture(tmp_path / name, Picture(noise()))


@pytest.mark.parametrize("quality", [0, 101, 1.5])
def test_quality_is_checked(tmp_path, quality):
    with pytest.raises(ValueError, match="quality must be"):
        write_picture(tmp_path / "a.jpg", Picture(noise()), quality=quality)


def test_a_format_too_small_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"a\.webp: 20000 x 1 .*write a PNG or TIFF"):
        write_picture(tmp_path / "a.webp", Picture(noise(1, 20000)))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("steps", [1, 7, 50])
def test_rows_may_come_in_any_portions(tmp_path, monkeypatch, suffix, depth, steps):
    monkeypatch.setattr("data.png_rows._BLOCK", 500)
    monkeypatch.setattr("data.tiff_rows._STRIP", 500)
    picture = Picture(noise(50, 13, 3, depth), ICC)
    path = tmp_path / f"a{suffix}"
    with PictureWriter(path, 13, 50, 3, depth, ICC) as writer:
        for top in range(0, 50, steps):
            writer.write_rows(picture.pixels[top : top + steps])
    read = read_picture(path)
    assert (read.pixels == picture.pixels).all()
    assert read.icc == ICC


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_missing_rows_leave_no_file(tmp_path, suffix):
    with (
        pytest.raises(ValueError, match="only 3 of 4 rows"),
        PictureWriter(tmp_path / f"a{suffix}", 2, 4) as writer,
    ):
        writer.write_rows(np.zeros((3, 2, 3), np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "rows",
    [np.zeros((1, 3, 3), np.uint8), np.zeros((1, 2, 3), np.uint16), np.zeros((5, 2, 3), np.uint8)],
)
def test_unfitting_rows_leave_no_file(tmp_path, rows):
    path = tmp_path / "a.png"
    with (
        pytest.raises(ValueError, match=r"a\.png: (rows must be|more than)"),
        PictureWriter(path, 2, 4) as writer,
    ):
        writer.write_rows(rows)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 4), "must be positive"),
        ((2, 4, 5), "channels must be"),
        ((2, 4, 3, 12), "depth must be"),
    ],
)
def test_the_writer_checks_its_arguments(tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words):
        PictureWriter(tmp_path / "a.png", *arguments)


def test_the_writer_streams_no_jpeg(tmp_path):
    with pytest.raises(ValueError, match="must end in one of"):
        PictureWriter(tmp_path / "a.jpg", 2, 4)


def test_the_writer_needs_its_with_block(tmp_path):
    with pytest.raises(ValueError, match="with block"):
        PictureWriter(tmp_path / "a.png", 2, 4).write_rows(np.zeros((1, 2, 3), np.uint8))


# Whole or not at all


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" whole")
    assert path.read_bytes() == b"half whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def fail_halfway(path, error):
    """Begins to write, then raises."""
    with atomic_write(path) as file:
        file.write(b"new")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(error):
        fail_halfway(path, error)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_an_encoder_that_fails_leaves_the_old_file(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")

    def fail(image, file, kind, **options):
        file.write(b"half a picture")
        raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        write_picture(path, Picture(noise()))
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_new_files_have_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_text("")
    write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


@pytest.mark.parametrize(
    ("name", "words"), [("no/such/a.png", "folder .* does not exist"), (".", "is a folder")]
)
def test_places_that_cannot_be_written(tmp_path, name, words):
    with pytest.raises(ValueError, match=words):
        write_text(tmp_path / name, "")


def test_devices_are_not_replaced():
    with pytest.raises(ValueError, match="device"):
        write_text(os.devnull, "")


# Every layout


def pillow_zoo():
    """(bytes, the pixels in them) of what Pillow can write, lossless."""
    rgb, grey, rgba, both = (pillow(noise(channels=c)) for c in (3, 1, 4, 2))
    palette = rgb.quantize(16)
    one = pillow(noise(channels=1)).convert("1", dither=Image.Dither.NONE)
    deep = Image.fromarray(noise(channels=1, depth=16)[..., 0])
    see_through = palette.copy()
    zoo = {}
    for kind, options in [
        ("PNG", {}),
        ("TIFF", {}),
        *[("TIFF", {"compression": c}) for c in ("tiff_lzw", "tiff_deflate", "packbits")],
        ("BMP", {}),
        ("WEBP", {"lossless": True, "exact": True}),
    ]:
        name = "-".join([kind, *map(str, options.values())])
        for image in (rgb, grey, rgba, both, palette, one, deep):
            if kind == "BMP" and image in (rgba, both, deep):
                continue
            if kind == "WEBP" and image not in (rgb, rgba):
                continue
            to = {"P": "RGB", "1": "L"}.get(image.mode, image.mode)
            expected = np.atleast_3d(np.asarray(image.convert(to)))
            zoo[f"{name}-{image.mode}"] = (encoded(image, kind, **options), expected)
    for transparency in (3, bytes(range(0, 256, 16))):
        see_through.info["transparency"] = transparency
        content = encoded(see_through, "PNG", transparency=transparency)
        expected = np.asarray(see_through.convert("RGBA"))
        zoo[f"PNG-P-transparent-{type(transparency).__name__}"] = (content, expected)
    return zoo


PILLOW_ZOO = pillow_zoo()


@pytest.mark.parametrize("name", PILLOW_ZOO)
def test_what_pillow_writes(tmp_path, name):
    content, expected = PILLOW_ZOO[name]
    picture = read_picture(saved(tmp_path, content))
    assert picture.pixels.dtype == expected.dtype
    assert picture.pixels.shape == expected.shape
    assert (picture.pixels == expected).all()


def test_the_zoo_is_no_empty_cage():
    names = "\n".join(PILLOW_ZOO)
    assert len(PILLOW_ZOO) >= 30
    assert {"PNG-I;16", "TIFF-tiff_lzw-I;16", "BMP-1", "WEBP-True-True-RGBA"} <= set(
        names.split("\n")
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_every_png_filter(tmp_path, channels, interlaced, depth):
    pixels = noise(17, 13, channels, depth)
    content = png(pixels, interlaced=interlaced, filters=(4, 3, 0, 2, 1))
    assert (read_picture(saved(tmp_path, content)).pixels == pixels).all()


@pytest.mark.parametrize(("channels", "depth"), [(1, 8), (3, 8), (1, 16), (3, 16)])
def test_a_transparent_colour_becomes_alpha(tmp_path, channels, depth):
    pixels = noise(4, 5, channels, depth)
    key = pixels[2, 3] = pixels[1, 1]
    # A near miss that 8 bits could not tell from the key.
    pixels[0, 0] = key ^ 1
    transparent = chunk(b"tRNS", key.astype(">u2").tobytes())
    picture = read_picture(saved(tmp_path, png(pixels, extra=transparent)))
    alpha = picture.pixels[..., -1] > 0
    assert (picture.pixels[..., :-1] == pixels).all()
    assert np.argwhere(~alpha).tolist() == [[1, 1], [2, 3]]
    assert picture.pixels.max(axis=(0, 1))[-1] == 2**depth - 1


def test_a_transparent_grey_of_4_bits(tmp_path):
    header = struct.pack(">IIBB3B", 2, 1, 4, 0, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(b"\0\x3f"))  # values 3 and 15
    parts = [chunk(b"IHDR", header), chunk(b"tRNS", b"\0\x03"), rows, chunk(b"IEND", b"")]
    picture = read_picture(saved(tmp_path, b"\x89PNG\r\n\x1a\n" + b"".join(parts)))
    assert picture.pixels.tolist() == [[[51, 0], [255, 255]]]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"tile": (16, 32)},
        {"rowsperstrip": 4},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
        {"compression": "zlib", "predictor": True, "tile": (16, 16)},
    ],
    ids=str,
)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bit_tiff_in_every_arrangement(tmp_path, channels, options, planar):
    pixels = noise(37, 45, channels, 16)
    stored = pixels[..., 0] if channels == 1 else pixels
    if planar == "separate" and channels > 1:
        stored = np.moveaxis(pixels, 2, 0)
        options = options | {"planarconfig": "separate"}
    content = tifffile_bytes(
        stored,
        photometric="rgb" if channels > 2 else "minisblack",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        **options,
    )
    assert (read_picture(saved(tmp_path, content)).pixels == pixels).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, PACKBITS])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_tiff_with_and_without_libtiff(tmp_path, order, compression, channels):
    pixels = noise(9, 5, channels, 16)
    photometric = RGB if channels > 1 else BLACK_IS_ZERO
    content = tiff(pixels, photometric=photometric, compression=compression, order=order)
    assert (read_picture(saved(tmp_path, content)).pixels == pixels).all()


@pytest.mark.parametrize("compression", [1, PACKBITS])
def test_16_bit_tiff_where_white_is_zero(tmp_path, compression):
    pixels = noise(9, 5, 1, 16)
    content = tiff(65535 - pixels, photometric=0, compression=compression)
    assert (read_picture(saved(tmp_path, content)).pixels == pixels).all()


@pytest.mark.parametrize("compression", [1, PACKBITS])
def test_16_bit_tiff_with_colours_multiplied_by_alpha(tmp_path, compression):
    pixels = noise(9, 5, 4, 16)
    pixels[..., 3] |= 0x8000
    stored = pixels.copy()
    alpha = pixels[..., 3:] / 65535
    stored[..., :3] = np.rint(pixels[..., :3] * alpha)
    content = tiff(stored, photometric=RGB, compression=compression, t338=(1,))
    read = read_picture(saved(tmp_path, content)).pixels.astype(int)
    assert np.abs(read - pixels).max() <= 1


@pytest.mark.parametrize("compression", [1, PACKBITS])
def test_16_bit_tiff_with_a_channel_of_no_meaning(tmp_path, compression):
    pixels = noise(9, 5, 4, 16)
    content = tiff(pixels, photometric=RGB, compression=compression, t338=(0,))
    assert (read_picture(saved(tmp_path, content)).pixels == pixels[..., :3]).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(tmp_path, kind):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[:8, :, 0] = 255  # cyan
    content = encoded(Image.fromarray(ink, "CMYK"), kind, icc_profile=b"not a profile")
    picture = read_picture(saved(tmp_path, content))
    assert picture.icc is None
    assert np.abs(picture.pixels[2, 2].astype(int) - [0, 255, 255]).max() <= 2
    assert np.abs(picture.pixels[13, 2].astype(int) - 255).max() <= 2


CMYK_KIND = (b"prtr", b"CMYK", b"Lab ")


def cmyk_profile():
    """A small ICC profile in which every ink makes the paper grey: L = 100 - 50 ink / 255."""
    identity = bytes(range(256))
    corners = np.indices((2, 2, 2, 2)).sum(axis=0).clip(0, 2).ravel()  # inks used
    table = b"".join(bytes([int(255 - 127.5 * inks / 2), 128, 128]) for inks in corners)
    matrix = struct.pack(">9i", *[65536 if i % 4 == 0 else 0 for i in range(9)])
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + identity * 4 + table + identity * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    start = 128 + 4 + 2 * 12
    tags = struct.pack(">I4sII", 2, b"A2B0", start, len(lut))
    tags += struct.pack(">4sII", b"wtpt", start + len(lut), len(white))
    body = tags + lut + white
    header = struct.pack(">I4sI4s4s4s12x4s", 128 + len(body), b"", 0x02400000, *CMYK_KIND, b"acsp")
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + body


def test_cmyk_goes_through_its_profile(tmp_path):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 0] = 255
    content = encoded(Image.fromarray(ink, "CMYK"), "TIFF", icc_profile=cmyk_profile())
    picture = read_picture(saved(tmp_path, content))
    red, green, blue = picture.pixels[8, 8].astype(int)
    assert abs(red - green) <= 3
    assert abs(green - blue) <= 3
    assert 150 < red < 220


def orientations():
    """(name, encoder of pixels with an orientation, tolerance)."""

    def exif(orientation):
        tags = Image.Exif()
        tags[274] = orientation
        return tags

    def with_pillow(kind, **options):
        return lambda pixels, n: encoded(pillow(pixels), kind, exif=exif(n), **options)

    def png16(pixels, n):
        extra = chunk(b"eXIf", exif(n).tobytes()[6:])
        return png(pixels.astype(np.uint16) * 257, extra=extra)

    def tiff16(pixels, n):
        return tiff(pixels.astype(np.uint16) * 257, photometric=RGB, t274=(n,))

    def tiff16_packbits(pixels, n):
        deep = pixels.astype(np.uint16) * 257
        return tiff(deep, photometric=RGB, t274=(n,), compression=PACKBITS)

    def tiff8(pixels, n):
        return tiff(pixels, photometric=RGB, t274=(n,))

    return {
        "jpeg": (with_pillow("JPEG", quality=100, subsampling=0), 6),
        "webp": (with_pillow("WEBP", lossless=True), 0),
        "png8": (with_pillow("PNG"), 0),
        "png16": (png16, 0),
        "tiff8": (tiff8, 0),
        "tiff16": (tiff16, 0),
        "tiff16-packbits": (tiff16_packbits, 0),
    }


ORIENTATIONS = orientations()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_pictures_are_upright(tmp_path, name, orientation):
    encode, tolerance = ORIENTATIONS[name]
    stored = smooth()
    image = pillow(stored)
    image.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    read = read_picture(saved(tmp_path, encode(stored, orientation))).with_depth(8)
    assert read.pixels.shape == expected.shape
    assert np.abs(read.pixels - expected).max() <= tolerance


@pytest.mark.parametrize("orientation", [0, 9, 60000])
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_senseless_orientations_mean_nothing(tmp_path, name, orientation):
    encode, tolerance = ORIENTATIONS[name]
    read = read_picture(saved(tmp_path, encode(smooth(), orientation))).with_depth(8)
    assert np.abs(read.pixels.astype(int) - smooth()).max() <= tolerance


def test_damaged_exif_costs_no_pixels(tmp_path):
    pixels = noise(depth=16)
    content = png(pixels, extra=chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff\1\2\3"))
    assert (read_picture(saved(tmp_path, content)).pixels == pixels).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_the_profile_is_kept(tmp_path, kind):
    content = encoded(pillow(noise()), kind, icc_profile=ICC)
    assert read_picture(saved(tmp_path, content)).icc == ICC


def test_threads_do_not_disturb_each_other(tmp_path):
    path = saved(tmp_path, png(noise(50, 50, 3, 16)))
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(lambda _: read_picture(path), range(40)))
    assert all((picture.pixels == pictures[0].pixels).all() for picture in pictures)
    assert list(warnings.filters) == filters


# What is refused


def several(kind):
    """Two frames or pages."""
    frames = [pillow(noise(seed=seed)) for seed in (1, 2)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


STRANGERS = {
    "empty": (b"", "is empty"),
    "text": (b"once upon a time", "is not a picture; save it as PNG, JPEG, WebP, TIFF or BMP"),
    "zeros": (bytes(1000), "is not a picture"),
    "gif": (encoded(pillow(noise()), "GIF"), "is a GIF; save it as PNG"),
    "avif": (b"\0\0\0\x1cftypavif" + bytes(20), "is an AVIF or HEIC"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "pickle": (b"\x80\x04\x95\x10\0\0\0\0\0\0\0", "is not a picture"),
    "apng": (several("PNG"), "animated; save the one frame"),
    "animated webp": (several("WEBP"), "animated; save the one frame"),
    "two pages": (several("TIFF"), "several pages"),
    "float tiff": (tifffile_bytes(np.full((4, 4), np.nan, np.float32)), "32-bit floating-point"),
    "half tiff": (tifffile_bytes(np.ones((4, 4), np.float16)), "16-bit floating-point"),
    "signed tiff": (tifffile_bytes(np.ones((4, 4), np.int16)), "16-bit signed"),
    "32-bit tiff": (tifffile_bytes(np.ones((4, 4), np.uint32)), "32-bit integer"),
    "raw": (tiff(noise(), photometric=RGB, t254=(1,)), "camera's raw file"),
    "dng": (tiff(noise(), photometric=RGB, t50706=(1,)), "camera's raw file"),
    "many channels": (tiff(noise(2, 2, 30, 16), photometric=RGB), "30 channels"),
    "huge tiles": (
        tiff(noise(depth=16), photometric=RGB, t322=(1 << 30,), t323=(1 << 20,)),
        "over the limit",
    ),
    "compressed planes": (
        tiff(noise(depth=16), photometric=RGB, compression=PACKBITS, t284=(2,)),
        "unusual layout; save it with Deflate",
    ),
    "CMYK planes": (tiff(noise(2, 2, 4, 16), photometric=5, t284=(2,)), "unusual layout"),
    "no strips": (tiff(noise(depth=16), photometric=RGB, t278=(0,)), "damaged"),
    "LAB": (encoded(Image.new("LAB", (4, 4)), "TIFF"), "LAB"),
    "a riff": (b"RIFF\x10\0\0\0WEBP", "cut short"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_are_refused(tmp_path, name):
    content, words = STRANGERS[name]
    refused(saved(tmp_path, content), words)


def test_a_thumbnail_is_no_second_page(tmp_path):
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(noise(), photometric="rgb", metadata=None)
        writer.write(noise(2, 2), photometric="rgb", metadata=None, subfiletype=1)
    assert (read_picture(saved(tmp_path, file.getvalue())).pixels == noise()).all()


@pytest.mark.parametrize(("name", "words"), [("none.png", "does not exist"), ("", "not a file")])
def test_what_is_no_file(tmp_path, name, words):
    refused(tmp_path / name, words)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a file")


def sized(kind, width, height):
    """The header of a picture of this size with almost nothing behind it."""
    if kind == "PNG":
        header = struct.pack(">IIBB3B", width, height, 1, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
    if kind == "BMP":
        header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
        return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header
    if kind == "TIFF":
        return tiff(noise(1, 1), photometric=RGB, t256=(width,), t257=(height,))
    if kind == "JPEG":
        content = encoded(pillow(noise()), "JPEG")
        at = content.index(b"\xff\xc0") + 5
        return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    return b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "JPEG", "WEBP"])
def test_sizes_are_checked_before_decoding(tmp_path, kind):
    path = saved(tmp_path, sized(kind, 20000, 20000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, "20000 x 20000 pixels .400 megapixels.*raise --max-megapixels or shrink it")
    refused(path, "over the limit of 0.5", max_megapixels=0.5)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KB


def test_a_bomb_is_refused(tmp_path):
    row = bytes(1 + 20000 // 8)
    deflate = zlib.compressobj(9)
    content = b"".join(deflate.compress(row) for _ in range(20000)) + deflate.flush()
    head = struct.pack(">IIBB3B", 20000, 20000, 1, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", content), chunk(b"IEND", b""))
    path = saved(tmp_path, b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert path.stat().st_size < 60_000
    refused(path, "400 megapixels")


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_empty_pictures_are_refused(tmp_path, kind):
    refused(saved(tmp_path, sized(kind, 0, 5)), "no pixels .0 x 5.")


def test_the_limit_can_be_raised_above_pillows(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for content in (png(noise()), tiff(noise(), photometric=RGB), encoded(pillow(noise()), "BMP")):
        assert (read_picture(saved(tmp_path, content)).pixels == noise()).all()
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_the_limit_must_make_sense(tmp_path, limit):
    with pytest.raises(ValueError, match="max_megapixels must be above 0"):
        read_picture(saved(tmp_path, png(noise())), max_megapixels=limit)


@contextmanager
def little_memory():
    """Fails if the block makes Python allocate more than 20 MB at any one time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_metadata_bombs_are_refused(tmp_path, kind):
    bomb = chunk(kind, b"name\0\0" + zlib.compress(bytes(50_000_000), 9))
    with little_memory():
        refused(saved(tmp_path, png(noise(), extra=bomb)), "too large")


def crowd(count):
    """The entries of a TIFF directory which all point to the same 900 kB."""
    return b"".join(struct.pack("<HHII", 60000 + i, 7, 900_000, 0) for i in range(count))


def exif_bomb():
    """An EXIF block, or the sub-directory of a TIFF at its byte 8."""
    directory = struct.pack("<H", 100) + crowd(100) + bytes(4)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(1_000_000, b"\0")


def tiff_bomb():
    """A picture whose directory, at the end, has a crowd in it."""
    content = tiff(noise(), photometric=RGB)
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    entries = content[start + 2 : start + 2 + 12 * count] + crowd(100)
    padded = content.ljust(1_000_000, b"\0")
    directory = struct.pack("<H", count + 100) + entries + bytes(4)
    return padded[:4] + struct.pack("<I", len(padded)) + padded[8:] + directory


def jpeg_with_exif(exif):
    """A JPEG with an EXIF block over several segments, and no JFIF header."""
    content = encoded(pillow(smooth()), "JPEG")
    parts = [b"Exif\0\0" + exif[i : i + 65000] for i in range(0, len(exif), 65000)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in parts)
    return content[:2] + segments + content[content.index(b"\xff\xdb") :]


METADATA_BOMBS = {
    "jpeg": jpeg_with_exif(exif_bomb()),
    "png8": png(noise(), extra=chunk(b"eXIf", exif_bomb())),
    "png16": png(noise(depth=16), extra=chunk(b"eXIf", exif_bomb())),
    "webp": encoded(pillow(smooth()), "WEBP", exif=exif_bomb()),
    "tiff": tiff_bomb(),
    "sub-directory": tiff(noise(), photometric=RGB, t34665=(1008,)).ljust(1000) + exif_bomb(),
}


@pytest.mark.parametrize("name", METADATA_BOMBS)
def test_metadata_is_not_multiplied(tmp_path, name):
    path = saved(tmp_path, METADATA_BOMBS[name])
    with little_memory():
        survives(path)


def test_a_strip_inflates_to_no_more_than_its_pixels(tmp_path):
    pixels = noise(4, 4, 3, 16)
    content = tiff(pixels, photometric=RGB, compression=1)
    bomb = zlib.compress(pixels.astype("<u2").tobytes() + bytes(50_000_000), 9)
    content += bomb
    bombed = tiff(
        pixels,
        photometric=RGB,
        t259=(8,),
        t273=(len(content) - len(bomb),),
        t279=(len(bomb),),
    )
    path = saved(tmp_path, bombed + content[len(bombed) :])
    with little_memory():
        assert (read_picture(path).pixels == pixels).all()


def small_files():
    """One small valid file of every decoder path."""
    rgb = pillow(smooth(9, 8))
    exif = Image.Exif()
    exif[274] = 6
    return {
        "png8": encoded(rgb, "PNG", icc_profile=ICC, exif=exif),
        "palette": encoded(rgb.quantize(8), "PNG", transparency=2),
        "png16": png(noise(9, 8, 3, 16), filters=(1, 2, 3, 4)),
        "png16-grey-alpha": png(noise(9, 8, 2, 16), interlaced=True),
        "jpeg": encoded(rgb, "JPEG", exif=exif, icc_profile=ICC),
        "progressive": encoded(rgb, "JPEG", progressive=True),
        "cmyk": encoded(rgb.convert("CMYK"), "JPEG"),
        "webp": encoded(rgb, "WEBP", exif=exif),
        "webp-lossless": encoded(rgb, "WEBP", lossless=True),
        "bmp": encoded(rgb, "BMP"),
        "bmp-palette": encoded(rgb.quantize(8), "BMP"),
        "tiff8": tiff(noise(9, 8, 3), photometric=RGB),
        "tiff-lzw": encoded(rgb, "TIFF", compression="tiff_lzw", exif=exif),
        "tiff-jpeg": encoded(rgb, "TIFF", compression="jpeg"),
        "tiff-g4": encoded(rgb.convert("1"), "TIFF", compression="group4"),
        "tiff16": tiff(noise(9, 8, 4, 16), photometric=RGB, order=">", t274=(6,)),
        "tiff16-packbits": tiff(noise(9, 8, 3, 16), photometric=RGB, compression=PACKBITS),
        "tiff16-deflate": tifffile_bytes(
            noise(20, 20, 3, 16), photometric="rgb", compression="zlib", tile=(16, 16)
        ),
        "big": tifffile_bytes(
            noise(9, 8, 2, 16), bigtiff=True, photometric="minisblack", planarconfig="contig"
        ),
    }


SMALL = small_files()


def survives(path):
    """Reads a damaged file: a Picture, or one ValueError that names it."""
    message = ""
    try:
        assert isinstance(read_picture(path, max_megapixels=1), Picture)
    except ValueError as error:
        message = str(error)
    assert message == "" or message.startswith(f"{path}: ")
    assert "\n" not in message
    return not message


def quiet(capfd, name):
    """Nothing was printed, except by libtiff, which has its own way to stderr."""
    out, err = capfd.readouterr()
    return out == "" and (err == "" or name in LIBTIFF)


LIBTIFF = ("tiff-lzw", "tiff-jpeg", "tiff-g4", "tiff16-packbits")


@pytest.mark.parametrize("name", SMALL)
def test_small_files_are_whole(tmp_path, name):
    assert survives(saved(tmp_path, SMALL[name]))


@pytest.mark.parametrize("name", SMALL)
def test_truncated_files(tmp_path, capfd, name):
    content = SMALL[name]
    for length in range(1, len(content), max(1, len(content) // 60)):
        whole = survives(saved(tmp_path, content[:length]))
        assert not (whole and length < len(content) * 0.6)
    assert quiet(capfd, name)


@pytest.mark.parametrize("name", SMALL)
def test_mutated_files(tmp_path, capfd, name):
    rng = np.random.default_rng(0)
    for _ in range(60):
        content = np.frombuffer(SMALL[name], np.uint8).copy()
        where = rng.integers(0, len(content), rng.integers(1, 6))
        content[where] = rng.integers(0, 256, len(where))
        survives(saved(tmp_path, content.tobytes()))
    assert quiet(capfd, name)


@pytest.mark.parametrize("name", ["png8", "png16", "palette"])
def test_a_damaged_png_is_noticed(tmp_path, name):
    content = bytearray(SMALL[name])
    content[content.index(b"IDAT") + 12] ^= 1
    refused(saved(tmp_path, bytes(content)), "damaged or cut short")


# The package


def test_the_public_names_are_there():
    assert all(getattr(data, name) is not None for name in data.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = data.nothing


def test_importing_the_package_imports_no_library():
    code = "import sys, data; print([m for m in ('torch', 'numpy', 'PIL') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_reading_needs_no_torch(tmp_path):
    path = saved(tmp_path, png(noise()))
    code = f"import sys, data; data.read_picture({str(path)!r}); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
