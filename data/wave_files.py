"""Sound in .wav files: whole numbers of 8 to 32 bits and floating point, any channels.

The format is Microsoft's RIFF/WAVE with its extensible form [mmreg.h, 1994 and 2001]. The standard
library's module reads no floating point.
"""

import os
import struct
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from .atomic import atomic_write
from .headers import Unreadable

Array = np.ndarray[Any, Any]

_WHOLE, _FLOATING, _EXTENSIBLE = 1, 3, 0xFFFE
_GUID = bytes.fromhex("000000001000800000aa00389b71")  # what follows the format in its long form
_ENDLESS = 0xFFFFFFFF  # the size that programs write which cannot go back to correct it
_MOST_CHUNKS = 1000
_MOST_CHANNELS = 64
_MOST_RATE = 10_000_000  # samples a second
_TOP = 32768  # of 16 bits


class Sound(NamedTuple):
    """Samples in [-1, 1], float64 [n, channels], and how many there are in a second."""

    values: Array
    rate: int


class _Format(NamedTuple):
    kind: int
    channels: int
    rate: int
    block: int  # bytes for one sample of all channels
    bits: int


def read_wave(path: Path, max_numbers: int) -> Sound:
    """The sound in `path`; Unreadable for what is compressed, cut short, or over the limit."""
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] in (b"RF64", b"RIFX") or head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            raise Unreadable("is not a RIFF/WAVE file; export it as .wav, 16 bits PCM")
        form, size = _find_data(file)
        sample = _sample_bytes(form)
        frames = size // form.block
        if frames * form.channels > max_numbers:
            raise Unreadable(
                f"has {frames * form.channels:,} samples, over the limit of {max_numbers:,}; "
                "cut out a part of it"
            )
        content = np.frombuffer(file.read(frames * form.block), np.uint8)
    values = _decoded(content, form.kind, sample)
    return Sound(values.reshape(frames, form.channels), form.rate)


def write_wave(path: str | os.PathLike[str], values: Array, rate: int) -> None:
    """Writes `values` [n, channels] as 16 bits PCM, whole or not at all; what lies outside
    [-1, 1] is clipped. ValueError for a rate that no sound has."""
    if not 1 <= rate <= _MOST_RATE:
        raise ValueError(
            f"{path}: a .wav has from 1 to {_MOST_RATE:,} samples a second, got {rate:,}; "
            "write a .csv, or another number of samples."
        )
    channels = values.shape[1]
    size = 2 * values.size
    form = struct.pack("<HHIIHH", _WHOLE, channels, rate, 2 * channels * rate, 2 * channels, 16)
    with atomic_write(path) as file:
        file.write(struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE"))
        file.write(struct.pack("<4sI", b"fmt ", len(form)) + form)
        file.write(struct.pack("<4sI", b"data", size))
        file.write(np.rint(values * _TOP).clip(-_TOP, _TOP - 1).astype("<i2").tobytes())


def _find_data(file: IO[bytes]) -> tuple[_Format, int]:
    """The format and the bytes of sound, at whose start `file` then stands."""
    form = None
    end = os.fstat(file.fileno()).st_size
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, size = struct.unpack("<4sI", head)
        here = file.tell()
        if name == b"data" and form is not None:
            size = end - here if size == _ENDLESS else size
            if size > end - here:
                raise Unreadable("is cut short; download or export it again")
            return form, size
        if name == b"fmt ":
            form = _format(file.read(min(size, 40)))
        file.seek(here + size + size % 2)
    raise Unreadable("has no sound in it; export it again")


def _format(content: bytes) -> _Format:
    if len(content) < 16:
        raise Unreadable("is cut short; download or export it again")
    kind, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", content)
    if kind == _EXTENSIBLE and len(content) >= 40 and content[26:40] == _GUID:
        kind = struct.unpack_from("<H", content, 24)[0]
    return _Format(kind, channels, rate, block, bits)


def _sample_bytes(form: _Format) -> int:
    """Bytes of one number; Unreadable for a format that is not read."""
    if not 1 <= form.channels <= _MOST_CHANNELS or not 1 <= form.rate <= _MOST_RATE:
        raise Unreadable(
            f"has {form.channels} channels and {form.rate} samples a second; export it again"
        )
    size, rest = divmod(form.block, form.channels)
    bits = 8 * size
    known = {_WHOLE: (8, 16, 24, 32), _FLOATING: (32, 64)}.get(form.kind, ())
    if rest or bits not in known or not bits - 8 < form.bits <= bits:
        raise Unreadable(
            f"is of format {form.kind} with {form.bits} bits; export it as PCM with 8 to 32 bits "
            "or as floating point"
        )
    return size


def _decoded(content: Array, kind: int, size: int) -> Array:
    """Numbers of `size` bytes as float64, full scale being 1."""
    if kind == _FLOATING:
        return content.view(f"<f{size}").astype(np.float64)
    if size == 1:
        return (content.astype(np.float64) - 128) / 128
    if size == 3:
        wide = np.zeros((len(content) // 3, 4), np.uint8)
        wide[:, 1:] = content.reshape(-1, 3)
        content, size = wide.reshape(-1), 4
    return content.view(f"<i{size}") / 2.0 ** (8 * size - 1)
