"""What happened during a fit: pictures coarse to fine, PSNR, and the error by frequency."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .field import Field
from .fit import Progress
from .grid import window
from .metrics import decibels
from .render import evaluate
from .spectrum import band_error, band_power, bands
from .tasks import ImageTask, UpscaleTask

FRAME_PIXELS = 400_000  # of a frame at most; a larger picture is seen through every nth pixel
WINDOW_SIDE = 512  # of the middle of a larger picture, in which frequencies are followed
MEASURED = 4096  # pixels at which a picture is measured that is drawn larger than it is
GLANCE_SECONDS = 0.05  # a glance is drawn as fine as this time allows
ENLARGED_SIDE = 192  # of that window, in a picture that is drawn larger than it is
LOOK_GROWTH = 1.12  # a look is due when the run is this much older than at the last
CREDIT = 0.3  # seconds of looking in advance: most happens at first


@dataclass(frozen=True)
class Snapshot:
    """A look at a field during a fit.

    Attributes:
        frame: uint8 [h, w, c], the whole picture, at most `FRAME_PIXELS` of it.
        metrics: `psnr` (and `heldout_psnr`) on the frame's pixels.
        band_error: relative error in each of `Recorder.edges`' bands, nan where there is no power;
            empty for a glance.
    """

    step: int
    seconds: float
    loss: float
    frame: Tensor
    metrics: dict[str, float]
    band_error: tuple[float, ...]


@dataclass(frozen=True)
class Pace:
    """How much of the time of fitting may go to looking.

    Attributes:
        looking, glancing: shares of it.
        overdue: a look is taken whatever it costs when the run is so much older than at the last.
    """

    looking: float = 0.3
    glancing: float = 0.15
    overdue: float = 1.6


class Watch(ABC):
    """Looks at a field while it is fitted.

    It takes looks, which it keeps, dense at first, when most happens; and in between glances, which
    cost little, for whoever watches.

    Args:
        remember: whether to keep the best state; for a run that only ever gets better, there is no
            need to.
        pace: of looks and glances.

    Attributes:
        snapshots: the looks so far, oldest first.
        edges: of the frequency bands, in cycles over the longest side.
        best: parameters at the best look so far and how good it was, to go back to if a run is
            lost; or None.
        rate: points of the result that are drawn in a second, by the last look.
    """

    edges: Tensor

    def __init__(self, *, remember: bool, pace: Pace) -> None:
        self.remember, self.pace = remember, pace
        self.snapshots: list[Snapshot] = []
        self.best: tuple[float, dict[str, Tensor]] | None = None
        self.rate = 0.0
        self.looking, self.glancing = 0.0, 0.0  # seconds spent
        self.looked = 0.0  # age of the run at the last look

    @abstractmethod
    def full(self, progress: Progress) -> Snapshot:
        """A full look; sets `rate`."""

    @abstractmethod
    def quick(self, progress: Progress) -> Snapshot:
        """A glance: a frame as fine as a moment allows."""

    @abstractmethod
    def good(self, snapshot: Snapshot) -> float:
        """How good the field is in a look; more is better."""

    @abstractmethod
    def power(self) -> Tensor:
        """Of the target, in each frequency band: float64 [bands]."""

    @abstractmethod
    def target(self) -> Tensor:
        """The target as the frames show it, float32 [h, w, c]."""

    def watch(
        self, run: Iterator[Progress]
    ) -> Generator[tuple[Progress, Snapshot | None], None, None]:
        """The reports of a fit, each with a look or a glance at the field when it is time."""
        for progress in run:
            snapshot = None
            if progress.step == 0 or progress.end or self._look_due(progress.seconds):
                snapshot = self.look(progress)
            elif self.glancing <= CREDIT + self.pace.glancing * progress.seconds:
                snapshot = self.glance(progress)
            yield progress, snapshot

    def _look_due(self, seconds: float) -> bool:
        affordable = self.looking <= CREDIT + self.pace.looking * seconds
        return seconds >= self.looked * (LOOK_GROWTH if affordable else self.pace.overdue)

    def look(self, progress: Progress) -> Snapshot:
        """A full look, which is kept."""
        tick = time.perf_counter()
        snapshot = self.full(progress)
        self.snapshots.append(snapshot)
        self.looking += time.perf_counter() - tick
        self.looked = progress.seconds
        if self.remember:
            self._remember(progress.field, snapshot)
        return snapshot

    def glance(self, progress: Progress) -> Snapshot:
        """The shape or picture alone."""
        tick = time.perf_counter()
        snapshot = self.quick(progress)
        self.glancing += time.perf_counter() - tick
        return snapshot

    def _remember(self, field: Field, snapshot: Snapshot) -> None:
        good, state = self.good(snapshot), field.state_dict()
        if self.best is not None and self.best[1].keys() != state.keys():
            self.best = None  # of an earlier stage, which this field holds whole
        if math.isfinite(good) and (self.best is None or good > self.best[0]):
            self.best = good, {k: v.detach().clone() for k, v in state.items()}


class Recorder(Watch):
    """Looks at a picture's field while it is fitted.

    Large pictures are seen through every nth pixel, their frequencies through a window in the
    middle at full resolution.
    """

    def __init__(self, task: ImageTask, *, remember: bool = True) -> None:
        super().__init__(remember=remember, pace=Pace())
        self.task = task
        self.view = View(task, math.ceil(math.sqrt(math.prod(task.drawn) / FRAME_PIXELS)))
        self.window = Window(task)
        self.edges = self.window.edges

    def full(self, progress: Progress) -> Snapshot:
        tick = time.perf_counter()
        view, field = self.view, progress.field
        values = view.values(field)
        whole = view.stride == 1 and self.window.whole and not view.enlarged
        errors = self.window.error(field, values if whole else None)
        spent = time.perf_counter() - tick
        points = len(view.index) + (0 if whole else len(self.window.index))
        self.rate = points / max(spent, 1e-6)
        return view.snapshot(progress, values, errors)

    def quick(self, progress: Progress) -> Snapshot:
        points = max(4096, min(FRAME_PIXELS, self.rate * GLANCE_SECONDS))
        stride = max(
            self.view.stride, math.ceil(math.sqrt(math.prod(self.task.drawn) / points))
        )
        view = self.view if stride == self.view.stride else View(self.task, stride)
        return view.snapshot(progress, view.values(progress.field), ())

    def good(self, snapshot: Snapshot) -> float:
        return snapshot.metrics.get("psnr", -math.inf)

    def power(self) -> Tensor:
        return self.window.power

    def target(self) -> Tensor:
        """The target as the frames show it, float32 [h, w, c]; grey where it is not known."""
        view = self.view
        known = view.masks[""]
        shown = view.target if known is None else torch.where(known[:, None], view.target, 0.5)
        return shown.view(*view.shape, -1)


class View:
    """Every nth pixel of a picture as it is to be drawn, along both axes.

    Attributes:
        rows, columns: numbers of them in the drawing.
        index: row-major numbers of the pixels.
        enlarged: whether that is larger than the task's picture; it is then measured at some of the
            task's pixels.
    """

    def __init__(self, task: ImageTask, stride: int) -> None:
        h, w = task.drawn
        rows = torch.arange(min(stride // 2, h - 1), h, stride)
        columns = torch.arange(min(stride // 2, w - 1), w, stride)
        self.task, self.stride, self.enlarged = task, stride, isinstance(task, UpscaleTask)
        self.shape = len(rows), len(columns)
        self.rows, self.columns = rows, columns
        self.index = (rows[:, None] * w + columns).flatten()
        xs, ys = window(task.size, (0, 0, task.size[1], task.size[0]), task.drawn)
        self.xs, self.ys = xs[columns], ys[rows]
        self.pixels = self.index
        if self.enlarged:
            rows, columns = rows * task.size[0] // h, columns * task.size[1] // w
            self.pixels = (rows[:, None] * task.size[1] + columns).flatten()
        self.target = task.values(self.pixels)
        self.masks = {
            name: None if mask is None else mask.flatten()[self.pixels]
            for name, mask in (("", task.known), ("heldout_", task.heldout))
        }

    def values(self, field: Field) -> Tensor:
        """The field at the pixels, float32 [n, c] in [0, 1]."""
        x = torch.stack(
            [self.xs.expand(self.shape), self.ys[:, None].expand(self.shape)], dim=-1
        ).flatten(0, 1)
        return evaluate(field, x.to(field.shift.device)).cpu().clamp_(0, 1)

    def snapshot(
        self, progress: Progress, values: Tensor, errors: tuple[float, ...]
    ) -> Snapshot:
        frame = (values * 255).round_().nan_to_num_().to(torch.uint8).view(*self.shape, -1)
        metrics = self._shrunk(progress.field) if self.enlarged else self._metrics(values)
        return Snapshot(
            progress.step, progress.seconds, progress.loss, frame, metrics, errors
        )

    def _shrunk(self, field: Field) -> dict[str, float]:
        """How near an enlarged picture, made small again, is to the one that was given."""
        index = self.pixels[:: max(1, len(self.pixels) // MEASURED)].unique()
        error = self.task.seen(field, index).cpu().clamp_(0, 1) - self.task.values(index)
        return {"psnr": decibels(float(error.square().double().mean()))}

    def _metrics(self, values: Tensor) -> dict[str, float]:
        squared = (values - self.target).square().mean(-1)
        found = {}
        for name, mask in self.masks.items():
            if mask is None and name:
                continue
            chosen = squared if mask is None else squared[mask]
            if len(chosen):
                found[f"{name}psnr"] = decibels(float(chosen.double().mean()))
        return found


class Window:
    """The part of a picture whose frequencies are followed: all of it, or its middle."""

    def __init__(self, task: ImageTask) -> None:
        h, w = task.size
        limit = max(h, w) if h * w <= FRAME_PIXELS else WINDOW_SIDE
        if isinstance(task, UpscaleTask):
            limit = min(limit, ENLARGED_SIDE)  # each pixel is many points then
        side = (min(h, limit), min(w, limit))
        top, left = (h - side[0]) // 2, (w - side[1]) // 2
        rows, columns = torch.arange(top, top + side[0]), torch.arange(left, left + side[1])
        self.side, self.task, self.whole = side, task, side == (h, w)
        self.index = (rows[:, None] * w + columns).flatten()
        self.target = task.values(self.index).view(*side, -1)
        self.inner = bands(*side)
        # Cycles over the window are few beside cycles over the picture.
        self.edges = self.inner * (max(h, w) / max(side))
        truth = torch.ones(h, w, dtype=torch.bool) if task.known is None else task.known.clone()
        if task.heldout is not None:
            truth |= task.heldout
        self.truth = truth.flatten()[self.index].view(side)
        self.power = band_power(self.target, self.inner)

    def error(self, field: Field, values: Tensor | None) -> tuple[float, ...]:
        """Relative error in each band; `values` [n, c] if they have been computed already."""
        if values is None:
            values = self.task.seen(field, self.index).cpu().clamp_(0, 1)
        values = values.view(*self.side, -1)
        # Where the truth is not known, what was filled in counts as right.
        values = torch.where(self.truth[..., None], values, self.target)
        return tuple(band_error(values, self.target, self.inner, self.power).tolist())
