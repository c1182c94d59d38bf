"""Fields that one kernel computes whole: a grid encoding followed by a ReLU network, on the CPU."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .activations.smooth import Ramp
from .encodings import Encoding
from .encodings.grids import GridEncoding
from .networks.perceptron import Perceptron


@dataclass(frozen=True)
class Fused:
    """A grid and the network behind it: `weights` [out, in] and `biases` [out], layer by layer."""

    grid: GridEncoding
    weights: list[Tensor]
    biases: list[Tensor]

    def values(self, x: Tensor) -> Tensor:
        """network(encoding(x)), without gradients: [n, d] in [-1, 1] -> [n, c]."""
        from .kernels import numba_mlp

        return numba_mlp.grid_mlp(
            (x + 1) / 2, self.grid.table, self.grid.layout, self.weights, self.biases
        )

    def squared_error(
        self, x: Tensor, target: Tensor, weight: Tensor | None, paired: float
    ) -> Tensor:
        """As `Field.squared_error`, its gradients found in the same pass."""
        from .kernels import numba_mlp

        return numba_mlp.grid_mlp_loss(
            (x + 1) / 2,
            target,
            self.grid.table,
            self.grid.layout,
            self.weights,
            self.biases,
            sample_weight=weight,
            paired=paired,
            # Added to in place: the optimiser leaves zeros there, and a step allocates no table.
            table_grad=self.grid.table.grad,
        )


def fuse(encoding: Encoding, network: nn.Module) -> Fused | None:
    """The two as one kernel sees them; None if the kernels cannot follow them."""
    if not isinstance(encoding, GridEncoding) or encoding.smooth or encoding.backend != "numba":
        return None
    if encoding.table.dtype != torch.float32 or encoding.table.device.type != "cpu":
        return None
    if not isinstance(network, Perceptron):
        return None
    found: list[nn.Linear] = []
    for module in network.modules():
        if isinstance(module, nn.Linear):
            found.append(module)
        elif not isinstance(module, nn.Sequential | Ramp):
            return None
    return Fused(encoding, [f.weight for f in found], [f.bias for f in found])
