"""Encodings. To add one: write its spec and module in a file of its own, then list it here."""

from .base import Encoding, EncodingSpec
from .fourier import Fourier, MultiFourier, Positional
from .grids import DenseGrid, HashGrid
from .identity import Identity
from .spline import Spline

ENCODINGS: dict[str, type[EncodingSpec]] = {
    s.__name__: s
    for s in (Identity, Positional, Fourier, MultiFourier, HashGrid, DenseGrid, Spline)
}

__all__ = [
    "ENCODINGS",
    "DenseGrid",
    "Encoding",
    "EncodingSpec",
    "Fourier",
    "HashGrid",
    "Identity",
    "MultiFourier",
    "Positional",
    "Spline",
]
