"""Stopping: the first SIGINT or SIGTERM asks a run to save what it has, the second ends it."""

import signal
import threading
from types import FrameType

_asked = threading.Event()


def install() -> None:
    """From now on, note the first signal and leave the second to its usual effect."""
    _asked.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _note)


def _note(number: int, frame: FrameType | None) -> None:
    _asked.set()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def asked() -> bool:
    """Whether the run should stop now."""
    return _asked.is_set()


def wait() -> None:
    """Return once the run should stop."""
    while not _asked.wait(1.0):  # a wait without an end could not be interrupted on Windows
        pass
