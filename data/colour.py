"""From every colour layout Pillow opens to grey, grey + alpha, RGB or RGBA."""

from io import BytesIO
from typing import cast

from PIL import Image, ImageCms

from .headers import Unreadable

_PLAIN = {"L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I;16L"}
_SIMPLER = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB"}


def plain(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """`image` in a plain layout, and the colour profile that goes with it.

    A palette becomes RGB, a transparent colour becomes an alpha channel, CMYK becomes sRGB (by
    the profile in the file, else by the plain formula). Unreadable for anything else.
    """
    icc = image.info.get("icc_profile") or None
    transparent = "transparency" in image.info
    if image.mode == "CMYK":
        return _srgb(image, icc), None
    if image.mode == "P":
        return image.convert("RGBA" if transparent else "RGB"), icc
    if transparent and image.mode in ("1", "L", "RGB"):
        return image.convert("RGBA" if image.mode == "RGB" else "LA"), icc
    if image.mode in _SIMPLER:
        return image.convert(_SIMPLER[image.mode]), icc
    if image.mode in _PLAIN:
        return image, icc
    raise Unreadable(f"has {image.mode} colours; save it as RGB or grey, 8 or 16 bits")


def _srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(BytesIO(icc))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, profile, target, outputMode="RGB")
            return cast(Image.Image, converted)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged or foreign profile: the colours are a guess either way
    return image.convert("RGB")
