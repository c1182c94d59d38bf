"""The kernels of a fit's step on the CPU, one by one, beside torch's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fields.encodings.grids import GridEncoding
from fields.fit import Run
from fields.kernels import adam, grid, threads
from fields.kernels.backends import missing
from fields.kernels.draws import in_order

from . import steps
from .timing import of_kernel, of_step, say

SAMPLES = 65_536
LOG2_SIZE = 15
SIDE = 512  # of the picture that is fitted
COPIED = 2**27  # bytes
MATRIX = 1024  # side of the matrices that are multiplied
SETS = 3  # of inputs, taken in turn
CPU = torch.device("cpu")
KNOBS = {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99, "eps": 1e-15}

Calls = dict[str, list[Callable[[], object]]]


def rows_cpu() -> Iterator[dict[str, Any]]:
    """Rates, then each kernel of numba's and torch's beside its floor, then the step."""
    say("The CPU's rates first.")
    rates = measured()
    for name, (rate, unit) in rates.items():
        yield {"what": "rate", "name": name, "order": "random", "rate": rate, "unit": unit}
    names = [b for b in ("numba", "torch") if missing(b, CPU) is None]
    inputs = Inputs.of()
    floors = floors_of(inputs.grid.layout, {name: rate for name, (rate, _) in rates.items()})
    calls = {"numba": numba_calls, "torch": torch_calls}
    say(f"The kernels, {SAMPLES:,} samples, tables of 2^{LOG2_SIZE}.")
    for backend in names:
        for name, runs in calls[backend](inputs).items():
            before = inputs.refill if name == "adam_table" else None
            with _Threads(backend):
                ms = of_kernel(runs, CPU, before=before)
            yield {
                "what": "kernel", "name": name, "backend": backend, "order": "curve",
                "samples": SAMPLES, "log2_size": LOG2_SIZE, "ms": ms,
                "floor_ms": floors[name], "floor_share": floors[name] / ms,
            }  # fmt: skip
    say("The step.")
    task = steps.picture(SIDE)
    for backend in names:
        with _Threads(backend):
            run = Run(task, steps.config_of(SAMPLES, LOG2_SIZE, CPU, backend))
            ms = of_step(run.advance, CPU)
        yield {
            "what": "step", "backend": backend, "samples": SAMPLES, "log2_size": LOG2_SIZE,
            "ms": ms, "samples_per_second": SAMPLES / ms * 1e3,
        }  # fmt: skip


class _Threads:
    """Torch's threads: all where it works alone, one where the kernels share the work out."""

    def __init__(self, backend: str) -> None:
        self.count = threads.COUNT if backend == "torch" else 1

    def __enter__(self) -> None:
        torch.set_num_threads(self.count)

    def __exit__(self, *error: object) -> None:
        torch.set_num_threads(1)


