"""The fitting loop, as a generator: whoever iterates it decides what to show and when to stop."""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from . import parallel
from .average import Average
from .encodings import DenseGrid, Encoding, HashGrid, Spline
from .field import Field, FieldSpec
from .kernels import sparse_adam_
from .kernels.backends import BackendUnavailable, choose
from .networks import Network
from .solvers import Descent, Solver, Step, balanced
from .spec import Spec, knob
from .stopping import Stopping, stopping
from .tasks import Task, total

REPORT_SECONDS = 0.05  # between two reports when `FitConfig.report` leaves it to the clock
FASTER = 0.6  # spread of a later stage's first weights, relative to the wave that was left over


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
    precision: Literal["auto", "fp32", "bf16", "fp64"] = knob(
        "auto",
        "the network's arithmetic: auto is bf16 where the hardware multiplies it, fp64 computes "
        "everything in double precision",
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

    def rate(self, share: float) -> float:
        """The factor on both learning rates once `share` of the run is done, from 1 to `decay`."""
        left = max(0.0, (share - self.hold) / (1 - self.hold)) if self.hold < 1 else 0.0
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "cosine":
            return self.decay + (1 - self.decay) * (1 + math.cos(math.pi * left)) / 2
        return self.decay**left


@dataclass(frozen=True)
class Progress:
    """A report of a run. `field` is the live model: read it before asking for the next report.

    Attributes:
        step: steps taken; 0 in the first report, before any.
        loss: mean over the steps since the last report; nan in the first.
        seconds: time spent fitting, without the time that the caller took to look.
        share: of the run that is done, 0 to 1.
        end: why this is the last report: `steps`, `seconds`, `psnr`, `diverged` or the name of the
            stopping rule; else None.
        stop: the stopping rule, live as the field is; None if there is none. The last report's
            field is in the state that it chose.
    """

    step: int
    loss: float
    seconds: float
    share: float
    field: Field
    backend: str
    end: str | None = None
    stop: Stopping | None = None

    @property
    def eta(self) -> float:
        """Seconds of fitting still to come, if it goes on as it went; nan before the first step."""
        return self.seconds * (1 - self.share) / self.share if self.share > 0 else math.nan


def fit(task: Task, config: FitConfig | None = None) -> Generator[Progress, None, None]:
    """Fit a field to a task, reporting before the first step, as `config.report` says, and last.

    Nothing is left behind if the caller stops early: close the generator, or drop it. A caller that
    waits before asking for the next report pauses the run.

    Raises:
        BackendUnavailable: the backend asked for does not work here; says what to install.
        ValueError: the field cannot be built for this task.
    """
    config = config or FitConfig()
    run = Run(task, config)
    yield run.report(None)
    while True:
        end = run.judge(run.advance())
        if end is not None or run.due():
            end = end or ("psnr" if run.reached() else None)
            yield run.report(end)
            if end is not None:
                return


def check(task: Task, config: FitConfig) -> None:
    """That a fit can begin, without allocating what it needs.

    Raises:
        BackendUnavailable, ValueError: as `fit` does.
    """
    backend_of(config, resolve_device(config.device))
    with torch.device("meta"):
        field = config.field.build(task.in_dim, task.out_dim, torch.Generator())
    config.solver.check(task, field)
    if field.stages > 1:
        _check_stages(config)
    if config.stop != "none" and not isinstance(config.solver, Descent):
        raise ValueError(
            f"the stopping rule {config.stop} ends a descent, and {type(config.solver).__name__} "
            "is none; leave the rule out, or choose another method."
        )
    stopping(config.stop, task, field)


def _check_stages(config: FitConfig) -> None:
    """ValueError if what is asked for cannot be done stage by stage."""
    if not config.solver.minimises:
        raise ValueError(f"{type(config.solver).__name__} has no stages; set field.stages to 1.")
    if config.stop != "none":
        raise ValueError(
            f"the stopping rule {config.stop} keeps the best state of one stage; set field.stages "
            "to 1, or leave the rule out."
        )


def backend_of(config: FitConfig, device: torch.device) -> str:
    """The kernels that a config's field runs on: only grids have others than torch's, and those
    not in double precision."""
    name, _ = choose(config.backend, device)
    grids = isinstance(config.field.encoding, HashGrid | DenseGrid | Spline)
    if name == "torch" or (grids and config.precision != "fp64"):
        return name
    if config.backend == "auto":
        return "torch"
    if grids:
        raise BackendUnavailable(
            f"Backend {name} has no kernels in double precision; choose auto or torch, or another "
            "precision than fp64."
        )
    raise BackendUnavailable(
        f"Backend {name} has kernels for grids alone, and {type(config.field.encoding).__name__} "
        "is none; choose auto or torch."
    )


class Run:
    """The state of one fit: the field, its optimisers, and the clock.

    A fit has as many stages as its field. Each begins with steps of descent, as many as the solver
    wants, and ends with the solver's own.
    """

    def __init__(self, task: Task, config: FitConfig) -> None:
        self.config, self.solver = config, config.solver
        self.device = resolve_device(config.device)
        self.backend = backend_of(config, self.device)
        self.task = task.to(self.device)
        self.start = torch.Generator().manual_seed(config.seed)
        spec = replace(config.field, stages=1)
        field = spec.build(
            task.in_dim, task.out_dim, self.start, backend=self.backend, bf16=self.bf16
        )
        self.field = self.placed(field)
        self.solver.check(self.task, self.field)
        if self.solver.minimises:
            with torch.no_grad():
                self.task.prepare(self.field)
        rng = torch.Generator(self.device).manual_seed(config.seed)
        self.batches = self.task.batches(config.batch, rng)
        self.stopping = stopping(config.stop, self.task, self.field)
        self.step, self.seconds, self.reported = 0, 0.0, 0.0
        self.stage, self.first = 0, 0  # the stage, and the step that it began with
        self.losses: list[Tensor] = []
        self.recent = math.nan  # the mean loss that was last reported
        self.begin(1.0)
        if self.work is None:
            self.warm_up()

    @property
    def bf16(self) -> bool:
        return use_bf16(self.config.precision, self.device)

    def placed(self, field: Field) -> Field:
        """The field where it is to be fitted, in the arithmetic asked for."""
        field = field.to(self.device)
        return field.double() if self.config.precision == "fp64" else field

    def begin(self, unit: float) -> None:
        """What the stage that has just begun needs; its losses are divided by `unit`."""
        self.unit, self.first = unit, self.step
        self.factors: dict[str, float] = {}
        self.parameters = [p for p in self.field.parameters() if p.requires_grad]
        self.work: Iterator[Step] | None = None
        self.reached_share = 0.0  # of the solver's own work
        self.optimisers: list[Dense | Sparse] = []
        if self.solver.descent != 0:
            self.optimisers = optimisers(self.field, self.config, self.backend)
        averaged = self.config.average and self.solver.descent is None
        self.average = Average(self.field, self.config.average) if averaged else None
        self.shown = self.average.field if self.average else self.field  # to whoever looks
        if self.solver.descent == 0:
            self.begin_work()

    def begin_work(self) -> None:
        """Let the solver see what there is to do, after the stage's descent."""
        self.optimisers = []
        frequency = 0.0
        if self.solver.minimises:
            frequency = self.task.leftover(self.field.earlier or self.field).frequency
        self.work = self.solver.solve(self.task, self.field, frequency)
        self.reached_share = next(self.work).share  # of what the field starts from

    def grow(self) -> None:
        """Begin a stage that fits what the field has left over."""
        if self.average is not None:
            self.field.load_state_dict(self.average.field.state_dict())
        left = self.task.leftover(self.field)
        field = self.config.field.grow(
            self.field, self.start, backend=self.backend, bf16=self.bf16
        )
        self.field = self.placed(field)
        size = left.size if left.size > 0 else 1.0
        self.field.scale.fill_(size)
        network = self.field.network
        if self.config.field.bare and isinstance(network, Network):
            quicken(network, left.frequency)
        self.stage += 1
        self.begin(size**2)

    def warm_up(self) -> None:
        """Compile or load every kernel that a step needs, before the clock runs."""
        with torch.enable_grad():
            batch = next(self.task.batches(1, torch.Generator(self.device)))
            self.task.loss(self.field, batch).backward()
        for parameter in self.field.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
        for optimiser in self.optimisers:
            if isinstance(optimiser, Sparse):
                optimiser.step(0.0)  # touches nothing where the gradient is 0
        self.field.zero_grad()

    def advance(self) -> str | None:
        """Take one step; the reason if the run must end with it."""
        tick = time.perf_counter()
        over = self.descend() if self.work is None else self.solve(self.work)
        last = self.stage + 1 == self.config.field.stages
        out_of_steps = self.config.steps is not None and self.step >= self.config.steps
        if not last and not out_of_steps and (over or self.stage_share >= 1):
            self.grow()
            over = False
        self.seconds += time.perf_counter() - tick
        if out_of_steps or (last and over):
            return "steps"
        if self.config.seconds is not None and self.seconds >= self.config.seconds:
            return "seconds"
        if len(self.losses) % 64 == 63 and not math.isfinite(self.losses[-1].item()):
            return "diverged"
        return None

    def solve(self, work: Iterator[Step]) -> bool:
        """Let the solver take a step; whether it was the stage's last."""
        with parallel.one_thread():
            done = next(work, None)
        if done is None:
            self.reached_share = 1.0
            return True
        self.reached_share = done.share
        self.losses.append(torch.tensor(done.change, dtype=torch.float64))
        self.step += 1
        return done.share >= 1

    def descend(self) -> bool:
        """Take a step of descent; it is never the stage's last."""
        share = self.descent_share
        factor = self.config.rate(share)
        for optimiser in self.optimisers:
            if isinstance(optimiser, Sparse):
                optimiser.unlock(share)
        batch = next(self.batches)
        if self.config.balance and (self.step - self.first) % self.config.balance == 0:
            self.factors = balanced(self.field, self.task.terms(self.field, batch))
        with self.threads():
            self.losses.append(self.backward(batch))
            for optimiser in self.optimisers:
                optimiser.step(factor)
            self.step += 1
            if self.average is not None:
                self.average.follow(self.step - self.first)
        if self.solver.descent is not None and self.step - self.first >= self.solver.descent:
            self.begin_work()
        return False

    def judge(self, end: str | None) -> str | None:
        """Ask the stopping rule when it is time; the reason if the run must end."""
        rule = self.stopping
        if rule is None or (end is None and not rule.due(self.step)):
            return end
        tick = time.perf_counter()
        over = rule.ask(self.step, self.seconds, self.shown, self.field)
        self.seconds += time.perf_counter() - tick
        return end or (rule.name if over else None)

    def backward(self, batch: Any) -> Tensor:
        """Set the gradients on a batch, and return the loss."""

        def loss(points: Any) -> Tensor:
            if self.factors:
                found = total(self.field, self.task.terms(self.field, points), self.factors)
            else:
                found = self.task.loss(self.field, points)
            return found if self.unit == 1 else found / self.unit

        if self.in_pieces:
            value = parallel.backward(loss, batch, self.parameters)
        else:
            with torch.enable_grad():
                value = loss(batch)
                value.backward()
            value = value.detach()
        with torch.enable_grad():
            penalty = self.field.penalty
            if penalty is not None:
                penalty.backward()
        return value * self.unit

    @property
    def in_pieces(self) -> bool:
        """Whether threads share a batch out: not where each would need a gradient of the table."""
        alone = self.device.type == "cpu" and not self.field.encoding.tables
        return alone and self.task.in_pieces

    def threads(self) -> AbstractContextManager[None]:
        """One thread for torch, but for a table without a kernel of its own: work is shared out by
        pieces or inside a kernel, or so little that threads would only wait for one another."""
        alone = not self.field.encoding.tables or self.field.fused is not None
        return parallel.one_thread() if alone else parallel.all_threads(self.device)

    @property
    def share(self) -> float:
        """Of the run that is done, by whichever bound is nearer."""
        config, stages = self.config, self.config.field.stages
        steps = 0.0 if config.steps is None else self.step / config.steps
        seconds = self.seconds / config.seconds if config.seconds else 0.0
        return min(1.0, max(steps, seconds, (self.stage + self.worked) / stages))

    @property
    def stage_share(self) -> float:
        """Of the stage that is done: it ends when its even part of a bound is used up."""
        return self.share * self.config.field.stages - self.stage

    @property
    def worked(self) -> float:
        """Of the stage's work, where that ends by itself."""
        descent = self.solver.descent
        if descent is None:
            return 0.0
        if descent == 0:
            return self.reached_share
        if self.work is None:
            return 0.5 * (self.step - self.first) / descent
        return 0.5 + 0.5 * self.reached_share

    @property
    def descent_share(self) -> float:
        """Of the stage's descent that is done: what the learning rate follows."""
        if self.solver.descent is None:
            return min(1.0, max(0.0, self.stage_share))
        return (self.step - self.first) / self.solver.descent

    def due(self) -> bool:
        if self.stopping is not None and self.stopping.asked == self.step:
            return True  # so that who draws its curve sees every point
        if self.config.report:
            return self.step % self.config.report == 0
        return self.seconds - self.reported >= REPORT_SECONDS

    def reached(self) -> bool:
        """Whether the PSNR asked for is there: first by the loss, and then by the whole data."""
        if self.config.psnr is None or not self.solver.minimises:
            return False
        guess = self.task.psnr(self._mean_loss())
        if guess is None or guess < self.config.psnr - 0.3:
            return False
        return self.task.evaluate(self.shown).get("psnr", 0.0) >= self.config.psnr

    def report(self, end: str | None) -> Progress:
        if self.losses:
            self.recent = self._mean_loss()
            self.losses.clear()
            if not math.isfinite(self.recent):
                end = "diverged"
        self.reported = self.seconds
        if end is not None and self.stopping is not None:
            self.stopping.restore(self.shown)
        return Progress(
            self.step,
            self.recent,
            self.seconds,
            self.share,
            self.shown,
            self.backend,
            end,
            self.stopping,
        )

    def _mean_loss(self) -> float:
        return float(torch.stack(self.losses).double().mean())


def quicken(network: Network, frequency: float) -> None:
    """Scale the first weights of a network of bare coordinates to waves of so many cycles a side.

    Wang & Lai 2024 [arXiv:2307.08934, sec. 3.2]: kappa = 1.2 pi f / sqrt(Var W0) with f in cycles a
    unit, of which a side has two.
    """
    if not frequency:
        return
    spread = float(network.first_weights[0].detach().square().mean().sqrt())
    network.amplify(FASTER * math.pi * frequency / spread)


class Dense:
    """Adam over the network: every weight has a gradient in every step. Biases do not decay.

    Kingma & Ba 2015 (arXiv:1412.6980, algorithm 1), with the decay as an L2 penalty. Written out,
    since torch.optim imports a compiler that takes two seconds to load.
    """

    def __init__(self, weights: Sequence[Tensor], config: FitConfig) -> None:
        self.config, self.weights, self.step_count = config, list(weights), 0
        self.mean = [torch.zeros_like(w) for w in weights]
        self.square = [torch.zeros_like(w) for w in weights]

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """One step at `factor` times the learning rate; the gradients are then gone."""
        c = self.config
        self.step_count += 1
        rate = c.lr * factor / (1 - c.beta1**self.step_count)
        correction = math.sqrt(1 - c.beta2**self.step_count)
        for weight, mean, square in zip(self.weights, self.mean, self.square, strict=True):
            assert weight.grad is not None
            gradient, weight.grad = weight.grad, None
            if c.weight_decay and weight.ndim > 1:
                gradient = gradient + c.weight_decay * weight
            mean.lerp_(gradient, 1 - c.beta1)
            square.mul_(c.beta2).addcmul_(gradient, gradient, value=1 - c.beta2)
            weight.addcdiv_(mean, square.sqrt().div_(correction).add_(c.eps), value=-rate)


class Sparse:
    """Adam over the tables of a grid: entries that no sample touched stay as they are.

    As published with the multiresolution hash encoding [arXiv:2201.05989, sec. 4]: an entry with a
    gradient of exactly 0 is skipped, and its bias correction counts its own steps.
    """

    def __init__(self, encoding: Encoding, config: FitConfig, backend: str) -> None:
        self.config, self.backend, self.tables = config, backend, encoding.tables
        self.levels = encoding.levels
        self.rows = self.levels[-1]  # of each table that learn
        self.moments = [(torch.zeros_like(t), torch.zeros_like(t)) for t in self.tables]
        self.counts = [torch.zeros_like(t, dtype=torch.int32) for t in self.tables]

    def unlock(self, share: float) -> None:
        """Let as many levels learn as the config says, once `share` of the run is done."""
        self.rows = self.levels[self.config.unlocked(len(self.levels), share) - 1]

    def step(self, factor: float) -> None:
        """The kernel also clears the gradient, so that the next backward adds to zeros."""
        config, rows = self.config, self.rows
        for table, (m, v), count in zip(self.tables, self.moments, self.counts, strict=True):
            assert table.grad is not None
            sparse_adam_(
                table.detach()[:rows],
                table.grad[:rows],
                m[:rows],
                v[:rows],
                count[:rows],
                backend=self.backend,
                lr=config.table_lr * factor,
                beta1=config.beta1,
                beta2=config.beta2,
                eps=config.eps,
            )
            table.grad[rows:].zero_()


def optimisers(field: Field, config: FitConfig, backend: str) -> list["Dense | Sparse"]:
    """Adam for the network's weights and for the tables, whichever there are."""
    found = dense(field, config), sparse(field, config, backend)
    return [optimiser for optimiser in found if optimiser]


def dense(field: Field, config: FitConfig) -> Dense | None:
    tables = {id(t) for t in field.encoding.tables}
    weights = [p for p in field.parameters() if p.requires_grad and id(p) not in tables]
    return Dense(weights, config) if weights else None


def sparse(field: Field, config: FitConfig, backend: str) -> Sparse | None:
    return Sparse(field.encoding, config, backend) if field.encoding.tables else None


def resolve_device(device: str) -> torch.device:
    """The device that a name means here.

    Raises:
        ValueError: cuda was asked for and there is none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda was asked for, but torch finds no GPU; use --device cpu.")
    return torch.device(device)


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether the network multiplies in bf16. `auto` asks for hardware that is faster at it."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
