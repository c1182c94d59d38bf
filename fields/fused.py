"""Fields that one kernel computes whole: a grid encoding followed by a ReLU network, on the CPU."""

import torch
from torch import Tensor, nn

from .encodings import Encoding
from .encodings.grids import GridEncoding


def layers(
    encoding: Encoding, network: nn.Module, x: Tensor
) -> tuple[list[Tensor], list[Tensor]] | None:
    """Weights and biases of a network that the fused kernels can follow; None if they cannot."""
    if not isinstance(encoding, GridEncoding) or encoding.smooth or encoding.backend != "numba":
        return None
    if x.dtype != torch.float32 or x.device.type != "cpu":
        return None
    found: list[nn.Linear] = []
    for module in network.modules():
        if isinstance(module, nn.Linear):
            found.append(module)
        elif not isinstance(module, nn.Sequential | nn.ReLU):
            return None
    return [f.weight for f in found], [f.bias for f in found]


def grid_mlp(
    encoding: GridEncoding, x: Tensor, weights: list[Tensor], biases: list[Tensor]
) -> Tensor:
    """network(encoding(x)) without gradients: [n, d] in [-1, 1] -> [n, c]."""
    from .kernels import numba_mlp

    return numba_mlp.grid_mlp((x + 1) / 2, encoding.table, encoding.layout, weights, biases)


def grid_mlp_loss(
    encoding: GridEncoding,
    x: Tensor,
    target: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    *,
    sample_weight: Tensor | None,
) -> Tensor:
    """mean(weight * (network(encoding(x)) - target)^2), and its gradients in the same pass."""
    from .kernels import numba_mlp

    return numba_mlp.grid_mlp_loss(
        (x + 1) / 2,
        target,
        encoding.table,
        encoding.layout,
        weights,
        biases,
        sample_weight=sample_weight,
    )
