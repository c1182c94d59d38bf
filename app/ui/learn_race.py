"""A race on the page: methods learn one signal or photo, and what is seen of it at a moment."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fields.tasks import Task

from ..figures import duration, number
from ..measures import PICTURE, SIGNAL, Subject
from ..race import Entrant, Plan, race, to_uint8
from ..signal_preparing import Units
from ..studies import Pace, Scene
from . import learn_figures as figures
from .run import Moment


@dataclass
class Race(ABC):
    """Methods that race, as scenes.

    Attributes:
        subject: what the task is about.
        entrants: those that have begun.
    """

    subject: ClassVar[Subject]
    plans: Sequence[Plan]
    task: Task
    entrants: list[Entrant] = field(default_factory=list, init=False)

    @property
    def seconds(self) -> float:
        """That the methods themselves took."""
        return sum(entrant.trace.seconds for entrant in self.entrants)

    def scenes(self) -> Iterator[Scene]:
        """Runs the race from one scene to the next; closing this ends it where it is."""
        pace = Pace()
        with closing(race(self.task, self.plans, subject=self.subject)) as running:
            for entrant in running:
                if entrant not in self.entrants:
                    self.entrants.append(entrant)
                if len(self.entrants) == len(self.plans) and pace.due():
                    yield self._drawn()
        yield self._drawn()

    def _drawn(self) -> Scene:
        shares = [e.progress.share if e.progress else 0.0 for e in self.entrants]
        return self.draw(sum(shares) / len(shares))

    def moments(self) -> list[Moment]:
        """Where each method is."""
        return [_moment(entrant) for entrant in self.entrants]

    @abstractmethod
    def draw(self, share: float) -> Scene:
        """What is seen now."""

    def told(self) -> list[str]:
        """Of each method, a sentence on what it has learned by now, and when."""
        return [self.told_of(entrant) for entrant in self.entrants]

    @abstractmethod
    def told_of(self, entrant: Entrant) -> str: ...

    def result(self) -> dict[str, Any]:
        """What run.json says of it."""
        return {
            "methods": {
                e.trace.method: {
                    "steps": e.trace.steps,
                    "seconds": e.trace.seconds,
                    "parameters": e.trace.parameters,
                    "config": e.trace.config.to_dict(),
                    "metrics": e.trace.snapshots[-1].metrics if e.trace.snapshots else {},
                    "learned": dict(_learned(e)),
                }
                for e in self.entrants
            },
            "told": self.told(),
        }


@dataclass
class SignalRace(Race):
    """A race on a signal.

    Args:
        units: of its x.
    """

    subject = SIGNAL
    units: Units

    def draw(self, share: float) -> Scene:
        return figures.signal_scene(self.entrants, self.units, share)

    def told_of(self, entrant: Entrant) -> str:
        when = _learned(entrant)
        known = [f"{name} after {duration(at)}" for name, at in when if at is not None]
        left = [name for name, at in when if at is None]
        told = f"learned {_listed(known)}" if known else "learned none of the peaks"
        if known and left:
            told += f", and not {_listed(left)}"
        looks = entrant.trace.snapshots
        error = f" Its error is {number(looks[-1].metrics['rel_l2'])} of the signal's size."
        return f"{told} (cycles a side).{error if looks else ''}"


@dataclass
class PhotoRace(Race):
    """A race on a photo."""

    subject = PICTURE
    frames: figures.Frames | None = field(default=None, init=False)

    def draw(self, share: float) -> Scene:
        if self.frames is None:
            self.frames = figures.Frames(to_uint8(self.entrants[0].recorder.target()))
        return figures.photo_scene(self.entrants, self.frames, share)

    def told_of(self, entrant: Entrant) -> str:
        known = [
            f"{name} after {duration(at)}" for name, at in _learned(entrant)
            if at is not None and name != "mean"
        ]  # fmt: skip
        looks = entrant.trace.snapshots
        psnr = f" It is at {looks[-1].metrics['psnr']:.1f} dB." if looks else ""
        told = f"learned {_listed(known)} (cycles a side)" if known else "learned no band yet"
        return f"{told}.{psnr}"


def _moment(entrant: Entrant) -> Moment:
    looks, progress = entrant.trace.snapshots, entrant.progress
    metrics = {"psnr": looks[-1].metrics["psnr"]} if looks else {}
    share = progress.share if progress else 0.0
    trace = entrant.trace
    return Moment(trace.method, trace.steps, trace.seconds, share, metrics=metrics, end=trace.end)


def _learned(entrant: Entrant) -> list[tuple[str, float | None]]:
    """The frequencies that are followed, and after how many seconds each was learned, if it was."""
    when = figures.first_below(entrant, figures.LEARNED)
    return list(zip(figures.names(entrant), when, strict=True))


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
