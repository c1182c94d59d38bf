"""Which implementation of the kernels runs: chosen once, by name or automatically, and reported."""

import importlib

import torch

NAMES = ("torch", "numba", "triton", "tinycudann")


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
    if device.type != "cuda":
        return "it needs an NVIDIA GPU; choose auto, torch or numba on the CPU"
    return _import_problem(backend) or "this version of fieldfit has no kernels for it yet"


def _fastest(device: torch.device) -> tuple[str, str]:
    if device.type != "cpu":
        return "torch", f"the one that runs on {device.type}"
    problem = missing("numba", device)
    if problem is None:
        return "numba", "the fastest on the CPU"
    return "torch", f"numba would be faster, but cannot run: {problem}"


def _import_problem(name: str) -> str | None:
    """Why a package cannot be imported, and what to install, or None."""
    try:
        importlib.import_module(name)
    except (ImportError, OSError) as error:  # tinycudann raises OSError where there is no GPU
        return f"{error} (pip install {name})"
    return None
