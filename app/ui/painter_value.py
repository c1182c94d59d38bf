"""The painter's value: a mask as a PNG inside a string, as the page sends and receives it."""

import base64
import binascii
import io
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from .mask import Mask, Size
from .previews import data_uri

PAINT = "#ff2d55"
MAX_VALUE = 8 * 2**20  # characters of a mask: noise over the largest preview stays below


def encode(mask: Mask | None) -> str:
    """A mask as the painter shows it."""
    if mask is None or not mask.any():
        return ""
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[mask] = (*bytes.fromhex(PAINT[1:]), 255)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return data_uri(file.getvalue(), "image/png")


def decode(value: Any, size: Size) -> Mask:
    """What is painted over a picture of this size.

    Raises:
        ValueError: it was painted over another.
    """
    if not value:
        return np.zeros(size, np.bool_)
    problem = ValueError("The mask does not belong to this picture; press Clear and paint again.")
    if not isinstance(value, str) or len(value) > MAX_VALUE:
        raise problem
    try:
        contents = base64.b64decode(value.partition(",")[2], validate=True)
        image = Image.open(io.BytesIO(contents), formats=["PNG"])
        if (image.height, image.width) != size:
            raise problem
        # Never by colour: what was touched at all is to be filled.
        return np.asarray(image.convert("RGBA"))[..., 3] > 0
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError):
        raise problem from None
