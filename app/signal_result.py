"""What is made of a signal's saved field: its values at any places, in the person's units."""

from pathlib import Path
from typing import Any

import numpy as np

from data import Signal, atomic_write, write_signal
from fields import SavedField

from .signal_job import field_values
from .signal_preparing import MOST_SAMPLES, Units, centres

SUFFIXES = (".csv", ".wav")


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
    count = int(saved.info["samples"]) if samples is None else samples
    most = max(MOST_SAMPLES, int(saved.info["samples"]))
    if not 1 <= count <= most:
        raise ValueError(f"--samples must be from 1 to {most:,}, got {count:,}.")
    x = centres(count)
    places = Units.of_info(saved.info).out_of(x)
    names = tuple(str(name) for name in saved.info["names"])
    rate = saved.info.get("rate")
    if rate is not None:
        rate = round(rate * count / int(saved.info["samples"]))
    return Signal(places, field_values(saved.field, x), names, rate)
