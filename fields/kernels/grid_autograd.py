"""First and second derivatives of the grid encoding, for kernels that compute each of them.

A Function cannot tell which of its inputs' gradients are wanted now, only which might ever be, and
an eikonal loss wants them one at a time. So each has a Function of its own, which sees no other
input as a tensor. The Functions for x add a zero to what they differentiate. Derivatives beyond the
second take the reference's graph.
"""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from . import grid
from .grid import GridLayout


class Kernels(Protocol):
    """What a backend computes. With a `direction` [n, d], each result's derivative along it."""

    def prepare(self, x: Tensor) -> Any:
        """The points as the kernels want them."""
        ...

    def features(self, query: "Query", direction: Tensor | None = None) -> Tensor:
        """The encoding, [n, levels * features]."""
        ...

    def table_gradient(
        self, query: "Query", gradient: Tensor, direction: Tensor | None = None
    ) -> Tensor:
        """The gradient to the table, given that to the encoding."""
        ...

    def position_gradient(
        self, query: "Query", gradient: Tensor, direction: Tensor | None = None
    ) -> Tensor:
        """The gradient to the points [n, d], given that to the encoding."""
        ...


class Query(NamedTuple):
    """What is encoded and by what, hidden from autograd; `at` is x as the kernels want it."""

    x: Tensor
    table: Tensor
    layout: GridLayout
    smooth: bool
    kernels: Kernels
    at: Any

    def reference(self, x: Tensor, table: Tensor) -> Tensor:
        """The features, differentiable any number of times."""
        return grid.encode(x, table, self.layout, smooth=self.smooth)

    def reference_gradient(self, gradient: Tensor, x: Tensor, table: Tensor) -> Tensor:
        """The gradient to x, differentiable any number of times."""
        out = self.reference(x, table)
        return torch.autograd.grad(out, x, gradient, create_graph=True)[0]


def encode_with(
    kernels: Kernels, x: Tensor, table: Tensor, layout: GridLayout, *, smooth: bool
) -> Tensor:
    """`grid.encode` by a backend's kernels, whose inputs are checked already."""
    query = Query(x, table, layout, smooth, kernels, kernels.prepare(x))
    out = _Encode.apply(table, query)
    if x.requires_grad and torch.is_grad_enabled():
        out = out + _Position.apply(x, query)
    return out


def _alias(tensor: Tensor) -> Tensor:
    """The same tensor as a new node: what else depends on `tensor` does not depend on this."""
    return tensor.view_as(tensor)


class _Encode(torch.autograd.Function):
    """The features, differentiable in the table."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, query: Query) -> Tensor:
        ctx.query = query
        return query.kernels.features(query)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        query = ctx.query
        if torch.is_grad_enabled():
            table = _alias(query.table)
            out = query.reference(query.x, table)
            return torch.autograd.grad(out, table, gradients[0], create_graph=True)[0], None
        return query.kernels.table_gradient(query, gradients[0]), None


class _Position(torch.autograd.Function):
    """Zeros, differentiable in x as the features are."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, query: Query) -> Tensor:
        ctx.save_for_backward(query.table)
        ctx.query = query
        return x.new_zeros(1, 1).expand(len(x), query.layout.levels * query.layout.features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (table,) = ctx.saved_tensors
        to_x = _PositionGradient.apply(gradients[0], table, ctx.query)
        if torch.is_grad_enabled():
            to_x = to_x + _Curvature.apply(ctx.query.x, (gradients[0],), ctx.query)
        return to_x, None


class _PositionGradient(torch.autograd.Function):
    """The gradient to x, differentiable in the gradient to the features and in the table."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, table: Tensor, query: Query) -> Tensor:
        ctx.save_for_backward(gradient, table)
        ctx.query = query
        return query.kernels.position_gradient(query, gradient)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        gradient, table = ctx.saved_tensors
        query, wanted = ctx.query, ctx.needs_input_grad
        if torch.is_grad_enabled():
            gradient, table = _alias(gradient), _alias(table)
            to_x = query.reference_gradient(gradient, _alias(query.x), table)
            inputs = [i for i, want in zip((gradient, table), wanted, strict=False) if want]
            found = iter(torch.autograd.grad(to_x, inputs, gradients[0], create_graph=True))
            return next(found) if wanted[0] else None, next(found) if wanted[1] else None, None
        kernels, along = query.kernels, gradients[0]
        to_gradient = kernels.features(query, along) if wanted[0] else None
        to_table = kernels.table_gradient(query, gradient, along) if wanted[1] else None
        return to_gradient, to_table, None


class _Curvature(torch.autograd.Function):
    """Zeros, differentiable in x as the gradient to x is."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gradient: tuple[Tensor], query: Query) -> Tensor:
        ctx.save_for_backward(*gradient, query.table)
        ctx.query = query
        return x.new_zeros(1, 1).expand(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        gradient, table = ctx.saved_tensors
        query = ctx.query
        if torch.is_grad_enabled():
            x = _alias(query.x)
            to_x = query.reference_gradient(gradient, x, table)
            second = torch.autograd.grad(to_x, x, gradients[0], create_graph=True)[0]
            return second, None, None
        return query.kernels.position_gradient(query, gradient, gradients[0]), None, None
