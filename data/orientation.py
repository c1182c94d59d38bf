"""Pictures the right way up: the orientation that cameras note in EXIF."""

from typing import Any

import numpy as np
from PIL import ExifTags, Image


def exif_orientation(image: Image.Image) -> int:
    """1 to 8 as EXIF (or XMP) says; 1 where it says nothing, or nothing sensible."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged metadata must not cost the pixels
        return 1
    return orientation if orientation in range(1, 9) else 1


def upright(pixels: np.ndarray[Any, Any], orientation: int) -> np.ndarray[Any, Any]:
    """`pixels` [height, width, channels], stored with EXIF `orientation`, the right way up."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
