"""The eigenvalues of the neural tangent kernel: how fast each frequency is learned."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fields.spec import Spec, knob

from .base import Data, Study, Verdict, paced
from .circle import ACTIVATIONS, BATCH, NAMES, POWERS, power_law, spectra
from .scene import Line, Lines, Scene, Text

COMPARED = ("relu", "relu2", "relu3", "tanh")
STEEP = -10.0  # a smooth activation's spectrum falls faster than this power


@dataclass(frozen=True, kw_only=True)
class KernelSpectrumKnobs(Spec):
    """Which networks are looked at, how exactly, and over which frequencies."""

    activation: Literal["all", "relu", "relu2", "relu3", "tanh", "sine", "gauss"] = knob(
        "all", "the neurons' function; all compares ReLU, its powers and tanh"
    )
    neurons: int = knob(
        32_000, "random neurons that the kernel is averaged over", low=100, high=10**6
    )
    points: int = knob(512, "points on the circle", low=64, high=4096)
    low: int = knob(8, "lowest frequency of the fitted slope, cycles a turn", low=1, high=1000)
    high: int = knob(64, "highest frequency of the fitted slope", low=3, high=2000)
    seed: int = knob(0, "seed of the random neurons", low=0)
    bound: float = knob(0.2, "how far a slope may be from the theory", low=0.0, high=2.0)


class KernelSpectrum(Study[KernelSpectrumKnobs]):
    name = "kernel-spectrum"
    title = "Smoother neurons learn high frequencies later"
    group = "theory"
    text = (
        "A wide network trained by gradient descent learns each wave at its own pace: the error "
        "at frequency k falls like exp(-λ_k t), where λ_k is an eigenvalue of the "
        "network's neural tangent kernel. On a circle these eigenvalues can be had exactly, by "
        "averaging over random neurons. How fast they fall with k is decided by the kink of the "
        "activation: ReLU has a jump in its first derivative and gives k⁻², its square k⁻⁴, its "
        "cube k⁻⁶; tanh has no kink at all and falls faster than any power. Twice the frequency "
        "thus takes a ReLU network 4 times as long, a ReLU³ network 64 times."
    )
    claim = (
        "With 32,000 random neurons, λ_k between k = 8 and k = 64 falls as k⁻² for ReLU, "
        "k⁻⁴ for ReLU² and k⁻⁶ for ReLU³, each exponent to within 0.2, and faster than k⁻¹⁰ "
        "for tanh."
    )
    source = "Luo, Ma, Xu, Zhang 2021, arXiv:1906.09235; Jacot et al. 2018, arXiv:1806.07572"
    full = KernelSpectrumKnobs()
    quick = KernelSpectrumKnobs(neurons=3000, points=256)

    def run(
        self, knobs: KernelSpectrumKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        found: dict[str, Tensor] = {}
        yield from paced(
            measured(knobs, COMPARED, found), lambda share: _scene(knobs, found, share)
        )
        return _verdict(knobs, found)


def measured(
    knobs: KernelSpectrumKnobs, compared: Sequence[str], found: dict[str, Tensor]
) -> Iterator[float]:
    """Fills in the spectra of the activations that the knobs ask for, all being those compared.

    Yields:
        The share of all the neurons that have been drawn, after each batch.

    Raises:
        ValueError: the points do not carry the frequencies.
    """
    _check_range(knobs.low, knobs.high, knobs.points)
    chosen = compared if knobs.activation == "all" else (knobs.activation,)
    for i, name in enumerate(chosen):
        rng = torch.Generator().manual_seed(knobs.seed)
        for j, values in enumerate(spectra(name, knobs.neurons, knobs.points, rng), start=1):
            found[name] = values
            yield (i + min(1.0, j * BATCH / knobs.neurons)) / len(chosen)


def _check_range(low: int, high: int, points: int) -> None:
    """ValueError unless low < high and the points carry the frequency `high`."""
    if high < low + 2:
        raise ValueError(f"high must be at least low + 2, {low + 2}, got {high}.")
    if high > points // 4:
        raise ValueError(
            f"{points} points do not carry frequencies up to {high}; "
            f"lower high to {points // 4}, or raise points to {4 * high}."
        )


def theory(name: str) -> float | None:
    """The exponent of lambda_k; None where it falls faster than any power."""
    return -2.0 * POWERS[name] if name in POWERS else None


def _verdict(knobs: KernelSpectrumKnobs, found: Mapping[str, Tensor]) -> Verdict:
    slopes = {name: power_law(v, knobs.low, knobs.high)[0] for name, v in found.items()}
    held = True
    for name, slope in slopes.items():
        wanted = theory(name)
        held &= slope < STEEP if wanted is None else abs(slope - wanted) <= knobs.bound
    told = ", ".join(f"{slope:.2f} for {NAMES[name]}" for name, slope in slopes.items())
    return Verdict(
        held,
        f"Between k = {knobs.low} and {knobs.high} the exponent is {told}.",
        {f"slope_{name}": slope for name, slope in slopes.items()},
    )


def _scene(knobs: KernelSpectrumKnobs, found: Mapping[str, Tensor], share: float) -> Scene:
    lines, rows = [], []
    for name, values in found.items():
        shown = values / values[1]
        k = list(range(1, len(values) // 2))
        lines.append(Line(NAMES[name], k, shown[1 : len(values) // 2].tolist()))
        slope, factor = power_law(shown, knobs.low, knobs.high)
        wanted = theory(name)
        said = "faster than any power" if wanted is None else f"theory {wanted:.0f}"
        rows.append((NAMES[name], f"{slope:.2f} ({said})".replace("-", "−")))
        if wanted is not None:
            ends = [knobs.low, knobs.high]
            lines.append(Line("", ends, [factor * e**slope for e in ends], "#888888", "dashed"))
    z = torch.linspace(-2, 2, 161, dtype=torch.float64)
    shapes = [Line(NAMES[n], z.tolist(), ACTIVATIONS[n][0](z).tolist()) for n in found]
    return Scene(
        (
            Lines(
                "How fast each frequency is learned", lines, "frequency k, cycles a turn",
                "eigenvalue of the kernel, of the first", "log", "log",
                marks=((knobs.low, "from"), (knobs.high, "to")), y_span=(1e-16, 3.0),
            ),
            Lines("The neurons", shapes, "z", "σ(z)", y_span=(-1.2, 2.2)),
            Text("Exponent between the marks", rows),
        ),
        share,
        "The smoother the activation, the steeper the fall, and the stronger the preference for "
        "low frequencies.",
    )  # fmt: skip
