"""What happened during a fit: pictures coarse to fine, PSNR, and the error by frequency."""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .field import Field
from .fit import Progress
from .grid import centres_of
from .metrics import decibels
from .render import evaluate
from .spectrum import band_error, band_power, bands
from .tasks import ImageTask

FRAME_PIXELS = 400_000  # of a frame at most; a larger picture is seen through every nth pixel
WINDOW_SIDE = 512  # of the middle of a larger picture, in which frequencies are followed
LOOKING = 0.2  # share of the time that may go into looking
CREDIT = 0.3  # seconds of looking in advance: most happens at first
KEEP_GROWTH = 1.06  # a snapshot is kept when the run is this much older than at the last one kept


@dataclass(frozen=True)
class Snapshot:
    """A look at a field during a fit.

    Attributes:
        frame: uint8 [h, w, c], the whole picture, at most `FRAME_PIXELS` of it.
        metrics: `psnr` (and `heldout_psnr`) on the frame's pixels.
        band_error: relative error in each of `Recorder.edges`' bands; nan where there is no power.
    """

    step: int
    seconds: float
    loss: float
    frame: Tensor
    metrics: dict[str, float]
    band_error: tuple[float, ...]


class Recorder:
    """Looks at a picture's field while it is fitted.

    It looks as often as `LOOKING` allows, and keeps a history that is dense at first, when most
    happens. Large pictures are seen through every nth pixel, their frequencies through a window in
    the middle at full resolution.

    Attributes:
        snapshots: those kept so far, oldest first.
        edges: of the frequency bands, in cycles over the longest side of the picture.
        best: parameters at the highest PSNR so far, to go back to if a run is lost; or None.
    """

    def __init__(self, task: ImageTask) -> None:
        h, w = task.size
        self.task = task
        self.stride = math.ceil(math.sqrt(h * w / FRAME_PIXELS))
        rows = torch.arange(self.stride // 2, h, self.stride)
        columns = torch.arange(self.stride // 2, w, self.stride)
        self.shape = len(rows), len(columns)
        self.index = (rows[:, None] * w + columns).flatten()
        self.target = task.values(self.index)
        self.window = _Window(task)
        self.edges = self.window.edges
        self.masks = {
            name: None if mask is None else mask.flatten()[self.index]
            for name, mask in (("", task.known), ("heldout_", task.heldout))
        }
        self.snapshots: list[Snapshot] = []
        self.best: tuple[float, dict[str, Tensor]] | None = None
        self.spent, self.kept = 0.0, -1.0

    def watch(
        self, run: Iterator[Progress]
    ) -> Generator[tuple[Progress, Snapshot | None], None, None]:
        """The reports of a fit, each with a look at the field when it is time for one."""
        for progress in run:
            snapshot = None
            if progress.step == 0 or progress.end or self._due(progress):
                snapshot = self.look(progress)
            yield progress, snapshot

    def _due(self, progress: Progress) -> bool:
        return self.spent <= CREDIT + LOOKING * progress.seconds

    def power(self) -> Tensor:
        """Of the target, in each frequency band: float64 [bands]."""
        return band_power(self.window.target, self.window.inner)

    def look(self, progress: Progress, *, keep: bool = True) -> Snapshot:
        """A snapshot of now; with `keep`, it joins the history if the last there is old enough."""
        tick = time.perf_counter()
        field = progress.field
        values = evaluate(field, centres_of(self.index, *self.task.size).to(field.shift.device))
        values = values.cpu().clamp_(0, 1)
        frame = (values * 255).round_().nan_to_num_().to(torch.uint8).view(*self.shape, -1)
        errors = self.window.error(field, values if self.stride == 1 else None)
        snapshot = Snapshot(
            progress.step, progress.seconds, progress.loss, frame, self._metrics(values), errors
        )
        if keep and (progress.end or progress.seconds >= self.kept * KEEP_GROWTH):
            self.snapshots.append(snapshot)
            self.kept = progress.seconds
            self._remember(progress, snapshot)
        self.spent += time.perf_counter() - tick
        return snapshot

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

    def _remember(self, progress: Progress, snapshot: Snapshot) -> None:
        psnr = snapshot.metrics.get("psnr", -math.inf)
        if math.isfinite(psnr) and (self.best is None or psnr > self.best[0]):
            state = {k: v.detach().clone() for k, v in progress.field.state_dict().items()}
            self.best = psnr, state


class _Window:
    """The part of a picture whose frequencies are followed: all of it, or its middle."""

    def __init__(self, task: ImageTask) -> None:
        h, w = task.size
        limit = max(h, w) if h * w <= FRAME_PIXELS else WINDOW_SIDE
        side = (min(h, limit), min(w, limit))
        top, left = (h - side[0]) // 2, (w - side[1]) // 2
        rows, columns = torch.arange(top, top + side[0]), torch.arange(left, left + side[1])
        self.side, self.task = side, task
        self.index = (rows[:, None] * w + columns).flatten()
        self.target = task.values(self.index).view(*side, -1)
        self.inner = bands(*side)
        # Cycles over the window are few beside cycles over the picture.
        self.edges = self.inner * (max(h, w) / max(side))
        truth = torch.ones(h, w, dtype=torch.bool) if task.known is None else task.known.clone()
        if task.heldout is not None:
            truth |= task.heldout
        self.truth = truth.flatten()[self.index].view(side)

    def error(self, field: Field, values: Tensor | None) -> tuple[float, ...]:
        if values is None:
            x = centres_of(self.index, *self.task.size).to(field.shift.device)
            values = evaluate(field, x).cpu().clamp_(0, 1)
        values = values.view(*self.side, -1)
        # Where the truth is not known, what was filled in counts as right.
        target = torch.where(self.truth[..., None], self.target, values)
        return tuple(band_error(values, target, self.inner).tolist())
