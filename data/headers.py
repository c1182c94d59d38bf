"""What a picture file is and how large it says it is, from its first bytes, nothing decoded."""

import struct
from typing import BinaryIO

FORMATS = "PNG, JPEG, WebP, TIFF or BMP"

_READ = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
    b"BM": "BMP",
}
_NOT_READ = {
    b"GIF8": "a GIF",
    b"8BPS": "a Photoshop file",
    b"%PDF": "a PDF",
    b"<svg": "an SVG drawing",
    b"<?xml": "an SVG drawing or another XML file",
    b"\0\0\1\0": "an icon",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 file",
    b"\x76\x2f\x31\x01": "an OpenEXR file",
    b"#?RADIANCE": "a Radiance HDR file",
    b"\0\0\0\x0cJXL ": "a JPEG XL file",
    b"\xff\x0a": "a JPEG XL file",
}
_SPARE_BYTES = 64 << 20  # metadata and a phone's motion photo ride along with the pixels


class Unreadable(ValueError):
    """Why a picture is refused and the way out; `read_picture` puts the file's name in front."""


def kind_of(file: BinaryIO) -> str:
    """'PNG', 'JPEG', 'WEBP', 'TIFF' or 'BMP' by content; Unreadable for everything else."""
    start = _peek(file, 0, 16)
    if not start:
        raise Unreadable("is empty; download or export it again")
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    for magic, kind in _READ.items():
        if start.startswith(magic):
            return kind
    name = next((name for magic, name in _NOT_READ.items() if start.startswith(magic)), None)
    if start[4:8] == b"ftyp":
        name = "an AVIF or HEIC file"
    raise Unreadable(f"is {name or 'not a picture'}; save it as {FORMATS}")


def check_size(width: int, height: int, max_megapixels: float, file_bytes: int = 0) -> None:
    """Unreadable if a picture of `width` x `height` is empty or larger than the limit,
    or if its file is far larger than such pixels can need."""
    if width < 1 or height < 1:
        raise Unreadable(f"has no pixels ({width} x {height}); export it again")
    if width * height > max_megapixels * 1e6:
        raise Unreadable(
            f"is {width} x {height} pixels ({width * height / 1e6:.4g} megapixels), over the limit"
            f" of {max_megapixels:g}; raise --max-megapixels or shrink it"
        )
    if file_bytes > 16 * width * height + _SPARE_BYTES:
        raise Unreadable(
            f"takes {file_bytes >> 20} MB for {width} x {height} pixels; save it without the rest"
        )


def png_size(file: BinaryIO) -> tuple[int, int]:
    """(width, height) of a PNG, which Pillow does not tell apart from damage when it is 0."""
    header = _peek(file, 16, 8)
    if len(header) < 8:
        raise Unreadable("is cut short; download or export it again")
    return struct.unpack(">II", header)


def webp_size(file: BinaryIO) -> tuple[int, int]:
    """(width, height) of a WebP's canvas, which Pillow would allocate while opening it."""
    header = _peek(file, 12, 18)
    if len(header) < 18:
        raise Unreadable("is cut short; download or export it again")
    if header[:4] == b"VP8X":
        if header[8] & 2:
            raise Unreadable("is animated; save the one frame you mean")
        return _uint24(header, 12) + 1, _uint24(header, 15) + 1
    if header[:4] == b"VP8L":
        bits = struct.unpack_from("<I", header, 9)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", header, 14)
    return width & 0x3FFF, height & 0x3FFF


def _peek(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    content = file.read(count)
    file.seek(0)
    return content


def _uint24(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 3], "little")
