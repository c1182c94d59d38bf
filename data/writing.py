"""Pictures to files, whole or not at all."""

import os
from pathlib import Path
from typing import Any

from PIL import Image

from .atomic import atomic_write
from .picture import Picture
from .strips import PictureWriter

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp")

_BLOCK = 1 << 22  # values handed to an encoder at a time
_LARGEST = {"JPEG": 65500, "WEBP": 16383}  # pixels on a side


def write_picture(path: str | os.PathLike[str], picture: Picture, *, quality: int = 95) -> None:
    """Writes `picture` as the suffix says: .png, .tif or .tiff, .jpg or .jpeg, .webp.

    PNG and TIFF (Deflate) keep everything. JPEG and WebP have 8 bits, to which 16 are rounded,
    and lose detail by `quality`, 1 to 100. The colour profile is embedded. ValueError for
    another suffix, for alpha in a JPEG, and for a picture too large for the format.
    """
    if quality not in range(1, 101):
        raise ValueError(f"quality must be a whole number from 1 to 100, got {quality}.")
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: must end in one of {', '.join(SUFFIXES)}.")
    if suffix in (".jpg", ".jpeg"):
        _write_jpeg(path, picture, quality)
    elif suffix == ".webp":
        _write_webp(path, picture, quality)
    elif suffix == ".png" and picture.depth == 8:
        # Level 4 takes half the time of Pillow's own 6, for a file a few per cent larger.
        _save(path, picture, "PNG", compress_level=4)
    else:
        _write_rows(path, picture)


def _write_jpeg(path: str | os.PathLike[str], picture: Picture, quality: int) -> None:
    if picture.has_alpha:
        raise ValueError(f"{path}: a JPEG has no alpha channel; write a PNG, WebP or TIFF.")
    _check_side(path, picture, "JPEG")
    colour = "4:4:4" if quality >= 90 else "4:2:0"
    _save(path, picture.with_depth(8), "JPEG", quality=quality, subsampling=colour)


def _write_webp(path: str | os.PathLike[str], picture: Picture, quality: int) -> None:
    _check_side(path, picture, "WEBP")
    # `exact` keeps the colours under alpha 0, which a field was fitted to.
    _save(path, picture.with_depth(8), "WEBP", quality=quality, exact=True)


def _write_rows(path: str | os.PathLike[str], picture: Picture) -> None:
    height, width, channels = picture.pixels.shape
    writer = PictureWriter(
        path, width, height, channels, picture.depth, picture.icc, dpi=picture.dpi
    )
    rows = max(1, _BLOCK // (width * channels))
    with writer:
        for top in range(0, height, rows):
            writer.write_rows(picture.pixels[top : top + rows])


def _check_side(path: str | os.PathLike[str], picture: Picture, kind: str) -> None:
    if max(picture.width, picture.height) > _LARGEST[kind]:
        raise ValueError(
            f"{path}: {picture.width} x {picture.height} pixels are more than a {kind} can hold "
            f"({_LARGEST[kind]} on a side); write a PNG or TIFF."
        )


def _save(path: str | os.PathLike[str], picture: Picture, kind: str, **options: Any) -> None:
    pixels = picture.pixels[..., 0] if picture.channels == 1 else picture.pixels
    image = Image.fromarray(pixels)
    if picture.icc:
        options["icc_profile"] = picture.icc
    if picture.dpi:
        options["dpi"] = picture.dpi
    with atomic_write(path) as file:
        image.save(file, kind, **options)
