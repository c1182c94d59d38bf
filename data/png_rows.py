"""A PNG encoder that takes rows as they come: 8 and 16 bits, which Pillow cannot write."""

import struct
import zlib
from typing import Any, BinaryIO

import numpy as np

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels: grey, grey + alpha, RGB, RGBA
_BLOCK = 1 << 19  # bytes filtered at a time: the temporaries stay in the cache
# The low byte of 16-bit pixels is nearly noise: searching longer gains under 1 %.
_LEVELS = {1: 4, 2: 1}

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class PngRows:
    """Writes the header at once, `write` adds rows, `close` the end. `shape` is [h, w, c]."""

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        icc: bytes | None,
        dpi: tuple[float, float] | None,
    ) -> None:
        height, width, channels = shape
        self._file = file
        self._step = channels * dtype.itemsize  # bytes from a pixel to the next
        self._above = np.zeros(width * self._step, np.uint8)
        self._deflate = zlib.compressobj(_LEVELS[dtype.itemsize])
        file.write(b"\x89PNG\r\n\x1a\n")
        header = (width, height, 8 * dtype.itemsize, _COLOUR_TYPES[channels], 0, 0, 0)
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", *header))
        if icc:
            self._chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc))
        if dpi:
            self._chunk(b"pHYs", struct.pack(">IIB", *(round(d / 0.0254) for d in dpi), 1))

    def write(self, rows: np.ndarray[Any, Any]) -> None:
        """Appends `rows` [n, width, channels]."""
        count = max(1, _BLOCK // len(self._above))
        for top in range(0, len(rows), count):
            block = rows[top : top + count]
            big_endian = np.ascontiguousarray(block, block.dtype.newbyteorder(">"))
            content = big_endian.view(np.uint8).reshape(len(block), -1)
            self._compressed(filtered(content, self._above, self._step))
            self._above = content[-1]

    def close(self) -> None:
        """Ends the picture; the file stays open."""
        self._chunk(b"IDAT", self._deflate.flush())
        self._chunk(b"IEND", b"")

    def _compressed(self, content: Bytes) -> None:
        if compressed := self._deflate.compress(content.data):
            self._chunk(b"IDAT", compressed)

    def _chunk(self, kind: bytes, content: bytes) -> None:
        self._file.write(struct.pack(">I", len(content)) + kind)
        self._file.write(content)
        self._file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))


def filtered(rows: Bytes, above: Bytes, step: int) -> Bytes:
    """`rows` [n, bytes] as PNG stores them, [n, 1 + bytes]: what they add to a guess.

    The guess comes from the neighbours of each byte: the pixel to the left (`step` bytes before),
    the one above, or Paeth's choice between them. As the PNG specification advises (section
    12.8), the filter with the smallest sum of absolute differences is taken, here tried on every
    eighth row and taken for all of them.
    """
    up = np.concatenate([above[None], rows[:-1]])
    tried = {kind: guess(rows[::8], up[::8], step) for kind, guess in _GUESSES.items()}
    costs = {kind: _cost(rows[::8] - guess) for kind, guess in tried.items()}
    kind = min(costs, key=lambda kind: costs[kind])
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    out[:, 0] = kind
    np.subtract(rows, _GUESSES[kind](rows, up, step), out=out[:, 1:])
    return out


def _cost(differences: Bytes) -> int:
    return int(np.minimum(differences, -differences).sum(dtype=np.uint64))


def _nothing(rows: Bytes, up: Bytes, step: int) -> Bytes:
    return np.zeros_like(rows)


def _left(rows: Bytes, up: Bytes, step: int) -> Bytes:
    left = np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    return left


def _up(rows: Bytes, up: Bytes, step: int) -> Bytes:
    return up


def _paeth(rows: Bytes, up: Bytes, step: int) -> Bytes:
    """Whichever of left, up and corner is nearest to left + up - corner, in this order."""
    left, corner = _left(rows, up, step), _left(up, up, step)
    a, b, c = (side.astype(np.int16) for side in (left, up, corner))
    to_left, to_up = np.abs(b - c), np.abs(a - c)
    to_corner = np.abs(a + b - 2 * c)
    up_or_corner = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, up_or_corner)


_GUESSES = {0: _nothing, 1: _left, 2: _up, 4: _paeth}  # by the number PNG gives the filter
