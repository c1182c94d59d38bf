"""Reading TIFF: what it says it holds, and 16-bit pixels with every bit.

Pixels stored plainly or with Deflate are put together here, in any arrangement; for the other
compressions Pillow's libtiff is used, twice (see `pillow.deep_pixels`).
"""

import zlib
from typing import BinaryIO

import numpy as np
from PIL import TiffImagePlugin

from .headers import Unreadable, check_size
from .orientation import upright
from .pillow import Pixels, deep_pixels, pixels_of, rawmode_of
from .tiff_header import DAMAGED, TiffPage, tiff_pages

_NONE, _DEFLATE = 1, (8, 32946)  # compressions
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # photometric interpretations
_UNSIGNED, _SIGNED, _UNDEFINED = 1, 2, 4  # sample formats
_MOST_SAMPLES = 8
_UNUSUAL = "has an unusual layout; save it with Deflate or without compression"
_ASSOCIATED, _UNASSOCIATED = 1, 2  # alpha: colours multiplied by it, or not


def open_tiff(file: BinaryIO) -> TiffImagePlugin.TiffImageFile:
    """The header, as Pillow reads it."""
    file.seek(0)
    return TiffImagePlugin.TiffImageFile(file)


def only_page(file: BinaryIO, max_megapixels: float) -> TiffPage:
    """The one picture of the file, its sizes within the limit; Unreadable otherwise."""
    pages = tiff_pages(file)
    page = next(pages, None)
    if page is None:
        raise Unreadable(DAMAGED)
    check_size(page.one("width", 0), page.one("height", 0), max_megapixels)
    if page.is_extra or "dng_version" in page.values:
        raise Unreadable("is a camera's raw file; develop it to a TIFF or a JPEG first")
    if any(not other.is_extra for other in pages):
        raise Unreadable("has several pages; save the one you mean")
    _check_samples(page)
    if page.tiled:
        check_size(page.one("tile_width", 0), page.one("tile_height", 0), max_megapixels)
    return page


def deep_tiff(file: BinaryIO, page: TiffPage) -> Pixels | None:
    """The pixels of a 16-bit grey or RGB(A) TIFF, upright, uint16; None if it is not one."""
    photometric = page.one("photometric", _WHITE_IS_ZERO)
    known = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
    plain = page.one("compression", _NONE) in (_NONE, *_DEFLATE) and page.one("fill_order", 1) == 1
    if page.one("bits", 1) != 16:
        return None
    if known and plain:
        pixels = upright(_assembled(file, page), page.one("orientation", 1))
    elif page.one("planar", 1) == 2 and page.one("samples", 1) > 1:
        raise Unreadable(_UNUSUAL)  # which Pillow misreads without a word
    elif not known:
        return None
    else:
        pixels = _by_libtiff(file)
    if photometric == _WHITE_IS_ZERO:
        pixels[..., 0] = 65535 - pixels[..., 0]
    return _with_alpha_only(pixels, page)


def _check_samples(page: TiffPage) -> None:
    bits = set(page.values.get("bits", (1,)))
    formats = set(page.values.get("sample_format", (_UNSIGNED,)))
    if not bits <= {1, 2, 4, 8, 16} or len(bits) > 1 or not formats <= {_UNSIGNED, _UNDEFINED}:
        kind = "integer" if formats <= {_UNSIGNED, _UNDEFINED} else "floating-point"
        kind = "signed" if _SIGNED in formats else kind
        depth = " and ".join(str(b) for b in sorted(bits))
        raise Unreadable(
            f"holds {depth}-bit {kind} values; save it with 8 or 16 bits, unsigned, full range"
        )


def _by_libtiff(file: BinaryIO) -> Pixels:
    image = open_tiff(file)
    if image.mode.startswith("I;16"):
        image.load()  # before its size is asked: a TIFF turns itself upright
        return pixels_of(image)
    rawmode = rawmode_of(image)
    if rawmode.startswith("RGBa"):  # ask for the colours as stored; we divide with 16 bits
        rawmode = "RGBA" + rawmode[4:]
    if image.tile[0].codec_name != "libtiff" or not rawmode.startswith("RGB"):
        raise Unreadable(_UNUSUAL)
    return deep_pixels(image, lambda: open_tiff(file), rawmode)


