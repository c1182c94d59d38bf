"""Activations. To add one: write its spec in a file of its own, then list it here."""

from .base import Activation, Nonlinearity
from .compact import Phi, SReLU
from .gaussian import Gabor, Gaussian
from .ricker import Ricker
from .sine import Finer, Sine
from .smooth import ReLU, SiLU, Tanh

ACTIVATIONS: dict[str, type[Activation]] = {
    s.__name__: s
    for s in (ReLU, Tanh, SiLU, Sine, Finer, Gaussian, Gabor, SReLU, Phi, Ricker)
}

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Finer",
    "Gabor",
    "Gaussian",
    "Nonlinearity",
    "Phi",
    "ReLU",
    "Ricker",
    "SReLU",
    "SiLU",
    "Sine",
    "Tanh",
]
