"""A TIFF encoder that takes rows as they come: Deflate, in strips, BigTIFF when it must be."""

import struct
import zlib
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

_STRIP = 1 << 19  # bytes in a strip before compression
_LEVELS = {1: 4, 2: 1}  # as in png_rows
_CLASSIC_LIMIT = 4_000_000_000  # bytes; offsets have 32 bits
_SHORT, _LONG, _RATIONAL, _UNDEFINED, _LONG8 = 3, 4, 5, 7, 16
_CODES = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _UNDEFINED: "B", _LONG8: "Q"}


class TiffRows:
    """Writes the header at once, `write` adds rows, `close` the directory. `shape` is [h, w, c]."""

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        icc: bytes | None,
        dpi: tuple[float, float] | None,
    ) -> None:
        height, width, channels = shape
        row_bytes = width * channels * dtype.itemsize
        self._file, self._shape, self._dtype = file, shape, dtype
        self._icc, self._dpi = icc, dpi
        self._big = height * row_bytes + len(icc or b"") > _CLASSIC_LIMIT
        self._rows_per_strip = min(height, max(1, _STRIP // row_bytes))
        self._strip = np.empty((self._rows_per_strip, width, channels), dtype.newbyteorder("<"))
        self._filled = 0
        self._places: list[tuple[int, int]] = []  # (offset, bytes) of each strip
        # The offset of the directory is filled in by `close`.
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if self._big else b"II*\0" + bytes(4))

    def write(self, rows: np.ndarray[Any, Any]) -> None:
        """Appends `rows` [n, width, channels]."""
        while len(rows):
            taken = rows[: self._rows_per_strip - self._filled]
            self._strip[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            rows = rows[len(taken) :]
            if self._filled == self._rows_per_strip:
                self._end_strip()

    def close(self) -> None:
        """Ends the picture; the file stays open."""
        if self._filled:
            self._end_strip()
        start = self._write_directory()
        self._file.seek(8 if self._big else 4)
        self._file.write(struct.pack("<Q" if self._big else "<I", start))

    def _end_strip(self) -> None:
        strip = self._strip[: self._filled]
        # Predictor 2: each value less the one to its left, which wraps around.
        strip[:, 1:] = strip[:, 1:] - strip[:, :-1]
        content = zlib.compress(strip.tobytes(), _LEVELS[self._dtype.itemsize])
        self._places.append((self._file.tell(), len(content)))
        self._file.write(content)
        self._filled = 0

    def _tags(self) -> dict[int, tuple[int, tuple[int, ...] | bytes]]:
        """Tag -> (type, values), in the order of the tags."""
        height, width, channels = self._shape
        place = _LONG8 if self._big else _LONG
        tags: dict[int, tuple[int, tuple[int, ...] | bytes]] = {
            256: (_LONG, (width,)),
            257: (_LONG, (height,)),
            258: (_SHORT, (8 * self._dtype.itemsize,) * channels),
            259: (_SHORT, (8,)),  # Deflate
            262: (_SHORT, (2 if channels >= 3 else 1,)),  # RGB, or black is zero
            273: (place, tuple(offset for offset, _ in self._places)),
            277: (_SHORT, (channels,)),
            278: (_LONG, (self._rows_per_strip,)),
            279: (place, tuple(size for _, size in self._places)),
            284: (_SHORT, (1,)),  # the channels of a pixel side by side
            317: (_SHORT, (2,)),  # horizontal predictor
        }
        if self._dpi:
            tags[282], tags[283] = ((_RATIONAL, _ratio(value)) for value in self._dpi)
            tags[296] = (_SHORT, (2,))  # per inch
        if channels in (2, 4):
            tags[338] = (_SHORT, (2,))  # alpha, colours not multiplied by it
        tags[339] = (_SHORT, (1,) * channels)  # unsigned
        if self._icc:
            tags[34675] = (_UNDEFINED, self._icc)
        return dict(sorted(tags.items()))

    def _write_directory(self) -> int:
        """Writes long values, then the directory; returns where that starts."""
        count_code, offset_code, inline = ("Q", "Q", 8) if self._big else ("H", "I", 4)
        entries = b""
        tags = self._tags()
        for tag, (kind, values) in tags.items():
            content = struct.pack(f"<{len(values)}{_CODES[kind]}", *values)
            count = len(values) // 2 if kind == _RATIONAL else len(values)
            if len(content) > inline:
                content = struct.pack(f"<{offset_code}", self._append(content))
            entries += struct.pack(f"<HH{offset_code}", tag, kind, count)
            entries += content.ljust(inline, b"\0")
        end = struct.pack(f"<{offset_code}", 0)  # no further directory
        return self._append(struct.pack(f"<{count_code}", len(tags)) + entries + end)

    def _append(self, content: bytes) -> int:
        """Writes at an even offset, as TIFF wants, and returns it."""
        start = self._file.tell()
        if start % 2:
            self._file.write(b"\0")
        self._file.write(content)
        return start + start % 2


def _ratio(value: float) -> tuple[int, int]:
    ratio = Fraction(value).limit_denominator(10_000)
    return min(ratio.numerator, 2**32 - 1), ratio.denominator
