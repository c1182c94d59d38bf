"""Pictures as a browser shows them: small, flattened, and as data inside the page."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from data import Picture

PAINTED_SIDE = 1024  # pixels of the picture that masks are painted over
SHOWN_SIDE = 1600  # pixels of the pictures that are compared

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def preview(picture: Picture, side: int = PAINTED_SIDE) -> Image.Image:
    """A picture in grey or RGB, its longest side at most `side`; what is transparent is white."""
    step = max(1, max(picture.height, picture.width) // (2 * side))
    pixels = picture.pixels[step // 2 :: step, step // 2 :: step]  # cheap; Pillow does the rest
    image = flat(pixels if picture.depth == 8 else (pixels // 257).astype(np.uint8))
    scale = side / max(picture.height, picture.width)
    if scale < 1:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS)
    return image


def flat(pixels: Pixels) -> Image.Image:
    """uint8 [h, w, 1 to 4] as an opaque image in grey or RGB."""
    channels = pixels.shape[2]
    if channels in (2, 4):
        alpha = pixels[..., -1:].astype(np.float32) / 255
        pixels = (pixels[..., :-1] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if channels < 3 else pixels))


def jpeg(image: Image.Image, icc: bytes | None, quality: int = 85) -> bytes:
    file = io.BytesIO()
    # A profile of another colour space would be wrong for the flattened pixels.
    profile = icc if icc and image.mode == "RGB" and icc[16:20] == b"RGB " else None
    image.save(file, "JPEG", quality=quality, icc_profile=profile)
    return file.getvalue()


def on_nothing(pixels: Pixels) -> bytes:
    """A WebP of a shaded picture on white, uint8 [h, w, 3]: what is wholly white lets the page show
    through, be it light or dark."""
    alpha = np.where((pixels == 255).all(-1), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.dstack([pixels, alpha])).save(file, "WEBP", quality=80, method=0)
    return file.getvalue()


def thumbnail(contents: bytes, side: int) -> bytes:
    """A JPEG, smaller."""
    image = Image.open(io.BytesIO(contents), formats=["JPEG"])
    icc = image.info.get("icc_profile")
    image.thumbnail((side, side))
    return jpeg(image, icc, quality=80)


def data_uri(contents: bytes, kind: str = "image/jpeg") -> str:
    return f"data:{kind};base64,{base64.b64encode(contents).decode()}"
