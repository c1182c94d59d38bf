"""Pictures the right way up: the orientation that cameras note in EXIF."""

from io import BytesIO
from typing import Any

import numpy as np

from .headers import Unreadable
from .tiff_header import tiff_pages


def exif_orientation(exif: bytes | None) -> int:
    """1 to 8 as an EXIF block, which is a small TIFF, says; 1 where it says nothing sensible."""
    try:
        page = next(tiff_pages(BytesIO((exif or b"").removeprefix(b"Exif\0\0"))), None)
    except Unreadable:  # damaged metadata must not cost the pixels
        return 1
    orientation = page.one("orientation", 1) if page else 1
    return orientation if orientation in range(1, 9) else 1


def upright(pixels: np.ndarray[Any, Any], orientation: int) -> np.ndarray[Any, Any]:
    """`pixels` [height, width, channels], stored with EXIF `orientation`, the right way up."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
