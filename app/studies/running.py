"""One run of a study: its scenes as they come, and what is left of it in the end."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from fields.spec import Spec

from .base import Data, Study, Verdict
from .scene import Scene


@dataclass
class Attempt:
    """A run while it goes on, and after.

    Attributes:
        scene: the last one; the final figure once there is a verdict.
        verdict: None while it runs, and if it was ended or failed.
        seconds: that the study itself took, without those that its viewer took.
        error: what went wrong, in a sentence; "" if nothing did.
    """

    study: Study[Any]
    knobs: Spec
    data: Data | None = None
    scene: Scene | None = None
    verdict: Verdict | None = None
    seconds: float = 0.0
    error: str = ""

    def scenes(self) -> Iterator[Scene]:
        """Runs the study from one scene to the next; closing this ends it."""
        with closing(self.study.run(self.knobs, self.data)) as run:
            while True:
                start = time.perf_counter()
                try:
                    scene = next(run)
                except StopIteration as end:
                    self.verdict = end.value
                    return
                finally:
                    self.seconds += time.perf_counter() - start
                self.scene = scene
                yield scene

    @property
    def held(self) -> bool:
        """Whether it came to a verdict, and the claim held."""
        return self.verdict is not None and self.verdict.held

    def result(self) -> dict[str, Any]:
        """What `study all --json` says of it."""
        verdict = self.verdict
        found = {
            "name": self.study.name,
            "claim": self.study.claim,
            "held": self.held,
            "figures": {} if verdict is None else verdict.figures,
            "seconds": self.seconds,
        }
        return found | ({"error": self.error} if self.error else {})
