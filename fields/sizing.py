"""Fields of a given number of parameters, so that methods can be compared at equal size."""

from dataclasses import replace

import torch

from .activations import Gabor
from .encodings import DenseGrid, HashGrid, Spline
from .field import FieldSpec
from .networks import MLP, Mscale1, Mscale2, Phase
from .tasks import Task

WIDEST = 4096


def sized(spec: FieldSpec, task: Task, parameters: int) -> FieldSpec:
    """The widest field of its kind with at most so many parameters, all stages together.

    A network is made wider or narrower; of a grid, whose network is small, the table is: a hash
    grid's by factors of two.

    Raises:
        ValueError: the narrowest has more already, or the field has no size to change.
    """
    sizes = range(3, 29) if isinstance(spec.encoding, HashGrid) else range(1, WIDEST + 1)
    low, high = 0, len(sizes)  # sizes[:low] are known to fit, sizes[high:] not to
    while low < high:
        middle = (low + high) // 2
        if _count(_of_size(spec, sizes[middle]), task) <= parameters:
            low = middle + 1
        else:
            high = middle
    if not low:
        least = _count(_of_size(spec, sizes[0]), task)
        raise ValueError(f"at least {least:,} parameters are needed, got {parameters:,}.")
    return _of_size(spec, sizes[low - 1])


def _of_size(spec: FieldSpec, size: int) -> FieldSpec:
    encoding, network = spec.encoding, spec.network
    if isinstance(encoding, HashGrid):
        return replace(spec, encoding=replace(encoding, log2_size=size))
    if isinstance(encoding, DenseGrid):
        least = min(encoding.coarsest, size)
        return replace(spec, encoding=replace(encoding, coarsest=least, finest=size))
    if isinstance(encoding, Spline):
        longest = max(encoding.cells)
        cells = tuple(max(1, round(n * size / longest)) for n in encoding.cells)
        return replace(spec, encoding=replace(encoding, cells=cells))
    if isinstance(network, MLP):
        if network.widths:
            widest = max(network.widths)
            widths = tuple(max(1, round(n * size / widest)) for n in network.widths)
            return replace(spec, network=replace(network, widths=widths))
        width = max(2, size // 2 * 2) if isinstance(network.activation, Gabor) else size
        return replace(spec, network=replace(network, width=width))
    if isinstance(network, Mscale1):
        return replace(spec, network=replace(network, width=max(size, len(network.scales))))
    if isinstance(network, Mscale2 | Phase):
        return replace(spec, network=replace(network, width=min(size, 1024)))
    raise ValueError(f"a field with {type(network).__name__} has no size to change.")


def _count(spec: FieldSpec, task: Task) -> int:
    try:
        with torch.device("meta"):
            field = spec.build(task.in_dim, task.out_dim, torch.Generator())
    except ValueError:  # too large to be built at all
        return 2**62
    return field.parameter_count
