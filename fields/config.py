"""What a fit depends on besides its task."""

import math
from dataclasses import dataclass
from typing import Literal

from .field import FieldSpec
from .solvers import Descent, Solver
from .spec import Spec, knob


@dataclass(frozen=True, kw_only=True)
class FitConfig(Spec):
    """Everything that a run depends on besides its task.

    Equal configs give equal runs on one device, as long as `steps` ends them: `seconds` counts on
    the clock.
    """

    field: FieldSpec = FieldSpec()
    solver: Solver = Descent()
    steps: int | None = knob(1000, "steps to take at most", low=1, high=10**9)
    seconds: float | None = knob(None, "seconds of fitting at most", low=0, high=10**7)
    psnr: float | None = knob(None, "stop once this PSNR in dB is reached", low=0, high=200)
    stop: Literal["none", "heldout", "variance", "discrepancy"] = knob(
        "none", "rule that ends the run before it learns the noise, and keeps the best state"
    )
    batch: int = knob(2**14, "points a step", low=1, high=2**24)
    lr: float = knob(1e-3, "Adam's learning rate for the network", low=0, high=10)
    table_lr: float = knob(1e-2, "Adam's learning rate for the tables of a grid", low=0, high=10)
    beta1: float = knob(0.9, "Adam's decay of the mean gradient", low=0, high=0.999999)
    beta2: float = knob(0.99, "Adam's decay of the squared gradient", low=0, high=0.999999)
    eps: float = knob(1e-15, "Adam's guard against division by zero", low=0, high=1)
    weight_decay: float = knob(0.0, "L2 penalty on the network's weights", low=0, high=1)
    schedule: Literal["constant", "exponential", "cosine"] = knob(
        "exponential", "how the learning rate falls over the run"
    )
    decay: float = knob(0.1, "share of the learning rate left at the end", low=1e-6, high=1)
    hold: float = knob(0.0, "share of the run before the learning rate falls", low=0, high=1)
    unlock: float = knob(
        0.0,
        "share of the run over which a grid's levels begin to learn, coarse to fine; 0 is at once",
        low=0,
        high=1,
    )
    average: float = knob(
        0.0, "share of the run so far whose mean state is the result; 0 is the last", low=0, high=1
    )
    precision: Literal["auto", "fp32", "fp16", "bf16", "fp64"] = knob(
        "auto",
        "what the network multiplies while it learns: auto is the fastest behind a grid, and fp32 "
        "behind coordinates and waves; fp16 wants a GPU, fp64 computes everything in doubles",
    )
    balance: int = knob(
        0,
        "steps between two balancings of the loss's terms by their tangent kernels; 0 is never",
        low=0,
        high=10**9,
    )
    report: int = knob(0, "steps between two reports; 0 is twenty reports a second", low=0)
    seed: int = knob(0, "seed of the initialisation and of the sampling", low=0, high=2**63 - 1)
    device: Literal["auto", "cpu", "cuda"] = knob("auto", "auto is cuda where there is one")
    backend: Literal["auto", "torch", "numba", "triton", "tinycudann"] = knob(
        "auto", "kernels to use; auto is the fastest that works"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps is None and self.seconds is None and self.solver.descent is None:
            raise ValueError("FitConfig.steps or FitConfig.seconds must be given, got neither.")

    def unlocked(self, levels: int, share: float) -> int:
        """How many of a grid's levels learn once `share` of the run is done."""
        if share >= self.unlock:
            return levels
        return 1 + int((levels - 1) * share / self.unlock)

    def rows(self, levels: tuple[int, ...], share: float) -> int:
        """How many of a table's rows learn then, of levels that end at these rows."""
        return levels[self.unlocked(len(levels), share) - 1]

    def rate(self, share: float) -> float:
        """The factor on both learning rates once `share` of the run is done, from 1 to `decay`."""
        left = max(0.0, (share - self.hold) / (1 - self.hold)) if self.hold < 1 else 0.0
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "cosine":
            return self.decay + (1 - self.decay) * (1 + math.cos(math.pi * left)) / 2
        return self.decay**left
