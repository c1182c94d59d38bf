"""Every kernel beside what this machine can do at most, and the whole step beside others'.

On a GPU the kernels are Triton's, and batches and tables of several sizes are tried; on the CPU
they are numba's, at one size.
"""

import time
from collections.abc import Iterator
from typing import Any

import torch

from fields.fit import resolve_device
from fields.kernels.backends import missing

from .. import signals
from ..options import BenchOptions
from . import steps
from .parts import Parts
from .parts_cpu import rows_cpu
from .rates import Rates, measure
from .timing import say

SIDE = 2048  # of the picture that is fitted
# Samples, and log2 of the entries that a level may have; the first are always compiled.
SIZES = ((2**18, 19), (2**20, 19), (2**18, 15), (2**18, 22), (2**20, 15), (2**20, 22))
ALWAYS = 2
COMPILE_SECONDS = 45.0  # since the beginning, after which nothing more is compiled


def bench_kernels(options: BenchOptions) -> Iterator[dict[str, Any]]:
    """Rows of the rates, of each kernel beside its floor, and of the step by each contender.

    Raises:
        ValueError: an input is given, or the device is not there.
        BackendUnavailable: the kernels cannot run on it.
    """
    if options.inputs:
        raise ValueError(f"bench kernels takes no input, got {options.inputs[0]}.")
    device = resolve_device(options.device)
    found = _on_gpu(device) if device.type == "cuda" else rows_cpu()
    for row in found:
        yield row
        if signals.asked():
            return


def _on_gpu(device: torch.device) -> Iterator[dict[str, Any]]:
    begin, rates, task = time.perf_counter(), Rates(), steps.picture(SIDE).to(device)
    problem = missing("triton", device)
    if problem is None:
        say(f"{torch.cuda.get_device_name(device)}: its rates first.")
        yield from measure(rates, device)
        for samples, log2_size in SIZES:
            say(f"The kernels, {samples:,} samples, tables of 2^{log2_size}.")
            config = steps.config_of(samples, log2_size, device, "triton")
            yield from Parts(task, config).rows(rates)
            torch.cuda.empty_cache()
    else:
        say(f"The kernels are left out: {problem}.")
    for turn, (samples, log2_size) in enumerate(SIZES):
        say(f"The step, {samples:,} samples, tables of 2^{log2_size}.")
        compile = turn < ALWAYS or time.perf_counter() - begin < COMPILE_SECONDS
        yield from steps.rows(task, samples, log2_size, device, compile=compile)
