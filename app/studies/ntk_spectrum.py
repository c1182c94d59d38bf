"""The kernel of a real field while it learns, with and without Fourier features."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from fields import MLP, Field, FitConfig
from fields.activations import Tanh
from fields.encodings import EncodingSpec, Fourier, Identity
from fields.spec import Spec, knob
from fields.spectrum import kernel_spectrum, ntk

from ..charts import colour
from .base import Data, Pace, Study, Verdict
from .samples import Samples, evenly, sines
from .scene import Line, Lines, Scene
from .watching import Watch, descent, outputs

LEARNED = 0.1  # error at which a frequency counts as learned
PEAKS = 3  # of a person's own signal that are followed
MOST = 256  # samples: a kernel is as large as their square


@dataclass(frozen=True, kw_only=True)
class NtkSpectrumKnobs(Spec):
    """The signal, both fields, and how often their kernel is looked at."""

    waves: tuple[int, ...] = knob(
        (1, 4, 12), "sines in the study's own signal, cycles a side", low=1, high=100
    )
    samples: int = knob(128, "samples of it", low=16, high=256)
    widths: tuple[int, ...] = knob((100, 100), "units of the tanh networks", low=1, high=500)
    features: int = knob(128, "random frequencies of the second field's encoding", low=1, high=1000)
    sigma: float = knob(6.0, "their spread, cycles a side", low=0.1, high=100.0)
    rate: float = knob(1e-3, "Adam's learning rate", low=1e-6, high=0.1)
    steps: int = knob(600, "steps of Adam", low=10, high=10_000)
    looks: int = knob(6, "looks at each kernel after the first", low=1, high=50)
    seed: int = knob(0, "seed of the first weights and of the features", low=0)
    plain_bound: float = knob(0.01, "largest rate of the fastest wave without features", low=0.0)
    fourier_bound: float = knob(0.05, "least rate of the fastest wave with features", low=0.0)


class NtkSpectrum(Study[NtkSpectrumKnobs]):
    name = "ntk-spectrum"
    title = "Fourier features lift the kernel's high frequencies"
    group = "theory"
    text = (
        "Any field has a neural tangent kernel, at any moment: how much a step that corrects one "
        "point moves every other. Its strength at frequency k says how fast waves of that "
        "frequency begin to be learned. For a plain tanh network it falls steeply, and the fast "
        "wave in the signal waits. Random Fourier features in front of the same network lift the "
        "kernel up to about their spread sigma, and all waves are learned at once. The kernel of "
        "a narrow network also moves while it learns: compare it with its start."
    )
    claim = (
        "At the start, the kernel of a plain tanh network is at k = 12 at most 1/100 as strong as "
        "at k = 1, and 600 steps do not learn that wave; with Fourier features of sigma = 6 it is "
        "at least 1/20 as strong, and all waves are learned to within 0.1."
    )
    source = "Jacot, Gabriel, Hongler 2018, arXiv:1806.07572; Tancik et al. 2020, arXiv:2006.10739"
    takes = "signal"
    full = NtkSpectrumKnobs()
    quick = NtkSpectrumKnobs(
        waves=(1, 8),
        samples=64,
        widths=(50, 50),
        features=64,
        sigma=4.0,
        steps=150,
        looks=2,
        plain_bound=0.02,
    )

    def run(
        self, knobs: NtkSpectrumKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        samples = sines(sorted(knobs.waves), knobs.samples) if data is None else evenly(data, MOST)
        waves = sorted(knobs.waves) if data is None else samples.peaks(PEAKS)
        fourier = Fourier(frequencies=knobs.features, sigma=knobs.sigma)
        encodings: dict[str, EncodingSpec] = {"plain": Identity(), "fourier": fourier}
        runs: dict[str, _Run] = {}
        pace = Pace()
        for i, (name, encoding) in enumerate(encodings.items()):
            run = runs[name] = _Run(Watch(samples, waves))
            every = max(1, knobs.steps // knobs.looks)
            for progress, values in outputs(samples.task, _config(knobs, encoding), samples.x):
                run.watch.look(progress.step, values)
                if progress.step >= every * len(run.strengths):
                    run.strengths.append(strength(progress.field, samples))
                if pace.due():
                    yield _scene(knobs, runs, waves, (i + progress.share) / 2)
        yield _scene(knobs, runs, waves, 1.0)
        return _verdict(knobs, runs, waves)


@dataclass
class _Run:
    """One of both fits: what it has learned, and its kernel at each look, float64 [k]."""

    watch: Watch
    strengths: list[Tensor] = field(default_factory=list)


def _config(knobs: NtkSpectrumKnobs, encoding: EncodingSpec) -> FitConfig:
    network = MLP(widths=knobs.widths, activation=Tanh())
    config = descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed)
    return replace(config, field=replace(config.field, encoding=encoding))


def strength(fitted: Field, samples: Samples) -> Tensor:
    """The kernel's strength at the frequencies 0, 1, 2, ... cycles a side: float64 [k]."""
    kernel = ntk(fitted, samples.x)
    return kernel_spectrum(kernel, len(kernel), boundary="periodic")[1]


