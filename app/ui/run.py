"""A run: a job with its state, which any number of pages may watch while one thread fits it."""

import math
import secrets
import shutil
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fields import BackendUnavailable, Snapshot

from ..folder import RunFolder
from ..jobs import AbstractJob, fit_job
from ..race import Entrant
from ..trace import Trace
from .previews import thumbnail
from .settings import AUTO

REPLAYED = 48  # moments of each method that can be gone back to after the fit
OVER = ("done", "stopped", "failed")


class Frame:
    """A look at a field, encoded once and only if somebody sees it.

    Args:
        encode: makes a data URI of pixels, uint8 [h, w, c].
    """

    def __init__(self, pixels: torch.Tensor, encode: Callable[[torch.Tensor], str]) -> None:
        self.height, self.width = pixels.shape[:2]
        self._pixels: torch.Tensor | None = pixels
        self._encode = encode

    @cached_property
    def uri(self) -> str:
        assert self._pixels is not None
        return self._encode(self._pixels)

    def pack(self) -> None:
        """Keep the encoded picture alone: it takes a twentieth of the memory."""
        _ = self.uri
        self._pixels = None


@dataclass(frozen=True)
class Moment:
    """Where one method is, or was.

    Attributes:
        drawn: share of the result that is made, once the fit is over.
        scene: of a shape, what a viewer shows of it; None if there is none, as during the fit.
    """

    method: str
    step: int = 0
    seconds: float = 0.0
    share: float = 0.0
    eta: float = math.nan
    metrics: dict[str, float] = field(default_factory=dict)
    frame: Frame | None = None
    end: str = ""
    drawn: float = 0.0
    scene: Path | None = None


