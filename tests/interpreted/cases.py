"""What the tests of interpreted kernels share. An operation costs the interpreter the same for one
sample as for a tile of them, so that cases have few programs, levels and dimensions."""

import math

import torch
from torch import Tensor

from fields.kernels.grid import GridLayout, grid_layout


def small(dim: int, features: int, **knobs) -> GridLayout:
    """A level that just fits its table, and is dense, and one that is hashed."""
    chosen = {"levels": 2, "log2_size": 3 * dim, "coarsest": 8, "growth": 1.6} | knobs
    return grid_layout(dim, features=features, **chosen)


def points(n: int, dim: int, rng: torch.Generator) -> Tensor:
    """Points in the unit cube, its corners, and some outside.

    Not far: the interpreter rounds `tl.fma` twice, as no GPU does, and there a rounding is a cell.
    """
    x = torch.rand(n, dim, generator=rng)
    x[::7] = x[::7] * 8 - 4
    x[1::11] = 1.0
    x[3::13] = 0.0
    return x


def table_of(layout: GridLayout, rng: torch.Generator) -> Tensor:
    return torch.randn(layout.offsets[-1], layout.features, generator=rng)


def poisoned(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Memory in which whatever is left unwritten shows."""
    return torch.full(shape, math.nan, dtype=dtype)


def assert_close(got: Tensor | None, expected: Tensor | None, tolerance: float = 2e-6):
    """Equal to float32's rounding, measured against the largest value."""
    assert got is not None
    assert expected is not None
    assert got.shape == expected.shape
    if expected.numel():
        largest = expected.abs().max().item()
        difference = (got - expected).abs().max().item()
        assert difference <= tolerance * max(largest, 1e-3), f"off by {difference} of {largest}"
