"""The directory of a TIFF, read by ourselves so that every size is known before any decoding."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .headers import Unreadable

DAMAGED = "is damaged or cut short; download or export it again"

# TIFF type -> struct codes of one value; a rational is two integers.
_TYPES = {1: "B", 3: "H", 4: "I", 5: "II", 7: "B", 13: "I", 16: "Q"}
_TAGS = {
    254: "subfile_type",
    256: "width",
    257: "height",
    258: "bits",
    259: "compression",
    262: "photometric",
    266: "fill_order",
    273: "strip_offsets",
    274: "orientation",
    277: "samples",
    278: "rows_per_strip",
    279: "strip_bytes",
    282: "across",
    283: "down",
    284: "planar",
    296: "unit",
    317: "predictor",
    322: "tile_width",
    323: "tile_height",
    324: "tile_offsets",
    325: "tile_bytes",
    338: "extra_samples",
    339: "sample_format",
    34665: "exif",
    34675: "icc",
    34853: "gps",
    40965: "interoperability",
    50706: "dng_version",
}
_SUB_DIRECTORIES = ("exif", "gps", "interoperability")  # which Pillow reads too
_BYTES = dict(
    zip(range(1, 19), (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8), strict=True)
)
_SHARED_BYTES = 1 << 16  # some programs let a few small entries share their values
_MOST_TAGS = 4096
_MOST_PAGES = 64
_MOST_SEGMENTS = 1 << 20  # strips or tiles
_MOST_VALUES = {
    "strip_offsets": _MOST_SEGMENTS,
    "strip_bytes": _MOST_SEGMENTS,
    "tile_offsets": _MOST_SEGMENTS,
    "tile_bytes": _MOST_SEGMENTS,
    "icc": 1 << 22,
}
_FEW = 64  # values of any other tag


@dataclass(frozen=True)
class TiffPage:
    """One directory: the integer values of the tags we use, by our names for them."""

    byte_order: str  # '<' or '>'
    values: dict[str, tuple[int, ...]]

    def one(self, name: str, default: int) -> int:
        """The first value of a tag, or `default` where the tag is absent."""
        return (self.values.get(name) or (default,))[0]

    @property
    def is_extra(self) -> bool:
        """Whether this is a thumbnail or a mask of another page."""
        return bool(self.one("subfile_type", 0) & 5)

    @property
    def icc(self) -> bytes | None:
        """The colour profile."""
        return bytes(self.values.get("icc", ())) or None

    @property
    def dpi(self) -> tuple[float, float] | None:
        """(horizontal, vertical) dots per inch."""
        scale = {2: 1.0, 3: 2.54}.get(self.one("unit", 2))
        across, down = (self.values.get(name, (0, 0)) for name in ("across", "down"))
        if scale is None or 0 in across or 0 in down:
            return None
        return scale * across[0] / across[1], scale * down[0] / down[1]

    @property
    def tiled(self) -> bool:
        """Whether the pixels come in tiles rather than in strips."""
        return "tile_width" in self.values


def tiff_pages(file: BinaryIO) -> Iterator[TiffPage]:
    """The pages in the order of the file; Unreadable where a directory makes no sense."""
    file.seek(0)
    start = file.read(16)
    order = "<" if start[:2] == b"II" else ">"
    big = 43 in start[2:4]
    (offset,) = _unpack(order, "Q", start[8:16]) if big else _unpack(order, "I", start[4:8])
    for _ in range(_MOST_PAGES):
        if not offset:
            return
        page, offset = _directory(file, offset, order, big)
        yield page


def _directory(file: BinaryIO, offset: int, order: str, big: bool) -> tuple[TiffPage, int]:
    entries = _entries(file, offset, order, big)
    (following,) = _unpack(order, _offset_code(big), file.read(8 if big else 4))
    values = {}
    for tag, kind, field in entries:
        if tag in _TAGS and kind in _TYPES:
            values[_TAGS[tag]] = _values(file, field, order, big, _TYPES[kind], tag)
    for name in _SUB_DIRECTORIES:
        for place in values.get(name, ()):
            _entries(file, place, order, big)
    return TiffPage(order, values), following


def _entries(file: BinaryIO, offset: int, order: str, big: bool) -> list[tuple[int, int, bytes]]:
    """(tag, type, count and value) of each entry; `file` is then at the end of the list.

    Unreadable if the values say they take more than the whole file: such a file, whose entries
    all point to the same bytes, would make Pillow copy these for every entry.
    """
    count_code, size = ("Q", 20) if big else ("H", 12)
    file.seek(offset)
    (count,) = _unpack(order, count_code, file.read(struct.calcsize(f"={count_code}")))
    if count > _MOST_TAGS:
        raise Unreadable(DAMAGED)
    table = file.read(count * size)
    rows = [table[start : start + size] for start in range(0, len(table) - size + 1, size)]
    entries = [(*struct.unpack(f"{order}HH", row[:4]), row[4:]) for row in rows]
    claimed = sum(_byte_count(kind, field, order, big) for _, kind, field in entries)
    end = file.tell()
    if claimed > file.seek(0, os.SEEK_END) + _SHARED_BYTES:
        raise Unreadable(DAMAGED)
    file.seek(end)
    return entries


def _byte_count(kind: int, field: bytes, order: str, big: bool) -> int:
    (count,) = _unpack(order, _offset_code(big), field[: len(field) // 2])
    return count * _BYTES.get(kind, 0)


def _offset_code(big: bool) -> str:
    return "Q" if big else "I"


def _values(
    file: BinaryIO, field: bytes, order: str, big: bool, code: str, tag: int
) -> tuple[int, ...]:
    """The values of one entry; `field` is its count and its values, or where those are."""
    half = len(field) // 2
    (count,) = _unpack(order, _offset_code(big), field[:half])
    if count > _MOST_VALUES.get(_TAGS[tag], _FEW):
        raise Unreadable(DAMAGED)
    codes = f"{count * len(code)}{code[0]}"
    size = struct.calcsize(f"={codes}")
    if size <= half:
        return _unpack(order, codes, field[half : half + size])
    (offset,) = _unpack(order, _offset_code(big), field[half:])
    file.seek(offset)
    return _unpack(order, codes, file.read(size))


def _unpack(order: str, codes: str, content: bytes) -> tuple[int, ...]:
    try:
        return struct.unpack(order + codes, content)
    except struct.error as error:
        raise Unreadable(DAMAGED) from error
