"""A run: work with its state, which any number of pages may watch while one thread does it."""

import math
import secrets
import shutil
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from fields import BackendUnavailable

from ..folder import RunFolder
from .previews import thumbnail

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
    """Work with its state: queued, warming up, preparing, running, paused, saving; done, stopped,
    failed.

    Args:
        name: of the input.
        methods: that race.
        original: the id of what it is fitted to, which may be gone by now.
        before: what is fitted, as a JPEG.

    Attributes:
        tab: where it is seen.
        notes: sentences on what is done.
        now: of each method, the latest moment.
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
        original: str,
        before: bytes,
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self.name, self.command, self.folder = name, command, folder
        self.original, self.before = original, before
        self.notes: list[str] = []
        self.created = time.time()
        self.state, self.problem = "queued", ""
        self.now = [Moment(method) for method in methods]
        self.version = 0
        self._changed = threading.Condition()
        self._stop = False
        self._paused = False
        self._steps = 0

    @abstractmethod
    def work(self) -> None:
        """Do it, once it is this run's turn: asks `_begin` first, and `_ask` on the way.

        Raises:
            ValueError: it cannot be done.
        """

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

    def step(self) -> None:
        """Let a paused run go on to its next report, and hold a run that goes on there."""
        with self._changed:
            if self.state in ("running", "paused"):
                self._paused, self._steps = True, 1
                self._touch()

    @property
    def paused(self) -> bool:
        return self._paused and not self.over

    # --- what follows is called by the thread that fits ---

    def fit(self, warming: threading.Thread) -> None:
        """Do the work, once the kernels are warm."""
        with self._changed:
            if self._stop:
                return
            self.state = "warming up" if warming.is_alive() else "preparing"
            self._touch()
        try:
            warming.join()
            self._enter("preparing")
            self.work()
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

    def _ask(self) -> bool:
        """Whether to end now. A run that is paused waits here, where its clock stands still."""
        with self._changed:
            if self._paused and not self._stop:
                self.state = "paused"
                self._touch()
                self._changed.wait_for(lambda: self._stop or not self._paused or self._steps)
                self._steps = 0
                self.state = "running"
                self._touch()
            if self._stop:
                self.state = "saving"
                self._touch()
            return self._stop
