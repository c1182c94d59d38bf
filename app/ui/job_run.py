"""The run of a job: methods race on a picture or a shape, and each leaves its files."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from fields import Snapshot

from ..folder import RunFolder
from ..jobs import AbstractJob, fit_job
from ..race import Entrant
from ..trace import Trace
from ..words import slowed
from .run import Frame, Moment, Run
from .settings import AUTO

REPLAYED = 48  # moments of each method that can be gone back to after the fit


class JobRun(Run):
    """A job that is fitted when its turn comes.

    Args:
        name, command, methods, folder, original, before: as of a `Run`.
        size: (height, width) of what is shown of each method.

    Attributes:
        past: of each method, moments coarse to fine; there once the run is over.
        traces: of each method, for the charts; without frames once the run is over.
    """

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
        super().__init__(name, command, methods, folder, original, before)
        self.size = size
        self.past: list[list[Moment]] = [[] for _ in methods]
        self.traces: list[Trace] = []
        self.document: dict[str, Any] = {}
        self._looked: list[Snapshot | None] = [None for _ in methods]

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

    def how(self, method: str) -> str:
        """Of a run with results: what computed it, if something faster could not; else empty."""
        found = self.described(method)
        return str(found["how"]) if slowed(found) else ""

    # --- what follows is called by the thread that fits ---

    def work(self) -> None:
        job = self.make()
        if self._begin():
            self.document = fit_job(job, self.folder, stop=self._ask, show=self._show)
            self._keep()

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

    def _keep(self) -> None:
        """Of what was seen, keep what can be looked at again, in little memory."""
        ends = [trace.end for trace in self.traces]
        past = [self.moments(number, trace) for number, trace in enumerate(self.traces)]
        for number, trace in enumerate(self.traces):
            past[number][-1] = replace(past[number][-1], metrics=self.seen(trace.metrics))
        self.past = past
        self.traces = [_without_frames(trace) for trace in self.traces]
        self.now = [moments[-1] for moments in past]
        self.drop()  # whoever sees that it is over finds nothing large left
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
