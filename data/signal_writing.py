"""Signals to files, whole or not at all."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .atomic import atomic_write
from .signal import Signal
from .wave_files import write_wave

SUFFIXES = (".csv", ".wav")

_BLOCK = 1 << 16  # rows of text made at a time


def write_signal(path: str | os.PathLike[str], signal: Signal) -> None:
    """Writes `signal` as the suffix says: .csv, with a line of names and every digit, or .wav,
    with 16 bits, clipped to [-1, 1]. ValueError for another suffix, and for a .wav of what is
    no sound."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: must end in one of {', '.join(SUFFIXES)}.")
    if suffix == ".csv":
        rows = torch.cat([signal.x[:, None], signal.values], dim=1)
        write_columns(path, ("x", *signal.names), rows)
    elif signal.rate is None:
        raise ValueError(f"{path}: only a sound, which has a rate, can be a .wav; write a .csv.")
    else:
        write_wave(path, signal.values.numpy(), signal.rate)


def write_columns(
    path: str | os.PathLike[str], names: Sequence[str], rows: Tensor
) -> None:
    """Writes numbers [n, c] with their c names as .csv, every digit of them, whole or not at
    all; what is not finite is nan or inf."""
    with atomic_write(path) as file:
        file.write(_csv([list(names)]))
        for block in rows.split(_BLOCK):
            file.write(_csv(block.tolist()))


def _csv(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
