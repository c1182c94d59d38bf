"""Which implementation of the kernels runs: chosen once, by name or automatically, and reported."""

import functools
import importlib
import os
import shutil

import torch

NAMES = ("torch", "numba", "triton", "tinycudann")
OLDEST = (8, 0)  # compute capability with bfloat16 and asynchronous copies
INSTALL = {"tinycudann": "see github.com/NVlabs/tiny-cuda-nn; it is compiled for your GPU"}


class BackendUnavailable(RuntimeError):
    """A backend asked for by name that cannot run here; the message says what is missing."""


def choose(backend: str, device: torch.device | str) -> tuple[str, str]:
    """The backend to use on `device` and, in words, why.

    Args:
        backend: one of `NAMES`, or "auto" for the fastest that works on the device.

    Raises:
        BackendUnavailable: one asked for by name cannot run; no other is taken in its place.
    """
    device = torch.device(device)
    if backend == "auto":
        return _fastest(device)
    if backend not in NAMES:
        raise ValueError(f"Unknown backend {backend!r}; choose from auto, {', '.join(NAMES)}.")
    problem = missing(backend, device)
    if problem is not None:
        raise BackendUnavailable(f"Backend {backend} cannot run on {device.type}: {problem}.")
    return backend, "asked for by name"


def missing(backend: str, device: torch.device) -> str | None:
    """What keeps a backend from running on a device, or None."""
    if backend == "torch":
        return None
    if backend == "numba":
        if device.type != "cpu":
            return "its kernels run on the CPU; choose auto or torch for other devices"
        return _import_problem("numba")
    if backend == "triton" and device.type == "cpu" and interpreted():
        return _import_problem("triton")
    if device.type != "cuda":
        return "it needs an NVIDIA GPU; choose auto, torch or numba on the CPU"
    if not torch.cuda.is_available():
        return "torch finds no NVIDIA GPU"
    problem = _import_problem(backend)
    if problem is None and backend == "triton":
        problem = _triton_problem(device)
    return problem


def faster(device: torch.device) -> str | None:
    """What would make fits on a device faster, or None if all that helps is there."""
    if device.type == "cpu":
        problem = missing("numba", device)
        return None if problem is None else f"numba would be faster, but cannot run: {problem}"
    problem = missing("triton", device)
    return None if problem is None else f"triton would be faster, but cannot run: {problem}"


def interpreted() -> bool:
    """Whether Triton is told to run its kernels in Python, to be checked without a GPU."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def _fastest(device: torch.device) -> tuple[str, str]:
    fast = {"cpu": "numba", "cuda": "triton"}.get(device.type)
    if fast is None:
        return "torch", f"the one that runs on {device.type}"
    slow = faster(device)
    if slow is None:
        return fast, f"the fastest on {'the CPU' if device.type == 'cpu' else 'the GPU'}"
    return "torch", slow


def _import_problem(name: str) -> str | None:
    """Why a package cannot be imported, and what to install, or None."""
    try:
        importlib.import_module(name)
    except (ImportError, OSError) as error:  # tinycudann raises OSError where there is no GPU
        return f"{error} ({INSTALL.get(name, f'pip install {name}')})"
    return None


@functools.cache
def _triton_problem(device: torch.device) -> str | None:
    """What Triton lacks besides itself: tensor cores, and a C compiler for its few lines of C."""
    if torch.cuda.get_device_capability(device) < OLDEST:
        name = torch.cuda.get_device_name(device)
        return f"its kernels need compute capability {OLDEST[0]}.{OLDEST[1]}, which {name} has not"
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return "triton starts its kernels through a C compiler (apt-get install gcc libc6-dev)"
    return None
