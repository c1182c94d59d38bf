"""Fieldfit's own answer to a problem of the benchmark: what its verbs do, without the files."""

from typing import Any

import numpy as np
import torch

from fields import METHODS, fit, method_config
from fields.render import picture

from .. import signals
from ..denoise import needed
from .problems import Problem

OURS = "fieldfit"  # what `auto` chooses; the methods go by their names


def is_ours(method: str) -> bool:
    return method == OURS or method in METHODS


def restore(problem: Problem, method: str) -> np.ndarray[Any, Any] | None:
    """The field's drawing, the known pixels as they were given; None if interrupted."""
    task = problem.make()
    config, _ = method_config("auto" if method == OURS else method, task)
    task = needed(task, [config])
    reports = fit(task, config)
    progress = next(reports)
    while progress.end is None:
        if signals.asked():
            return None
        progress = next(reports)
    h, w = problem.truth.shape[:2]
    drawn = picture(progress.field, task.size, out=(h, w)).clamp(0, 1).cpu()
    if problem.missing is not None:
        known = torch.from_numpy(~problem.missing)[..., None]
        drawn = torch.where(known, torch.from_numpy(problem.given), drawn)
    return drawn.numpy()
