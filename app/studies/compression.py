"""The compression phase: a stepped target makes the output simpler again, late in training."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from fields.spec import Spec, knob
from fields.spectrum import entropy, information_plane
from fields.tasks import SignalTask

from .base import Data, Pace, Study, Verdict
from .samples import middles
from .scene import Line, Lines, Scene
from .watching import descent, outputs, papers_network, thinned

EVERY = 10  # steps between two looks
LAST = 40  # looks at the end over which the final entropy is the mean
FIRST_GAIN = 14.0  # so that the first weights have a spread of 1, a unit input's own


@dataclass(frozen=True, kw_only=True)
class CompressionKnobs(Spec):
    """The stairs, the network, and how values are counted."""

    height: float = knob(0.5, "height of the target's stairs", low=0.05, high=1.0)
    samples: int = knob(301, "samples of the target", low=20, high=2000)
    widths: tuple[int, ...] = knob(
        (200, 200, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    rate: float = knob(1e-3, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(4000, "steps of Adam, each over all samples", low=100, high=100_000)
    bins: float = knob(0.05, "width of the bins in which values count as equal", low=1e-3, high=1.0)
    drop: float = knob(1.5, "bits by which the entropy must fall for stairs", low=0.0, high=10.0)
    level: float = knob(0.3, "bits by which it may fall for the line", low=0.0, high=10.0)
    seed: int = knob(0, "seed of the network's first weights", low=0)


class Compression(Study[CompressionKnobs]):
    name = "compression"
    title = "First the output fits, then it compresses"
    group = "uses"
    text = (
        "How much information about the input is left in the output? Sort the output's values "
        "into bins and take their entropy: many different values give many bits, a few levels "
        "give few. For a target of stairs, training has two phases. At first the output becomes a "
        "smooth ramp, which takes every value: its entropy rises. Then the high frequencies come, "
        "the ramp breaks up into steps, and the entropy falls: this is the compression phase of "
        "the information plane. All steps use all samples, so that no noise of small batches can "
        "be the cause. For a straight line, which is smooth, nothing is compressed."
    )
    claim = (
        "Fitted to stairs of height 0.5, the output's entropy in bins of 0.05 rises and then falls "
        "by at least 1.5 bits within 4000 steps; fitted to the line that the stairs follow, it "
        "falls by 0.3 bits at most."
    )
    source = "Xu, Zhang, Xiao 2018, arXiv:1807.01251; Shwartz-Ziv, Tishby 2017, arXiv:1703.00810"
    full = CompressionKnobs()
    quick = CompressionKnobs(
        height=1.0, samples=101, widths=(60, 60), rate=1e-2, steps=500, drop=0.8
    )

    def run(
        self, knobs: CompressionKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        x = middles(knobs.samples)
        stairs = knobs.height * (x / knobs.height).round()
        runs = [Course("stairs", stairs, knobs.bins), Course("line", x, knobs.bins)]
        network = papers_network(knobs.widths, turn=FIRST_GAIN)
        config = descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed, every=EVERY)
        pace = Pace()
        for number, course in enumerate(runs):
            for progress, values in outputs(SignalTask(x, course.target), config, x):
                course.look(progress.step, values)
                share = (number + progress.share) / len(runs)
                if share == 1 or pace.due():
                    yield _scene(knobs, x, runs, share)
        return _verdict(knobs, runs)


@dataclass
class Course:
    """The way of an output through the information plane.

    Attributes:
        kept: I(X; T) = H(T) at each look, in bits; T is the output in bins.
        shared: I(T; Y) / H(Y), the share of what there is to know of the target; Y is it in bins.
    """

    name: str
    target: Tensor
    bins: float
    output: Tensor | None = field(default=None, init=False)
    steps: list[int] = field(default_factory=list, init=False)
    kept: list[float] = field(default_factory=list, init=False)
    shared: list[float] = field(default_factory=list, init=False)

    def look(self, step: int, output: Tensor) -> None:
        self.output = output
        kept, shared = information_plane(output, self.target, self.bins)
        self.steps.append(step)
        self.kept.append(kept)
        self.shared.append(shared / self.goal)

    @cached_property
    def goal(self) -> float:
        """The entropy of the target, in bits."""
        return entropy(self.target, self.bins)

    @property
    def peak(self) -> int:
        """The look at which the entropy was highest."""
        return max(range(len(self.kept)), key=self.kept.__getitem__)

    @property
    def final(self) -> float:
        """The entropy in the end."""
        last = self.kept[-LAST:]
        return sum(last) / len(last)


def _verdict(knobs: CompressionKnobs, runs: Sequence[Course]) -> Verdict:
    drops = [course.kept[course.peak] - course.final for course in runs]
    stairs = runs[0]
    goal = stairs.goal
    return Verdict(
        drops[0] >= knobs.drop and drops[1] <= knobs.level,
        f"For the stairs the entropy rose to {stairs.kept[stairs.peak]:.2f} bits at step "
        f"{stairs.steps[stairs.peak]} and fell to {stairs.final:.2f}, by {drops[0]:.2f} bits, "
        f"towards the target's {goal:.2f}; for the line it fell by {drops[1]:.2f}.",
        {
            "stairs_peak": stairs.kept[stairs.peak],
            "stairs_final": stairs.final,
            "stairs_drop": drops[0],
            "line_drop": drops[1],
            "target": goal,
        },
    )


def _scene(knobs: CompressionKnobs, x: Tensor, runs: Sequence[Course], share: float) -> Scene:
    goal = runs[0].goal
    entropies, ways, shapes = [], [], []
    for course in runs:
        chosen = thinned(course.steps) if course.steps else []
        kept = [course.kept[i] for i in chosen]
        entropies.append(Line(course.name, [max(1, course.steps[i]) for i in chosen], kept))
        ways.append(Line(course.name, kept, [course.shared[i] for i in chosen]))
        values = course.output[:, 0].tolist() if course.output is not None else []
        shapes.append(Line(course.name, x[: len(values), 0].tolist(), values))
    target = Line("target", x[:, 0].tolist(), runs[0].target[:, 0].tolist(), "currentColor", "thin")
    return Scene(
        (
            Lines("Entropy of the output", entropies, "steps", "bits", "log",
                  levels=[(goal, "of the stairs themselves")], x_span=(EVERY, knobs.steps)),
            Lines("The information plane", ways, "about the input, I(X; T) in bits",
                  "about the target, I(T; Y) / H(Y)", y_span=(0, 1.05)),
            Lines("The outputs", [target, *shapes], "x", "value"),
        ),
        share,
        "For the stairs the entropy is high while the output is a smooth ramp, and falls as the "
        "steps appear. In the information plane their way then leads to the left: what is not "
        "needed for the target is given up.",
    )  # fmt: skip
