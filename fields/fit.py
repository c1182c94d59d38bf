"""The fitting loop, as a generator: whoever iterates it decides what to show and when to stop."""

import math
import time
import warnings
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from . import parallel
from .average import Average
from .config import FitConfig
from .device_step import device_step
from .field import Field
from .fused import lose_biases
from .kernels.backends import missing
from .networks import Network
from .optimisers import Dense, Sparse, optimisers
from .placing import backend_of, check_half, described, operands_of, resolve_device
from .solvers import Descent, Step, balanced
from .stopping import Stopping, stopping
from .tasks import Task, total

__all__ = ["FitConfig", "Progress", "Run", "check", "fit", "resolve_device"]

REPORT_SECONDS = 0.05  # between two reports when `FitConfig.report` leaves it to the clock
MOST_COMPILED = 256  # networks in the life of a process
AHEAD = 32  # steps that are asked of a GPU before they are waited for
FASTER = 0.6  # spread of a later stage's first weights, relative to the wave that was left over


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
        device: `cpu` or `cuda`.
        how: in a sentence, what computes the fit, and why nothing faster does.
    """

    step: int
    loss: float
    seconds: float
    share: float
    field: Field
    backend: str
    end: str | None = None
    stop: Stopping | None = None
    device: str = "cpu"
    how: str = ""

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
        MemoryError: the GPU has too little memory; says what to do.
    """
    try:
        yield from _reports(task, config or FitConfig())
    except torch.OutOfMemoryError:
        raise MemoryError(
            "the GPU has too little memory for this fit; lower the batch or the field's size, or "
            "use --device cpu."
        ) from None


def _reports(task: Task, config: FitConfig) -> Generator[Progress, None, None]:
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
    device = resolve_device(config.device, config.solver)
    backend, _ = _backend(config, device, task)
    with torch.device("meta"):
        field = config.field.build(
            task.in_dim,
            task.out_dim,
            torch.Generator(),
            backend=backend,
            operands=operands_of(config, device, backend, derived=task.derived),
        )
    check_half(field, config)
    config.solver.check(task, field)
    if field.stages > 1:
        _check_stages(config)
    if config.stop != "none" and not isinstance(config.solver, Descent):
        raise ValueError(
            f"the stopping rule {config.stop} ends a descent, and {type(config.solver).__name__} "
            "is none; leave the rule out, or choose another method."
        )
    stopping(config.stop, task, field)


def _backend(
    config: FitConfig, device: torch.device, task: Task
) -> tuple[str, str | None]:
    doubles = config.precision == "fp64"
    return backend_of(
        config.backend, config.field.encoding, device, task.in_dim, doubles=doubles
    )


def _check_stages(config: FitConfig) -> None:
    """ValueError if what is asked for cannot be done stage by stage."""
    if not config.solver.minimises:
        raise ValueError(f"{type(config.solver).__name__} has no stages; set field.stages to 1.")
    if config.stop != "none":
        raise ValueError(
            f"the stopping rule {config.stop} keeps the best state of one stage; set field.stages "
            "to 1, or leave the rule out."
        )


