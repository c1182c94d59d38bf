"""Numbers in text, many at a time."""

import re
import warnings
from typing import Any

import numpy as np

from ..headers import Unreadable

Array = np.ndarray[Any, Any]


def numbers(text: bytes, dtype: type = np.float64) -> Array:
    """The numbers in `text`, which white space parts; Unreadable if anything else is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # older numpy warns of what newer numpy refuses
        try:
            return np.fromstring(text, dtype, sep=" ")
        except (ValueError, DeprecationWarning):
            raise Unreadable("has text where numbers belong; export it again") from None


def table(lines: list[bytes]) -> Array:
    """The numbers of `lines`, one row a line, float64 [lines, columns].

    Unreadable unless every line has as many numbers as the first.
    """
    if not lines:
        return np.empty((0, 0))
    columns = len(lines[0].split())
    if any(len(line.split()) != columns for line in lines):
        raise Unreadable("has lines of unequal length; export it again")
    return numbers(b" ".join(lines)).reshape(len(lines), columns)


def without_comments(text: bytes) -> bytes:
    """`text` without what follows a # on its line."""
    return re.sub(rb"#[^\r\n]*", b"", text) if b"#" in text else text


def filled_lines(text: bytes) -> list[bytes]:
    """The lines that are not blank, whichever way lines end."""
    return [line for line in text.splitlines() if line.strip()]
