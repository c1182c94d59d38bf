"""How long a method takes until a picture is so good: seconds of fitting, to each PSNR."""

import math
import time
from dataclasses import replace
from typing import Any

import torch

from fields import ImageTask, fit, method_config
from fields.fit import Run

from .. import signals

LEVELS_OF_PSNR = (30, 35, 40)
STRIDE = 5  # steps between two measurements at first; a step is a tenth of a millisecond
GROWTH = 1.02  # of the steps taken, from a measurement to the next
SHARE = 0.5  # of the time of fitting that may go to measuring, besides
CREDIT = 1.0  # seconds of it in advance: most happens at first


def race_to_psnr(
    method: str, task: ImageTask, seconds: float, device: torch.device
) -> dict[str, Any]:
    """Seconds of fitting until each PSNR was first seen; None where it was not.

    The whole picture is measured again and again, and the clock stands still meanwhile.

    Args:
        device: where to compute, unless the method knows the CPU alone.
    """
    config, _ = method_config(method, task)
    name = "cpu" if config.solver.on_cpu else device.type
    config = replace(config, device=name)
    if name == "cuda":
        torch.compiler.reset()  # it gives up on a network's code that it has compiled eight times
    for _ in fit(task, replace(config, steps=2, seconds=None)):
        pass  # compiles
    reached: dict[int, float | None] = dict.fromkeys(LEVELS_OF_PSNR)
    run = Run(task, replace(config, steps=None, seconds=seconds))
    psnr, end, due, spent = measured(run), None, STRIDE, 0.0
    while end is None and not signals.asked():
        end = run.judge(run.advance())
        if end is None and (run.step < due or spent > SHARE * run.seconds + CREDIT):
            continue
        run.settle()
        tick = time.perf_counter()
        psnr = measured(run)
        spent += time.perf_counter() - tick
        for level in LEVELS_OF_PSNR:
            if reached[level] is None and psnr >= level:
                reached[level] = run.seconds
        due = max(run.step + STRIDE, int(run.step * GROWTH))
    row = {f"to_{level}_db": when for level, when in reached.items()}
    ended = {"psnr": psnr, "seconds": run.seconds, "steps": run.step, "device": name}
    return {"method": method} | row | ended | {"backend": run.backend}


def measured(run: Run) -> float:
    """PSNR of the whole picture as the field is now, in dB."""
    psnr = run.task.evaluate(run.shown).get("psnr", -math.inf)
    return psnr if math.isfinite(psnr) else -math.inf
