"""Gradients and values in pieces, each computed by one thread of the processor.

Left to itself, torch lets its threads wait for one another after every operation: where another
process is busy too, a step is then as slow as its slowest thread a hundred times over. Here each
thread takes the next piece when it is done with the last, and a piece stays in its cache.
"""

import itertools
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor

from .kernels import threads

T = TypeVar("T")
PIECE = 1024  # points: 1 MB a layer of 256 units


def one_thread() -> AbstractContextManager[None]:
    """Torch's operations in this Python thread on one thread of the processor."""
    return _torch_threads(1)


def all_threads(device: torch.device) -> AbstractContextManager[None]:
    """Torch's operations on all threads of the processor, if that is the device."""
    return _torch_threads(threads.COUNT) if device.type == "cpu" else nullcontext()


@contextmanager
def _torch_threads(count: int) -> Generator[None, None, None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def each(work: Callable[[T], None], pieces: Sequence[T], *, grad: bool) -> None:
    """`work` on every piece, several at once. What it does must not depend on the order."""
    turn = itertools.count()  # `next` of it is atomic

    def take(ticket: object) -> None:
        with one_thread(), torch.set_grad_enabled(grad):
            while (i := next(turn)) < len(pieces):
                work(pieces[i])

    threads.share(take, parts=len(pieces))


def backward(
    loss: Callable[[tuple[Tensor, ...]], Tensor],
    batch: tuple[Tensor, ...],
    parameters: Sequence[Tensor],
) -> Tensor:
    """Set the parameters' gradients of a loss that is a mean over the points of a batch.

    The pieces' gradients are summed in order, so that they do not depend on the threads.

    Args:
        batch: tensors [n, ...], cut along their first axis.

    Returns:
        The loss, [].
    """
    n = len(batch[0])
    pieces = list(enumerate(zip(*(t.split(PIECE) for t in batch), strict=True)))
    found: list[tuple[Tensor, tuple[Tensor, ...]]] = [None] * len(pieces)  # pyright: ignore

    def work(piece: tuple[int, tuple[Tensor, ...]]) -> None:
        number, points = piece
        part = loss(points) * (len(points[0]) / n)
        found[number] = part.detach(), torch.autograd.grad(part, parameters)

    each(work, pieces, grad=True)
    for parameter, *gradients in zip(parameters, *(g for _, g in found), strict=True):
        total = gradients[0]
        for gradient in gradients[1:]:
            total = total + gradient
        parameter.grad = total
    return torch.stack([part for part, _ in found]).sum()


def values(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function's values at points [n, d], without gradients: [n, c]."""
    pieces = list(enumerate(x.split(8 * PIECE)))
    found: list[Tensor] = [x] * len(pieces)

    def work(piece: tuple[int, Tensor]) -> None:
        number, points = piece
        found[number] = function(points)

    each(work, pieces, grad=False)
    return torch.cat(found)
