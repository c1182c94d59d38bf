"""The network that a person builds on the page, and what can be told of it before it learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from fields import MLP, Field, FieldSpec, FitConfig
from fields.activations import Activation, Gaussian, ReLU, Ricker, Sine, SReLU, Tanh
from fields.encodings import Fourier, Identity
from fields.networks import Mscale1
from fields.spec import Spec, knob
from fields.spectrum import kernel_spectrum, ntk

from ..studies import Line, Lines, Scene
from ..studies.samples import middles

NAME = "network"  # of it among the methods
WAVES = 64  # of the features, where there are any
POINTS = 128  # at which an untrained network is looked at
SHOWN = 24  # cycles a side, up to which its rates are shown
WIDEST = 32  # units of the copy whose kernel is looked at: the slope hardly depends on it
DRAWS = 3  # networks that are drawn, of one seed each

ACTIVATIONS: dict[str, Activation] = {
    "tanh": Tanh(),
    "relu": ReLU(),
    "sine": Sine(first_omega=1.0, omega=1.0, init="glorot"),
    "gaussian": Gaussian(scale=3.0),
    "srelu": SReLU(),
    "ricker": Ricker(),
}


@dataclass(frozen=True, kw_only=True)
class Net(Spec):
    """The network of one's own."""

    activation: Literal["tanh", "relu", "sine", "gaussian", "srelu", "ricker"] = knob(
        "tanh", "what each unit does; the smoother, the slower are high frequencies"
    )
    gain: float = knob(
        1.0, "factor on the initial weights; large ones bring high frequencies sooner",
        low=0.1, high=10,
    )  # fmt: skip
    sigma: float = knob(
        0.0, "spread of random waves that x goes through first; 0 is none", low=0, high=40
    )
    scales: int = knob(
        1, "copies of x, each stretched twice as far as the one before; 1 is x itself",
        low=1, high=7,
    )  # fmt: skip
    width: int = knob(64, "units of a layer", low=8, high=256)
    depth: int = knob(3, "hidden layers", low=1, high=6)
    rate: float = knob(1e-3, "learning rate of Adam", low=1e-5, high=0.1)

    def field(self, width: int | None = None) -> FieldSpec:
        """What it is to the engine; of another width if one is given."""
        width = width or self.width
        activation = ACTIVATIONS[self.activation]
        encoding = Fourier(frequencies=WAVES, sigma=self.sigma) if self.sigma else Identity()
        if self.scales > 1:
            stretched = tuple(self.gain * 2.0**i for i in range(self.scales))
            network = Mscale1(
                scales=stretched, width=width, depth=self.depth, activation=activation
            )
        else:
            network = MLP(
                width=width, depth=self.depth, activation=activation, init="normal", gain=self.gain
            )
        return FieldSpec(encoding=encoding, network=network)

    def config(self, seconds: float, seed: int) -> FitConfig:
        """How it is fitted: by Adam on all samples at once, at a rate that does not fall."""
        return FitConfig(
            field=self.field(),
            steps=None,
            seconds=seconds,
            batch=2**14,
            lr=self.rate,
            beta2=0.999,
            eps=1e-8,
            schedule="constant",
            precision="fp32",
            report=5,
            seed=seed,
            device="cpu",
            backend="torch",
        )


def rates(net: Net) -> tuple[list[float], list[float]]:
    """How fast each frequency begins to be learned beside the fastest, by the tangent kernel.

    Returns:
        Frequencies in cycles a side, and rates from 0 to 1.
    """
    field = build(net.field(min(net.width, WIDEST)), 0)
    kernel = ntk(field, middles(POINTS).float())
    frequency, rate = kernel_spectrum(kernel, POINTS)
    kept = (frequency > 0) & (frequency <= SHOWN)
    fastest = rate[frequency > 0].nan_to_num(0).max().clamp(min=1e-30)
    return frequency[kept].tolist(), (rate[kept] / fastest).tolist()


def untrained(net: Net, seed: int) -> list[float]:
    """What it says before it has learned: POINTS values, scaled to a largest of 1."""
    with torch.no_grad():
        values = build(net.field(), seed)(middles(POINTS).float())[:, 0]
    values = values - values.mean()
    return (values / values.abs().max().clamp(min=1e-30)).tolist()


def build(spec: FieldSpec, seed: int) -> Field:
    rng = torch.Generator().manual_seed(seed)
    return spec.build(1, 1, rng, backend="torch")


def before_scene(net: Net, plain: Sequence[float]) -> Scene:
    """What can be told before it learns: its outputs, and the rate of each frequency.

    Args:
        plain: the rates of the network as it is on the page at first, to be compared with.
    """
    places = middles(POINTS)[:, 0].tolist()
    frequency, rate = rates(net)
    drawn = [Line("", places, untrained(net, seed)) for seed in range(DRAWS)]
    return Scene(
        (
            Lines("Untrained, for three seeds", drawn, "x", "output, scaled"),
            Lines(
                "How fast each frequency will be learned",
                [
                    Line("as first shown", frequency, plain, "currentColor", "dashed"),
                    Line("yours", frequency, rate, "#0072b2"),
                ],
                "cycles a side",
                "rate beside the fastest",
                y_axis="log",
                y_span=(1e-6, 1.5),
            ),
        ),
        1.0,
        "Where the blue line is high up, the network learns soon; where it falls, late or never.",
    )
