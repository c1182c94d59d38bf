"""Fused fields on the CPU, by numba."""

from torch import Tensor

from .base import Fused


class NumbaFused(Fused):
    """One pass over the samples, in `kernels.numba_mlp`."""

    def values(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        from ..kernels import numba_mlp

        return shift + scale * numba_mlp.grid_mlp(
            (x + 1) / 2, self.grid.table, self.grid.layout, self.weights, self.biases
        )

    def squared_error(
        self,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None,
        paired: float,
        shift: Tensor,
        scale: Tensor,
    ) -> Tensor:
        from ..kernels import numba_mlp

        return scale**2 * numba_mlp.grid_mlp_loss(
            (x + 1) / 2,
            (target - shift) / scale,
            self.grid.table,
            self.grid.layout,
            self.weights,
            self.biases,
            sample_weight=weight,
            paired=paired,
            # Added to in place: the optimiser leaves zeros there, and a step allocates no table.
            table_grad=self.grid.table.grad,
        )
