"""Adam that leaves alone what has no gradient, as published in tiny-cuda-nn's `adam.h`.

A step touches few of a hash table's entries. Those it does not touch keep their moments, and each
entry counts its own steps for the bias correction.
"""

import functools
import math

import numpy as np
import torch
from torch import Tensor


@functools.lru_cache(maxsize=8)
def corrections(beta1: float, beta2: float) -> np.ndarray:
    """sqrt(1 - beta2^t) / (1 - beta1^t) for t = 0, 1, ... until it is 1 in float32; 0 for t = 0."""
    slower = max(beta1, beta2, 0.5)
    last = min(math.ceil(-25 * math.log(2) / math.log(slower)), 2**20)
    t = np.arange(1, last + 1)
    found = np.sqrt(1 - np.float64(beta2) ** t) / (1 - np.float64(beta1) ** t)
    return np.concatenate([[0], found]).astype(np.float32)


@torch.no_grad()
def sparse_adam_(
    param: Tensor,
    grad: Tensor,
    m: Tensor,
    v: Tensor,
    steps: Tensor,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> None:
    """One step, in place, for the entries whose gradient is not exactly 0; `grad` becomes 0.

        m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2,   t <- t + 1
        param <- param - lr sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + eps)

    Args:
        param, grad, m, v: float32, of one shape.
        steps: int32, of the same shape; all three of `m`, `v`, `steps` begin as 0.
    """
    touched = grad != 0
    steps += touched
    m.copy_(torch.where(touched, beta1 * m + (1 - beta1) * grad, m))
    v.copy_(torch.where(touched, beta2 * v + (1 - beta2) * grad * grad, v))
    rate = lr * (1 - beta2 ** steps.double()).sqrt() / (1 - beta1 ** steps.double())
    change = rate.to(param.dtype) * m / (v.sqrt() + eps)
    param -= torch.where(touched, change, 0)
    grad.zero_()
