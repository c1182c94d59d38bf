"""What a fused field is: a grid and the network behind it, as kernels see them that do it whole."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..activations.smooth import Ramp
from ..encodings.grids import GridEncoding
from ..networks.perceptron import Perceptron


@dataclass(frozen=True)
class Fused(ABC):
    """A grid and the network behind it: `weights` [out, in] and `biases` [out], layer by layer."""

    grid: GridEncoding
    weights: list[Tensor]
    biases: list[Tensor]
    operands: torch.dtype

    @abstractmethod
    def values(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """shift + scale * network(encoding(x)), no gradients: [n, d] in [-1, 1] -> [n, c]."""

    @abstractmethod
    def squared_error(
        self,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None,
        paired: float,
        shift: Tensor,
        scale: Tensor,
    ) -> Tensor:
        """As `Field.squared_error`, its gradients found in the same pass."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the features, the hidden layers and the values."""
        return self.weights[0].shape[1], *(len(bias) for bias in self.biases)

    @property
    def parameters(self) -> list[Tensor]:
        """The network's: weight, bias, weight, bias, ..."""
        return [p for pair in zip(self.weights, self.biases, strict=True) for p in pair]


def unfused(fused: Fused, x: Tensor) -> Tensor:
    """network(encoding(x)) by the backend's encoding and torch's products, in float32."""
    values = fused.grid(x)
    for layer, (weight, bias) in enumerate(zip(fused.weights, fused.biases, strict=True)):
        values = nn.functional.linear(values.relu() if layer else values, weight, bias)
    return values


def layers_of(network: nn.Module) -> list[nn.Linear] | None:
    """The linear layers of a ReLU network; None if it is none."""
    if not isinstance(network, Perceptron):
        return None
    found: list[nn.Linear] = []
    for module in network.modules():
        if isinstance(module, nn.Linear):
            found.append(module)
        elif not isinstance(module, nn.Sequential | Ramp):
            return None
    return found
