"""The grid encoding on the GPU: `grid.encode` in Triton, with first and second derivatives.

A program takes a tile of samples and one level. Programs of all levels run side by side: coarse
ones compute while fine ones wait for memory. Nothing of a cell is kept between forward and
backward, since finding it again costs less than reading it. The derivatives of a corner's weight,
along a direction and along an axis, are carried through its factors together with it.
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

from .grid import PRIMES, GridLayout, check_grid
from .grid_autograd import Query, encode_with
from .triton_tools import DEVICE, one, tiles

TILE = 256  # samples a program takes
WARPS = 4
MAX_FEATURES = 8  # more are read in several instructions
MAX_VALUES = 2**31 - 1  # of all samples' features, whose places are counted in 32 bits

# Windows of vertices on which a tile's gradients are summed before they are added to the table.
SMALL_WINDOW, LARGE_WINDOW = (tl.constexpr(i) for i in (16, 64))
SIDES = {1: (16, 64), 2: (4, 8), 3: (2, 4), 4: (2, 2)}  # of them along an axis, by dimension
PART = tl.constexpr(64)  # samples whose shares are in registers together
COLUMNS = tl.constexpr(16)  # features of a product of matrices, which takes no fewer

# What the table of levels holds, as 32 bits each; then the factors of the vertex numbers, by axis.
SCALE, OFFSET, ROWS, MAGIC, HASHED, FACTOR = (tl.constexpr(i) for i in range(6))


def unsupported(layout: GridLayout) -> str | None:
    """Why the kernels cannot follow a layout, or None."""
    f = layout.features
    if f > MAX_FEATURES or f & (f - 1):
        return f"its kernels take 1, 2, 4 or 8 features a vertex, not {f}"
    return None


@functools.lru_cache(maxsize=64)
def plan_of(layout: GridLayout, device: torch.device) -> Tensor:
    """The levels as the kernels read them: int32 [fields, levels]."""
    plan = np.zeros((FACTOR.value + 4, layout.levels), np.uint32)
    for level, scale in enumerate(layout.scales):
        rows = layout.offsets[level + 1] - layout.offsets[level]
        resolution, hashed = layout.resolutions[level], layout.hashed[level]
        factors = PRIMES if hashed else [resolution**axis for axis in range(4)]
        plan[:, level] = [
            np.float32(scale).view(np.uint32),
            layout.offsets[level],
            rows,
            2**32 // rows,
            hashed,
            *(factor % 2**32 for factor in factors),
        ]
    return torch.from_numpy(plan.view(np.int32)).to(device)


@triton.jit
def number(plan_ptr, what, level, LEVELS: tl.constexpr):
    """An entry of the plan, uint32, of one level or of several."""
    return tl.load(plan_ptr + what * LEVELS + level).to(tl.uint32, bitcast=True)


@triton.jit
def along(x_ptr, n, ok, axis: tl.constexpr, DIM: tl.constexpr, CENTRED: tl.constexpr):
    """Samples' coordinates on an axis, in [0, 1]; CENTRED ones are kept in [-1, 1]."""
    x = tl.load(x_ptr + n * DIM + axis, mask=ok, other=0.0)
    if CENTRED:
        x = (x + 1) * 0.5
    return x


@triton.jit
def split(x, scale):
    """The vertex below, uint32, and the fraction of the cell beyond it."""
    position = tl.fma(x, scale, 0.5)
    below = tl.floor(position)
    return below.to(tl.int32).to(tl.uint32, bitcast=True), position - below


@triton.jit
def place(x_ptr, n, ok, plan_ptr, level, DIM: tl.constexpr, CENTRED: tl.constexpr,
          LEVELS: tl.constexpr):
    """Each sample's cell and the fraction of it, axis by axis."""
    scale = tl.load(plan_ptr + SCALE * LEVELS + level).to(tl.float32, bitcast=True)
    cells = ()
    parts = ()
    for axis in tl.static_range(DIM):
        cell, part = split(along(x_ptr, n, ok, axis, DIM, CENTRED), scale)
        cells = cells + (cell,)
        parts = parts + (part,)
    return cells, parts


