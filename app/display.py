"""Progress on stderr: a bar that redraws itself on a terminal, plain lines elsewhere."""

import math
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from fields import Progress

from .measures import Measure
from .race import Entrant

PLAIN_SECONDS = 2.0  # between two plain lines
LONG_DRAWING = 3.0  # seconds; a shorter one is not announced


class Display:
    """Shows entrants as they advance; a context manager."""

    def __init__(self, names: Sequence[str]) -> None:
        self.bar = _Bar(names) if sys.stderr.isatty() else _Lines()

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def show(self, number: int, entrant: Entrant) -> None:
        """The entrant with this number has advanced."""
        self.bar.show(number, entrant)


def status(entrant: Entrant) -> str:
    """One line on where an entrant is: step, PSNR, seconds and what is left."""
    progress = entrant.progress
    assert progress is not None
    parts = [f"step {progress.step:,}"]
    snapshots = entrant.trace.snapshots
    looked = entrant.looked or (snapshots[-1] if snapshots else None)
    subject = entrant.trace.subject
    if looked is not None:
        parts.append(_figure(subject.followed, looked.metrics))
        if "clean_psnr" in looked.metrics:
            parts.append(f"to the clean picture {looked.metrics['clean_psnr']:.2f} dB")
        elif "heldout_psnr" in looked.metrics:
            parts.append(f"held out {looked.metrics['heldout_psnr']:.2f} dB")
    parts.append(f"{progress.seconds:.1f} s")
    if 0 < entrant.drawn < 1:
        parts.append(f"{subject.make}ing {entrant.drawn:.0%}  {entrant.left:.0f} s left")
    elif progress.end:
        parts.append(_ending(progress))
    elif math.isfinite(progress.eta):
        more = entrant.drawing
        then = f", then {more:.0f} s or more to {subject.make}" if more >= LONG_DRAWING else ""
        parts.append(f"{progress.eta:.0f} s left{then}")
    return "  ".join(parts)


def _figure(followed: Measure, metrics: dict[str, float]) -> str:
    value = metrics.get(followed.key, math.nan)
    digits = f"{value:.2f}" if followed.unit == "dB" else f"{value:.3g}"
    return f"{followed.word} {digits} {followed.unit}".strip()


def _ending(progress: Progress) -> str:
    stop = progress.stop
    if stop is not None and stop.chosen is not None and stop.chosen.step < progress.step:
        return f"went back to step {stop.chosen.step:,}"
    return "done" if progress.end in ("steps", "seconds", "psnr") else str(progress.end)


class Share:
    """Lines on stderr for work that goes from 0 to 1 and has a name; none if it is quick."""

    def __init__(self, name: str) -> None:
        self.name, self.begun = name, time.monotonic()
        self.said = self.begun

    def show(self, share: float) -> None:
        now = time.monotonic()
        if share < 1 and now - self.said >= PLAIN_SECONDS:
            self.said = now
            left = (now - self.begun) * (1 - share) / share
            print(f"{self.name}: {share:.0%}  {left:.0f} s left", file=sys.stderr, flush=True)


class _Bar:
    def __init__(self, names: Sequence[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.progress = Progress(
            TextColumn("{task.description:>12}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[status]}"),
            console=Console(stderr=True),
        )
        self.tasks = [self.progress.add_task(name, total=1.0, status="") for name in names]

    def start(self) -> None:
        self.progress.start()

    def stop(self) -> None:
        self.progress.stop()

    def show(self, number: int, entrant: Entrant) -> None:
        share = entrant.progress.share if entrant.progress else 0.0
        if entrant.done:
            share = 1.0
        self.progress.update(self.tasks[number], completed=share, status=status(entrant))


class _Lines:
    def __init__(self) -> None:
        self.shown: dict[int, float] = {}
        self.ended: set[int] = set()

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def show(self, number: int, entrant: Entrant) -> None:
        now = time.monotonic()
        first = entrant.done and number not in self.ended
        if first or now - self.shown.get(number, -math.inf) >= PLAIN_SECONDS:
            self.shown[number] = now
            if entrant.done:
                self.ended.add(number)
            print(f"{entrant.trace.method}: {status(entrant)}", file=sys.stderr, flush=True)
