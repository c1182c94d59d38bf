"""What a GPU can do at most, measured: copies, products, gathers and atomic additions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import Tensor

from fields.kernels.draws import in_order
from fields.kernels.grid import GridLayout, grid_layout, level_positions, level_rows

from .timing import of_kernel

COPIED = 2**30  # bytes
SIDE = 8192  # of the matrices that are multiplied
POINTS = 2**22  # of a level, each with four entries that are read or added to
READ = 2**24  # entries that are read by index_select
LOG2_ROWS = 19
SECTOR = 32  # bytes that memory is read by
LANES = 32  # samples whose accesses of one sector are one


@dataclass
class Rates:
    """A second's worth of each resource, in thousands of millions (1e9).

    Attributes:
        copy: bytes read and written.
        products: operations of float16's products.
        gather: sectors of a table in the cache that are read, by the order of the samples.
        atomic: sectors of it in which float32 are added to, likewise.
    """

    copy: float = 0.0
    products: float = 0.0
    gather: dict[str, float] = field(default_factory=dict)
    atomic: dict[str, float] = field(default_factory=dict)


def row(name: str, order: str, rate: float, unit: str) -> dict[str, Any]:
    return {"what": "rate", "name": name, "order": order, "rate": rate, "unit": unit}


def measure(rates: Rates, device: torch.device) -> Iterator[dict[str, Any]]:
    """A row of each rate, which is also noted."""
    yield _copy(rates, device)
    yield _products(rates, device)
    yield from _selected(rates, device)
    layout = grid_layout(2, levels=1, features=2, log2_size=LOG2_ROWS, coarsest=2048, growth=1.0)
    for order, points in _points(device).items():
        yield from _level(rates, layout, order, points)


def _copy(rates: Rates, device: torch.device) -> dict[str, Any]:
    source = torch.empty(COPIED // 4, device=device).uniform_()
    target = torch.empty_like(source)
    rates.copy = 2 * COPIED / of_kernel([lambda: target.copy_(source)], device) / 1e6
    return row("copy", "in order", rates.copy, "GB/s")


def _products(rates: Rates, device: torch.device) -> dict[str, Any]:
    kind = torch.float16 if device.type == "cuda" else torch.float32
    a, b, out = (torch.empty(SIDE, SIDE, device=device, dtype=kind).uniform_() for _ in range(3))
    rates.products = 2 * SIDE**3 / of_kernel([lambda: torch.mm(a, b, out=out)], device) / 1e6
    return row("products", "in order", rates.products / 1e3, "TFLOP/s")


def _selected(rates: Rates, device: torch.device) -> Iterator[dict[str, Any]]:
    """Entries of 8 bytes, as torch reads them."""
    rng = torch.Generator(device).manual_seed(0)
    table = torch.randint(2**62, (2**LOG2_ROWS,), generator=rng, device=device)
    index = torch.randint(2**LOG2_ROWS, (READ,), generator=rng, device=device, dtype=torch.int32)
    out = torch.empty(READ, dtype=table.dtype, device=device)
    for order, chosen in (("random", index), ("sorted", index.sort().values)):
        ms = of_kernel([lambda at=chosen: torch.index_select(table, 0, at, out=out)], device)
        rate = READ / ms / 1e6
        if order == "random":  # a sector each
            rates.gather[order] = rate
        yield row("index_select", order, rate, "G entries/s")


def _points(device: torch.device) -> dict[str, Tensor]:
    """Points [n, 2] in [0, 1]: at random, in the order of a curve, and all in one cell."""
    rng = torch.Generator(device).manual_seed(0)
    x = torch.rand(POINTS, 2, generator=rng, device=device)
    return {"random": x, "curve": x[in_order(2 * x - 1, 12)].contiguous(), "hot": 0.3 + 1e-5 * x}


def _level(rates: Rates, layout: GridLayout, order: str, x: Tensor) -> Iterator[dict[str, Any]]:
    """How fast one level's entries are read and added to."""
    from fields.kernels import triton_grid

    device, reads = x.device, 4 * len(x)
    table = torch.empty(layout.offsets[-1], 2, device=device).uniform_(-1, 1)
    change = torch.empty(len(x), 2, device=device, dtype=torch.float16).uniform_(-1, 1)
    out = torch.empty_like(change)
    asked = sectors(layout, x)
    calls: dict[str, Callable[[], object]] = {
        "gather": lambda: triton_grid.features(x, table, layout, out=out),
        "atomic": lambda: triton_grid.table_gradient(x, change, layout, into=table),
    }
    for name, call in calls.items():
        ms = of_kernel([call], device)
        found = rates.gather if name == "gather" else rates.atomic
        # Whatever can be done with samples at random can be done with those in order.
        found[order] = max(asked / ms / 1e6, found.get("random", 0.0))
        yield row(name, order, reads / ms / 1e6, "G entries/s")
        yield row(name, order, asked / ms / 1e6, "G sectors/s")


@torch.no_grad()
def sectors(layout: GridLayout, x: Tensor) -> int:
    """Sectors that a grid's kernels ask for, where samples in a row ask for one together.

    Args:
        x: float32 [n, d] in [0, 1].
    """
    lanes = min(LANES, len(x))
    x = x[: len(x) // lanes * lanes]
    total = 0
    for level, scale in enumerate(layout.scales):
        cell, _ = level_positions(x, scale)
        for corner in product((0, 1), repeat=layout.dim):
            rows = level_rows(cell + torch.tensor(corner, device=x.device), layout, level)
            sector = (rows * (4 * layout.features) // SECTOR).view(-1, lanes).sort(-1).values
            total += len(sector) + int(sector.diff(dim=-1).count_nonzero())
    return total
