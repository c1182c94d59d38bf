"""The frequency principle in one dimension: low frequencies are learned first."""

import math
from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise

from fields.spec import Spec, knob

from .base import Data, Pace, Study, Verdict
from .samples import evenly, sines
from .scene import Scene
from .watching import Watch, descent, outputs, papers_network

PEAKS = 3  # of a person's own signal that are followed


@dataclass(frozen=True, kw_only=True)
class Order1dKnobs(Spec):
    """The signal, the network, and when a frequency counts as learned."""

    waves: tuple[int, ...] = knob(
        (1, 3, 5), "sines in the study's own signal, cycles a side", low=1, high=400
    )
    samples: int = knob(201, "samples of it", low=16, high=1000)
    widths: tuple[int, ...] = knob(
        (200, 200, 200, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    rate: float = knob(1e-4, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(2500, "steps of Adam, each over all samples", low=10, high=100_000)
    learned: float = knob(0.1, "error at which a frequency counts as learned", low=0.001, high=0.9)
    ratio: float = knob(
        10.0, "how many times longer the highest frequency must take than the lowest", low=1.0
    )
    seed: int = knob(0, "seed of the network's first weights", low=0)


class Order1d(Study[Order1dKnobs]):
    name = "order-1d"
    title = "Low frequencies are learned first"
    group = "order"
    text = (
        "A network is fitted to a signal made of a slow, a faster and a fast wave, all equally "
        "high. It could learn them in any order, yet it always draws the slow one first, and only "
        "then adds the faster ones. To see it, both the target and the output are taken apart "
        "into frequencies: Delta_F(k) is 1 while nothing of frequency k has been learned, and 0 "
        "once all of it has. In the matrix, time goes to the right; red spreads from the lowest "
        "row upwards. This is the frequency principle, or spectral bias."
    )
    claim = (
        "A tanh network fitted to sin x + sin 3x + sin 5x reaches Delta_F < 0.1 at k = 1, 3 and 5 "
        "in this order, within 2500 steps of Adam, and takes at least ten times as long at k = 5 "
        "as at k = 1."
    )
    source = "Xu, Zhang, Luo, Xiao, Ma 2020, section 2, arXiv:1901.06523"
    takes = "signal"
    full = Order1dKnobs()
    quick = Order1dKnobs(widths=(80, 80, 80), rate=3e-3, steps=500, learned=0.5)

    def run(self, knobs: Order1dKnobs, data: Data | None = None) -> Generator[Scene, None, Verdict]:
        waves = sorted(knobs.waves)
        samples = sines(waves, knobs.samples) if data is None else evenly(data)
        watch = Watch(samples, waves if data is None else samples.peaks(PEAKS))
        network, pace = papers_network(knobs.widths), Pace()
        config = descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed)
        for progress, values in outputs(samples.task, config, samples.x):
            watch.look(progress.step, values)
            if progress.end is not None or pace.due():
                yield _scene(knobs, watch, progress.share)
        return _verdict(knobs, watch, own=data is None)


def _verdict(knobs: Order1dKnobs, watch: Watch, own: bool) -> Verdict:
    """On a person's signal the order alone counts; its highest peaks may be far from learned."""
    learned = watch.learned(knobs.learned)
    last = [1.0 * watch.steps[-1] if s is None else 1.0 * s for s in learned]
    times = [math.inf if s is None else s for s in learned]
    ratio = last[-1] / last[0]
    ordered = times[0] < math.inf and all(a < b or a == b == math.inf for a, b in pairwise(times))
    told = ", ".join(
        f"k = {k} {'not yet' if s is None else f'after {s} steps'}"
        for k, s in zip(watch.waves, learned, strict=True)
    )
    figures = {f"step_{k}": s for k, s in zip(watch.waves, last, strict=True)}
    figures |= {f"error_{k}": e for k, e in zip(watch.waves, watch.errors[-1], strict=True)}
    fast = times[-1] < math.inf and ratio >= knobs.ratio
    return Verdict(
        ordered and (fast or not own),
        f"Delta_F fell below {knobs.learned:g} at {told}; the highest frequency took "
        f"{'' if times[-1] < math.inf else 'more than '}{ratio:.0f} times as long as the lowest.",
        figures | {"ratio": ratio},
    )


def _scene(knobs: Order1dKnobs, watch: Watch, share: float) -> Scene:
    note = f" {watch.samples.note}" if watch.samples.note else ""
    return Scene(
        (
            watch.heat("Delta_F of each frequency", knobs.learned, knobs.steps),
            watch.shape(f"The output after {watch.steps[-1]:,} steps"),
            watch.spectrum("Spectra of target and output"),
        ),
        share,
        "Red is learned, blue is not begun. The black line goes through the moments at which each "
        f"frequency is learned: to the right as it goes up, low frequencies first.{note}",
    )