def measured() -> dict[str, tuple[float, str]]:
    """What the CPU can do at most: copies, products, and random reads of two float32."""
    source, out = torch.rand(COPIED // 4), torch.empty(COPIED // 4)
    a, b, c = (torch.rand(MATRIX, MATRIX) for _ in range(3))
    many = 16 * SAMPLES
    table, index = torch.rand(2**LOG2_SIZE, 2), torch.randint(2**LOG2_SIZE, (many,))
    rows = torch.empty(many, 2)
    with _Threads("torch"):
        copy = of_kernel([lambda: out.copy_(source)], CPU)
        products = of_kernel([lambda: torch.mm(a, b, out=c)], CPU)
        gather = of_kernel([lambda: torch.index_select(table, 0, index, out=rows)], CPU)
    if missing("numba", CPU) is None:
        gather = min(gather, by_numba(table, many))
    return {
        "copy": (2 * COPIED / copy / 1e6, "GB/s"),
        "products": (2 * MATRIX**3 / products / 1e6, "GFLOP/s"),
        "gather": (many / gather / 1e6, "G entries/s"),
    }


def by_numba(table: Tensor, many: int) -> float:
    """Milliseconds of so many reads by the grid's kernel, four a point."""
    from fields.kernels import numba_grid
    from fields.kernels.numba_tiles import by_axis

    layout = grid.grid_layout(
        2, levels=1, features=2, log2_size=LOG2_SIZE, coarsest=2048, growth=1.0
    )
    n = many // 4
    x = by_axis(torch.rand(n, 2))
    return of_kernel([lambda: numba_grid.features(x, n, table, layout, smooth=False)], CPU)


def floors_of(layout: grid.GridLayout, rates: dict[str, float]) -> dict[str, float]:
    """Milliseconds of each kernel's reads and products, one after the other, at those rates."""
    weights = layout.levels * layout.features * 64 + 64 * 64 + 64 * 3
    gather = SAMPLES * layout.levels * 4 / rates["gather"] / 1e6
    forward = 2 * SAMPLES * weights / rates["products"] / 1e6
    entries = layout.offsets[-1] * layout.features
    return {
        "encode": gather, "scatter": gather, "encode+network": gather + 3 * forward,
        "adam_table": 40 * entries / rates["copy"] / 1e6, "infer": gather + forward,
    }  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """What the kernels are called with.

    Attributes:
        x: points [n, 2] in [0, 1], several sets of them, in the order of a curve.
        y: values [n, 3].
        change: gradients to the features [n, L F].
        layers: the network's parameters, weight, bias, weight, ...
        state: the table's moments and steps.
        gradients: of the table; those of `refill` are used up.
    """

    grid: GridEncoding
    x: list[Tensor]
    y: Tensor
    change: Tensor
    layers: list[Tensor]
    state: tuple[Tensor, Tensor, Tensor]
    gradients: list[Tensor]

    @classmethod
    def of(cls) -> "Inputs":
        rng = torch.Generator().manual_seed(0)
        config = steps.config_of(SAMPLES, LOG2_SIZE, CPU, "torch")
        field = config.field.build(2, 3, rng)
        encoding = field.encoding
        assert isinstance(encoding, GridEncoding)
        table = encoding.table.requires_grad_(False)
        table.uniform_(-1, 1, generator=rng)
        x = []
        for _ in range(SETS):
            points = torch.rand(SAMPLES, 2, generator=rng)
            x.append(points[in_order(2 * points - 1)].contiguous())
        state = torch.zeros_like(table), torch.zeros_like(table), torch.zeros_like(table).int()
        whole = torch.randn(table.shape, generator=rng)
        return cls(
            encoding, x, torch.rand(SAMPLES, 3, generator=rng),
            torch.randn(SAMPLES, encoding.out_dim, generator=rng),
            list(field.network.parameters()), state,
            [*(whole.clone() for _ in range(SETS)), whole],
        )  # fmt: skip

    def refill(self) -> None:
        *used, whole = self.gradients
        for gradient in used:
            gradient.copy_(whole)


def numba_calls(inputs: Inputs) -> Calls:
    """Each of numba's kernels, on several inputs."""
    from fields.kernels import numba_adam, numba_grid, numba_mlp
    from fields.kernels.numba_grid import flat
    from fields.kernels.numba_tiles import by_axis

    table, layout = inputs.grid.table.detach(), inputs.grid.layout
    net = table, layout, inputs.layers[::2], inputs.layers[1::2]
    ways = layout.levels * layout.features, layout.features
    into, turned = torch.zeros_like(table), [by_axis(x) for x in inputs.x]
    change = flat(inputs.change)
    return {
        "encode": [lambda x=x: numba_grid.features(
            x, SAMPLES, table, layout, smooth=False) for x in turned],
        "encode+network": [lambda x=x: numba_mlp.grid_mlp_loss(
            x, inputs.y, *net, table_grad=into) for x in inputs.x],
        "scatter": [lambda x=x: numba_grid.table_gradient(
            x, SAMPLES, change, ways, layout, into=into) for x in turned],
        "adam_table": [lambda g=g: numba_adam.sparse_adam_(table, g, *inputs.state, **KNOBS)
                       for g in inputs.gradients[:-1]],
        "infer": [lambda x=x: numba_mlp.grid_mlp(x, *net) for x in inputs.x],
    }  # fmt: skip


def torch_calls(inputs: Inputs) -> Calls:
    """The same by torch alone."""
    layout, layers = inputs.grid.layout, inputs.layers
    table = inputs.grid.table.detach()
    learning = inputs.grid.table.detach().clone().requires_grad_()

    def network(features: Tensor) -> Tensor:
        for i in range(0, len(layers), 2):
            features = (features.relu() if i else features) @ layers[i].T + layers[i + 1]
        return features

    def learn(x: Tensor) -> None:
        features = grid.encode(x, table, layout).requires_grad_()
        with torch.enable_grad():
            loss = (network(features) - inputs.y).square().mean()
        torch.autograd.grad(loss, [features, *layers])

    def scatter(x: Tensor) -> Callable[[], object]:
        with torch.enable_grad():
            out = grid.encode(x, learning, layout)
        return lambda: torch.autograd.grad(out, learning, inputs.change, retain_graph=True)

    return {
        "encode": [lambda x=x: grid.encode(x, table, layout) for x in inputs.x],
        "encode+network": [lambda x=x: learn(x) for x in inputs.x],
        "scatter": [scatter(x) for x in inputs.x],
        "adam_table": [lambda g=g: adam.sparse_adam_(table, g, *inputs.state, **KNOBS)
                       for g in inputs.gradients[:-1]],
        "infer": [lambda x=x: network(grid.encode(x, table, layout)) for x in inputs.x],
    }  # fmt: skip
