"""Activations that are waves themselves: whatever band they have is learned at once."""

from collections.abc import Generator
from dataclasses import dataclass

import torch

from fields.activations import Activation, Ricker, Sine, Tanh
from fields.spec import Spec, knob

from .base import Data, Study, Verdict, paced
from .racing import Racer, heat, order_panel, race, told
from .samples import Samples, sines
from .scene import Line, Lines, Scene
from .watching import Watch, descent, papers_network

USUAL = 10.0  # times as long takes the fastest wave for tanh, at least


@dataclass(frozen=True, kw_only=True)
class BandPassActivationsKnobs(Spec):
    """The signal, the networks, and what counts as all at once."""

    waves: tuple[int, ...] = knob((1, 3, 5), "sines in the signal, cycles a side", low=1, high=400)
    samples: int = knob(201, "samples of it", low=16, high=1000)
    scales: tuple[float, ...] = knob(
        (0.3, 0.1), "widths of the wavelets that are compared with tanh", low=0.01, high=10
    )
    widths: tuple[int, ...] = knob(
        (200, 200, 200, 100), "units of the networks, layer by layer", low=1, high=2000
    )
    omega: float = knob(10.0, "frequency of the sine that is compared too", low=0.1, high=100)
    rate: float = knob(1e-4, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(2500, "steps of Adam at most, each over all samples", low=10, high=100_000)
    learned: float = knob(0.3, "error at which a frequency counts as learned", low=0.001, high=0.9)
    ratio: float = knob(
        2.0,
        "how many times longer one frequency may take than another where the order is lost",
        low=1.0,
    )  # fmt: skip
    seed: int = knob(0, "seed of the networks' first weights", low=0)


class BandPassActivations(Study[BandPassActivationsKnobs]):
    name = "band-pass-activations"
    title = "Units with a band of their own know no order"
    group = "limits"
    text = (
        "The spectrum of tanh falls from low to high frequencies, and so does the order in which "
        "its network learns. Other functions have a band of their own: Ricker's wavelet, a bump "
        "with two dips, has the most at a frequency that is higher the narrower it is, "
        "and sin(10 z) has one frequency alone. Their networks, which start at zero like that of "
        "tanh, take up all three waves at once if the band is high enough. The frequency principle "
        "is no law for all networks: it comes from the activation, the size of the weights and the "
        "loss. It also says how to escape from it, as networks of sines (SIREN) do."
    )
    claim = (
        "With Ricker's wavelet of width 0.1, and with sin(10 z), the three waves sin x, sin 3x and "
        "sin 5x reach Delta_F < 0.3 within a factor of two in steps; with tanh it takes more than "
        "ten times as long for the fastest as for the slowest."
    )
    source = "Xu, Zhang, Luo 2022, arXiv:2201.07395"
    full = BandPassActivationsKnobs()
    quick = BandPassActivationsKnobs(
        samples=101,
        scales=(0.1,),
        widths=(60, 60, 60),
        rate=2e-3,
        steps=400,
        learned=0.5,
        ratio=4.0,
    )

    def run(
        self, knobs: BandPassActivationsKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        samples = sines(sorted(knobs.waves), knobs.samples)
        activations = _activations(knobs)
        racers = [_racer(knobs, name, a, samples) for name, a in activations.items()]
        yield from paced(
            race(racers, knobs.learned), lambda share: _scene(knobs, racers, activations, share)
        )
        return _verdict(knobs, racers)


def _activations(knobs: BandPassActivationsKnobs) -> dict[str, Activation]:
    """Tanh first, then the wavelets, widest first, and the sine."""
    found: dict[str, Activation] = {"tanh": Tanh()}
    for scale in sorted(knobs.scales, reverse=True):
        found[f"Ricker {scale:g}"] = Ricker(scale=scale)
    sine = Sine(init="glorot", first_omega=knobs.omega, omega=knobs.omega)
    return found | {f"sin({knobs.omega:g} z)": sine}


def _racer(
    knobs: BandPassActivationsKnobs, name: str, activation: Activation, samples: Samples
) -> Racer:
    config = descent(
        papers_network(knobs.widths, activation, antisymmetric=True),
        steps=knobs.steps, rate=knobs.rate, seed=knobs.seed, every=5,
    )  # fmt: skip
    return Racer(name, samples.task, config, Watch(samples, sorted(knobs.waves)))


def _verdict(knobs: BandPassActivationsKnobs, racers: list[Racer]) -> Verdict:
    """The widest wavelet may keep the order; the narrowest and the sine must not."""
    ratios = {}
    for racer in racers:
        steps = racer.learned(knobs.learned).values()
        ratios[racer.name] = max(steps) / min(steps)
    lost = racers[-2:]
    held = all(r.done(knobs.learned) and ratios[r.name] <= knobs.ratio for r in lost)
    usual = ratios["tanh"]
    return Verdict(
        held and usual > USUAL,
        f"{told(racers, knobs.learned)} The slowest took {usual:.0f} times "
        f"as long as the fastest for tanh, {ratios[lost[0].name]:.1f} times for the narrowest "
        f"wavelet and {ratios[lost[1].name]:.1f} times for the sine.",
        {
            "ratio_tanh": usual,
            "ratio_ricker": ratios[lost[0].name],
            "ratio_sine": ratios[lost[1].name],
        },
    )


def _scene(
    knobs: BandPassActivationsKnobs,
    racers: list[Racer],
    activations: dict[str, Activation],
    share: float,
) -> Scene:
    return Scene(
        (
            order_panel(racers, knobs.learned),
            *(heat(r, knobs.learned) for r in racers),
            _shapes(activations),
        ),
        share,
        "With tanh the line climbs steeply; with a band of their own, high enough, the units learn "
        "every wave at once, and the line is flat. A run ends once all is learned.",
    )


def _shapes(activations: dict[str, Activation]) -> Lines:
    """The activations themselves, each as high as its highest value."""
    z = torch.linspace(-1, 1, 201, dtype=torch.float64)
    lines = []
    for name, activation in activations.items():
        values = activation.nonlinearity(first=True)(z)
        lines.append(Line(name, z.tolist(), (values / values.abs().max()).tolist()))
    return Lines("The activations", lines, "z", "value over its highest")
