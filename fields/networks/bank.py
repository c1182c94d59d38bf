"""Many small networks of one shape, computed together."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..activations import Activation
from ..chain import Carrier, Orders, carry


class Bank(nn.Module, Carrier):
    """`count` networks side by side, one batched product a layer instead of `count` products.

    float [n, in_dim] for all, or [count, n, in_dim] for each its own, -> [count, n, out_dim].
    Weights start from Glorot's normal distribution, the first layer's biases from U(-1, 1), others
    at 0, whatever the activation does in a network of its own.
    """

    def __init__(
        self,
        count: int,
        sizes: Sequence[int],
        activation: Activation,
        rng: torch.Generator,
    ) -> None:
        """`sizes` are the numbers of features, of units layer by layer, and of values."""
        super().__init__()
        pairs = list(pairwise(sizes))
        self.weights = nn.ParameterList(torch.empty(count, i, o) for i, o in pairs)
        self.biases = nn.ParameterList(torch.empty(count, 1, o) for _, o in pairs)
        self.nonlinearities = nn.ModuleList(
            activation.nonlinearity(first=layer == 0) for layer in range(len(pairs) - 1)
        )
        with torch.no_grad():
            for layer, (i, o) in enumerate(pairs):
                hidden_first = layer == 0 and len(pairs) > 1
                self.weights[layer].normal_(0, (2 / (i + o)) ** 0.5, generator=rng)
                self.biases[layer].uniform_(-hidden_first, hidden_first, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        for layer, nonlinearity in enumerate(self.nonlinearities):
            x = nonlinearity(self._affine(layer, (x,))[0])
        return self._affine(len(self.nonlinearities), (x,))[0]

    def carry(self, h: Orders) -> Orders:
        for layer, nonlinearity in enumerate(self.nonlinearities):
            h = carry(nonlinearity, self._affine(layer, h))
        return self._affine(len(self.nonlinearities), h)

    def _affine(self, layer: int, h: Orders) -> Orders:
        weight, bias = self.weights[layer], self.biases[layer]
        value, *rest = (part.expand(len(weight), -1, -1) for part in h)
        return torch.baddbmm(bias, value, weight), *(torch.bmm(part, weight) for part in rest)
