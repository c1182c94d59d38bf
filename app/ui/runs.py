"""Runs belong to the server: one thread fits them in turn, and any number of pages may watch."""

import math
import secrets
import shutil
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from fields import BackendUnavailable, Snapshot

from ..folder import RunFolder
from ..pictures import Job, fit_job
from ..race import Entrant
from ..trace import Trace
from .limits import MAX_KEPT, MAX_WAITING
from .previews import data_uri, flat, jpeg, thumbnail
from .settings import AUTO, INDIRECT, Settings

REPLAYED = 48  # moments of each method that can be gone back to after the fit
OVER = ("done", "stopped", "failed")


class Frame:
    """A look at a field, encoded once and only if somebody sees it."""

    def __init__(self, pixels: torch.Tensor, icc: bytes | None) -> None:
        self.height, self.width = pixels.shape[:2]
        self._pixels: torch.Tensor | None = pixels
        self._icc = icc

    @cached_property
    def uri(self) -> str:
        assert self._pixels is not None
        return data_uri(jpeg(flat(self._pixels.numpy()), self._icc, quality=80))

    def pack(self) -> None:
        """Keep the encoded picture alone: it takes a twentieth of the memory."""
        _ = self.uri
        self._pixels = None


@dataclass(frozen=True)
class Moment:
    """Where one method is, or was.

    Attributes:
        drawn: share of the result that is drawn, once the fit is over.
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


class Run:
    """A job with its state: queued, warming up, running, paused, saving; done, stopped, failed.

    Attributes:
        original: the id of its picture, which may be gone by now.
        before: what the result is compared with, as a JPEG.
        compared: the part of it that is compared closely.
        size: (height, width) of the result.
        notes: sentences on what is done.
        now: of each method, the latest moment.
        past: of each method, moments coarse to fine; there once the run is over.
        traces: of each method, for the charts; without frames once the run is over.
        problem: of a run that failed, one sentence.
        version: counts the changes.
    """

    def __init__(
        self,
        job: Job,
        folder: RunFolder,
        settings: Settings,
        original: str,
        before: bytes,
        detail: bytes | None = None,
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self.job: Job | None = job
        self.folder, self.settings, self.original, self.before = folder, settings, original, before
        self.compared = detail or before
        self.name, self.command, self.size = job.name, job.command, job.task.drawn
        self.notes = job.notes
        self.created = time.time()
        self.state, self.problem = "queued", ""
        self.now = [Moment(plan.method) for plan in job.plans]
        self.past: list[list[Moment]] = [[] for _ in job.plans]
        self.traces: list[Trace] = []
        self.document: dict[str, Any] = {}
        self.version = 0
        self._changed = threading.Condition()
        self._looked: list[Snapshot | None] = [None for _ in job.plans]
        self._stop = False
        self._paused = False

    @cached_property
    def thumbnail(self) -> bytes:
        return thumbnail(self.before, 192)

    @cached_property
    def small_before(self) -> bytes:
        """As large as it is shown beside others."""
        return thumbnail(self.before, 800)

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

    def why(self, method: str) -> str:
        """Of a run with results: what `auto` chose and why; empty for a method that was asked for.
        """
        runs = self.document.get("runs", [self.document])
        return next((str(r["why"]) for r in runs if r["method"] == method == AUTO), "")

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
            self.state = "warming up" if warming.is_alive() else "running"
            self._touch()
        try:
            warming.join()
            self._enter("running")
            assert self.job is not None
            self.document = fit_job(self.job, self.folder, stop=self._ask, show=self._show)
            self._keep()
        except (ValueError, OSError, MemoryError, BackendUnavailable) as error:
            self._fail(str(error) or "The machine ran out of memory; try a smaller picture.")
        except Exception:
            traceback.print_exc()
            self._fail("The fit failed by a fault of ours; the server's terminal says more.")
        finally:
            self.job = None  # and with it the picture and the fields

    def _enter(self, state: str) -> None:
        with self._changed:
            self.state = state
            self._touch()

    def _touch(self) -> None:
        self.version += 1
        self._changed.notify_all()

    def _leave(self) -> None:
        """Leave the queue without having begun: there is nothing to keep."""
        shutil.rmtree(self.folder.path, ignore_errors=True)
        self.job = None
        self.state = "stopped"

    def _fail(self, problem: str) -> None:
        self.problem = problem
        self._enter("failed")

    def _show(self, number: int, entrant: Entrant) -> None:
        """A method has advanced, or a part of its result is drawn."""
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
            metrics = self._seen(looked.metrics)
            moment = replace(moment, metrics=metrics, frame=self._frame(looked))
        with self._changed:
            self.now[number] = moment
            if all(m.end for m in self.now):
                self.state = "saving"
            self._touch()

    def _seen(self, metrics: dict[str, float]) -> dict[str, float]:
        """Metrics under names that say what they are of: to come near what was given, a noisy
        picture or a small one, is not the aim; and the pixels around a hole are kept anyway."""
        if self.settings.task not in INDIRECT:
            return metrics
        found = {k: v for k, v in metrics.items() if k not in ("psnr", "ssim")}
        if self.settings.task != "Inpaint" and "psnr" in metrics:
            found["given_psnr"] = metrics["psnr"]
        return found

    def _frame(self, snapshot: Snapshot) -> Frame:
        assert self.job is not None
        return Frame(snapshot.frame, self.job.picture.icc)

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
        self.past = [self._moments(trace) for trace in self.traces]
        self.traces = [_without_frames(trace) for trace in self.traces]
        self.now = [moments[-1] for moments in self.past]
        self._enter("stopped" if "interrupted" in ends else "done")

    def _moments(self, trace: Trace) -> list[Moment]:
        chosen = trace.snapshots
        if len(chosen) > REPLAYED:
            places = np.linspace(0, len(chosen) - 1, REPLAYED).round().astype(int)
            chosen = [chosen[i] for i in places]
        moments = [
            Moment(
                trace.method, s.step, s.seconds, 1.0, 0.0, self._seen(s.metrics), self._frame(s),
                trace.end,
            )
            for s in chosen
        ]
        for moment in moments:
            assert moment.frame is not None
            moment.frame.pack()
        moments[-1] = replace(moments[-1], metrics=self._seen(trace.metrics))
        return moments


def _without_frames(trace: Trace) -> Trace:
    nothing = torch.empty(0, dtype=torch.uint8)
    return replace(trace, snapshots=[replace(s, frame=nothing) for s in trace.snapshots])


class Runs:
    """All runs of this server, and the one thread that fits them."""

    def __init__(self, warm_up: Callable[[], None]) -> None:
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._changed = threading.Condition()
        self._closing = False
        self._warming = threading.Thread(target=warm_up, name="warm-up", daemon=True)
        self._worker = threading.Thread(target=self._work, name="fits", daemon=True)

    def start(self) -> None:
        self._warming.start()
        self._worker.start()

    def check_room(self) -> None:
        """ValueError if the queue is full."""
        if len(self.waiting()) >= MAX_WAITING:
            raise ValueError(f"{MAX_WAITING} runs are waiting already; stop one, or come back.")

    def submit(self, run: Run) -> Run:
        with self._changed:
            self._runs[run.id] = run
            finished = [r.id for r in self._runs.values() if r.over]
            for id in finished[: max(0, len(self._runs) - MAX_KEPT)]:
                del self._runs[id]
            self._changed.notify_all()
        return run

    def find(self, id: str | None) -> Run | None:
        return self._runs.get(id or "")

    def newest_first(self) -> list[Run]:
        with self._changed:
            return list(reversed(self._runs.values()))

    def waiting(self) -> list[Run]:
        with self._changed:
            return [run for run in self._runs.values() if run.state == "queued"]

    def before(self, run: Run) -> int:
        """How many runs will be done before this one."""
        ahead = 0
        for other in reversed(self.newest_first()):
            if other is run:
                break
            ahead += not other.over
        return ahead

    def delete(self, id: str | None) -> None:
        """Forget a run that is over, and remove its files.

        Raises:
            ValueError: it is not over.
        """
        run = self.find(id)
        if run is None:
            return
        if not run.over:
            raise ValueError("This run is not over; stop it first.")
        shutil.rmtree(run.folder.path, ignore_errors=True)
        with self._changed:
            self._runs.pop(run.id, None)

    def close(self) -> None:
        """Stop all runs, and wait until the one being fitted is saved."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for run in self.newest_first():
            run.stop()
        if self._worker.is_alive():
            self._worker.join()

    def _work(self) -> None:
        while (run := self._next()) is not None:
            run.fit(self._warming)

    def _next(self) -> Run | None:
        """The run to fit now, waiting for one; None once the server closes."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self.waiting())
            return None if self._closing else self.waiting()[0]
