"""A network's squared error and its gradients in double precision, which rounds what the kernels
round: the reference of `triton_mlp`."""

from typing import Any

import torch
from torch import Tensor

from fields.kernels.triton_mlp import UP
from fields.kernels.triton_net import Net


class _Rounded(torch.autograd.Function):
    """Numbers as a type has them on the way there, or on the way back, or as they are."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, there: torch.dtype, back: torch.dtype) -> Tensor:
        ctx.back = back
        return x.to(there).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].to(ctx.back).to(gradients[0].dtype), None, None


def parameters(net: Net, rng: torch.Generator) -> Tensor:
    """Of a network whose values are neither tiny nor huge."""
    parts = []
    for fan_in, out in net.layers:
        parts.append(torch.randn(fan_in * out, generator=rng) / fan_in**0.5)
        parts.append(torch.randn(out, generator=rng) * 0.1)
    return torch.cat(parts)


def outputs(
    net: Net, features: Tensor, theta: Tensor, dtype: torch.dtype = torch.float64
) -> Tensor:
    """[n, channels] in the inputs' type; operands are rounded to `dtype`."""
    exact, start = features.dtype, 0
    values = _Rounded.apply(features, exact, dtype)
    for layer, (fan_in, out) in enumerate(net.layers):
        weight = theta[start : start + fan_in * out].view(out, fan_in)
        bias = theta[start + fan_in * out : start + fan_in * out + out]
        start += (fan_in + 1) * out
        values = values @ _Rounded.apply(weight, dtype, exact).T + bias
        values = _Rounded.apply(values, exact, dtype)
        if layer < net.depth:
            values = _Rounded.apply(values.relu(), dtype, exact)
    return values


def learned(
    net: Net,
    features: Tensor,
    target: Tensor,
    theta: Tensor,
    shift: Tensor,
    scale: Tensor,
    *,
    dtype: torch.dtype = torch.float64,
    sample_weight: Tensor | None = None,
    paired: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """As `triton_mlp.learn`: the loss, and its gradients to the network and to the features."""
    features, theta = features.double().requires_grad_(), theta.double().requires_grad_()
    error = outputs(net, features, theta, dtype) - (target.double() - shift) / scale
    square = error.square()
    if paired:
        apart = (error[0::2] - error[1::2]).square().repeat_interleave(2, dim=0)
        square = square + paired / 2 * apart
    if sample_weight is not None:
        square = sample_weight.double()[:, None] * square
    # What goes back is rounded at this size.
    gradients = torch.autograd.grad(square.sum() * (UP / 2), [theta, features])
    factor = scale.double() ** 2 / error.numel()
    to_theta, to_features = (g * (factor * 2 / UP) for g in gradients)
    return square.detach().sum() * factor, to_theta, to_features
