"""Reading PNG: checksums, and the 16-bit pixels and transparent colours Pillow would round."""

import struct
import zlib
from typing import BinaryIO

import numpy as np
from PIL import PngImagePlugin

from .headers import Unreadable
from .pillow import Pixels, deep_pixels, pixels_of, raw_pixels, rawmode_of

_PIECE = 1 << 20
_DAMAGED = "is damaged or cut short; download or export it again"
_GREY_SCALE = {"L;2": 85, "L;4": 17}  # what Pillow multiplies such pixels by, but not their key


def open_png(file: BinaryIO) -> PngImagePlugin.PngImageFile:
    """The header; Unreadable if the PNG is animated."""
    file.seek(0)
    image = PngImagePlugin.PngImageFile(file)
    if image.n_frames > 1:
        raise Unreadable("is animated; save the one frame you mean")
    scale = _GREY_SCALE.get(rawmode_of(image), 1)
    if scale > 1 and "transparency" in image.info:
        image.info["transparency"] *= scale
    return image


def check_chunks(file: BinaryIO) -> None:
    """Unreadable if a checksum is wrong or the end is missing, which Pillow lets pass."""
    file.seek(8)
    kind = b""
    while kind != b"IEND":
        head = file.read(8)
        if len(head) < 8:
            raise Unreadable(_DAMAGED)
        length, kind = struct.unpack(">I4s", head)
        checksum = struct.pack(">I", _checksum(file, kind, length))
        if file.read(4) != checksum:
            raise Unreadable(_DAMAGED)


def deep_png(image: PngImagePlugin.PngImageFile, file: BinaryIO) -> Pixels | None:
    """The pixels of `image`, opened from `file`, uint16 [height, width, 1 to 4].

    None if it is not a 16-bit one, which is then not decoded yet.
    """
    rawmode, key = rawmode_of(image), image.info.get("transparency")
    if rawmode == "I;16B":
        return _with_key(pixels_of(image), key)
    if rawmode == "LA;16B":
        # Four bytes a pixel, like RGBA: taken as such, they come through as they are.
        return raw_pixels(image, "RGBA").view(">u2").astype(np.uint16)
    if rawmode in ("RGB;16B", "RGBA;16B"):
        return _with_key(deep_pixels(image, lambda: open_png(file), rawmode), key)
    return None


def _checksum(file: BinaryIO, kind: bytes, length: int) -> int:
    checksum = zlib.crc32(kind)
    while length > 0:
        piece = file.read(min(length, _PIECE))
        if not piece:
            raise Unreadable(_DAMAGED)
        checksum = zlib.crc32(piece, checksum)
        length -= len(piece)
    return checksum


def _with_key(pixels: Pixels, key: int | tuple[int, ...] | None) -> Pixels:
    """`pixels` with an alpha channel that is 0 where all channels equal `key`."""
    if key is None:
        return pixels
    seen = (pixels != np.asarray(key, np.uint16)).any(axis=2, keepdims=True)
    return np.concatenate([pixels, seen * np.uint16(65535)], axis=2)
