"""Both forms of MscaleDNN on a function that swings ever faster."""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from fields.networks import Mscale1
from fields.networks.mscale import OCTAVES
from fields.spec import Spec, knob
from fields.tasks import SignalTask

from .base import Data, Study, Verdict, paced
from .contest import Entry, adam, bare, contest, errors_panel, value_lines
from .samples import middles
from .scales import pair
from .scene import Line, Lines, Scene

SAMPLES = 5000


@dataclass(frozen=True, kw_only=True)
class MscaleFitKnobs(Spec):
    """The function, and how long the networks learn it."""

    turn: float = knob(70.0, "mu in exp(-x^2) sin(mu x^2)", low=1, high=1000)
    scales: tuple[float, ...] = knob(OCTAVES, "the scales of MscaleDNN", low=1e-3, high=65536)
    width: int = knob(180, "units per hidden layer, all scales", low=6, high=4096)
    batch: int = knob(500, "samples a step", low=10, high=5000)
    steps: int = knob(2500, "steps of Adam of each network", low=1, high=100_000)
    lr: float = knob(2e-3, "learning rate, which falls along a cosine", low=1e-6, high=1)
    seed: int = knob(0, "seed of the initial weights and of the draws", low=0)
    bound: float = knob(0.3, "relative error that both forms must reach", low=0.0)
    times: float = knob(3.0, "times that the plain network's error must be larger", low=1.0)


class MscaleFit(Study[MscaleFitKnobs]):
    name = "mscale-fit"
    title = "Two ways to see several scales"
    group = "cures"
    text = (
        "exp(-x^2) sin(mu x^2) swings faster the farther it is from 0. MscaleDNN comes in two "
        "forms. In the first, the units of the first layer are shared out among the scales, and "
        "all layers after it are common. In the second, each scale has a small network of its own, "
        "and they meet only in the sum: fewer weights, and as good. A plain network with the same "
        "units and the same sines gets the slow middle alone."
    )
    claim = (
        "On exp(-x^2) sin(70 x^2), both forms of MscaleDNN reach a relative error of 0.3 or less, "
        "at least 3 times below that of a plain sine network of the same width."
    )
    source = "Liu, Cai, Xu 2020, arXiv:2007.11207"
    full = MscaleFitKnobs()
    quick = MscaleFitKnobs(turn=40, width=60, batch=100, steps=400, lr=5e-3, times=1.5, bound=0.5)

    def run(
        self, knobs: MscaleFitKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        task = sped_up(knobs.turn)
        probes, truth = between(knobs.turn)
        second, plain = pair(
            task, knobs.scales, knobs.width, knobs.steps, knobs.lr, knobs.batch, knobs.seed
        )
        first = adam(
            bare(Mscale1(scales=knobs.scales, width=knobs.width)), knobs.steps, knobs.lr,
            batch=knobs.batch, seed=knobs.seed, fall=0.01,
        )  # fmt: skip
        second.name = "MscaleDNN-2, side by side"
        entries = [Entry("MscaleDNN-1, joined", task, first), second, plain]
        yield from paced(
            contest(entries, probes, truth),
            lambda share: _scene(entries, probes, truth, knobs, share),
        )
        joined, apart, single = (e.error for e in entries)
        worse = max(joined, apart)
        return Verdict(
            worse <= knobs.bound and single >= knobs.times * worse,
            f"MscaleDNN-1 came to a relative error of {joined:.3f}, MscaleDNN-2 to {apart:.3f}, "
            f"and the plain network to {single:.3f}.",
            {"mscale_1": joined, "mscale_2": apart, "plain": single},
        )


def sped_up(turn: float) -> SignalTask:
    """Samples of exp(-x^2) sin(turn x^2) on [-1, 1]."""
    x = middles(SAMPLES)
    return SignalTask(x, _function(x, turn))


def between(turn: float) -> tuple[Tensor, Tensor]:
    """Places between the samples, float64 [n, 1], and the values there."""
    x = torch.linspace(-1, 1, 2001, dtype=torch.float64)[:, None]
    return x, _function(x, turn)


def _function(x: Tensor, turn: float) -> Tensor:
    return torch.exp(-x.square()) * torch.sin(turn * x.square())


def fits(entries: list[Entry], probes: Tensor, truth: Tensor) -> Lines:
    """The right half of the function, and what each network makes of it."""
    part = slice(len(probes) // 2, None, 3)
    x = probes[part, 0].tolist()
    target = Line("function", x, truth[part, 0].tolist(), "currentColor")
    return Lines("The right half", [target, *value_lines(entries, x, part)], "x", "value")


def _scene(
    entries: list[Entry], probes: Tensor, truth: Tensor, knobs: MscaleFitKnobs, share: float
) -> Scene:
    return Scene(
        (
            errors_panel("Error over the steps", entries, levels=((knobs.bound, "bound"),)),
            fits(entries, probes, truth),
        ),
        share,
        "Towards the right the function swings faster: there the plain network gives up.",
    )
