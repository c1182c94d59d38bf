"""Fused fields on the GPU, by Triton."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .base import Fused, unfused


class TritonFused(Fused):
    """An encoding kernel, a network's, and a scatter to the table."""

    def values(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """In float32 whatever the operands are: as any other backend draws the field."""
        from ..kernels import triton_infer, triton_net

        if not triton_infer.fits(self.net, triton_net.Chip.of(x.device)):
            return shift + scale * unfused(self, x)
        args = x, self.grid.table.detach(), self.grid.layout, flat(self.parameters)
        return triton_infer.infer(self.net, *args, shift, scale, torch.float32)

    def squared_error(
        self,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None,
        paired: float,
        shift: Tensor,
        scale: Tensor,
    ) -> Tensor:
        more = weight, paired, shift, scale
        return _Loss.apply(self, x.detach(), target.detach(), *more, self.grid.table,
                           *self.parameters)

    @property
    def net(self) -> Any:
        """The network's shape as the kernels take it, a `triton_net.Net`."""
        from ..kernels import triton_net

        inputs, width, *hidden, channels = self.widths
        features = self.grid.layout.features
        return triton_net.Net(inputs, width, 1 + len(hidden), channels, features)

    def features(self, x: Tensor, out: Tensor) -> None:
        """What the network sees of points [n, d] in [-1, 1], level by level."""
        from ..kernels import triton_grid

        table, layout = self.grid.table.detach(), self.grid.layout
        triton_grid.features(x, table, layout, centred=True, planes=True, out=out)


def flat(parameters: list[Tensor]) -> Tensor:
    """A network's numbers end to end."""
    return torch.cat([p.detach().reshape(-1) for p in parameters])


class _Loss(torch.autograd.Function):
    """`TritonFused.squared_error` for autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        fused: TritonFused,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None,
        paired: float,
        shift: Tensor,
        scale: Tensor,
        table: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        from ..kernels import triton_mlp

        if paired and len(x) % 2:
            raise ValueError(f"paired samples must be even in number, got {len(x)}.")
        net = fused.net
        space = triton_mlp.Space.of(net, len(x), fused.operands, x.device)
        features = torch.empty_like(space.change)
        fused.features(x, features)
        ctx.factor = triton_mlp.learn(
            net, features, target.contiguous(), flat(list(parameters)), shift, scale, space,
            sample_weight=weight, paired=paired,
        )  # fmt: skip
        ctx.fused, ctx.x, ctx.space, ctx.scale = fused, x, space, scale
        return space.loss[0] if len(x) else space.loss[0] * torch.nan

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor | None, ...]:
        from ..kernels import triton_grid

        fused, space, factor = ctx.fused, ctx.space, gradients[0]
        into, to_table = fused.grid.table.grad, None
        if into is not None or ctx.needs_input_grad[7]:
            to_table = triton_grid.table_gradient(
                ctx.x,
                space.change,
                fused.grid.layout,
                centred=True,
                planes=True,
                factors=((factor * ctx.scale**2).reshape(1), ctx.factor),
                into=into,
            )
        to_table = to_table if into is None else None
        parts = (space.gradient * factor).split([p.numel() for p in fused.parameters])
        shaped = [part.view_as(p) for part, p in zip(parts, fused.parameters, strict=True)]
        return *(None,) * 7, to_table, *shaped
