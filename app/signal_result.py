"""What is made of a signal's saved field: its values at any places, in the person's units."""

from pathlib import Path
from typing import Any

import numpy as np

from data import Signal, atomic_write, write_signal
from fields import SavedField

from .signal_job import field_values
from .signal_preparing import MOST_SAMPLES, Units, centres

SUFFIXES = (".csv", ".wav")
_LONGEST = 10_000_000  # samples of a signal that is read


def written(saved: SavedField, path: Path, samples: int | None) -> dict[str, Any]:
    """The field's samples as .csv, or as .wav of a sound."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: holds a signal; it must end in {' or '.join(SUFFIXES)}.")
    signal = sampled(saved, samples)
    write_signal(path, signal)
    return {"samples": len(signal.x)}


def written_arrays(saved: SavedField, path: Path, samples: int | None) -> dict[str, Any]:
    """The field's samples as an .npz file: `x` [n] and `values` [n, c]."""
    signal = sampled(saved, samples)
    with atomic_write(path) as file:
        np.savez(file, x=signal.x.numpy(), values=signal.values.numpy())
    return {"arrays": {"x": list(signal.x.shape), "values": list(signal.values.shape)}}


def sampled(saved: SavedField, samples: int | None) -> Signal:
    """A field's values at equally spaced places, as many as were fitted if it is not said.

    Raises:
        ValueError: too many are asked for, or the file says nothing of where they lie.
    """
    fitted, names, rate = _said(saved.info)
    count = fitted if samples is None else samples
    most = max(MOST_SAMPLES, fitted)
    if not 1 <= count <= most:
        raise ValueError(f"--samples must be from 1 to {most:,}, got {count:,}.")
    x = centres(count)
    places = Units.of_info(saved.info).out_of(x)
    if rate is not None:
        rate = round(rate * count / fitted)
    return Signal(places, field_values(saved.field, x), names, rate)


def _said(info: dict[str, Any]) -> tuple[int, tuple[str, ...], int | None]:
    """Samples, names and rate of the signal that was fitted, as a stranger's file has them."""
    try:
        samples, names = int(info["samples"]), tuple(map(str, info["names"]))
        rate = None if info.get("rate") is None else int(info["rate"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError("the field does not say what signal it was fitted to.") from None
    if not 1 <= samples <= _LONGEST:
        raise ValueError(f"the field was fitted to {samples:,} samples, which no signal has.")
    return samples, names, rate
