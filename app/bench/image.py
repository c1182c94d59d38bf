"""A training step on every backend beside plain PyTorch, and the time each method takes to a PSNR.

The step is that of a hash grid of 16 levels with 2 features and 2^15 entries each, two hidden
layers of 64, three values; 65,536 samples on the CPU, and 2^18 on a GPU.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from data import load_sample, read_picture
from fields import METHODS, FieldSpec, FitConfig, ImageTask
from fields.encodings import HashGrid
from fields.encodings.grids import GridEncoding
from fields.fit import Run, resolve_device
from fields.kernels import grid, grid_encode, threads
from fields.kernels.backends import missing
from fields.networks import MLP

from .. import signals
from ..options import BenchOptions
from . import steps as gpu
from .encodings import one_input
from .race import race_to_psnr

SAMPLES = 65_536
GPU_SAMPLES = 2**18
LOG2_SIZE = 15
ROUNDS = 7  # of all contenders in turn, so that a disturbance hits them alike; medians are quoted
WARMING = 2  # rounds before that compile, allocate and warm the caches
STEP = FitConfig(
    field=FieldSpec(
        encoding=HashGrid(levels=16, features=2, log2_size=LOG2_SIZE, coarsest=16, finest=2048),
        network=MLP(width=64, depth=2),
    ),
    batch=SAMPLES,
    device="cpu",
)


def bench_image(options: BenchOptions) -> Iterator[dict[str, Any]]:
    """Rows of the benchmark: the machine's floor, the encoding, the step, then every method.

    Raises:
        ValueError: the picture cannot be read, or a flag names what is not there.
    """
    device, methods = resolve_device(options.device), chosen(options)
    path = one_input(options)
    name = str(path or "astronaut")
    picture = load_sample("astronaut") if path is None else read_picture(path)
    task = ImageTask(torch.from_numpy(picture.pixels))
    on_gpu = gpu.rows(task.to(device), GPU_SAMPLES, LOG2_SIZE, device, compile=True)
    for row in on_gpu if device.type == "cuda" else _on_cpu(task):
        yield row
        if signals.asked():
            return
    for method in methods:
        if signals.asked():
            return
        row = race_to_psnr(method, task.to(device), options.seconds, device)
        yield {"what": "method", "picture": name} | row


def chosen(options: BenchOptions) -> list[str]:
    """The methods that take part.

    Raises:
        ValueError: there is none of a name.
    """
    for name in options.methods or ():
        if name not in METHODS:
            raise ValueError(f"--methods: no method {name!r}; choose from {', '.join(METHODS)}.")
    return list(options.methods or METHODS)


def _on_cpu(task: ImageTask) -> Iterator[dict[str, Any]]:
    """The floor, the encoding and the step."""
    floor = measure_floor()
    yield {"what": "floor", **floor}
    for what, contenders in (("encode", encoders()), ("step", steps(task))):
        milliseconds = compete(contenders)
        slowest = milliseconds["pytorch"]
        for backend, ms in milliseconds.items():
            row = {"what": what, "backend": backend, "ms": ms}
            row |= {"samples_per_second": SAMPLES / ms * 1e3, "times_pytorch": slowest / ms}
            if what == "step":
                row["floor_share"] = floor_ms(floor, task.out_dim) / ms
            yield row


def compete(contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median milliseconds of each contender, all measured in turn."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(WARMING + ROUNDS):
        for name, run in contenders.items():
            # Ours leave torch's threads alone, as the command line does; PyTorch gets all of them.
            torch.set_num_threads(1 if name in backends() else threads.COUNT)
            tick = time.perf_counter()
            run()
            if turn >= WARMING:
                times[name].append((time.perf_counter() - tick) * 1e3)
    torch.set_num_threads(1)
    return {name: statistics.median(found) for name, found in times.items()}


def backends() -> list[str]:
    return [b for b in ("torch", "numba") if missing(b, torch.device("cpu")) is None]


def encoders() -> dict[str, Callable[[], object]]:
    """The encoding forward and backward: plain PyTorch's indexing, and each backend."""
    rng = torch.Generator().manual_seed(0)
    encoding = STEP.field.encoding.build(2, rng)
    assert isinstance(encoding, GridEncoding)
    table, layout = encoding.table, encoding.layout
    x = torch.rand(SAMPLES, 2, generator=rng)

    def contender(encode: Callable[[], Tensor]) -> Callable[[], None]:
        def run() -> None:
            table.grad = None
            encode().sum().backward()

        return run

    found: dict[str, Callable[[], object]] = {
        "pytorch": contender(lambda: plain_encode(x, table, layout))
    }
    for backend in backends():
        found[backend] = contender(
            lambda backend=backend: grid_encode(x, table, layout, False, backend)
        )
    return found


