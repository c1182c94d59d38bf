"""What a person wants a study to run on: a file or a formula, as the study takes it."""

import math
from pathlib import Path
from typing import Any

from .base import Data, Study

DOMAIN = (-math.pi, math.pi)
SAMPLES = 201
MEGAPIXELS = 100.0


def read_input(
    study: Study[Any], text: str, *, domain: str | None = None, samples: int | None = None
) -> Data:
    """The data for a study from the name of a file or, where it takes a signal, a formula of x.

    Args:
        text: the path of a file; for a signal also the name of a sample, or a formula.
        domain: of the formula, as `low,high`; -pi to pi when None.
        samples: of the formula, 201 when None.

    Raises:
        ValueError: the study takes no data, or what is given cannot be read.
    """
    if study.takes == "nothing":
        raise ValueError(f"{study.name} runs on its own data alone; leave {text!r} out.")
    if study.takes == "picture":
        from ..pictures import open_picture

        values = open_picture(Path(text), MEGAPIXELS).tensor()
        return values[..., : 3 if values.shape[2] > 2 else 1]  # without transparency
    from data import SIGNAL_SAMPLES, SIGNAL_SUFFIXES, load_signal_sample, read_signal, read_table

    path = Path(text)
    if study.takes == "table":
        return read_table(path)
    if path.exists() or path.suffix.lower() in SIGNAL_SUFFIXES:
        return read_signal(path)
    if text in SIGNAL_SAMPLES:
        return load_signal_sample(text)
    return _from_formula(text, domain, SAMPLES if samples is None else samples)


def _from_formula(text: str, domain: str | None, samples: int) -> Data:
    from data import Signal, parse_domain, parse_formula

    low, high = DOMAIN if domain is None else parse_domain(domain)
    return Signal.from_formula(parse_formula(text), low, high, samples)