class Run:
    """The state of one fit: the field, its optimisers, and the clock.

    A fit has as many stages as its field. Each begins with steps of descent, as many as the solver
    wants, and ends with the solver's own.
    """

    def __init__(self, task: Task, config: FitConfig) -> None:
        self.config, self.solver = config, config.solver
        self.device = resolve_device(config.device, config.solver)
        self.backend, self.why_slow = _backend(config, self.device, task)
        self.operands = operands_of(config, self.device, self.backend, derived=task.derived)
        self.task = task.to(self.device)
        self.start = torch.Generator().manual_seed(config.seed)
        spec = replace(config.field, stages=1)
        field = spec.build(
            task.in_dim, task.out_dim, self.start, backend=self.backend, operands=self.operands
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

    def placed(self, field: Field) -> Field:
        """A new stage where it is to be fitted, in the arithmetic asked for."""
        field = field.to(self.device)
        if self.backend == "tinycudann":
            lose_biases(field.encoding, field.network)
        check_half(field, self.config)
        if self.compiled(field):
            compile_network(field.network)
        return field.double() if self.config.precision == "fp64" else field

    def compiled(self, field: Field) -> bool:
        """Whether torch.compile is to make a field's network faster: where no kernel follows it.

        It has no second derivatives, and it is not asked for where torch alone was.
        """
        return (
            self.device.type == "cuda"
            and self.config.backend != "torch"
            and self.config.precision != "fp64"
            and missing("triton", self.device) is None
            and field.fused is None
            and self.solver.minimises
            and self.solver.descent is None
            and not self.task.derived
            and any(True for _ in field.network.parameters())
        )

    @property
    def how(self) -> str:
        """In a sentence, what computes the fit, and why nothing faster does."""
        compiled = self.compiled(self.field)
        text = described(self.field, self.backend, self.why_slow, compiled=compiled)
        if self.whole is None or self.device.type != "cuda":
            return text
        if self.whole.eager is None:
            return f"{text}, a step as one CUDA graph"
        return f"{text}; without a CUDA graph, which failed: {self.whole.eager}"

    def begin(self, unit: float) -> None:
        """What the stage that has just begun needs; its losses are divided by `unit`."""
        self.unit, self.first = unit, self.step
        self.factors: dict[str, float] = {}
        self.parameters = [p for p in self.field.parameters() if p.requires_grad]
        self.work: Iterator[Step] | None = None
        self.reached_share = 0.0  # of the solver's own work
        self.optimisers: list[Dense | Sparse] = []
        self.whole = None  # step, if the device does all of it
        if self.solver.descent != 0:
            self.whole = device_step(self.field, self.task, self.config) if unit == 1 else None
        if self.solver.descent != 0 and self.whole is None:
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
            self.field, self.start, backend=self.backend, operands=self.operands
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
        if self.whole is not None:
            self.whole.prepare()
            return
        # What torch.compile makes of a network is for batches of one size.
        size = self.config.batch if self.compiled(self.field) else 1
        with torch.enable_grad(), warnings.catch_warnings():
            # Coordinates want all digits: less exact products are no advice for them.
            warnings.filterwarnings("ignore", message="TensorFloat32")
            batch = next(self.task.batches(size, torch.Generator(self.device)))
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
        if self.device.type == "cuda" and self.step % AHEAD == 0:
            torch.cuda.synchronize(self.device)
        self.seconds += time.perf_counter() - tick
        if out_of_steps or (last and over):
            return "steps"
        if self.config.seconds is not None and self.seconds >= self.config.seconds:
            return "seconds"
        return "diverged" if self.step % 64 == 63 and self.lost else None

    @property
    def lost(self) -> bool:
        """Whether the loss is no number any more."""
        if self.whole is not None:
            return not math.isfinite(self.whole.mean_loss())
        return bool(self.losses) and not math.isfinite(self.losses[-1].item())

    def settle(self) -> None:
        """Wait for what was asked of the device: it counts as time of the fit."""
        if self.device.type == "cuda":
            tick = time.perf_counter()
            torch.cuda.synchronize(self.device)
            self.seconds += time.perf_counter() - tick

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
        if self.whole is not None:
            self.whole.step(factor, self.config.rows(self.field.encoding.levels, share))
            self.step += 1
            if self.average is not None:
                self.average.follow(self.step - self.first)
            return False
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
        whole = self.field.fused is not None and not self.task.derived
        alone = whole or not self.field.encoding.tables
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
        self.settle()
        if self.losses or (self.whole is not None and self.whole.taken):
            self.recent = self._mean_loss()
            self.losses.clear()
            if self.whole is not None:
                self.whole.clear()
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
            self.device.type,
            self.how,
        )

    def _mean_loss(self) -> float:
        if self.whole is not None:
            return self.whole.mean_loss()
        return float(torch.stack(self.losses).double().mean())


def compile_network(network: nn.Module) -> None:
    """Let torch.compile make a network faster, at its first batch.

    It gives up, without a word that reaches anyone, on code that it has compiled for eight networks
    already: a comparison of methods has more.
    """
    import torch._dynamo.config as limits

    limits.recompile_limit = max(limits.recompile_limit, MOST_COMPILED)
    network.compile(dynamic=False)


def quicken(network: Network, frequency: float) -> None:
    """Scale the first weights of a network of bare coordinates to waves of so many cycles a side.

    Wang & Lai 2024 [arXiv:2307.08934, sec. 3.2]: kappa = 1.2 pi f / sqrt(Var W0) with f in cycles a
    unit, of which a side has two.
    """
    if not frequency:
        return
    spread = float(network.first_weights[0].detach().square().mean().sqrt())
    network.amplify(FASTER * math.pi * frequency / spread)
