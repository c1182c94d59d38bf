"""How long calls take: on a GPU by its own clock, and without the time that launching takes."""

import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import torch

Call = Callable[[], object]

REPEATS = 20  # of what is timed; the median is quoted
FEW = 3  # repeats that must do where time is short
SECONDS = 0.5  # for the repeats of one contender
LEAST_MS = 2.0  # of one repeat: what starts and ends it then counts for nothing
MOST_CALLS = 1000  # in one repeat


def stretch(run: Call, device: torch.device) -> float:
    """Milliseconds until all that `run` asks of a device is done."""
    if device.type != "cuda":
        tick = time.perf_counter()
        run()
        return (time.perf_counter() - tick) * 1e3
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


@torch.no_grad()
def of_kernel(runs: Sequence[Call], device: torch.device, *, before: Call | None = None) -> float:
    """Median milliseconds of one of several calls, which do the same with other inputs.

    On a GPU they are recorded and replayed, one behind the other.

    Args:
        before: makes the inputs anew; then each call is made once a repeat.
    """
    for _ in range(2):  # compiles; then warms the caches
        _all(before, *runs)
    replay, calls = recorded(runs, device), len(runs)
    if before is None:
        each = stretch(replay, device) / calls
        times = min(max(1, math.ceil(LEAST_MS / max(each, 1e-6) / calls)), MOST_CALLS // calls)
        replay, calls = recorded(list(runs) * times, device), calls * times
    # What comes before keeps the device busy until the replay has been asked for.
    lead = before or (replay if device.type == "cuda" else None)

    def once() -> float:
        _all(lead)
        return stretch(replay, device) / calls

    return median(once)


def of_step(step: Call, device: torch.device) -> float:
    """Median milliseconds of a step, one asked for after the other as in a fit."""
    for _ in range(FEW):  # compiles; then warms the caches
        step()
    each = stretch(step, device)
    times = min(max(1, math.ceil(10 * LEAST_MS / max(each, 1e-6))), MOST_CALLS)
    return median(lambda: stretch(lambda: _all(*[step] * times), device) / times)


def median(once: Callable[[], float]) -> float:
    """Of some repeats, fewer where they take long."""
    found, tick = [once()], time.perf_counter()
    while len(found) < REPEATS:
        if len(found) >= FEW and time.perf_counter() - tick > SECONDS:
            break
        found.append(once())
    return statistics.median(found)


def recorded(runs: Sequence[Call], device: torch.device) -> Call:
    """Calls as one: on a GPU as a graph that is replayed, if they can be recorded."""
    runs = list(runs)
    if device.type != "cuda":
        return lambda: _all(*runs)
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            _all(*runs)
    except RuntimeError as error:
        torch.cuda.synchronize(device)
        say(f"timed with its launches, as it cannot be recorded: {first_line(error)}")
        return lambda: _all(*runs)
    return graph.replay


def _all(*runs: Call | None) -> None:
    for run in runs:
        if run is not None:
            run()


def say(text: str) -> None:
    """On stderr, to whoever waits."""
    print(text, file=sys.stderr, flush=True)


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
