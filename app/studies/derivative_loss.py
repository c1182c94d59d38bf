"""Derivatives in the loss: they weigh high frequencies more, and so nearly undo the order."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from fields.spec import Spec, knob

from .base import Data, Study, Verdict, paced
from .racing import Racer, heat, order_panel, race, told
from .samples import sines
from .scene import Scene
from .watching import Watch, descent, papers_network


@dataclass(frozen=True, kw_only=True)
class DerivativeLossKnobs(Spec):
    """The signal, the network, and the weight of the derivative."""

    waves: tuple[int, ...] = knob((1, 3, 5), "sines in the signal, cycles a side", low=1, high=400)
    samples: int = knob(201, "samples of it", low=16, high=1000)
    widths: tuple[int, ...] = knob(
        (200, 200, 200, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    weight: float = knob(
        1.0, "weight of the derivative's squared error beside that of the values", low=1e-6
    )
    rate: float = knob(1e-4, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(2500, "steps of Adam at most, each over all samples", low=10, high=100_000)
    learned: float = knob(0.3, "error at which a frequency counts as learned", low=0.001, high=0.9)
    shrinking: float = knob(
        4.0, "how many times smaller the derivative must make the gap between the slowest and the "
        "fastest wave", low=1.0,
    )  # fmt: skip
    seed: int = knob(0, "seed of the network's first weights", low=0)


class DerivativeLoss(Study[DerivativeLossKnobs]):
    name = "derivative-loss"
    title = "A loss with derivatives cares for high frequencies"
    group = "limits"
    text = (
        "The order is not the network's alone: the loss has a say. The derivative of a wave of "
        "frequency k is k times as high as the wave, so that its squared error counts k^2 times as "
        "much. Put the derivative into the loss, as the equations of physics do, and high "
        "frequencies are pulled forward: low ones still come first, but not by so much. Two "
        "networks that start alike, at an output of zero, are trained with and without it."
    )
    claim = (
        "With the derivative in the loss, the time to Delta_F < 0.3 at k = 5, divided by that at "
        "k = 1, is at most a quarter of what it is for the values alone."
    )
    source = "Xu, Zhang, Luo 2022, arXiv:2201.07395"
    full = DerivativeLossKnobs()
    quick = DerivativeLossKnobs(
        samples=101, widths=(60, 60, 60), rate=3e-3, steps=400, learned=0.5, shrinking=2.0
    )

    def run(
        self, knobs: DerivativeLossKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        waves = sorted(knobs.waves)
        samples = sines(waves, knobs.samples)
        config = descent(
            papers_network(knobs.widths, antisymmetric=True),
            steps=knobs.steps, rate=knobs.rate, seed=knobs.seed, every=5,
        )  # fmt: skip
        slopes = replace(samples.task, sobolev=knobs.weight)
        racers = [
            Racer("values alone", samples.task, config, Watch(samples, waves)),
            Racer("with the derivative", slopes, config, Watch(samples, waves)),
        ]
        yield from paced(
            race(racers, knobs.learned), lambda share: _scene(knobs, racers, share)
        )
        return _verdict(knobs, racers)


def _verdict(knobs: DerivativeLossKnobs, racers: list[Racer]) -> Verdict:
    low, high = min(knobs.waves), max(knobs.waves)
    gaps = []
    for racer in racers:
        found = racer.learned(knobs.learned)
        gaps.append(found[high] / found[low])
    shrinking = gaps[0] / gaps[1]
    return Verdict(
        racers[1].done(knobs.learned) and shrinking >= knobs.shrinking,
        f"{told(racers, knobs.learned)} The fastest wave took "
        f"{gaps[0]:.0f} times as long as the slowest for values alone and {gaps[1]:.1f} times with "
        f"the derivative: a gap {shrinking:.1f} times smaller.",
        {"gap_values": gaps[0], "gap_derivative": gaps[1], "shrinking": shrinking},
    )


def _scene(knobs: DerivativeLossKnobs, racers: list[Racer], share: float) -> Scene:
    return Scene(
        (order_panel(racers, knobs.learned), *(heat(r, knobs.learned) for r in racers)),
        share,
        "With the derivative the line is flatter: low frequencies wait a little, and high ones "
        "need not wait long for them. A run ends once all is learned.",
    )
