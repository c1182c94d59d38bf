"""Adaptive activations beside fixed ones: what both studies of them share."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from fields import MLP
from fields.activations import Tanh
from fields.tasks import SignalTask

from .contest import Entry, adam, bare, errors_panel, figures, value_lines
from .samples import middles
from .scene import Line, Lines, Scene

Slopes = Literal["fixed", "global", "layer", "neuron"]

SIDE = 3.0  # the functions are on [-3, 3]
NAMES: dict[Slopes, str] = {
    "fixed": "fixed",
    "global": "one slope (GAAF)",
    "layer": "a slope a layer (L-LAAF)",
    "neuron": "a slope a unit (N-LAAF)",
}


def samples(function: Callable[[Tensor], Tensor], count: int) -> SignalTask:
    """A function of [-3, 3] at the centres of equal parts.

    In the papers' coordinates, not in the engine's [-1, 1]: there the first weights would have to
    be three times as large, and Adam's steps on them would count a third.
    """
    x = SIDE * middles(count)
    return SignalTask(x, function(x))


def adaptive(
    slopes: Slopes, task: SignalTask, width: int, factor: float, steps: int, lr: float, seed: int
) -> Entry:
    """A fit of four layers of tanh; slopes of layers and units are pushed up by their recovery."""
    network = MLP(
        width=width, depth=4, activation=Tanh(), init="normal", slopes=slopes,
        slope_factor=factor, recovery=1.0 if slopes in ("layer", "neuron") else 0.0,
    )  # fmt: skip
    config = adam(bare(network), steps, lr, batch=len(task.x), seed=seed)
    return Entry(NAMES[slopes], task, config)


def fits(task: SignalTask, entries: Sequence[Entry]) -> Lines:
    """The function, and what each network makes of it."""
    x = task.x[:, 0].tolist()
    target = Line("function", x, task.values[:, 0].tolist(), "currentColor")
    return Lines("The fits", [target, *value_lines(entries, x)], "x", "value")


def scene(
    task: SignalTask, shown: Sequence[Entry], others: Sequence[Entry], share: float, caption: str
) -> Scene:
    """Errors and fits of some entries, and the errors of all."""
    return Scene(
        (
            errors_panel("Error over the steps", shown),
            fits(task, shown),
            figures(others, ".4f"),
        ),
        share,
        caption,
    )


def jump(x: Tensor) -> Tensor:
    """0.2 sin 6x left of 0, 1 + 0.1 x cos 18x right of it [arXiv:1909.12228, sec. 3.1]."""
    return torch.where(x <= 0, 0.2 * torch.sin(6 * x), 1 + 0.1 * x * torch.cos(18 * x))


def smooth(x: Tensor) -> Tensor:
    """(x^3 - x) sin(7x) / 7 + sin 12x [arXiv:1906.01170, sec. 3.1]."""
    return (x**3 - x) * torch.sin(7 * x) / 7 + torch.sin(12 * x)
