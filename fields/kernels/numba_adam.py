"""`adam.sparse_adam_` on the CPU, compiled by numba: one pass over memory, which is its cost."""

import numpy as np
import torch
from torch import Tensor

from . import threads
from .adam import corrections
from .numba_tools import helper, kernel, take

BLOCK = 16  # entries looked at together, a cache line: without a gradient, no more is read
SPAN = 16 * BLOCK  # entries treated together at most
CHUNK = 64 * SPAN  # entries a thread takes at a time


@helper
def _has_gradient(grad, start):
    if start + BLOCK > len(grad):
        return True  # the last, shorter block: not worth a look
    found = False
    for s in range(BLOCK):
        found |= grad[np.uint64(start) + np.uint64(s)] != np.float32(0)
    return found


@helper
def _step(param, grad, m, v, steps, start, stop, corrections, rate, lr, beta1, beta2, eps):
    """A span of entries. In several loops: one loop over so many arrays would stay scalar."""
    zero, one, last = np.float32(0), np.float32(1), np.int32(len(corrections) - 1)
    offset, count = np.uint64(start), stop - start
    for s in range(count):
        i = offset + np.uint64(s)
        touched = np.int32(grad[i] != zero)
        steps[i] += touched
        rate[s] = corrections[np.uint32(min(steps[i], last) * touched)]  # the first one is 0
    for s in range(count):
        i = offset + np.uint64(s)
        g = grad[i]
        m[i] = (beta1 if g != zero else one) * m[i] + (one - beta1) * g
        v[i] = (beta2 if g != zero else one) * v[i] + (one - beta2) * g * g
    for s in range(count):
        i = offset + np.uint64(s)
        change = lr * rate[s] * m[i] / (np.sqrt(v[i]) + eps)
        param[i] -= change if rate[s] != zero else zero
    for s in range(count):
        grad[offset + np.uint64(s)] = zero


@kernel
def _sparse_adam(ticket, param, grad, m, v, steps, corrections, lr, beta1, beta2, eps):
    knobs = corrections, np.empty(SPAN, np.float32), lr, beta1, beta2, eps
    chunk = take(ticket) * CHUNK
    while chunk < len(grad):
        start, end = chunk, min(chunk + CHUNK, len(grad))
        while start < end:
            stop = start
            while stop < min(start + SPAN, end) and _has_gradient(grad, stop):
                stop += BLOCK
            if stop > start:
                _step(param, grad, m, v, steps, start, min(stop, end), *knobs)
            start = max(stop, start + BLOCK)
        chunk = take(ticket) * CHUNK


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
    """`adam.sparse_adam_` for contiguous float32 tensors on the CPU.

    Args:
        param, grad, m, v: float32, of one shape.
        steps: int32, of the same shape.
    """
    tensors = {"param": param, "grad": grad, "m": m, "v": v, "steps": steps}
    for name, tensor in tensors.items():
        _check(name, tensor, param.shape)
    arrays = [t.detach().view(-1).numpy() for t in tensors.values()]
    knobs = [np.float32(k) for k in (lr, beta1, beta2, eps)]
    parts = -(-param.numel() // CHUNK)
    threads.share(_sparse_adam, *arrays, corrections(beta1, beta2), *knobs, parts=parts)


def _check(name: str, tensor: Tensor, shape: torch.Size) -> None:
    kind = torch.int32 if name == "steps" else torch.float32
    if tensor.dtype != kind or tensor.device.type != "cpu" or not tensor.is_contiguous():
        got = f"{tensor.dtype} on {tensor.device} with strides {tensor.stride()}"
        raise TypeError(f"{name} must be contiguous {kind} on the CPU, got {got}.")
    if tensor.shape != shape:
        raise ValueError(f"{name} must have shape {list(shape)}, got {list(tensor.shape)}.")