def plain_encode(x: Tensor, table: Tensor, layout: grid.GridLayout) -> Tensor:
    """The encoding as one writes it in PyTorch, with indexing; `grid.encode` is quicker."""
    levels = []
    for level, scale in enumerate(layout.scales):
        cell, w = grid.level_positions(x, scale)
        total = torch.zeros(len(x), layout.features)
        for corner in product((0, 1), repeat=layout.dim):
            upper = torch.tensor(corner)
            weight = torch.where(upper.bool(), w, 1 - w).prod(-1, keepdim=True)
            total = total + weight * table[grid.level_rows(cell + upper, layout, level)]
        levels.append(total)
    return torch.cat(levels, dim=-1)


def steps(task: ImageTask) -> dict[str, Callable[[], object]]:
    """The whole step: sampling, forward, backward, optimiser."""
    found: dict[str, Callable[[], object]] = {"pytorch": plain_step(task)}
    for backend in backends():
        found[backend] = Run(task, replace(STEP, backend=backend)).advance
    return found


def plain_step(task: ImageTask) -> Callable[[], object]:
    """What a person writes in PyTorch over the same formulas: autograd, and Adam over all."""
    run = Run(task, replace(STEP, backend="torch"))
    encoding, network = run.field.encoding, run.field.network
    assert isinstance(encoding, GridEncoding)
    adam = torch.optim.Adam(run.field.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-15)

    def step() -> None:
        x, target = next(run.batches)
        adam.zero_grad()
        values = network(plain_encode((x + 1) / 2, encoding.table, encoding.layout))
        (values - target).square().mean().backward()
        adam.step()

    return step


def measure_floor() -> dict[str, float]:
    """This machine's rates: multiply-adds in the network's shapes, and random reads of a level.

    Returns:
        gflops of a [65536, 64] x [64, 64] product, and gathers: million random reads a second of
        two float32 from a table of 2^15 rows.
    """
    a, b = torch.rand(SAMPLES, 64), torch.rand(64, 64)
    out = torch.empty(SAMPLES, 64)
    table, index = torch.rand(2**15, 2), torch.randint(2**15, (2**20,))
    rows = torch.empty(2**20, 2)
    ms = compete(
        {
            "gemm": lambda: torch.mm(a, b, out=out),
            "gather": lambda: torch.index_select(table, 0, index, out=rows),
        }
    )
    return {
        "gflops": 2 * SAMPLES * 64 * 64 / ms["gemm"] / 1e6,
        "gathers": 2**20 / ms["gather"] / 1e3,
    }


def floor_ms(floor: dict[str, float], out_dim: int) -> float:
    """The least a step can take at those rates: its products, and its reads forth and back."""
    network = nn.Sequential(nn.Linear(32, 64), nn.Linear(64, 64), nn.Linear(64, out_dim))
    products = 6 * SAMPLES * sum(p.numel() for p in network.parameters() if p.ndim > 1)
    reads = 2 * SAMPLES * 16 * 4
    return products / floor["gflops"] / 1e6 + reads / floor["gathers"] / 1e3
