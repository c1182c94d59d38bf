"""What a person wants a study to run on: a file or a formula, as the study takes it."""

from pathlib import Path
from typing import Any

from .base import Data, Study

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
        ValueError: the study takes no data, or what is given cannot be read; or something is said
            of a formula, and it is none.
    """
    if study.takes == "nothing":
        raise ValueError(f"{study.name} runs on its own data alone; leave {text!r} out.")
    if study.takes == "picture":
        from ..pictures import open_picture

        values = open_picture(Path(text), MEGAPIXELS).tensor()
        return values[..., : 3 if values.shape[2] > 2 else 1]  # without transparency
    from data import SIGNAL_SAMPLES, load_signal_sample, parse_formula, read_signal, read_table

    from ..signal_preparing import DOMAIN, is_file, sampled

    if study.takes == "table":
        return read_table(Path(text))
    of_formula = domain is not None or samples is not None
    if is_file(text):
        if of_formula:
            raise ValueError(f"--domain and --samples are for formulas; {text} is a file.")
        return read_signal(Path(text))
    if text in SIGNAL_SAMPLES:
        if of_formula:
            raise ValueError(f"--domain and --samples are for formulas; {text} is a sample.")
        return load_signal_sample(text)
    return sampled(
        parse_formula(text),
        DOMAIN if domain is None else domain,
        SAMPLES if samples is None else samples,
    )