def _verdict(knobs: NtkSpectrumKnobs, runs: dict[str, _Run], waves: Sequence[int]) -> Verdict:
    first, last = waves[0], waves[-1]
    rates = {n: float(r.strengths[0][last] / r.strengths[0][first]) for n, r in runs.items()}
    errors = {n: r.watch.errors[-1] for n, r in runs.items()}
    held = (
        rates["plain"] <= knobs.plain_bound
        and rates["fourier"] >= knobs.fourier_bound
        and errors["plain"][-1] > LEARNED >= max(errors["fourier"])
    )
    return Verdict(
        held,
        f"At the start the plain network's kernel is {rates['plain']:.2g} as strong at k = {last} "
        f"as at k = {first}, with Fourier features {rates['fourier']:.2g}; after {knobs.steps} "
        f"steps the error at k = {last} is {errors['plain'][-1]:.2g} and "
        f"{errors['fourier'][-1]:.2g}.",
        {f"rate_{name}": rate for name, rate in rates.items()}
        | {f"error_{n}_{k}": e for n in runs for k, e in zip(waves, errors[n], strict=True)},
    )


def _scene(
    knobs: NtkSpectrumKnobs, runs: dict[str, _Run], waves: Sequence[int], share: float
) -> Scene:
    lines = []
    for name, run in runs.items():
        begun, now = (s / s[waves[0]] for s in (run.strengths[0], run.strengths[-1]))
        k = list(range(1, len(now)))
        paint = colour(name)
        lines.append(Line(f"{name}, at the start", k, begun[1:].tolist(), paint, "dashed"))
        lines.append(Line(f"{name}, now", k, now[1:].tolist(), paint))
    watches = [run.watch for run in runs.values()]
    latest = watches[-1]
    places = latest.samples.places.tolist()
    curves = [Line("target", places, latest.samples.values[:, 0].tolist(), "currentColor", "thin")]
    curves += [
        Line(name, places, run.watch.values[:, 0].tolist(), colour(name))
        for name, run in runs.items()
    ]
    errors = [
        Line(f"{name}, k = {waves[-1]}", run.watch.steps, [e[-1] for e in run.watch.errors],
             colour(name))
        for name, run in runs.items()
    ]  # fmt: skip
    return Scene(
        (
            Lines("Strength of the kernel", lines, "frequency k, cycles a side",
                  f"of that at k = {waves[0]}", "log", "log",
                  marks=[(w, f"k = {w}") for w in waves], y_span=(1e-4, 3.0)),
            Lines("Target and fields", curves, "x", "value"),
            Lines("Error of the fastest wave", errors, "steps", "Delta_F", x_span=(0, knobs.steps),
                  y_span=(0, 1.4), levels=((LEARNED, "learned"),)),
        ),
        share,
        "Where the kernel is weak, nothing is learned for long; Fourier features make it strong "
        "up to their spread.",
    )  # fmt: skip
