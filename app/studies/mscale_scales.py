"""Which scales MscaleDNN wants, and which activations."""

from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from fields.activations import Activation, SReLU, Tanh
from fields.networks.mscale import OCTAVES, PLAIN_SINE
from fields.spec import Spec, knob

from .base import Data, Study, Verdict, paced
from .contest import Entry, contest, errors_panel, figures
from .mscale_fit import between, fits, sped_up
from .scales import scaled
from .scene import Scene

SCALES = {"ones": (1.0,) * 6, "1 to 6": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0), "octaves": OCTAVES}
ACTIVATIONS: dict[str, Activation] = {"sReLU": SReLU(), "tanh": Tanh()}


@dataclass(frozen=True, kw_only=True)
class MscaleScalesKnobs(Spec):
    """The function, and how long each network learns it."""

    turn: float = knob(70.0, "mu in exp(-x^2) sin(mu x^2)", low=1, high=1000)
    width: int = knob(180, "units per hidden layer, all scales", low=6, high=4096)
    batch: int = knob(500, "samples a step", low=10, high=5000)
    steps: int = knob(1500, "steps of Adam of each network", low=1, high=100_000)
    lr: float = knob(2e-3, "learning rate, which falls along a cosine", low=1e-6, high=1)
    seed: int = knob(0, "seed of the initial weights and of the draws", low=0)


class MscaleScales(Study[MscaleScalesKnobs]):
    name = "mscale-scales"
    title = "Is it the scales, or just more networks?"
    group = "cures"
    text = (
        "Six networks side by side have more freedom than one. Is that the cure? If all six have "
        "scale 1, nothing is gained. Scales 1 to 6 reach a little farther, scales 1, 2, 4, ..., 32 "
        "cover the whole spectrum, and win. The activation matters too: sines and sReLU, which is "
        "0 outside [0, 1], keep the scales apart. A tanh has no frequency of its own: there the "
        "scales gain little."
    )
    claim = (
        "On exp(-x^2) sin(70 x^2), octaves beat the scales 1 to 6, and these six times scale 1. "
        "Over six times scale 1, octaves gain at least 1.5 times with sines and with sReLU, and "
        "less with tanh than with either."
    )
    source = "Liu, Cai, Xu 2020, arXiv:2007.11207"
    full = MscaleScalesKnobs()
    quick = MscaleScalesKnobs(turn=30, width=60, batch=100, steps=120, lr=5e-3)

    def run(
        self, knobs: MscaleScalesKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        entries = _entries(knobs)
        probes, truth = between(knobs.turn)
        yield from paced(
            contest(list(entries.values()), probes, truth),
            lambda share: _scene(entries, probes, truth, share),
        )
        return _verdict({name: entry.error for name, entry in entries.items()})


def _entries(knobs: MscaleScalesKnobs) -> dict[str, Entry]:
    """Fits by the name of their figure."""
    chosen: list[tuple[str, str, Activation]] = [("sine", s, PLAIN_SINE) for s in SCALES]
    for name, activation in ACTIVATIONS.items():
        chosen += [(name, "ones", activation), (name, "octaves", activation)]
    task = sped_up(knobs.turn)
    return {
        f"{name.lower()}_{scales.replace(' ', '_')}": scaled(
            f"{name}, {scales}", task, SCALES[scales], knobs.width, knobs.steps, knobs.lr,
            knobs.batch, knobs.seed, activation,
        )
        for name, scales, activation in chosen
    }  # fmt: skip


def _verdict(found: dict[str, float]) -> Verdict:
    gains = {n: found[f"{n}_ones"] / found[f"{n}_octaves"] for n in ("sine", "srelu", "tanh")}
    ordered = found["sine_octaves"] < found["sine_1_to_6"] < found["sine_ones"]
    held = ordered and min(gains["sine"], gains["srelu"]) >= max(1.5, gains["tanh"])
    return Verdict(
        held,
        f"With sines the relative error is {found['sine_ones']:.3f} for six times scale 1, "
        f"{found['sine_1_to_6']:.3f} for the scales 1 to 6 and {found['sine_octaves']:.3f} for "
        f"octaves. Octaves gain {gains['sine']:.1f} times with sines, {gains['srelu']:.1f} times "
        f"with sReLU and {gains['tanh']:.1f} times with tanh.",
        found | {f"gain_{n}": gain for n, gain in gains.items()},
    )


def _scene(entries: dict[str, Entry], probes: Tensor, truth: Tensor, share: float) -> Scene:
    shown = list(entries.values())
    return Scene(
        (
            errors_panel("Error over the steps", [e for e in shown if e.errors]),
            fits(shown[:3], probes, truth),
            figures(shown, ".3f"),
        ),
        share,
        "Six networks of one scale are no better than one; octaves of sines reach everywhere.",
    )
