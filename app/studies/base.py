"""What a study is: a phenomenon of the frequency principle as a run, a figure, and a verdict."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar, Union

from torch import Tensor

from fields.spec import Spec

from .scene import Scene

if TYPE_CHECKING:
    from data.signals import Signal, Table

K = TypeVar("K", bound=Spec)
Data = Union["Signal", "Table", Tensor]  # a picture is float [h, w, c] in [0, 1]

GROUPS = {
    "order": "Low frequencies first",
    "theory": "Why it is so",
    "cures": "What helps",
    "uses": "What it is good for",
    "limits": "When it fails",
}
PER_SECOND = 10  # scenes that a viewer can take


@dataclass(frozen=True)
class Verdict:
    """What a run showed.

    Attributes:
        held: whether the claim held.
        sentence: what was measured, with its figures, for someone who has read the claim.
        figures: every figure that the verdict rests on, by its name; all finite.
    """

    held: bool
    sentence: str
    figures: dict[str, float]


class Study(ABC, Generic[K]):
    """One phenomenon: what it is in words, its knobs, and the run that checks its claim.

    Attributes:
        name: as it is typed, in kebab-case.
        group: one of `GROUPS`.
        text: a few plain sentences for a student.
        claim: what the run is to show, in one sentence with its numbers.
        source: the paper, as authors, year and address.
        takes: the data of a person's own that it runs on too.
        full: the knobs of the claim's own experiment.
        quick: knobs of the same experiment that ends in a second or three. Where a smaller run
            reaches less, the bound that it must reach is a knob.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[Literal["order", "theory", "cures", "uses", "limits"]]
    text: ClassVar[str]
    claim: ClassVar[str]
    source: ClassVar[str]
    takes: ClassVar[Literal["nothing", "signal", "picture", "table"]] = "nothing"
    full: K
    quick: K

    @abstractmethod
    def run(self, knobs: K, data: Data | None = None) -> Generator[Scene, None, Verdict]:
        """Scenes while it runs, the last one with share 1; then the verdict.

        It may be closed at any scene. Equal knobs give equal verdicts.

        Args:
            data: of the kind that `takes` names; the study's own when None.

        Raises:
            ValueError: the data cannot be used, with the way out.
        """


@dataclass
class Pace:
    """Says when a scene is due: the first at once, then at most `PER_SECOND` a second."""

    shown: float = field(default=-1.0, init=False)

    def due(self) -> bool:
        """Whether to yield a scene now. What is shown must be drawn only if it is."""
        now = time.monotonic()
        if self.shown >= 0 and now - self.shown < 1 / PER_SECOND:
            return False
        self.shown = now
        return True


def paced(shares: Iterable[float], scene: Callable[[float], Scene]) -> Generator[Scene, None, None]:
    """Scenes of a run that says after each look what share of it is done; the last has share 1."""
    pace = Pace()
    for share in shares:
        if share < 1 and pace.due():
            yield scene(share)
    yield scene(1.0)
