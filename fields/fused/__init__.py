"""Fields that a backend's kernels do whole: a grid encoding followed by a ReLU network."""

import torch
from torch import nn

from ..encodings import Encoding
from ..encodings.grids import GridEncoding
from .base import Fused, layers_of
from .cpu import NumbaFused
from .cuda import TritonFused
from .tcnn import TcnnFused

__all__ = ["Fused", "fuse", "lose_biases", "unfusable"]

KINDS = {"numba": NumbaFused, "triton": TritonFused, "tinycudann": TcnnFused}


def fuse(encoding: Encoding, network: nn.Module, operands: torch.dtype) -> Fused | None:
    """The two as one kernel sees them; None if the kernels cannot follow them."""
    if unfusable(encoding, network, operands) is not None:
        return None
    assert isinstance(encoding, GridEncoding)
    layers = layers_of(network) or []
    weights, biases = [f.weight for f in layers], [f.bias for f in layers]
    return KINDS[encoding.backend](encoding, weights, biases, operands)


def unfusable(encoding: Encoding, network: nn.Module, operands: torch.dtype) -> str | None:
    """Why no kernel can follow the two, or None."""
    if not isinstance(encoding, GridEncoding):
        return f"{type(encoding).__name__} is no grid"
    if encoding.backend not in KINDS:
        return f"backend {encoding.backend} has no kernels"
    if encoding.smooth:
        return "the kernels interpolate linearly"
    if encoding.table.dtype != torch.float32:
        return "the kernels compute in single precision"
    layers = layers_of(network)
    if layers is None:
        return "the kernels take networks of ReLUs alone"
    return _unfusable_on(encoding, layers, operands)


def _unfusable_on(
    encoding: GridEncoding, layers: list[nn.Linear], operands: torch.dtype
) -> str | None:
    """Why a backend's kernels cannot follow a grid and a ReLU network, or None."""
    widths = encoding.out_dim, *(layer.out_features for layer in layers)
    if encoding.backend == "numba":
        on_cpu = encoding.table.device.type == "cpu" and operands == torch.float32
        return None if on_cpu else "numba's kernels are float32's, on the CPU"
    if encoding.backend == "triton":
        from ..kernels import triton_net

        chip = triton_net.Chip.of(encoding.table.device)
        return triton_net.unsupported(widths[0], widths[1:-1], widths[-1], operands, chip)
    from ..kernels import tcnn

    if any(layer.bias.requires_grad for layer in layers):
        return "tiny-cuda-nn's networks have no biases"
    return tcnn.network_unsupported(widths)


@torch.no_grad()
def lose_biases(encoding: Encoding, network: nn.Module) -> None:
    """Fix the biases of a new network at 0, if tiny-cuda-nn could then follow it: it has none.

    The field is saved with them, and loads in every backend.
    """
    layers = layers_of(network)
    if layers is None or not isinstance(encoding, GridEncoding) or encoding.smooth:
        return
    from ..kernels import tcnn

    if tcnn.network_unsupported((encoding.out_dim, *(f.out_features for f in layers))) is None:
        for layer in layers:
            layer.bias.zero_().requires_grad_(False)