@triton.jit
def row_of(corner: tl.constexpr, cells, factors, hashed, rows, magic, DIM: tl.constexpr):
    """Where in a level a corner of the cells is kept.

    Of a division by `rows` the multiplication with 2^32 / rows gives the quotient or one less.
    """
    dense = (cells[0] + (corner & 1)) * factors[0]
    mixed = dense
    for axis in tl.static_range(1, DIM):
        term = (cells[axis] + ((corner >> axis) & 1)) * factors[axis]
        dense += term
        mixed ^= term
    index = tl.where(hashed != 0, mixed, dense)
    index -= tl.umulhi(index, magic) * rows
    return tl.where(index >= rows, index - rows, index)


@triton.jit
def rows_of_level(plan_ptr, level, DIM: tl.constexpr, LEVELS: tl.constexpr):
    """What `row_of` must know of a level: the factors, whether it is hashed, rows and magic."""
    factors = ()
    for axis in tl.static_range(DIM):
        factors = factors + (number(plan_ptr, FACTOR + axis, level, LEVELS),)
    hashed = number(plan_ptr, HASHED, level, LEVELS)
    rows = number(plan_ptr, ROWS, level, LEVELS)
    return factors, hashed, rows, number(plan_ptr, MAGIC, level, LEVELS)


@triton.jit
def weight_of(corner: tl.constexpr, parts, DIM: tl.constexpr, SMOOTH: tl.constexpr):
    """How much a corner counts."""
    weight = 1.0
    for axis in tl.static_range(DIM):
        u = parts[axis]
        if SMOOTH:
            u = u * u * (3 - 2 * u)
        weight *= u if (corner >> axis) & 1 else 1 - u
    return weight


@triton.jit
def slopes_of(
    corner: tl.constexpr,
    own: tl.constexpr,
    parts,
    direction,
    scale,
    DIM: tl.constexpr,
    SMOOTH: tl.constexpr,
):
    """The slopes of a corner's weight: along a direction, along the axis `own`, and along both."""
    w = 1.0
    by_v = 0.0
    by_own = 0.0
    by_both = 0.0
    for axis in tl.static_range(DIM):
        u = parts[axis]
        s = u
        slope = scale
        bend = 0.0
        if SMOOTH:
            s = u * u * (3 - 2 * u)
            slope = scale * 6 * u * (1 - u)
            bend = scale * scale * (6 - 12 * u)
        if not (corner >> axis) & 1:
            s = 1 - s
            slope = -slope
            bend = -bend
        v = direction[axis]
        by_both = by_both * s + by_own * slope * v
        if axis == own:
            by_both += by_v * slope + w * bend * v
        by_own = by_own * s
        if axis == own:
            by_own += w * slope
        by_v = by_v * s + w * slope * v
        w = w * s
    return by_v, by_own, by_both


@triton.jit
def toward(direction_ptr, n, ok, DIM: tl.constexpr, ALONG: tl.constexpr):
    """Each sample's direction, axis by axis; zeros without one."""
    direction = ()
    for axis in tl.static_range(DIM):
        if ALONG:
            part = tl.load(direction_ptr + n * DIM + axis, mask=ok, other=0.0)
        else:
            part = 0.0
        direction = direction + (part,)
    return direction