def _assembled(file: BinaryIO, page: TiffPage) -> Pixels:
    """The strips or tiles put together: uint16 [height, width, samples], as stored."""
    height, width = page.one("height", 0), page.one("width", 0)
    rows, columns = _segment_size(page)
    samples = page.one("samples", 1)
    if not 1 <= samples <= _MOST_SAMPLES:
        raise Unreadable(f"has {samples} channels; save it as grey or RGB, with or without alpha")
    planes, inner = (samples, 1) if page.one("planar", 1) == 2 else (1, samples)
    pixels = np.empty((planes, height, width, inner), np.uint16)
    offsets, sizes = _places(page)
    index = 0
    for plane in range(planes):
        for top in range(0, height, rows):
            tall = rows if page.tiled else min(rows, height - top)
            for left in range(0, width, columns):
                if index >= min(len(offsets), len(sizes)):
                    raise Unreadable(DAMAGED)
                file.seek(offsets[index])
                segment = _segment(file, sizes[index], page, (tall, columns, inner))
                target = pixels[plane, top : top + rows, left : left + columns]
                target[:] = segment[: height - top, : width - left]
                index += 1
    return pixels[0] if planes == 1 else np.ascontiguousarray(np.moveaxis(pixels[..., 0], 0, -1))


def _segment_size(page: TiffPage) -> tuple[int, int]:
    if page.tiled:
        return page.one("tile_height", 0), page.one("tile_width", 0)
    height = page.one("height", 0)
    rows = min(page.one("rows_per_strip", height), height)
    if rows < 1:
        raise Unreadable(DAMAGED)
    return rows, page.one("width", 0)


def _places(page: TiffPage) -> tuple[tuple[int, ...], tuple[int, ...]]:
    name = "tile" if page.tiled else "strip"
    return page.values.get(f"{name}_offsets", ()), page.values.get(f"{name}_bytes", ())


def _segment(file: BinaryIO, size: int, page: TiffPage, shape: tuple[int, int, int]) -> Pixels:
    """One strip or tile, never more memory than its shape needs."""
    needed = 2 * shape[0] * shape[1] * shape[2]
    if page.one("compression", _NONE) == _NONE:
        content = file.read(needed)
    else:
        content = _inflated(file.read(size), needed)
    if len(content) < needed:
        raise Unreadable(DAMAGED)
    values = np.frombuffer(content, f"{page.byte_order}u2").reshape(shape)
    predictor = page.one("predictor", 1) if page.one("compression", _NONE) != _NONE else 1
    if predictor not in (1, 2):
        raise Unreadable(_UNUSUAL)
    return np.cumsum(values, axis=1, dtype=np.uint16) if predictor == 2 else values


def _inflated(content: bytes, needed: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(content, needed)
    except zlib.error as error:
        raise Unreadable(DAMAGED) from error


def _with_alpha_only(pixels: Pixels, page: TiffPage) -> Pixels:
    """`pixels` without the extra channels that are not alpha; colours not multiplied by it."""
    colours = 3 if page.one("photometric", 0) == _RGB else 1
    # Files without the tag that have one channel more mean alpha.
    extra = page.one("extra_samples", _UNASSOCIATED)
    if pixels.shape[2] == colours or extra not in (_ASSOCIATED, _UNASSOCIATED):
        return np.ascontiguousarray(pixels[..., :colours])
    if pixels.shape[2] < colours:
        raise Unreadable(DAMAGED)
    if extra == _ASSOCIATED:
        alpha = np.maximum(pixels[..., colours : colours + 1], 1).astype(np.uint32)
        divided = (pixels[..., :colours] * np.uint32(65535) + alpha // 2) // alpha
        pixels[..., :colours] = np.minimum(divided, 65535)
    return np.ascontiguousarray(pixels[..., : colours + 1])
