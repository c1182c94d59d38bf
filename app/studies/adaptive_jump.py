"""Adaptive activations on a function with a jump."""

from collections.abc import Generator
from dataclasses import dataclass

from fields.spec import Spec, knob
from fields.tasks import SignalTask

from .adaptive import NAMES, SIDE, Slopes, adaptive, jump, samples, scene
from .base import Data, Study, Verdict, paced
from .contest import contest
from .samples import long_enough
from .scene import Scene

CAPTION = "With slopes of their own the units turn steep, and the fast right half comes in time."
COMPARED: tuple[Slopes, ...] = ("fixed", "global", "layer", "neuron")


@dataclass(frozen=True, kw_only=True)
class AdaptiveJumpKnobs(Spec):
    """The network, and how long it learns."""

    points: int = knob(300, "samples of the study's own function", low=32, high=10_000)
    width: int = knob(50, "units in each of the four hidden layers", low=1, high=1024)
    factor: float = knob(10.0, "n: fixed factor on the trained slopes", low=1, high=100)
    steps: int = knob(4000, "steps of Adam of each network", low=1, high=100_000)
    lr: float = knob(2e-4, "learning rate", low=1e-6, high=1)
    seed: int = knob(0, "seed of the initial weights", low=0)
    bound: float = knob(0.05, "relative error that the best must reach", low=0.0)
    times: float = knob(3.0, "times that the fixed one's error must be larger", low=1.0)


class AdaptiveJump(Study[AdaptiveJumpKnobs]):
    name = "adaptive-jump"
    title = "Let every unit choose how steep it is"
    group = "cures"
    text = (
        "tanh(a z) with a large slope a holds high frequencies. Adaptive activations write "
        "tanh(n a z), with a trained like the weights and n a fixed factor that speeds it up: one "
        "slope for the whole network, one for each layer, or one for each unit. They start at "
        "n a = 1, just like the fixed network. An extra term in the loss, the slope recovery, "
        "rewards steep slopes. The function here jumps at 0 and swings fast right of it; the "
        "fixed network has only its mean there after the same steps."
    )
    claim = (
        "On a jump between 0.2 sin 6x and 1 + 0.1 x cos 18x, tanh 4 x 50, 4000 steps, the best "
        "of the locally adaptive networks reaches a relative error of 0.05 or less, at most a "
        "third of that with fixed activations."
    )
    source = "Jagtap, Kawaguchi, Karniadakis 2020, arXiv:1909.12228"
    takes = "signal"
    full = AdaptiveJumpKnobs()
    quick = AdaptiveJumpKnobs(points=128, steps=250, lr=2e-3, bound=0.15, times=1.2)

    def run(
        self, knobs: AdaptiveJumpKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        task = samples(jump, knobs.points) if data is None else _given(data)
        entries = [
            adaptive(s, task, knobs.width, knobs.factor, knobs.steps, knobs.lr, knobs.seed)
            for s in COMPARED
        ]
        yield from paced(
            contest(entries, task.x, task.values),
            lambda share: scene(task, entries, entries, share, CAPTION),
        )
        found: dict[Slopes, float] = {
            s: e.error for s, e in zip(COMPARED, entries, strict=True)
        }
        best = min(found["layer"], found["neuron"])
        told = ", ".join(f"{error:.3f} with {NAMES[s]}" for s, error in found.items())
        return Verdict(
            best <= knobs.bound and found["fixed"] >= knobs.times * best,
            f"After {knobs.steps} steps the relative error is {told}.",
            {str(s): error for s, error in found.items()},
        )


def _given(data: Data) -> SignalTask:
    """A person's signal, stretched to [-3, 3].

    Raises:
        ValueError: it has too few samples.
    """
    signal = long_enough(data)
    x = SIDE * (2 * (signal.x - signal.x[0]) / (signal.x[-1] - signal.x[0]) - 1)
    return SignalTask(x[:, None], signal.values)