@triton.jit
def _features(
    x_ptr, table_ptr, direction_ptr, out_ptr, plan_ptr, samples,
    DIM: tl.constexpr, LEVELS: tl.constexpr, FEATURES: tl.constexpr,
    CENTRED: tl.constexpr, SMOOTH: tl.constexpr, ALONG: tl.constexpr, PLANES: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """A level's features, or how they change along a direction."""
    tile, level = tl.program_id(0) // LEVELS, tl.program_id(0) % LEVELS
    n = tile * TILE + tl.arange(0, TILE)
    ok = n < samples
    feature = tl.arange(0, FEATURES)
    cells, parts = place(x_ptr, n, ok, plan_ptr, level, DIM, CENTRED, LEVELS)
    factors, hashed, rows, magic = rows_of_level(plan_ptr, level, DIM, LEVELS)
    scale = number(plan_ptr, SCALE, level, LEVELS).to(tl.float32, bitcast=True)
    direction = toward(direction_ptr, n, ok, DIM, ALONG)
    start = table_ptr + number(plan_ptr, OFFSET, level, LEVELS) * FEATURES
    total = tl.zeros((TILE, FEATURES), tl.float32)
    for corner in tl.static_range(2**DIM):
        row = row_of(corner, cells, factors, hashed, rows, magic, DIM)
        if ALONG:
            weight, _, _ = slopes_of(corner, -1, parts, direction, scale, DIM, SMOOTH)
        else:
            weight = weight_of(corner, parts, DIM, SMOOTH)
        values = tl.load(start + row[:, None] * FEATURES + feature[None, :])
        total += weight[:, None] * values
    places = feature_places(n, samples, level, FEATURES, LEVELS, PLANES, FEATURES)
    tl.store(out_ptr + places, total.to(out_ptr.dtype.element_ty), mask=ok[:, None])


@triton.jit
def feature_places(n, samples, level, FEATURES: tl.constexpr, LEVELS: tl.constexpr,
                   PLANES: tl.constexpr, WIDE: tl.constexpr):
    """Where a level's features of samples are: in [n, levels * features]; with PLANES in
    [levels, n, features].

    In planes neighbours are written and read together. WIDE counts more columns than there are.
    """
    feature = tl.arange(0, WIDE)[None, :]
    if PLANES:
        return (level * samples + n[:, None]) * FEATURES + feature
    else:
        return n[:, None] * (LEVELS * FEATURES) + level * FEATURES + feature


@triton.jit
def _within(low, high, DIM: tl.constexpr, SIDE: tl.constexpr):
    """Whether cells from `low` to `high` have their vertices in a window, SIDE along each axis."""
    fits = high[0] - low[0] <= SIDE - 2
    for axis in tl.static_range(1, DIM):
        fits = fits & (high[axis] - low[axis] <= SIDE - 2)
    return fits


@triton.jit
def _add_window(
    x_ptr, gradient_ptr, start, plan_ptr, low, factor, samples, tile, level,
    DIM: tl.constexpr, LEVELS: tl.constexpr, FEATURES: tl.constexpr, CENTRED: tl.constexpr,
    SMOOTH: tl.constexpr, PLANES: tl.constexpr, TILE: tl.constexpr, SIDE: tl.constexpr,
    VERTICES: tl.constexpr, HALF: tl.constexpr,
):  # fmt: skip
    """Sum the gradients of a tile at the vertices of a window, and add those: few, where the tile's
    samples share them.

    The sums are a product of matrices: a vertex's share in a sample is the product over the axes of
    max(0, 1 - distance).
    """
    factors, hashed, rows, magic = rows_of_level(plan_ptr, level, DIM, LEVELS)
    vertex = tl.arange(0, VERTICES)
    total = tl.zeros((VERTICES, COLUMNS), tl.float32)
    for part in range(TILE // PART):
        n = tile * TILE + part * PART + tl.arange(0, PART)
        ok = n < samples
        cells, parts = place(x_ptr, n, ok, plan_ptr, level, DIM, CENTRED, LEVELS)
        share = tl.full((VERTICES, PART), 1.0, tl.float32)
        for axis in tl.static_range(DIM):
            u = parts[axis]
            if SMOOTH:
                u = u * u * (3 - 2 * u)
            at = (cells[axis] - low[axis]).to(tl.float32) + u
            along_axis = ((vertex // SIDE**axis) % SIDE).to(tl.float32)
            share *= tl.maximum(1 - tl.abs(along_axis[:, None] - at[None, :]), 0.0)
        places = feature_places(n, samples, level, FEATURES, LEVELS, PLANES, COLUMNS)
        inside = ok[:, None] & (tl.arange(0, COLUMNS)[None, :] < FEATURES)
        change = tl.load(gradient_ptr + places, mask=inside, other=0.0)
        if HALF:
            total = tl.dot(share.to(tl.float16), change, total)
        else:
            total = tl.dot(share, change.to(tl.float32), total, input_precision="tf32x3")
    corner = ()
    for axis in tl.static_range(DIM):
        corner = corner + (low[axis] + ((vertex // SIDE**axis) % SIDE).to(tl.uint32),)
    row = row_of(0, corner, factors, hashed, rows, magic, DIM)
    inside = (vertex < SIDE**DIM)[:, None] & (tl.arange(0, COLUMNS)[None, :] < FEATURES)
    where = start + row[:, None] * FEATURES + tl.arange(0, COLUMNS)[None, :]
    tl.atomic_add(where, total * factor, mask=inside & (total != 0), sem="relaxed")


@triton.jit
def _add_pairs(
    gradient_ptr, start, plan_ptr, cells, parts, factor, n, ok, samples, level,
    DIM: tl.constexpr, LEVELS: tl.constexpr, SMOOTH: tl.constexpr, PLANES: tl.constexpr,
):  # fmt: skip
    """Add two features at each corner of each sample: at both ends of an edge along the first axis
    together, where the two are neighbours in memory that a single addition reaches.

    Every second edge is such a one, in dense levels and in hashed ones: the hash multiplies the
    first vertex number by 1.
    """
    factors, hashed, rows, magic = rows_of_level(plan_ptr, level, DIM, LEVELS)
    four, two = tl.arange(0, 4), tl.arange(0, 2)
    places = feature_places(n, samples, level, 2, LEVELS, PLANES, 2)
    change = tl.load(gradient_ptr + places, mask=ok[:, None], other=0.0).to(tl.float32) * factor
    places = feature_places(n, samples, level, 2, LEVELS, PLANES, 1) + (four % 2)[None, :]
    twice = tl.load(gradient_ptr + places, mask=ok[:, None], other=0.0).to(tl.float32) * factor
    for edge in tl.static_range(2 ** (DIM - 1)):
        first = row_of(2 * edge, cells, factors, hashed, rows, magic, DIM)
        second = row_of(2 * edge + 1, cells, factors, hashed, rows, magic, DIM)
        weight = weight_of(2 * edge, parts, DIM, SMOOTH)
        other = weight_of(2 * edge + 1, parts, DIM, SMOOTH)
        together = (first ^ second) == 1
        turned = first > second
        low = tl.where(turned, other, weight)
        high = tl.where(turned, weight, other)
        shares = tl.where(four[None, :] < 2, low[:, None], high[:, None])
        least = tl.minimum(first, second).to(tl.int32, bitcast=True) * 2
        where = tl.multiple_of(least, 4)[:, None] + four[None, :]
        tl.atomic_add(start + where, shares * twice, (ok & together)[:, None], sem="relaxed")
        apart = (ok & ~together)[:, None]
        where = first[:, None] * 2 + two[None, :]
        tl.atomic_add(start + where, weight[:, None] * change, apart, sem="relaxed")
        where = second[:, None] * 2 + two[None, :]
        tl.atomic_add(start + where, other[:, None] * change, apart, sem="relaxed")


@triton.jit
def _table_gradient(
    x_ptr, gradient_ptr, direction_ptr, into_ptr, plan_ptr, factor_ptr, factor, samples,
    DIM: tl.constexpr, LEVELS: tl.constexpr, FEATURES: tl.constexpr,
    CENTRED: tl.constexpr, SMOOTH: tl.constexpr, ALONG: tl.constexpr, PLANES: tl.constexpr,
    SMALL: tl.constexpr, LARGE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Add a level's part of the gradient to the table.

    Each corner of each sample is an atomic addition, unless the tile's samples are so near one
    another that they share the vertices of a window of SMALL or LARGE along an axis: additions to
    one place wait for each other.
    """
    HALF: tl.constexpr = gradient_ptr.dtype.element_ty == tl.float16
    tile, level = tl.program_id(0) // LEVELS, tl.program_id(0) % LEVELS
    n = tile * TILE + tl.arange(0, TILE)
    ok = n < samples
    factor *= tl.load(factor_ptr)
    offset = number(plan_ptr, OFFSET, level, LEVELS).to(tl.int32, bitcast=True)
    start = into_ptr + tl.multiple_of(offset, 8) * FEATURES
    cells, parts = place(x_ptr, n, ok, plan_ptr, level, DIM, CENTRED, LEVELS)
    low = ()
    high = ()
    for axis in tl.static_range(DIM):
        low = low + (tl.min(tl.where(ok, cells[axis], 0xFFFFFFFF), axis=0),)
        high = high + (tl.max(tl.where(ok, cells[axis], 0), axis=0),)
    if not ALONG and _within(low, high, DIM, SMALL):
        _add_window(
            x_ptr, gradient_ptr, start, plan_ptr, low, factor, samples, tile, level, DIM, LEVELS,
            FEATURES, CENTRED, SMOOTH, PLANES, TILE, SMALL, SMALL_WINDOW, HALF,
        )  # fmt: skip
    elif not ALONG and _within(low, high, DIM, LARGE):
        _add_window(
            x_ptr, gradient_ptr, start, plan_ptr, low, factor, samples, tile, level, DIM, LEVELS,
            FEATURES, CENTRED, SMOOTH, PLANES, TILE, LARGE, LARGE_WINDOW, HALF,
        )  # fmt: skip
    elif FEATURES == 2 and not ALONG:
        _add_pairs(
            gradient_ptr, start, plan_ptr, cells, parts, factor, n, ok, samples, level, DIM,
            LEVELS, SMOOTH, PLANES,
        )  # fmt: skip
    else:
        factors, hashed, rows, magic = rows_of_level(plan_ptr, level, DIM, LEVELS)
        scale = number(plan_ptr, SCALE, level, LEVELS).to(tl.float32, bitcast=True)
        direction = toward(direction_ptr, n, ok, DIM, ALONG)
        places = feature_places(n, samples, level, FEATURES, LEVELS, PLANES, FEATURES)
        change = tl.load(gradient_ptr + places, mask=ok[:, None], other=0.0).to(tl.float32)
        change *= factor
        for corner in tl.static_range(2**DIM):
            row = row_of(corner, cells, factors, hashed, rows, magic, DIM)
            if ALONG:
                weight, _, _ = slopes_of(corner, -1, parts, direction, scale, DIM, SMOOTH)
            else:
                weight = weight_of(corner, parts, DIM, SMOOTH)
            where = start + row[:, None] * FEATURES + tl.arange(0, FEATURES)[None, :]
            tl.atomic_add(where, weight[:, None] * change, mask=ok[:, None], sem="relaxed")


@triton.jit
def _position_gradient(
    x_ptr, table_ptr, gradient_ptr, direction_ptr, out_ptr, plan_ptr, samples,
    DIM: tl.constexpr, LEVELS: tl.constexpr, FEATURES: tl.constexpr,
    CENTRED: tl.constexpr, SMOOTH: tl.constexpr, ALONG: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """The gradient to the positions, or how it changes along a direction.

    A program takes all levels of its tile, so that nothing is added up between programs.
    """
    n = tl.program_id(0) * TILE + tl.arange(0, TILE)
    ok = n < samples
    feature = tl.arange(0, FEATURES)
    direction = toward(direction_ptr, n, ok, DIM, ALONG)
    for own in tl.static_range(DIM):
        total = tl.zeros((TILE,), tl.float32)
        for level in range(LEVELS):
            cells, parts = place(x_ptr, n, ok, plan_ptr, level, DIM, CENTRED, LEVELS)
            factors, hashed, rows, magic = rows_of_level(plan_ptr, level, DIM, LEVELS)
            scale = number(plan_ptr, SCALE, level, LEVELS).to(tl.float32, bitcast=True)
            start = table_ptr + number(plan_ptr, OFFSET, level, LEVELS) * FEATURES
            at = n[:, None] * (LEVELS * FEATURES) + level * FEATURES + feature[None, :]
            change = tl.load(gradient_ptr + at, mask=ok[:, None], other=0.0)
            for corner in tl.static_range(2**DIM):
                row = row_of(corner, cells, factors, hashed, rows, magic, DIM)
                _, slope, both = slopes_of(corner, own, parts, direction, scale, DIM, SMOOTH)
                values = tl.load(start + row[:, None] * FEATURES + feature[None, :])
                product = tl.sum(values * change, axis=1)
                total += product * (both if ALONG else slope)
        tl.store(out_ptr + n * DIM + own, total, mask=ok)


def features(
    x: Tensor,
    table: Tensor,
    layout: GridLayout,
    *,
    smooth: bool = False,
    direction: Tensor | None = None,
    centred: bool = False,
    planes: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """The encoding of points, or its derivative along a direction at each.

    Args:
        x: float32 [n, d] in [0, 1]; with `centred` in [-1, 1].
        table: float32 [rows, features].
        direction: float32 [n, d].
        planes: the result is to be [levels, n, features].
        out: [n, levels * features] of any float type, to be written to; new and float32 without.
    """
    shape = len(x), layout.levels * layout.features
    found = torch.empty(shape, device=x.device) if out is None else out
    _check_size(len(x), layout)
    if len(x):
        _features[(tiles(len(x), TILE) * layout.levels,)](
            x.contiguous(),
            table,
            x if direction is None else direction.contiguous(),
            found,
            plan_of(layout, x.device),
            len(x),
            PLANES=planes,
            **_constants(layout, smooth, direction, centred),
        )
    return found


def table_gradient(
    x: Tensor,
    gradient: Tensor,
    layout: GridLayout,
    *,
    smooth: bool = False,
    direction: Tensor | None = None,
    centred: bool = False,
    planes: bool = False,
    factors: tuple[Tensor | None, float] = (None, 1.0),
    into: Tensor | None = None,
) -> Tensor:
    """The gradient to the table, given that to `features` but for two factors.

    Args:
        gradient: [n, levels * features] of any float type; with `planes` [levels, n, features].
        factors: a number that is on the device, float32 [1], and one that is not.
        into: float32 [rows, features] to which it is added; a new one without.
    """
    shape = layout.offsets[-1], layout.features
    found = torch.zeros(shape, device=x.device) if into is None else into
    _check_size(len(x), layout)
    small, large = SIDES[layout.dim]
    if len(x):
        _table_gradient[(tiles(len(x), TILE) * layout.levels,)](
            x.contiguous(),
            gradient.contiguous(),
            x if direction is None else direction.contiguous(),
            found,
            plan_of(layout, x.device),
            one(x.device) if factors[0] is None else factors[0],
            factors[1],
            len(x),
            PLANES=planes,
            SMALL=small,
            LARGE=large,
            **_constants(layout, smooth, direction, centred),
        )
    return found


def position_gradient(
    x: Tensor,
    table: Tensor,
    gradient: Tensor,
    layout: GridLayout,
    *,
    smooth: bool = False,
    direction: Tensor | None = None,
) -> Tensor:
    """The gradient to x, given that to `features`, or its derivative along a direction. [n, d]"""
    found = torch.empty(len(x), layout.dim, device=x.device)
    _check_size(len(x), layout)
    if len(x):
        _position_gradient[(tiles(len(x), TILE),)](
            x.contiguous(),
            table,
            gradient.contiguous(),
            x if direction is None else direction.contiguous(),
            found,
            plan_of(layout, x.device),
            len(x),
            **_constants(layout, smooth, direction, False),
        )
    return found


def _check_size(n: int, layout: GridLayout) -> None:
    if n * layout.levels * layout.features > MAX_VALUES:
        raise ValueError(
            f"{n:,} points have more features than the triton backend counts; lower the batch."
        )


def _constants(
    layout: GridLayout, smooth: bool, direction: Tensor | None, centred: bool
) -> dict[str, int | bool]:
    return {
        "DIM": layout.dim,
        "LEVELS": layout.levels,
        "FEATURES": layout.features,
        "CENTRED": centred,
        "SMOOTH": smooth,
        "ALONG": direction is not None,
        "TILE": TILE,
        "num_warps": WARPS,
    }


class _Kernels:
    """The kernels as `grid_autograd` calls them."""

    def prepare(self, x: Tensor) -> Tensor:
        return x.detach().contiguous()

    def features(self, query: Query, direction: Tensor | None = None) -> Tensor:
        table, layout = query.table.detach(), query.layout
        return features(query.at, table, layout, smooth=query.smooth, direction=direction)

    def table_gradient(
        self, query: Query, gradient: Tensor, direction: Tensor | None = None
    ) -> Tensor:
        knobs = {"smooth": query.smooth, "direction": direction}
        return table_gradient(query.at, gradient, query.layout, **knobs)

    def position_gradient(
        self, query: Query, gradient: Tensor, direction: Tensor | None = None
    ) -> Tensor:
        table, knobs = query.table.detach(), {"smooth": query.smooth, "direction": direction}
        return position_gradient(query.at, table, gradient, query.layout, **knobs)


KERNELS = _Kernels()


def encode(x: Tensor, table: Tensor, layout: GridLayout, *, smooth: bool = False) -> Tensor:
    """`grid.encode`, for float32 on the GPU: the same values and derivatives.

    Args:
        x: float32 [n, d] in [0, 1].
        table: float32 [rows, features].

    Returns:
        float32 [n, levels * features], level by level.

    Raises:
        TypeError, ValueError: a tensor has the wrong type or shape, or is on another device.
    """
    check_grid(x, table, layout, DEVICE)
    problem = unsupported(layout)
    if problem is not None:
        raise ValueError(f"backend triton cannot encode this grid: {problem}.")
    return encode_with(KERNELS, x, table, layout, smooth=smooth)
