"""Fused fields on the GPU, by tiny-cuda-nn: networks whose biases are 0 and stay so."""

from torch import Tensor

from .base import Fused, unfused


class TcnnFused(Fused):
    """Its grid and its fully fused network, in `kernels.tcnn`."""

    def values(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """By its grid and torch's products: it has no others than half precision."""
        return shift + scale * unfused(self, x)

    def squared_error(
        self,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None,
        paired: float,
        shift: Tensor,
        scale: Tensor,
    ) -> Tensor:
        from ..kernels import tcnn

        return scale**2 * tcnn.grid_mlp_loss(
            (x + 1) / 2,
            (target - shift) / scale,
            self.grid.table,
            self.grid.layout,
            self.weights,
            sample_weight=weight,
            paired=paired,
        )
