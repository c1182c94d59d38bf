"""Jacobi's iteration: the opposite order, high frequencies first."""

import math
from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from fields.spec import Spec, knob

from .base import Data, Study, Verdict
from .scene import Heat, Line, Lines, Scene

FRAMES = 40  # moments that are shown


@dataclass(frozen=True, kw_only=True)
class JacobiKnobs(Spec):
    """How finely the equation is cut up, and which waves are followed."""

    points: int = knob(
        256, "intervals of the grid on which the equation is solved", low=8, high=4096
    )
    iterations: int = knob(200, "sweeps of Jacobi's iteration", low=1, high=100_000)
    modes: tuple[int, ...] = knob((1, 8, 100), "waves that the error begins with", low=1)
    bound: float = knob(1e-10, "largest deviation from the theory", low=0.0)


class Jacobi(Study[JacobiKnobs]):
    name = "jacobi"
    title = "The classical solver that learns the other way round"
    group = "theory"
    text = (
        "Not everything that iterates learns low frequencies first. Jacobi's method solves "
        "-u'' = g on a grid by setting every value to what its two neighbours ask for. A wave "
        "that changes from point to point is smoothed out at once; one that spans the whole grid "
        "hardly notices its neighbours, and stays. Each sweep multiplies wave k by cos(k pi / n). "
        "So a network and Jacobi complement each other: Xu et al. let a network find the slow "
        "waves and then Jacobi remove the fast ones, which beats either alone."
    )
    claim = (
        "On 256 intervals, 200 sweeps of Jacobi's iteration damp wave k by |cos(k pi/n)|^t to "
        "within 1e-10: the higher the frequency (up to the middle), the faster, the opposite of a "
        "network."
    )
    source = "Xu, Zhang, Luo, Xiao, Ma 2020, section 5, arXiv:1901.06523"
    full = JacobiKnobs()
    quick = JacobiKnobs(points=64, iterations=60, modes=(1, 4, 20))

    def run(self, knobs: JacobiKnobs, data: Data | None = None) -> Generator[Scene, None, Verdict]:
        n, modes = knobs.points, torch.tensor(knobs.modes, dtype=torch.float64)
        if max(knobs.modes) >= n:
            raise ValueError(f"modes must be below points, {n}, got {max(knobs.modes)}.")
        x = torch.arange(n + 1, dtype=torch.float64) / n
        waves = torch.sin(math.pi * modes[:, None] * x)  # [modes, n + 1]
        error = waves.sum(0)
        left = [torch.ones(len(modes), dtype=torch.float64)]
        every = max(1, knobs.iterations // FRAMES)
        for t in range(1, knobs.iterations + 1):
            error = sweep(error)
            left.append(amplitudes(error, waves))
            if t % every == 0 and t < knobs.iterations:
                yield _scene(knobs, x, error, left, t / knobs.iterations)
        yield _scene(knobs, x, error, left, 1.0)
        return _verdict(knobs, modes, torch.stack(left))


def sweep(error: Tensor) -> Tensor:
    """The error after one sweep for -u'' = g with u = 0 at both ends: the mean of both neighbours.

    Args:
        error: float [n + 1], 0 at both ends.
    """
    after = torch.zeros_like(error)
    after[1:-1] = (error[:-2] + error[2:]) / 2
    return after


def amplitudes(error: Tensor, waves: Tensor) -> Tensor:
    """How much of each sine wave [modes, n + 1] is in an error [n + 1]: float [modes]."""
    return waves @ error * 2 / (waves.shape[1] - 1)


def _verdict(knobs: JacobiKnobs, modes: Tensor, left: Tensor) -> Verdict:
    t = torch.arange(len(left), dtype=torch.float64)[:, None]
    theory = torch.cos(math.pi * modes / knobs.points) ** t
    deviation = float((left - theory).abs().max())
    rest = left[-1].abs().tolist()
    low = [i for i in modes.argsort().tolist() if modes[i] <= knobs.points / 2]
    opposite = all(rest[a] >= rest[b] for a, b in pairwise(low))
    told = ", ".join(f"{r:.4f} of wave {k}" for k, r in zip(knobs.modes, rest, strict=True))
    return Verdict(
        deviation <= knobs.bound and opposite,
        f"After {knobs.iterations} sweeps there is left {told}; the deviation from "
        f"|cos(k pi/n)|^t is {deviation:.1e} at most.",
        {"deviation": deviation} | {f"left_{k}": r for k, r in zip(knobs.modes, rest, strict=True)},
    )


def _scene(knobs: JacobiKnobs, x: Tensor, error: Tensor, left: list[Tensor], share: float) -> Scene:
    history = torch.stack(left).abs()  # [t + 1, modes]
    sweeps = list(range(len(left)))
    lines = [Line(f"wave {k}", sweeps, history[:, i].tolist()) for i, k in enumerate(knobs.modes)]
    return Scene(
        (
            Lines("What is left of each wave", lines, "sweeps", "share of its first amplitude",
                  x_span=(0, knobs.iterations), y_span=(0, 1.02)),
            Lines("The error on the grid", [Line("", x.tolist(), error.tolist(), "currentColor")],
                  "x", "error"),
            Heat("Error of each wave over the sweeps", history.T.tolist(),
                 [str(k) for k in knobs.modes], sweeps, "sweeps", "wave",
                 x_span=(0, knobs.iterations)),
        ),
        share,
        "The wave with the most crests goes first; a network would learn it last.",
    )  # fmt: skip
