"""Following a run: at most ten updates a second, always the newest, one run for each page."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

from .runs import Run

FRAME_SECONDS = 0.1  # between two updates at least
CHART_SECONDS = 0.7  # between two drawings of the charts
PATIENCE = 1.0  # between two updates at most: the queue may have moved


class Watchers:
    """Which run each page follows; a page that turns to another lets go of the first."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._latest: dict[str, int] = {}
        self._lock = threading.Lock()

    def turn(self, page: str) -> Callable[[], bool]:
        """The page turns to a run; whether it has not turned to another since."""
        with self._lock:
            self._latest[page] = number = next(self._numbers)
        return lambda: self._latest.get(page) == number

    def leave(self, page: str) -> None:
        with self._lock:
            self._latest.pop(page, None)


def follow(run: Run, wanted: Callable[[], bool]) -> Iterator[bool]:
    """Yields when it is time to show the run: True if the charts should be drawn too.

    Ends when the run is over, or is not wanted any more.
    """
    version, drawn = -1, 0.0
    while wanted():
        over = run.over  # asked before it is shown, so that the end is shown too
        now = time.monotonic()
        charts = over or now - drawn >= CHART_SECONDS
        if charts:
            drawn = now
        yield charts
        if over:
            return
        time.sleep(FRAME_SECONDS)
        version = run.wait(version, PATIENCE)
