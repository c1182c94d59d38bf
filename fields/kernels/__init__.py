"""Numerical kernels: one signature an operation, a torch reference, and faster twins of it."""

from . import threads as threads  # isort: skip  (first: it says how torch's threads are to wait)

from torch import Tensor

from . import adam, grid, solid
from .backends import choose, missing
from .grid import GridLayout


def grid_encode(
    x: Tensor, table: Tensor, layout: GridLayout, smooth: bool, backend: str
) -> Tensor:
    """`grid.encode` on the named backend: [n, d] in [0, 1] -> [n, levels * features]."""
    if backend == "numba":
        from . import numba_grid

        return numba_grid.encode(x, table, layout, smooth=smooth)
    if backend == "triton":
        from . import triton_grid

        return triton_grid.encode(x, table, layout, smooth=smooth)
    if backend == "tinycudann":
        from . import tcnn

        return tcnn.encode(x, table, layout, smooth=smooth)
    return grid.encode(x, table, layout, smooth=smooth)


def grid_unsupported(layout: GridLayout, smooth: bool, backend: str) -> str | None:
    """Why a backend cannot encode a grid, or None."""
    if backend == "triton":
        from . import triton_grid

        return triton_grid.unsupported(layout)
    if backend == "tinycudann":
        from . import tcnn

        return tcnn.unsupported(layout, smooth)
    return None


def sparse_adam_(*args: Tensor, backend: str, **knobs: float) -> None:
    """`adam.sparse_adam_` on the named backend."""
    if backend == "numba":
        from . import numba_adam

        return numba_adam.sparse_adam_(*args, **knobs)
    if backend == "triton" or (
        backend == "tinycudann" and missing("triton", args[0].device) is None
    ):
        from . import triton_adam

        return triton_adam.sparse_adam_(*args, **knobs)
    return adam.sparse_adam_(*args, **knobs)


def bend(f: Tensor, weight: Tensor | None) -> Tensor:
    """`solid.bend` on the fastest backend of the device."""
    if choose("auto", f.device)[0] == "numba":
        from . import numba_solid

        return numba_solid.bend(f, weight)
    return solid.bend(f, weight)
