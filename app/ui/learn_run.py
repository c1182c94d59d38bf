"""The run of a study or of a race: scenes that follow each other, the last of which is kept."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ..figures import duration
from ..folder import RunFolder, to_json
from ..studies import Attempt, Scene, scene_file
from ..study_report import study_html
from ..trace import machine
from .learn_asked import RaceAsked, StudyAsked
from .learn_race import Race
from .run import Moment, Run

TAB = "learn"


class SceneRun(Run):
    """Scenes one after the other.

    Args:
        name, command, methods, folder, original, before: as of a `Run`.
        limit: seconds that it may take.

    Attributes:
        asked: what it was begun with.
        scene: what is seen; None before it begins.
        commands: all that a person types to repeat it.
    """

    tab = TAB
    preparing = "It is about to begin."
    too_large = "try fewer points or units"
    saving = "The figure is saved"
    asked: StudyAsked | RaceAsked

    def __init__(
        self,
        name: str,
        commands: list[str],
        methods: list[str],
        folder: RunFolder,
        original: str,
        before: bytes,
        limit: float,
    ) -> None:
        super().__init__(name, commands[0], methods, folder, original, before)
        self.commands, self.limit = commands, limit
        self.scene: Scene | None = None

    @property
    @abstractmethod
    def seconds(self) -> float:
        """That it has taken, without those of whoever looks."""

    @abstractmethod
    def scenes(self) -> Iterator[Scene]: ...

    @abstractmethod
    def moments(self) -> list[Moment]:
        """Where it is."""

    @abstractmethod
    def keep(self) -> None:
        """Write its files."""

    @property
    def report(self) -> Path | None:
        """The file that a person takes away; None if there is none."""
        name = self.folder.files.get("report", self.folder.files.get("figure"))
        return None if name is None else self.folder.path / name

    # --- what follows is called by the thread that fits ---

    def work(self) -> None:
        if not self._begin():
            return
        ended = True
        with closing(self.scenes()) as scenes:  # pyright: ignore[reportArgumentType]
            for scene in scenes:
                self._see(scene)
                if self._ask() or self._overdue():
                    ended = False
                    break
        self._enter("saving")
        self.now = self.moments()
        if self.scene is not None:
            self.folder.write("figure", "figure.svg", scene_file(self.scene))
        self.keep()
        self._enter("done" if ended else "stopped")

    def _see(self, scene: Scene) -> None:
        with self._changed:
            self.scene, self.now = scene, self.moments()
            self._touch()

    def _overdue(self) -> bool:
        if self.seconds <= self.limit:
            return False
        self.notes.append(
            f"It was stopped after {duration(self.limit)}, the longest that a run may take on this "
            "page; the command below has no such limit."
        )
        return True


class StudyRun(SceneRun):
    """A study, to its verdict."""

    def __init__(self, asked: StudyAsked, attempt: Attempt, commands: list[str], folder: RunFolder,
                 before: bytes, limit: float) -> None:  # fmt: skip
        name = attempt.study.name
        super().__init__(name, commands, [name], folder, asked.file, before, limit)
        self.asked, self.attempt = asked, attempt

    @property
    def seconds(self) -> float:
        return self.attempt.seconds

    def scenes(self) -> Iterator[Scene]:
        return self.attempt.scenes()

    def moments(self) -> list[Moment]:
        share = self.scene.share if self.scene else 0.0
        return [Moment(self.name, step=1, seconds=self.seconds, share=share)]

    def keep(self) -> None:
        attempt = self.attempt
        page = study_html(attempt, self.command, machine())
        self.folder.write("report", "report.html", page)
        document = {
            "verb": "study",
            **attempt.result(),
            "verdict": attempt.verdict.sentence if attempt.verdict else "interrupted",
            "config": attempt.knobs.to_dict(),
        }
        _write_document(self, document)

    def drop(self) -> None:
        self.attempt.data = None


class RaceRun(SceneRun):
    """A race of methods."""

    def __init__(self, asked: RaceAsked, race: Race, name: str, commands: list[str],
                 folder: RunFolder, before: bytes, limit: float) -> None:  # fmt: skip
        super().__init__(name, commands, list(asked.methods), folder, asked.file, before, limit)
        self.asked = asked
        self.race: Race | None = race
        self.told: list[str] = []

    @property
    def seconds(self) -> float:
        race = self.race  # which the thread that fits may drop meanwhile
        return sum(m.seconds for m in self.now) if race is None else race.seconds

    def scenes(self) -> Iterator[Scene]:
        assert self.race is not None
        return self.race.scenes()

    def moments(self) -> list[Moment]:
        assert self.race is not None
        return self.race.moments()

    def keep(self) -> None:
        assert self.race is not None
        self.told = self.race.told()
        _write_document(self, {"verb": "race", **self.race.result()})

    def drop(self) -> None:
        self.race = None  # and with it the networks


def _write_document(run: SceneRun, document: dict[str, Any]) -> None:
    run.folder.files["run"] = "run.json"
    whole = document | {
        "asked": run.asked.query(),
        "commands": run.commands,
        "machine": machine(),
        "files": run.folder.files,
    }
    run.folder.write("run", "run.json", to_json(whole, indent=2) + "\n")
