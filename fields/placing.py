"""Where a fit is computed, by which kernels, and in which arithmetic: decided once, and said."""

import torch

from .config import FitConfig
from .encodings import DenseGrid, EncodingSpec, HashGrid, Spline
from .field import Field
from .kernels import grid_unsupported
from .kernels.backends import BackendUnavailable, choose, faster
from .solvers import Solver

ON_GPU = ("triton", "tinycudann")


def resolve_device(device: str, solver: Solver | None = None) -> torch.device:
    """The device that a name means here, for a solver that may know the CPU alone.

    Raises:
        ValueError: cuda was asked for, and there is none or the solver does not run on it.
    """
    on_cpu = solver is not None and solver.on_cpu
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() and not on_cpu else "cpu"
    if device == "cuda" and on_cpu:
        raise ValueError(f"{type(solver).__name__} runs on the CPU alone; use --device cpu.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda was asked for, but torch finds no GPU; use --device cpu.")
    return torch.device(device)


def backend_of(
    backend: str, encoding: EncodingSpec, device: torch.device, in_dim: int, *, doubles: bool
) -> tuple[str, str | None]:
    """The kernels that a field with this encoding runs on, and why these are not the fastest.

    Only grids have others than torch's, and those not in double precision (`doubles`).

    Raises:
        BackendUnavailable: the backend asked for cannot do it; no other is taken in its place.
    """
    name, _ = choose(backend, device)
    grids = HashGrid | DenseGrid if name in ON_GPU else HashGrid | DenseGrid | Spline
    if name == "torch":
        return name, faster(device) if backend == "auto" else None
    if isinstance(encoding, grids):
        problem = _lacking(name, encoding, in_dim, doubles)
    else:
        problem = f"it has kernels for grids alone, and {type(encoding).__name__} is none"
    if problem is None:
        return name, None
    if backend == "auto":
        grid = isinstance(encoding, grids)
        return "torch", f"{name} cannot do this field: {problem}" if grid else None
    raise BackendUnavailable(
        f"Backend {name} cannot do this field: {problem}; choose auto or torch."
    )


def _lacking(
    backend: str, encoding: HashGrid | DenseGrid | Spline, in_dim: int, doubles: bool
) -> str | None:
    """Why a backend cannot compute a grid, or None."""
    if doubles:
        return "it has no kernels in double precision"
    if isinstance(encoding, Spline):
        return None
    smooth = encoding.interpolation == "smooth"
    return grid_unsupported(encoding.layout(in_dim), smooth, backend)


def operands_of(
    config: FitConfig, device: torch.device, backend: str, *, derived: bool
) -> torch.dtype:
    """What the network multiplies while it learns.

    Coordinates and waves are told apart by more digits than half precision has, and so are the
    derivatives of a field (`derived`): left to `auto`, their networks compute in float32.

    Raises:
        ValueError: fp16 was asked for where no kernel takes it.
    """
    if config.precision == "bf16":
        return torch.bfloat16
    if config.precision == "fp16":
        if backend not in ON_GPU:
            raise ValueError(
                f"precision fp16 is for the kernels of {' and '.join(ON_GPU)}, and this fit runs "
                f"on {backend}; choose auto, bf16 or fp32."
            )
        return torch.float16
    grid = isinstance(config.field.encoding, HashGrid | DenseGrid)
    if config.precision != "auto" or derived or not grid:
        return torch.float32
    if backend in ON_GPU:
        return torch.float16
    return torch.bfloat16 if _fast_bf16(device) else torch.float32


def _fast_bf16(device: torch.device) -> bool:
    """Whether the hardware is faster at bfloat16 than at float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def check_half(field: Field, config: FitConfig) -> None:
    """ValueError if fp16 was asked for, and the kernels cannot follow the field."""
    why = field.why_not_fused
    if config.precision == "fp16" and why is not None:
        raise ValueError(
            f"precision fp16 is for networks that the kernels can follow, and here {why}; "
            "choose auto, bf16 or fp32."
        )


def described(field: Field, backend: str, why_slow: str | None, *, compiled: bool) -> str:
    """In a sentence, what computes a fit, and why nothing faster does."""
    network = "torch.compile" if compiled else "torch"
    if backend == "torch":
        return network if why_slow is None else f"{network}; {why_slow}"
    if not any(True for _ in field.network.parameters()):
        return backend
    why = field.why_not_fused
    if why is None:
        bare = ", without biases" if backend == "tinycudann" else ""
        return f"{backend}, from the coordinates to the loss and back{bare}"
    return f"{backend} for the encoding, {network} for the rest: {why}"
