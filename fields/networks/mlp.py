"""The multilayer perceptron."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import Literal

import torch
from torch import nn

from ..activations import Activation, Nonlinearity, ReLU
from ..activations.base import glorot
from ..activations.sine import Wave
from ..spec import knob
from .adaptive import Adaptive
from .antisymmetric import Antisymmetric
from .base import Network, NetworkSpec
from .perceptron import Perceptron

MAX_DEPTH = 64


@dataclass(frozen=True, kw_only=True)
class MLP(NetworkSpec):
    """`depth` hidden layers of `width` units, then a linear head; `depth=0` is linear.

    The knobs after the activation are those that the frequency principle turns on: how the network
    starts decides in which order it learns frequencies.
    """

    width: int = knob(64, "units per hidden layer", low=1, high=8192)
    depth: int = knob(2, "hidden layers", low=0, high=MAX_DEPTH)
    widths: tuple[int, ...] = knob(
        (), "units layer by layer, in place of width and depth", low=1, high=8192
    )
    activation: Activation = ReLU()
    init: Literal["own", "normal"] = knob(
        "own",
        "how weights start: as the activation has it; or all of them, biases too, from N(0, spread)"
    )
    spread: float = knob(
        0.0, "standard deviation with init normal; 0 is the first layer's width^-1/2",
        low=0, high=100,
    )
    gain: float = knob(
        1.0,
        "factor on the initial weights of hidden layers, with init normal on all that is drawn: "
        "larger learns high frequencies sooner",
        low=0.01,
        high=100,
    )
    first: Literal["same", "sine"] = knob(
        "same", "the first layer: as the others; or sines with phases from U(-pi, pi)"
    )
    first_gain: float = knob(
        1.0, "factor on the first layer's initial weights, besides gain", low=1e-3, high=1e6
    )
    antisymmetric: bool = knob(
        False, "whether a copy with a negated head is added, so that the field starts at 0"
    )
    slopes: Literal["fixed", "global", "layer", "neuron"] = knob(
        "fixed", "what has a trained slope: nothing, the network, each layer, or each unit"
    )
    slope_factor: float = knob(
        10.0, "fixed factor on trained slopes, which speeds them up", low=1, high=1000
    )
    recovery: float = knob(
        0.0, "weight in the loss of a term that steepens trained slopes", low=0, high=1e6
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.widths) > MAX_DEPTH:
            raise ValueError(
                f"MLP.widths must hold at most {MAX_DEPTH} layers, got {len(self.widths)}."
            )

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return self.widths or (self.width,) * self.depth

    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> Network:
        sizes = (in_dim, *self.hidden)
        layers = [
            self._layer(fan_in, width, rng, first=i == 0)
            for i, (fan_in, width) in enumerate(zip(sizes, self.hidden, strict=False))
        ]
        # A head alone has no hidden units to suit.
        suited = self.activation if layers else ReLU()
        head = suited.head(sizes[-1], out_dim, rng)
        self._weigh(layers, head, rng)
        network = self._joined(layers, head)
        network.amplify(self.first_gain)
        return Antisymmetric(network) if self.antisymmetric else network

    def _layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        if first and self.first == "sine":
            return nn.Sequential(glorot(in_dim, width, rng, bias=pi), Wave(1.0))
        return self.activation.layer(in_dim, width, rng, first=first)

    @torch.no_grad()
    def _weigh(self, layers: Sequence[nn.Module], head: nn.Module, rng: torch.Generator) -> None:
        """Set the initial weights that are not the activation's own."""
        if self.init == "own":
            for linear in _linears(layers):
                linear.weight.mul_(self.gain)
            return
        spread = self.spread or (self.hidden or (1,))[0] ** -0.5
        for linear in _linears([*layers, head]):
            linear.weight.normal_(0, self.gain * spread, generator=rng)
            if isinstance(linear.bias, nn.Parameter):
                linear.bias.normal_(0, self.gain * spread, generator=rng)
        if layers and self.first == "sine":
            for linear in _linears(layers[:1]):
                linear.bias.uniform_(-pi, pi, generator=rng)

    def _joined(self, layers: Sequence[nn.Module], head: nn.Module) -> Perceptron | Adaptive:
        if self.slopes == "fixed":
            return Perceptron(*layers, head)
        if not layers:
            raise ValueError("MLP.slopes must be fixed without hidden layers; raise MLP.depth.")
        sizes = {
            "global": (1,), "layer": (1,) * len(layers), "neuron": self.hidden
        }[self.slopes]
        return Adaptive(
            [_parts(layer) for layer in layers],
            head,
            sizes,
            factor=self.slope_factor,
            recovery=self.recovery,
        )


def _linears(modules: Sequence[nn.Module]) -> list[nn.Linear]:
    return [m for module in modules for m in module.modules() if isinstance(m, nn.Linear)]


def _parts(layer: nn.Module) -> tuple[nn.Linear, Nonlinearity]:
    """A layer's linear map and its nonlinearity."""
    if isinstance(layer, nn.Sequential):
        linear, nonlinearity = layer
        if isinstance(linear, nn.Linear) and isinstance(nonlinearity, Nonlinearity):
            return linear, nonlinearity
    raise ValueError("MLP.slopes must be fixed with Gabor, whose units are complex; choose Sine.")
