"""What the Triton kernels share: where they may run, and what is checked before they do.

With TRITON_INTERPRET=1 in the environment, Triton runs its kernels in Python, on tensors in memory:
slowly, and enough to check what they compute where there is no GPU.
"""

# pyright: reportGeneralTypeIssues=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportReturnType=false
# Triton's language reads like Python, but its loops are no iterators and its constants no numbers.

import functools

import torch
import triton
from torch import Tensor
from triton import knobs

INTERPRETED: bool = knobs.runtime.interpret
DEVICE = "cpu" if INTERPRETED else "cuda"  # the type of device that the kernels can read


def check_tensor(
    name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> None:
    """Kernels read memory as they are told: a wrong tensor must not reach them.

    Raises:
        TypeError: it is of another type, on another device, or not contiguous.
        ValueError: it has another shape.
    """
    if tensor.dtype != dtype or tensor.device.type != DEVICE or not tensor.is_contiguous():
        got = f"{tensor.dtype} on {tensor.device} with strides {tensor.stride()}"
        raise TypeError(f"{name} must be contiguous {dtype} on {DEVICE}, got {got}.")
    if tensor.shape != shape:
        raise ValueError(f"{name} must have shape {list(shape)}, got {list(tensor.shape)}.")


def tiles(n: int, size: int) -> int:
    """How many tiles of a size hold n samples."""
    return triton.cdiv(n, size)


@functools.lru_cache(maxsize=8)
def programs(device: torch.device) -> int:
    """How many programs keep the whole device busy, if each takes tile after tile."""
    if INTERPRETED:
        return 2
    return 2 * torch.cuda.get_device_properties(device).multi_processor_count


@functools.lru_cache(maxsize=8)
def one(device: torch.device) -> Tensor:
    """The factor that changes nothing, where kernels read it: float32 [1]."""
    return torch.ones(1, device=device)
