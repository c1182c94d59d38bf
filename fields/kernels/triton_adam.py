"""Adam on the GPU: `adam.sparse_adam_` for tables, and one launch for all of a network's weights.

What changes from step to step is read from the device, so that a recorded launch can be repeated.
"""

# pyright: reportGeneralTypeIssues=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportReturnType=false
# Triton's language reads like Python, but its loops are no iterators and its constants no numbers.

import functools

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from .adam import corrections
from .triton_tools import check_tensor, one

BLOCK = 1024  # entries a program takes
WIDE = tl.constexpr(4)  # entries read at once: skipped together, if none has a gradient
WARPS = 4


@triton.jit
def _sparse(
    param_ptr, grad_ptr, m_ptr, v_ptr, steps_ptr, corrections_ptr, factor_ptr, limit_ptr,
    entries, last, lr, beta1, beta2, eps, BLOCK: tl.constexpr,
):  # fmt: skip
    """Entries from `limit` on only lose their gradient."""
    rows = tl.arange(0, BLOCK // WIDE)
    group = (tl.program_id(0) * BLOCK + rows * WIDE)[:, None]
    at = group + tl.arange(0, WIDE)[None, :]
    here = group < entries
    g = tl.load(grad_ptr + at, mask=here, other=0.0)
    some = tl.max((g != 0).to(tl.int32), axis=1)[:, None] > 0
    tl.store(grad_ptr + at, tl.zeros((BLOCK // WIDE, WIDE), tl.float32), mask=here & some)
    some = some & here & (group < tl.load(limit_ptr))
    touched = g != 0
    m = tl.load(m_ptr + at, mask=some, other=0.0)
    v = tl.load(v_ptr + at, mask=some, other=0.0)
    p = tl.load(param_ptr + at, mask=some, other=0.0)
    steps = tl.load(steps_ptr + at, mask=some, other=0) + touched.to(tl.int32)
    m = tl.where(touched, beta1 * m + (1 - beta1) * g, m)
    v = tl.where(touched, beta2 * v + (1 - beta2) * g * g, v)
    correction = tl.load(corrections_ptr + tl.minimum(steps, last), mask=some, other=0.0)
    change = lr * tl.load(factor_ptr) * correction * m / (tl.sqrt_rn(v) + eps)
    tl.store(m_ptr + at, m, mask=some)
    tl.store(v_ptr + at, v, mask=some)
    tl.store(steps_ptr + at, steps, mask=some)
    tl.store(param_ptr + at, p - tl.where(touched, change, 0.0), mask=some)


@triton.jit
def _dense(
    param_ptr, grad_ptr, m_ptr, v_ptr, decay_ptr, step_ptr, corrections_ptr, factor_ptr,
    entries, last, lr, beta1, beta2, eps, DECAY: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = i < entries
    p = tl.load(param_ptr + i, mask=here, other=0.0)
    g = tl.load(grad_ptr + i, mask=here, other=0.0)
    m = tl.load(m_ptr + i, mask=here, other=0.0)
    v = tl.load(v_ptr + i, mask=here, other=0.0)
    if DECAY:
        g += tl.load(decay_ptr + i, mask=here, other=0.0) * p
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    step = tl.minimum(tl.load(step_ptr), last)
    rate = lr * tl.load(factor_ptr) / tl.load(corrections_ptr + 2 * step)
    spread = tl.sqrt_rn(v) / tl.load(corrections_ptr + 2 * step + 1) + eps
    tl.store(m_ptr + i, m, mask=here)
    tl.store(v_ptr + i, v, mask=here)
    tl.store(param_ptr + i, p - rate * m / spread, mask=here)
    tl.store(grad_ptr + i, tl.zeros((BLOCK,), tl.float32), mask=here)


@functools.lru_cache(maxsize=8)
def _sparse_corrections(beta1: float, beta2: float, device: torch.device) -> Tensor:
    return torch.from_numpy(corrections(beta1, beta2)).to(device)


@functools.lru_cache(maxsize=8)
def _dense_corrections(beta1: float, beta2: float, device: torch.device) -> Tensor:
    """1 - beta1^t and sqrt(1 - beta2^t) for t = 0, 1, ... until both are 1: float32 [t, 2]."""
    t = np.arange(len(corrections(beta1, beta2)), dtype=np.float64)
    found = np.stack([1 - beta1**t, np.sqrt(1 - beta2**t)], axis=1)
    return torch.from_numpy(found.astype(np.float32)).to(device)


@functools.lru_cache(maxsize=8)
def _all(entries: int, device: torch.device) -> Tensor:
    return torch.full((1,), entries, dtype=torch.int32, device=device)


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
    factor: Tensor | None = None,
    limit: Tensor | None = None,
) -> None:
    """`adam.sparse_adam_` for contiguous tensors on the GPU.

    Args:
        param, grad, m, v: float32, of one shape.
        steps: int32, of the same shape.
        factor: float32 [1], by which `lr` is multiplied.
        limit: int32 [1], how many of the first entries learn; it must be a multiple of 4.
    """
    shape, device = tuple(param.shape), param.device
    for name, tensor in {"param": param, "grad": grad, "m": m, "v": v}.items():
        check_tensor(name, tensor, shape)
    check_tensor("steps", steps, shape, torch.int32)
    entries, table = param.numel(), _sparse_corrections(beta1, beta2, device)
    if not entries:
        return
    # A group of four that ends beyond the tensor would be read whole.
    whole = entries - entries % WIDE.value
    if whole:
        _sparse[(triton.cdiv(whole, BLOCK),)](
            param, grad, m, v, steps, table, one(device) if factor is None else factor,
            _all(entries, device) if limit is None else limit,
            whole, len(table) - 1, lr, beta1, beta2, eps, BLOCK=BLOCK, num_warps=WARPS,
        )  # fmt: skip
    if whole < entries:
        rest = [t.view(-1)[whole:] for t in (param, grad, m, v, steps)]
        _rest(rest, lr * (1.0 if factor is None else float(factor)), beta1, beta2, eps)


def _rest(tensors: list[Tensor], lr: float, beta1: float, beta2: float, eps: float) -> None:
    """The last three entries or fewer; a table of a grid has none, as its rows come in eights."""
    from .adam import sparse_adam_ as reference

    reference(*tensors, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


def dense_adam_(
    param: Tensor,
    grad: Tensor,
    m: Tensor,
    v: Tensor,
    decay: Tensor | None,
    step: Tensor,
    factor: Tensor,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> None:
    """One step of Adam [Kingma & Ba 2015, algorithm 1], in place; `grad` becomes 0.

    Args:
        param, grad, m, v: float32 [n].
        decay: float32 [n], the weight of each entry's L2 penalty; none without.
        step: int32 [1], the number of this step, from 1.
        factor: float32 [1], by which `lr` is multiplied.
    """
    n = len(param)
    for name, tensor in {"param": param, "grad": grad, "m": m, "v": v}.items():
        check_tensor(name, tensor, (n,))
    table = _dense_corrections(beta1, beta2, param.device)
    _dense[(triton.cdiv(n, BLOCK),)](
        param, grad, m, v, param if decay is None else decay, step, table, factor,
        n, len(table) - 1, lr, beta1, beta2, eps,
        DECAY=decay is not None, BLOCK=BLOCK, num_warps=WARPS,
    )  # fmt: skip
