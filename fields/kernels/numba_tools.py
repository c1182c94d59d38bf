"""What the numba kernels are made with: compilation, an atomic counter, and rows of features.

A row of features is a tuple of float32 whose length is known when a kernel is compiled; it moves
as one vector instruction, where a loop over features would move one value at a time.
"""

import functools
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic

INT32 = ir.IntType(32)
INT64 = ir.IntType(64)

# Sums may be reordered and fused; NaN and infinity keep their meaning.
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
}


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    decorate: Any = njit  # whose annotations do not know all of its options
    return decorate(**OPTIONS, **options)(function)


def helper(function: Callable[..., Any]) -> Any:
    """Decorates a function that only kernels call.

    It becomes a part of each of them, where the compiler can see the shapes of scratch arrays, and
    has no wrappers for other callers, which would double the time to compile it.
    """
    return _compiled(function, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@functools.cache
def _sources() -> str:
    """Digest of every file a kernel may be made from."""
    files = sorted(Path(__file__).parent.glob("numba_*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


class _Cache(FunctionCache):
    """numba's cache on disk, which by itself notices changes only in a kernel's own file."""

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), _sources())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged file may raise: begin a new one
            self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # a full disk costs the next process its time, not this one its run
            super().save_overload(sig, data)


def kernel(function: Callable[..., Any]) -> Any:
    """Decorates a function that Python calls: compiled at the first call, then kept on disk."""
    dispatcher = _compiled(function, no_cfunc_wrapper=True)
    with suppress(RuntimeError):  # no directory can be written: compile in every process
        dispatcher._cache = _Cache(function)
    return dispatcher


def primitive(define: Callable[..., Any]) -> Any:
    """Decorates what types and generates an operation that numba itself does not have."""
    return intrinsic(define)


@primitive
def take(typing: Any, ticket: Any) -> Any:
    """`ticket[0]`, advancing it for the next thread that asks."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        counter = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", counter, ir.Constant(INT64, 1), "monotonic")

    return types.int64(ticket), generate


def _as_vector(builder: Any, row: Any) -> Any:
    """A tuple of numbers as one vector."""
    vector = ir.Constant(ir.VectorType(row.type.element, row.type.count), ir.Undefined)
    for i in range(row.type.count):
        value = builder.extract_value(row, i)
        vector = builder.insert_element(vector, value, ir.Constant(INT32, i))
    return vector


def _as_row(builder: Any, vector: Any) -> Any:
    """A vector as a tuple of numbers."""
    row = ir.Constant(ir.ArrayType(vector.type.element, vector.type.count), ir.Undefined)
    for i in range(vector.type.count):
        value = builder.extract_element(vector, ir.Constant(INT32, i))
        row = builder.insert_value(row, value, i)
    return row


def splat(builder: Any, value: Any, lanes: int) -> Any:
    """A vector of `lanes` equal numbers."""
    undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(INT32, 0))
    zeros = ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes)
    return builder.shuffle_vector(first, undefined, zeros)


def multiply_add_vectors(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c; one instruction where the processor has it."""
    return builder.fadd(builder.fmul(a, b, flags=["contract"]), c, flags=["contract"])


def _vector_at(context: Any, builder: Any, kind: Any, array: Any, at: Any, lanes: int) -> Any:
    """Pointer to the vector that starts at element `at` of a flat contiguous array."""
    data = context.make_array(kind)(context, builder, array).data
    start = builder.gep(data, [at])
    return builder.bitcast(start, ir.VectorType(start.type.pointee, lanes).as_pointer())


@primitive
def load(typing: Any, array: Any, at: Any, like: Any) -> Any:
    """`array[at:at + len(like)]` as a row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _vector_at(context, builder, signature.args[0], args[0], args[1], like.count)
        return _as_row(builder, builder.load(pointer, align=4))

    return like(array, types.uint64, like), generate


@primitive
def store(typing: Any, array: Any, at: Any, row: Any) -> Any:
    """`array[at:at + len(row)] = row`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _vector_at(context, builder, signature.args[0], args[0], args[1], row.count)
        builder.store(_as_vector(builder, args[2]), pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, types.uint64, row), generate


@primitive
def multiply_add(typing: Any, weight: Any, row: Any, total: Any) -> Any:
    """`weight * row + total`, where `row` and `total` are rows."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row, total = (_as_vector(builder, a) for a in args[1:])
        weight = splat(builder, args[0], row.type.count)
        return _as_row(builder, multiply_add_vectors(builder, weight, row, total))

    return total(types.float32, row, total), generate
