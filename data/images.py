"""Pictures from files, every bit that is in them, and nothing a stranger could abuse."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, WebPImagePlugin

from .colour import plain
from .headers import FORMATS, Unreadable, check_size, kind_of, png_size, webp_size
from .orientation import exif_orientation, upright
from .picture import Picture
from .pillow import Pixels, pixels_of, quiet
from .png import check_chunks, deep_png, open_png
from .strips import PictureWriter
from .tiff import deep_tiff, only_page, open_tiff
from .writing import write_picture

__all__ = ["Picture", "PictureWriter", "read_picture", "write_picture"]


def read_picture(path: str | os.PathLike[str], *, max_megapixels: float = 100) -> Picture:
    """The picture in a PNG, JPEG, WebP, TIFF or BMP file, told by content, not by name.

    Grey, grey + alpha, RGB and RGBA keep all their 8 or 16 bits; palettes, 1-bit and CMYK
    become grey or RGB(A) with 8. EXIF orientation is applied, the colour profile kept. Sizes are
    checked in the header, before decoding. ValueError, naming the file and a way out, for
    whatever cannot be read: larger than `max_megapixels`, damaged, animated, of several pages,
    floating-point, of another format, or not there.
    """
    if not max_megapixels > 0:
        raise ValueError(f"max_megapixels must be above 0, got {max_megapixels}.")
    with _opened(path) as file:
        kind = ""
        try:
            kind = kind_of(file)
            with quiet(max_megapixels * 1e6):
                parts = _READERS[kind](file, max_megapixels)
        except Unreadable as refusal:
            raise ValueError(f"{path}: {refusal}.") from None
        # Decoders meet damaged files with whatever exception comes up, struct.error to TypeError.
        except Exception as error:
            raise ValueError(
                f"{path}: is a damaged or unusual {kind or 'file'} ({_one_line(error)}); "
                f"save it again as {FORMATS}."
            ) from error
    return Picture(upright(parts.pixels, parts.orientation), parts.icc, parts.dpi, kind)


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if words and not isinstance(error, KeyError) else type(error).__name__


@dataclass(frozen=True)
class _Parts:
    """What a decoder gives: pixels as stored, and what says how to show them."""

    pixels: Pixels
    orientation: int
    icc: bytes | None
    dpi: tuple[float, float] | None


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG whose EXIF block is not searched for its resolution, which a hostile one abuses."""

    def _read_dpi_from_exif(self) -> None:
        pass


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    if not Path(path).exists():
        raise ValueError(f"{path}: does not exist; check the name.")
    if not Path(path).is_file():
        raise ValueError(f"{path}: is not a file; give the name of a picture ({FORMATS}).")
    try:
        return open(path, "rb")
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be opened ({error.strerror}); check its permissions."
        ) from error


def _read_png(file: BinaryIO, max_megapixels: float) -> _Parts:
    check_size(*png_size(file), max_megapixels)
    image = open_png(file)
    check_size(*image.size, max_megapixels, _bytes(file))
    check_chunks(file)
    pixels = deep_png(image, file)
    if pixels is None:
        return _decoded(image)
    return _Parts(pixels, exif_orientation(image.info.get("exif")), _icc(image), _dpi(image))


def _read_tiff(file: BinaryIO, max_megapixels: float) -> _Parts:
    page = only_page(file, max_megapixels)
    pixels = deep_tiff(file, page)
    if pixels is not None:
        return _Parts(pixels, 1, page.icc, page.dpi)
    image = open_tiff(file)
    check_size(*image.size, max_megapixels, _bytes(file))
    return _decoded(image)  # Pillow turns a TIFF upright itself


def _read_webp(file: BinaryIO, max_megapixels: float) -> _Parts:
    check_size(*webp_size(file), max_megapixels, _bytes(file))
    return _read_simple(WebPImagePlugin.WebPImageFile, file, max_megapixels)


def _read_jpeg(file: BinaryIO, max_megapixels: float) -> _Parts:
    return _read_simple(_Jpeg, file, max_megapixels)


def _read_bmp(file: BinaryIO, max_megapixels: float) -> _Parts:
    return _read_simple(BmpImagePlugin.BmpImageFile, file, max_megapixels)


def _read_simple(
    opener: Callable[[BinaryIO], ImageFile.ImageFile], file: BinaryIO, max_megapixels: float
) -> _Parts:
    image = opener(file)
    check_size(*image.size, max_megapixels, _bytes(file))
    return _decoded(image)


_READERS = {
    "PNG": _read_png,
    "JPEG": _read_jpeg,
    "WEBP": _read_webp,
    "TIFF": _read_tiff,
    "BMP": _read_bmp,
}


def _decoded(image: ImageFile.ImageFile) -> _Parts:
    """The pixels, 8 bits deep, with what goes with them."""
    converted, icc = plain(image)
    pixels = pixels_of(converted)
    return _Parts(pixels, exif_orientation(image.info.get("exif")), icc, _dpi(image))


def _icc(image: Image.Image) -> bytes | None:
    return image.info.get("icc_profile") or None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    good = all(math.isfinite(value) and value > 0 for value in (across, down))
    return (across, down) if good else None


def _bytes(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
