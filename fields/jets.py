"""A field's derivatives along a coordinate, for losses that hold an equation.

Carried forwards through encoding and network where both can do it, since a second derivative by
backpropagation builds a graph of graphs; else by backpropagation.
"""

from math import pi
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .chain import Carrier, Orders, compose, logistic, scaled, total
from .encodings import Encoding
from .encodings.fourier import FourierEncoding
from .encodings.identity import IdentityEncoding
from .field import Field


class Slope(NamedTuple):
    """Values [n, c], and their first derivatives along a coordinate."""

    value: Tensor
    first: Tensor


class Jet(NamedTuple):
    """Values [n, c], and their first and second derivatives along a coordinate."""

    value: Tensor
    first: Tensor
    second: Tensor


def slope(field: Field, x: Tensor, axis: int) -> Slope:
    """A field and its first derivative along a coordinate: as `jet`, in two thirds of the time."""
    return Slope(*_orders(field, x, axis, order=1))


def jet(field: Field, x: Tensor, axis: int) -> Jet:
    """A field and its first two derivatives along a coordinate.

    Differentiable in the parameters and in x; and under torch.func but for grids, whose derivatives
    are backpropagated. Always in the precision of the field's parameters.

    Args:
        x: float [n, d] in [-1, 1].
        axis: the coordinate, 0 to d - 1.

    Raises:
        ValueError: x has the wrong shape, or there is no such coordinate.
    """
    return Jet(*_orders(field, x, axis, order=2))


def _orders(field: Field, x: Tensor, axis: int, *, order: int) -> Orders:
    if x.ndim != 2 or x.shape[1] != field.in_dim:
        raise ValueError(f"x must be [n, {field.in_dim}] for this field, got {list(x.shape)}.")
    if not 0 <= axis < field.in_dim:
        raise ValueError(f"axis must be 0 to {field.in_dim - 1} for this field, got {axis}.")
    x = x.to(field.shift.dtype)
    carried = isinstance(field.encoding, IdentityEncoding | FourierEncoding) and isinstance(
        field.network, Carrier | nn.Identity
    )
    own = (_carried if carried else _differentiated)(field, x, axis, order)
    if field.earlier is None:
        return own
    return total(_orders(field.earlier, x, axis, order=order), own)


def _carried(field: Field, x: Tensor, axis: int, order: int) -> Orders:
    """A stage's derivatives, carried forwards."""
    h = _features(field.encoding, x, axis)[: order + 1]
    if isinstance(field.network, Carrier):
        h = field.network.carry(h)
    if field.output == "sigmoid":
        return compose(logistic(h[0]), h)
    value, *rest = scaled(field.scale, h)
    return field.shift + value, *rest


def _features(encoding: Encoding, x: Tensor, axis: int) -> Orders:
    """The features of coordinates or of their waves, and two derivatives along a coordinate."""
    unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)[axis].expand_as(x)
    line = x, unit, torch.zeros_like(x)
    if not isinstance(encoding, FourierEncoding):
        return line
    phase, pace = pi * x @ encoding.B, (pi * encoding.B[axis]).repeat(2)
    cos, sin = phase.cos(), phase.sin()
    waves = torch.cat([cos, sin], dim=-1)
    turned = pace * torch.cat([-sin, cos], dim=-1)
    orders = waves, turned, -pace * pace * waves
    if not encoding.include_input:
        return orders
    return tuple(torch.cat(pair, dim=-1) for pair in zip(line, orders, strict=True))


def _differentiated(field: Field, x: Tensor, axis: int, order: int) -> Orders:
    """A stage's derivatives by backpropagation."""
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        if not x.requires_grad:
            x = x.detach().requires_grad_()
        found = [field.own(x)]
        for _ in range(order):
            columns = [_along(column, x, axis) for column in found[-1].unbind(-1)]
            found.append(torch.stack(columns, dim=-1))
    return tuple(found) if keep else tuple(part.detach() for part in found)


def _along(values: Tensor, x: Tensor, axis: int) -> Tensor:
    """The derivatives [n] of values [n], each in its own point."""
    if not values.requires_grad:
        return torch.zeros_like(values)
    (gradient,) = torch.autograd.grad(
        values.sum(), x, create_graph=True, materialize_grads=True
    )
    return gradient[:, axis]
