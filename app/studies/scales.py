"""MscaleDNN beside a plain network of the same width."""

from collections.abc import Sequence

import torch

from fields.activations import Activation
from fields.networks import Mscale2
from fields.networks.mscale import PLAIN_SINE
from fields.problems import Problem
from fields.tasks import Task

from .contest import Entry, adam, bare, errors_panel, figures
from .equations import solutions
from .scene import Scene

LAST = 10  # reports over which an error is averaged, since every draw moves it


def pair(
    task: Task,
    scales: tuple[float, ...],
    width: int,
    steps: int,
    lr: float,
    batch: int,
    seed: int,
) -> list[Entry]:
    """MscaleDNN and a plain network of sines, of `width` units a hidden layer both."""
    return [
        scaled(name, task, chosen, width, steps, lr, batch, seed)
        for name, chosen in (("MscaleDNN", scales), ("plain network", (1.0,)))
    ]


def scaled(
    name: str,
    task: Task,
    scales: Sequence[float],
    width: int,
    steps: int,
    lr: float,
    batch: int,
    seed: int,
    activation: Activation = PLAIN_SINE,
) -> Entry:
    """A fit of the sum of networks at some scales, which share `width` units a hidden layer."""
    network = Mscale2(
        scales=tuple(scales), width=max(1, width // len(scales)), activation=activation
    )
    config = adam(bare(network), steps, lr, batch=batch, seed=seed, fall=0.01)
    return Entry(name, task, config)


def settled(entry: Entry) -> float:
    """The root of the mean square of the last errors."""
    last = torch.tensor(entry.errors[-LAST:], dtype=torch.float64)
    return float(last.square().mean().sqrt())


def scene(problem: Problem, entries: list[Entry], share: float, caption: str) -> Scene:
    return Scene(
        (
            errors_panel("Error over the steps", entries),
            solutions(problem, entries),
            figures(entries),
        ),
        share,
        caption,
    )
