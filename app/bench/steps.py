"""A whole step on a GPU by each contender: ours, torch, torch.compile, and tiny-cuda-nn."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import torch

from fields import FieldSpec, FitConfig, ImageTask
from fields.encodings import HashGrid
from fields.fit import Run
from fields.kernels.backends import missing
from fields.networks import MLP

from .compiled import Plain
from .timing import first_line, of_step, say

LEVELS = 16
COMPILED = ("torch.compile", "torch.compile graph")


def config_of(samples: int, log2_size: int, device: torch.device, backend: str) -> FitConfig:
    """A fit of a hash grid of 16 levels with 2 features, and two hidden layers of 64."""
    grid = HashGrid(levels=LEVELS, features=2, log2_size=log2_size, coarsest=16, finest=2048)
    return FitConfig(
        field=FieldSpec(encoding=grid, network=MLP(width=64, depth=2)),
        batch=samples,
        steps=10**9,
        device=device.type,  # pyright: ignore[reportArgumentType]
        backend=backend,  # pyright: ignore[reportArgumentType]
    )


def picture(side: int) -> ImageTask:
    """Waves of many lengths, and noise: uint8 [side, side, 3]."""
    rng = torch.Generator().manual_seed(0)
    axis = torch.linspace(0, 1, side)
    waves = torch.zeros(side, side, 3)
    for power in range(3, 9):
        for channel in range(3):
            a, b = 2**power * (1 + torch.rand(2, generator=rng))
            waves[..., channel] += torch.sin(a * axis)[:, None] * torch.sin(b * axis) / power
    noise = torch.randn(waves.shape, generator=rng)
    return ImageTask((128 + 60 * waves + 8 * noise).clamp(0, 255).to(torch.uint8))


def rows(
    task: ImageTask, samples: int, log2_size: int, device: torch.device, *, compile: bool
) -> Iterator[dict[str, Any]]:
    """What a step takes by each contender, and how many times as long torch.compile does.

    Args:
        compile: whether it takes part: compiling takes far longer than all the rest.
    """
    best, samples = None, min(samples, len(task.flat))
    for backend, make in contenders(task, samples, log2_size, device, compile=compile).items():
        ms = attempt(backend, make, device)
        if ms is None:
            continue
        if backend in COMPILED:
            best = ms if best is None else min(best, ms)
        yield {
            "what": "step", "backend": backend, "samples": samples, "log2_size": log2_size,
            "ms": ms, "samples_per_second": samples / ms * 1e3,
            "times_compiled": None if best is None else best / ms,
        }  # fmt: skip


Made = Callable[[], Callable[[], object]]


def contenders(
    task: ImageTask, samples: int, log2_size: int, device: torch.device, *, compile: bool
) -> dict[str, Made]:
    """What makes each one's step, torch.compile first."""
    found: dict[str, Made] = {}

    def config(backend: str) -> FitConfig:
        return config_of(samples, log2_size, device, backend)

    if compile:
        plain: list[Plain] = []

        def compiled() -> Callable[[], object]:
            torch.compiler.reset()
            plain.append(Plain(task, config("torch")))
            return plain[0].step

        def recorded() -> Callable[[], object]:
            if not plain:
                raise RuntimeError("there is nothing compiled to be recorded")
            return plain.pop().recorded()

        found |= {COMPILED[0]: compiled, COMPILED[1]: recorded}
    if missing("triton", device) is None:
        found["triton"] = lambda: Run(task, config("triton")).advance
        found["triton replay"] = lambda: whole(task, config("triton"), replayed=True)
        found["triton eager"] = lambda: whole(task, config("triton"), replayed=False)
    if missing("tinycudann", device) is None:
        found["tinycudann"] = lambda: Run(task, config("tinycudann")).advance
    if samples < 2**20 or log2_size < 22:
        found["torch"] = lambda: Run(task, config("torch")).advance
    return found


@torch.no_grad()
def whole(task: ImageTask, config: FitConfig, *, replayed: bool) -> Callable[[], object]:
    """A fit's step on the device alone: as the graph that it is, or launch by launch."""
    step = Run(task, config).whole
    assert step is not None
    assert step.replay is not None
    step.factor.fill_(1.0)
    if not replayed:
        return torch.no_grad()(step.launch)
    if step.eager is not None:
        say(f"the step is launched anew, as it cannot be recorded: {step.eager}")
    return step.replay


def attempt(name: str, make: Made, device: torch.device) -> float | None:
    """Milliseconds of a contender's step, or None and a word on stderr if it cannot be taken."""
    before = torch.get_float32_matmul_precision()
    if name in COMPILED:
        torch.set_float32_matmul_precision("high")
        say(f"{name}: this takes a while.")
    try:
        return of_step(make(), device)
    except Exception as error:  # a contender of its own: the others are still to be measured
        say(f"{name} left out: {type(error).__name__}: {first_line(error)}")
        return None
    finally:
        torch.set_float32_matmul_precision(before)
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