class Run(ABC):
    """A job with its state: queued, warming up, preparing, running, paused, saving; done, stopped,
    failed.

    Args:
        name: of the input.
        methods: that race.
        size: (height, width) of what is shown of each method.
        original: the id of what it is fitted to, which may be gone by now.
        before: what is fitted, as a JPEG.

    Attributes:
        tab: where it is seen.
        notes: sentences on what is done.
        now: of each method, the latest moment.
        past: of each method, moments coarse to fine; there once the run is over.
        traces: of each method, for the charts; without frames once the run is over.
        problem: of a run that failed, one sentence.
        version: counts the changes.
    """

    tab: str
    preparing: str  # what is done before the fit
    too_large: str  # what to say when the memory is too small
    saving: str  # what is done after the fit

    def __init__(
        self,
        name: str,
        command: str,
        methods: Sequence[str],
        folder: RunFolder,
        size: tuple[int, int],
        original: str,
        before: bytes,
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self.name, self.command, self.folder, self.size = name, command, folder, size
        self.original, self.before = original, before
        self.notes: list[str] = []
        self.created = time.time()
        self.state, self.problem = "queued", ""
        self.now = [Moment(method) for method in methods]
        self.past: list[list[Moment]] = [[] for _ in methods]
        self.traces: list[Trace] = []
        self.document: dict[str, Any] = {}
        self.version = 0
        self._changed = threading.Condition()
        self._looked: list[Snapshot | None] = [None for _ in methods]
        self._stop = False
        self._paused = False

    @abstractmethod
    def make(self) -> AbstractJob[Any]:
        """The job, once it is this run's turn.

        Raises:
            ValueError: there is nothing to fit.
        """

    @abstractmethod
    def seen(self, metrics: dict[str, float]) -> dict[str, float]:
        """Metrics under names that say what they are of."""

    @abstractmethod
    def frame(self, snapshot: Snapshot) -> Frame:
        """What a look shows."""

    @abstractmethod
    def looked(self, number: int, entrant: Entrant) -> None:
        """A method has been looked at for a moment that is kept; this may take a little."""

    @abstractmethod
    def moments(self, number: int, trace: Trace) -> list[Moment]:
        """A method's moments that can be gone back to, coarse to fine: at least one."""

    @abstractmethod
    def drop(self) -> None:
        """Let go of what only the fit needs."""

    @cached_property
    def thumbnail(self) -> bytes:
        return thumbnail(self.before, 192)

    @property
    def methods(self) -> list[str]:
        return [moment.method for moment in self.now]

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def has_results(self) -> bool:
        """Whether there are files to take away, and moments to go back to."""
        return self.state in ("done", "stopped") and all(self.past)

    @property
    def best(self) -> str:
        """Of a run with results, the method that came out best."""
        return str(self.document["method"])

    def described(self, method: str) -> dict[str, Any]:
        """Of a run with results: what run.json says of a method."""
        runs = self.document.get("runs", [self.document])
        return next(r for r in runs if r["method"] == method)

    def why(self, method: str) -> str:
        """Of a run with results: what `auto` chose and why; empty for a method that was asked for.
        """
        return str(self.described(method)["why"]) if method == AUTO else ""

    def wait(self, version: int, seconds: float) -> int:
        """Wait until the run has changed since `version`, but no longer; the version there is."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, seconds)
            return self.version

    def stop(self) -> None:
        """End the run where it is and keep what it has; one that waits leaves the queue."""
        with self._changed:
            self._stop = True
            if self.state == "queued":
                self._leave()
            self._touch()

    def pause(self, paused: bool) -> None:
        with self._changed:
            if self.state in ("running", "paused"):
                self._paused = paused
                self._touch()

    @property
    def paused(self) -> bool:
        return self._paused and not self.over

    # --- what follows is called by the thread that fits ---

    def fit(self, warming: threading.Thread) -> None:
        """Do the job, once the kernels are warm."""
        with self._changed:
            if self._stop:
                return
            self.state = "warming up" if warming.is_alive() else "preparing"
            self._touch()
        try:
            warming.join()
            self._enter("preparing")
            job = self.make()
            if self._begin():
                self.document = fit_job(job, self.folder, stop=self._ask, show=self._show)
                self._keep()
        except (ValueError, OSError, MemoryError, BackendUnavailable) as error:
            self._fail(str(error) or f"The machine ran out of memory; {self.too_large}.")
        except Exception:
            traceback.print_exc()
            self._fail("The fit failed by a fault of ours; the server's terminal says more.")
        finally:
            self.drop()

    def _begin(self) -> bool:
        """Whether the fit may begin: not if it was stopped while it was prepared."""
        with self._changed:
            if self._stop:
                self._leave()
            else:
                self.state = "running"
            self._touch()
            return not self._stop

    def _enter(self, state: str) -> None:
        with self._changed:
            self.state = state
            self._touch()

    def _touch(self) -> None:
        self.version += 1
        self._changed.notify_all()

    def _leave(self) -> None:
        """Leave without having begun: there is nothing to keep."""
        shutil.rmtree(self.folder.path, ignore_errors=True)
        self.drop()
        self.state = "stopped"

    def _fail(self, problem: str) -> None:
        self.problem = problem
        self._enter("failed")

    def _show(self, number: int, entrant: Entrant) -> None:
        """A method has advanced, or a part of its result is made."""
        if number == len(self.traces):
            self.traces.append(entrant.trace)
        progress, looked = entrant.progress, entrant.looked
        assert progress is not None
        moment = replace(
            self.now[number],
            step=progress.step,
            seconds=progress.seconds,
            share=1.0 if entrant.done else progress.share,
            eta=progress.eta,
            end=progress.end or "",
            drawn=entrant.drawn,
        )
        if looked is not None and looked is not self._looked[number]:
            self._looked[number] = looked
            self.looked(number, entrant)
            metrics = self.seen(looked.metrics)
            moment = replace(moment, metrics=metrics, frame=self.frame(looked))
        with self._changed:
            self.now[number] = moment
            if all(m.end for m in self.now):
                self.state = "saving"
            self._touch()

    def _ask(self) -> bool:
        """Whether to end now. A run that is paused waits here, where its clock stands still."""
        with self._changed:
            if self._paused and not self._stop:
                self.state = "paused"
                self._touch()
                self._changed.wait_for(lambda: self._stop or not self._paused)
                self.state = "running"
                self._touch()
            if self._stop:
                self.state = "saving"
                self._touch()
            return self._stop

    def _keep(self) -> None:
        """Of what was seen, keep what can be looked at again, in little memory."""
        ends = [trace.end for trace in self.traces]
        past = [self.moments(number, trace) for number, trace in enumerate(self.traces)]
        for number, trace in enumerate(self.traces):
            past[number][-1] = replace(past[number][-1], metrics=self.seen(trace.metrics))
        self.past = past
        self.traces = [_without_frames(trace) for trace in self.traces]
        self.now = [moments[-1] for moments in past]
        self._enter("stopped" if "interrupted" in ends else "done")

    def packed(self, trace: Trace, snapshot: Snapshot) -> Moment:
        """A look that can be gone back to."""
        frame = self.frame(snapshot)
        frame.pack()
        metrics = self.seen(snapshot.metrics)
        return Moment(
            trace.method, snapshot.step, snapshot.seconds, 1.0, 0.0, metrics, frame, trace.end
        )


def evenly(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """`REPLAYED` of the looks at most, with the first and the last."""
    if len(snapshots) <= REPLAYED:
        return list(snapshots)
    places = np.linspace(0, len(snapshots) - 1, REPLAYED).round().astype(int)
    return [snapshots[i] for i in places]


def _without_frames(trace: Trace) -> Trace:
    nothing = torch.empty(0, dtype=torch.uint8)
    return replace(trace, snapshots=[replace(s, frame=nothing) for s in trace.snapshots])
