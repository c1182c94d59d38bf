"""Activations. To add one: write its spec in a file of its own, then list it here."""

from .base import Activation
from .gaussian import Gabor, Gaussian
from .sine import Finer, Sine
from .smooth import ReLU, SiLU, Tanh

ACTIVATIONS: dict[str, type[Activation]] = {
    s.__name__: s for s in (ReLU, Tanh, SiLU, Sine, Finer, Gaussian, Gabor)
}

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Finer",
    "Gabor",
    "Gaussian",
    "ReLU",
    "SiLU",
    "Sine",
    "Tanh",
]
