"""Products of small matrices inside numba kernels, near the processor's peak.

numba has no vectors of its own, and its compiler keeps no block of sums in registers. So the inner
loop is written for the code generator directly: 4 rows by 16 columns of sums, to which each step
adds the product of a column of 4 and a row of 16. On AVX2 that is 8 fused multiply-adds for 6
loads, which the multipliers, not the loads, limit.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import types

from .numba_tools import INT64, helper, multiply_add_vectors, primitive, splat

LANES = 8
ROWS = 4
COLUMNS = 2 * LANES
FLOAT = ir.FloatType()
VECTOR = ir.VectorType(FLOAT, LANES)


class Matrix(NamedTuple):
    """A matrix inside a flat array: element (i, j) is `data[start + i * down + j * across]`."""

    data: np.ndarray
    start: int
    down: int
    across: int


@helper
def transposed(matrix):
    return Matrix(matrix.data, matrix.start, matrix.across, matrix.down)


@helper
def multiply(a, b, initial, gate, out, rows, columns, depth, floor):
    """out = max(initial + a b, floor) where gate > 0, else 0; a is [rows, depth], b the rest.

    `rows` is rounded up to a multiple of `ROWS` and `columns` to one of `COLUMNS`: the matrices
    must have room for that. Rows of all but `a` are contiguous. With `down = 0`, one row serves
    as all rows of `initial` or `gate`, or of an `out` whose rows are all equal.
    """
    for j in range(0, columns, COLUMNS):
        for i in range(0, rows, ROWS):
            _block(
                (a.data, a.start + i * a.down, a.down, a.across),
                (b.data, b.start + j, b.down),
                (initial.data, initial.start + i * initial.down + j, initial.down),
                (gate.data, gate.start + i * gate.down + j, gate.down),
                (out.data, out.start + i * out.down + j, out.down),
                depth,
                floor,
            )


@primitive
def _block(
    typing: Any, a: Any, b: Any, initial: Any, gate: Any, out: Any, depth: Any, floor: Any
) -> Any:
    """`multiply` for ROWS by COLUMNS results; each matrix is (data, start, strides...)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def unpack(number: int) -> list[Any]:
            """Pointer to a matrix's first element, and its strides."""
            kinds = signature.args[number].types
            data, start, *strides = (
                builder.extract_value(args[number], i) for i in range(len(kinds))
            )
            array = context.make_array(kinds[0])(context, builder, data)
            return [builder.gep(array.data, [start]), *strides]

        a, b, initial, gate, out = (unpack(i) for i in range(5))
        starts = [builder.load(p, align=4) for p in _vectors(builder, *initial)]
        sums = _accumulate(builder, starts, a, b, args[5])
        limit, zero = splat(builder, args[6], LANES), ir.Constant(VECTOR, [0.0] * LANES)
        places = zip(sums, _vectors(builder, *gate), _vectors(builder, *out), strict=True)
        for total, opening, place in places:
            below = builder.fcmp_ordered("<", total, limit)
            total = builder.select(below, limit, total)
            is_open = builder.fcmp_ordered(">", builder.load(opening, align=4), zero)
            builder.store(builder.select(is_open, total, zero), place, align=4)
        return context.get_dummy_value()

    return types.void(a, b, initial, gate, out, types.intp, types.float32), generate


def _offset(builder: Any, pointer: Any, steps: int, stride: Any) -> Any:
    return builder.gep(pointer, [builder.mul(stride, ir.Constant(INT64, steps))])


def _vectors(builder: Any, first: Any, down: Any) -> list[Any]:
    """Pointers to the vectors of a block, row by row."""
    return [
        builder.bitcast(
            _offset(builder, _offset(builder, first, i, down), j, ir.Constant(INT64, 1)),
            VECTOR.as_pointer(),
        )
        for i in range(ROWS)
        for j in range(0, COLUMNS, LANES)
    ]


def _accumulate(builder: Any, starts: list[Any], a: Any, b: Any, depth: Any) -> list[Any]:
    """The loop: `starts` plus the product of 4 rows of a and 16 columns of b, in registers."""
    (a, a_down, a_across), (b, b_down) = a, b
    before = builder.block
    loop, after = builder.append_basic_block("step"), builder.append_basic_block("after")
    builder.branch(loop)

    builder.position_at_end(loop)
    step = builder.phi(INT64)
    step.add_incoming(ir.Constant(INT64, 0), before)
    sums = [builder.phi(VECTOR) for _ in starts]
    for total, start in zip(sums, starts, strict=True):
        total.add_incoming(start, before)
    column = builder.gep(a, [builder.mul(step, a_across)])
    row = builder.gep(b, [builder.mul(step, b_down)])
    right = [
        builder.load(
            builder.bitcast(builder.gep(row, [ir.Constant(INT64, j)]), VECTOR.as_pointer()), align=4
        )
        for j in range(0, COLUMNS, LANES)
    ]
    left = [
        splat(builder, builder.load(_offset(builder, column, i, a_down)), LANES)
        for i in range(ROWS)
    ]
    pairs = [(x, y) for x in left for y in right]
    results = [
        multiply_add_vectors(builder, x, y, total)
        for (x, y), total in zip(pairs, sums, strict=True)
    ]
    following = builder.add(step, ir.Constant(INT64, 1))
    step.add_incoming(following, loop)
    for total, result in zip(sums, results, strict=True):
        total.add_incoming(result, loop)
    builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)

    builder.position_at_end(after)
    return results
