"""Large first weights: the order of frequencies goes, and the way in between samples with it."""

import math
from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise

from fields.spec import Spec, knob
from fields.tasks.table import relative

from .base import Data, Study, Verdict, paced
from .racing import Racer, heat, order_panel, race, told
from .samples import Samples, middles, sines
from .scene import Line, Lines, Scene
from .watching import Watch, descent, papers_network

BETWEEN = 5  # places that are looked at for each sample, which is the middle one


@dataclass(frozen=True, kw_only=True)
class LargeInitialisationKnobs(Spec):
    """The signal, the networks, and what counts as all at once."""

    waves: tuple[int, ...] = knob((1, 3, 5), "sines in the signal, cycles a side", low=1, high=400)
    samples: int = knob(31, "samples of it", low=16, high=1000)
    gains: tuple[float, ...] = knob(
        (1.0, 6.0, 12.0), "factors on the first weights and biases; the least is the usual one",
        low=0.1, high=30,
    )  # fmt: skip
    widths: tuple[int, ...] = knob(
        (200, 200, 200, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    rate: float = knob(1e-4, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(2500, "steps of Adam at most, each over all samples", low=10, high=100_000)
    learned: float = knob(0.3, "error at which a frequency counts as learned", low=0.001, high=0.9)
    fitted: float = knob(0.05, "error of every frequency at which a run ends", low=1e-4, high=0.9)
    together: int = knob(
        30, "steps within which all larger gains must learn all frequencies", low=1, high=100_000
    )
    stray: float = knob(
        3.0,
        "how many times larger the error between the samples must be for the largest gain than for "
        "the least",
        low=1.0,
    )  # fmt: skip
    seed: int = knob(0, "seed of the networks' first weights", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.gains) < 2:
            raise ValueError(f"gains must be two or more, to be compared, got {self.gains}.")


class LargeInitialisation(Study[LargeInitialisationKnobs]):
    name = "large-initialisation"
    title = "Large first weights undo the order"
    group = "limits"
    text = (
        "The theory of the frequency principle wants small weights: a unit tanh(w x + b) with a "
        "large w is a steep step, and steps hold high frequencies. Multiply all first weights by "
        "6, and the order is gone: the network changes every frequency as readily as any other. "
        "With still larger weights that is paid for. A network that takes any frequency takes any "
        "between the samples as well: it goes through the samples, and strays in between. "
        "Learning low frequencies first is what makes networks generalise."
    )
    claim = (
        "With all first weights 6 or 12 times as large, a tanh network fitted to 31 samples of "
        "sin x + sin 3x + sin 5x reaches Delta_F < 0.3 at k = 1, 3 and 5 within 30 steps; with the "
        "usual ones it takes longer for each than for the one before. With the largest weights "
        "the error between the samples is at least 3 times that with the usual ones."
    )
    source = "Xu, Zhang, Luo 2022, arXiv:2201.07395; Zhang et al. 2020, arXiv:1905.07777"
    full = LargeInitialisationKnobs()
    quick = LargeInitialisationKnobs(
        gains=(1.0, 20.0), widths=(80, 80, 80), rate=2e-3, steps=500, stray=1.5
    )

    def run(
        self, knobs: LargeInitialisationKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        samples = sines(sorted(knobs.waves), knobs.samples)
        racers = [_racer(knobs, gain, samples) for gain in sorted(knobs.gains)]
        yield from paced(
            race(racers, knobs.fitted, BETWEEN), lambda share: _scene(knobs, racers, share)
        )
        return _verdict(knobs, racers)


def _racer(knobs: LargeInitialisationKnobs, gain: float, samples: Samples) -> Racer:
    network = papers_network(knobs.widths, gain=gain, antisymmetric=True)
    config = descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed)
    watch = Watch(samples, sorted(knobs.waves))
    return Racer(f"weights x {gain:g}", samples.task, config, watch)


def _verdict(knobs: LargeInitialisationKnobs, racers: list[Racer]) -> Verdict:
    usual, *large = (r.learned(knobs.learned) for r in racers)
    slowest = max(max(steps.values()) for steps in large)
    together = all(r.done(knobs.learned) for r in racers[1:]) and slowest <= knobs.together
    in_order = all(a < b for a, b in pairwise(usual.values()))
    between = [_between(r, knobs) for r in racers]
    return Verdict(
        together and in_order and between[-1] >= knobs.stray * between[0],
        f"{told(racers, knobs.learned)} Once the samples are fitted, the "
        f"error between them is {between[0]:.2f} for the smallest weights and {between[-1]:.2f} "
        "for the largest.",
        {f"usual_{k}": steps for k, steps in usual.items()}
        | {
            "large": slowest,
            "usual_between": between[0],
            "large_between": between[-1],
        },
    )


def _between(racer: Racer, knobs: LargeInitialisationKnobs) -> float:
    """The relative error of the output at the samples and between them."""
    assert racer.fine is not None
    truth = sines(knobs.waves, len(racer.fine)).values
    return relative(racer.fine - truth, truth)


def _scene(knobs: LargeInitialisationKnobs, racers: list[Racer], share: float) -> Scene:
    return Scene(
        (
            order_panel(racers, knobs.learned),
            heat(racers[0], knobs.learned),
            heat(racers[-1], knobs.learned),
            _outputs(knobs, racers),
        ),
        share,
        "The larger the weights, the flatter the line: every frequency is learned at once. But "
        "between the samples the output of the largest goes its own ways. "
        "A run ends once all is learned.",
    )


def _outputs(knobs: LargeInitialisationKnobs, racers: list[Racer]) -> Lines:
    samples = racers[0].watch.samples
    lines = []
    for racer in racers:
        fine = racer.fine
        values = [] if fine is None else fine[:, 0].tolist()
        places = math.pi * middles(len(values))[:, 0] if values else samples.places[:0]
        lines.append(Line(racer.name, places.tolist(), values))
    known = samples.values[:, 0].tolist()
    dots = Line("samples", samples.places.tolist(), known, "#8a8a8a", "dots")
    return Lines("The outputs, between the samples too", [*lines, dots], "x", "value")
