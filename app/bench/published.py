"""The image experiment of Tancik et al. 2020 [arXiv:2006.10739], as their notebook runs it.

Two sets of 16 pictures of 512x512; a ReLU network of 3 hidden layers of 256 and a sigmoid on four
encodings, fitted to the pixels [::2, ::2] and measured on [1::2, 1::2]; 2,000 steps of Adam, each
on all 65,536 pixels. The figures are those the notebook `Experiments/2d_image_regression.ipynb` of
github.com/tancik/fourier-feature-networks prints: mean and spread over a set.

Its coordinates are i / 512 for pixel i, ours the pixels' centres in [-1, 1]. A frequency is in
cycles a side in both, so that features differ by a phase alone; where the network sees bare
coordinates, they are taken back to [0, 1] here. Its loss is half the mean squared error, which
scales Adam's gradient: twice its eps makes the same steps of it. It measures last after step 1,976;
here that is after the last step.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fields import FieldSpec, FitConfig
from fields.activations.base import Activation, Nonlinearity, glorot
from fields.activations.smooth import Ramp
from fields.encodings import Encoding, EncodingSpec, Fourier, Positional
from fields.encodings.fourier import FourierEncoding
from fields.networks import MLP
from fields.spec import knob

PICTURES, SIDE, STEPS = 16, 512, 2000
WIDTH, DEPTH = 256, 3
Device = Literal["auto", "cpu", "cuda"]
BIAS = 0.01  # the standard deviation of the first biases


@dataclass(frozen=True)
class Kind:
    """What the notebook chose for one set of pictures, and found on it.

    Attributes:
        mark: in the name of a folder, says that it is this set.
        sigma: spread of the Gaussian features, in cycles a side.
        octaves: log2 of the highest positional frequency, in cycles a side, plus 1.
        plain_lr: learning rate of none and basic; that of the others is 1e-3.
        figures: held-out PSNR in dB by encoding, mean and standard deviation over the set.
    """

    mark: str
    sigma: float
    octaves: float
    plain_lr: float
    figures: dict[str, tuple[float, float]]


PHOTOS = Kind(
    mark="div2k", sigma=10.0, octaves=6.0, plain_lr=1e-2,
    figures={
        "none": (19.32, 2.48), "basic": (21.72, 2.72), "positional": (24.95, 3.72),
        "gaussian": (25.57, 4.19),
    },
)  # fmt: skip
TEXT = Kind(
    mark="text", sigma=14.0, octaves=5.0, plain_lr=1e-3,
    figures={
        "none": (18.40, 2.34), "basic": (20.48, 1.96), "positional": (27.57, 3.07),
        "gaussian": (30.47, 2.11),
    },
)  # fmt: skip
KINDS = {"photos": PHOTOS, "text": TEXT}


def kind_of(folder: str) -> str:
    """The kind of a folder's pictures, by its name: text if it says so, else photos."""
    return "text" if TEXT.mark in folder.lower() else "photos"


def contenders(
    sigma: float, octaves: float, plain_lr: float
) -> dict[str, tuple[EncodingSpec, float]]:
    """Each encoding with its learning rate."""
    return {
        "none": (UnitSquare(), plain_lr),
        "basic": (Positional(frequencies=1, octaves=0, include_input=False), plain_lr),
        "positional": (NotebookPositional(octaves=octaves), 1e-3),
        "gaussian": (Fourier(frequencies=256, sigma=sigma), 1e-3),
    }


def configuration(
    encoding: EncodingSpec, *, lr: float, steps: int, batch: int, device: Device
) -> FitConfig:
    """The fit of one encoding, in single precision on any device, as the notebook's was."""
    network = MLP(width=WIDTH, depth=DEPTH, activation=StaxReLU())
    return FitConfig(
        field=FieldSpec(encoding=encoding, network=network, output="sigmoid"), steps=steps,
        batch=batch, lr=lr, beta2=0.999, eps=2e-8, schedule="constant", precision="fp32",
        device=device,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class UnitSquare(EncodingSpec):
    """x -> (x + 1) / 2: coordinates in [0, 1], which a bare network learns less well."""

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        return UnitSquareEncoding(in_dim)


class UnitSquareEncoding(Encoding):
    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.in_dim = self.out_dim = in_dim

    def forward(self, x: Tensor) -> Tensor:
        return (x + 1) / 2


@dataclass(frozen=True, kw_only=True)
class NotebookPositional(EncodingSpec):
    """128 frequencies an axis, 2^linspace(0, octaves) - 1: the notebook's, which starts at 0."""

    octaves: float = knob(6.0, "log2 of the highest plus 1, in cycles per side", low=0, high=24)

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        f = 2 ** torch.linspace(0, self.octaves, 128) - 1
        return FourierEncoding(torch.cat([torch.outer(u, f) for u in torch.eye(in_dim)], dim=1))


@dataclass(frozen=True, kw_only=True)
class StaxReLU(Activation):
    """max(0, z) as jax's stax starts it: weights by Glorot's normal distribution, the head's too.

    Biases have its standard deviation, 0.01, but are even in place of normal.
    """

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Ramp()

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        return nn.Sequential(glorot(in_dim, width, rng, bias=BIAS * 3**0.5), Ramp())

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        return glorot(in_dim, out_dim, rng, bias=BIAS * 3**0.5)
