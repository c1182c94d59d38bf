"""The directory of a TIFF, read by ourselves so that every size is known before any decoding."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .headers import Unreadable

DAMAGED = "is damaged or cut short; download or export it again"

_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}  # TIFF type -> struct code, integers only
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
    284: "planar",
    317: "predictor",
    322: "tile_width",
    323: "tile_height",
    324: "tile_offsets",
    325: "tile_bytes",
    338: "extra_samples",
    339: "sample_format",
    50706: "dng_version",
}
_MOST_TAGS = 4096
_MOST_PAGES = 64
_MOST_VALUES = 1 << 23  # strips or tiles of one picture


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
    count_code, entry_size, offset_code = ("Q", 20, "Q") if big else ("H", 12, "I")
    file.seek(offset)
    (count,) = _unpack(order, count_code, file.read(struct.calcsize(f"={count_code}")))
    if count > _MOST_TAGS:
        raise Unreadable(DAMAGED)
    entries = file.read(count * entry_size)
    (following,) = _unpack(order, offset_code, file.read(struct.calcsize(f"={offset_code}")))
    values = {}
    for start in range(0, count * entry_size, entry_size):
        entry = entries[start : start + entry_size]
        tag, kind = _unpack(order, "HH", entry[:4])
        if tag in _TAGS and kind in _TYPES:
            values[_TAGS[tag]] = _values(file, entry[4:], order, offset_code, _TYPES[kind])
    return TiffPage(order, values), following


def _values(
    file: BinaryIO, field: bytes, order: str, offset_code: str, code: str
) -> tuple[int, ...]:
    """The values of one entry; `field` is its count and its values, or where those are."""
    half = len(field) // 2
    (count,) = _unpack(order, offset_code, field[:half])
    if count > _MOST_VALUES:
        raise Unreadable(DAMAGED)
    size = count * struct.calcsize(f"={code}")
    if size <= half:
        return _unpack(order, f"{count}{code}", field[half : half + size])
    (offset,) = _unpack(order, offset_code, field[half:])
    file.seek(offset)
    return _unpack(order, f"{count}{code}", file.read(size))


def _unpack(order: str, codes: str, content: bytes) -> tuple[int, ...]:
    try:
        return struct.unpack(order + codes, content)
    except struct.error as error:
        raise Unreadable(DAMAGED) from error
