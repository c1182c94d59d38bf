"""Runs belong to the server: one thread fits them in turn, and any number of pages may watch."""

import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from .limits import MAX_KEPT, MAX_WAITING
from .run import Run

R = TypeVar("R", bound=Run)


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

    def find(self, id: str | None, kind: type[R] = Run) -> R | None:
        """The run with this id, if there is one and it is of this kind."""
        run = self._runs.get(id or "")
        return run if isinstance(run, kind) else None

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
