"""What is done with every input, picture or shape: methods race, and each leaves its files."""

import math
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from torch import Tensor

from data import Picture, atomic_write, write_picture
from fields import Field, Snapshot, __version__
from fields.export import field_parts
from fields.tasks import Task

from .album import Drawing
from .clean import Clean
from .folder import RunFolder, to_json
from .measures import Subject, first_of
from .race import Entrant, Plan, race
from .report import band_charts, report_html
from .trace import Trace, machine

PROGRESS_FRAMES = 12  # pictures kept of each method, coarse to fine
AUTOSAVE_SECONDS = 30.0  # between two saves of a field that is still being fitted
AUTOSAVE_REST = 20.0  # or so many times as long as a save of a large one takes


T = TypeVar("T", bound=Task)


class AbstractJob(ABC, Generic[T]):
    """An input, what is to be done with it, and how its results are made and told.

    Attributes:
        verb: of the command line.
        name: of the input, as the person gave it.
        subject: what the input is.
        command: what a person types to repeat it.
        options: of the verb, for run.json.
        notes: sentences for the report.
        keys: more of run.json.
        clean: a clean picture to measure against; no fit sees it.
    """

    verb: str
    name: str
    subject: Subject
    task: T
    plans: list[Plan]
    command: str
    options: dict[str, Any]
    notes: list[str]
    keys: dict[str, Any]
    clean: Clean | None

    @property
    @abstractmethod
    def points(self) -> float:
        """About how many points of a field a result is made of."""

    @property
    @abstractmethod
    def word(self) -> str:
        """What the target is called in the report; empty for the usual word."""

    @abstractmethod
    def target(self, entrant: Entrant) -> Tensor:
        """What an entrant's snapshots are shown beside, uint8 [h, w, c]."""

    @abstractmethod
    def info(self, trace: Trace) -> dict[str, Any]:
        """What is saved in a field's file, JSON values."""

    @abstractmethod
    def facts(self, trace: Trace) -> dict[str, Any]:
        """What run.json says of the input and of one method's result."""

    @abstractmethod
    def seconds(self, fit: float, export: float, since: float) -> dict[str, float]:
        """What took how long.

        Args:
            since: seconds since the fit began.
        """

    @abstractmethod
    def make_result(
        self, folder: RunFolder, entrant: Entrant, made: Callable[[], None]
    ) -> None:
        """Make and measure the result of a fit; `made` is called as it grows."""

    @abstractmethod
    def keep_look(self, path: Path, trace: Trace, snapshot: Snapshot) -> None:
        """Write a look at the field to `path`, which gets the suffix of its kind of file."""

    @property
    def title(self) -> str:
        """What the input is called in the report."""
        return Path(self.name).name

    @property
    def drawing(self) -> Drawing | None:
        """How the report draws target and looks; None for their frames."""
        return None

    def charts(self, order: Sequence[Trace]) -> list[str]:
        """The report's sections on frequencies and errors over time."""
        return band_charts(order)

    def rank(self, trace: Trace) -> float:
        """How good a method's result is: the higher the better."""
        return first_of(self.subject.ranked, trace.metrics)


def fit_job(
    job: AbstractJob[Any],
    folder: RunFolder,
    *,
    stop: Callable[[], bool],
    show: Callable[[int, Entrant], None] = lambda number, entrant: None,
) -> dict[str, Any]:
    """Fit a job's methods, save everything, and return run.json's object.

    Args:
        stop: asked after each report; True ends the fits where they are and saves them.
        show: told which entrant has advanced.
    """
    start = time.perf_counter()
    entrants: list[Entrant] = []
    due = time.monotonic() + AUTOSAVE_SECONDS
    running = race(job.task, job.plans, job.clean, subject=job.subject, points=job.points)
    try:
        for entrant in running:
            if entrant not in entrants:
                entrants.append(entrant)
            show(entrants.index(entrant), entrant)
            if stop() and len(entrants) == len(job.plans):
                break
            if time.monotonic() > due:
                tick = time.monotonic()
                autosave(job, folder, entrants)
                now = time.monotonic()
                due = now + max(AUTOSAVE_SECONDS, AUTOSAVE_REST * (now - tick))
    finally:
        running.close()
    return save_job(job, folder, entrants, start, show)


def autosave(job: AbstractJob[Any], folder: RunFolder, entrants: Sequence[Entrant]) -> None:
    """Save the fields as they are, so that a run that is killed has something to show."""
    for entrant in entrants:
        where = subfolder(job, folder, entrant.trace)
        save_field_file(where, job, entrant.field, entrant.trace)


def save_job(
    job: AbstractJob[Any],
    folder: RunFolder,
    entrants: Sequence[Entrant],
    start: float,
    show: Callable[[int, Entrant], None],
) -> dict[str, Any]:
    """Write every file of a job whose fits have ended; run.json's object.

    The fields come first: they are what cannot be made again. run.json comes last.
    """
    fitted = time.perf_counter()
    folders = [subfolder(job, folder, e.trace) for e in entrants]
    for entrant, where in zip(entrants, folders, strict=True):
        save_field_file(where, job, entrant.field, entrant.trace)
    for number, (entrant, where) in enumerate(zip(entrants, folders, strict=True)):
        job.make_result(where, entrant, lambda n=number, e=entrant: show(n, e))
        save_field_file(where, job, entrant.field, entrant.trace)  # again, with its metrics
        draw_progress(where, job, entrant.trace)
    best = max(entrants, key=lambda e: job.rank(e.trace))
    if len(entrants) > 1:
        copy_best(folder, folders[entrants.index(best)])
    traces = [e.trace for e in entrants]
    report = report_html(
        title=job.title,
        verb=job.verb,
        command=job.command,
        target=job.target(entrants[0]),
        traces=traces,
        machine=machine(),
        notes=job.notes,
        word=job.word,
        drawing=job.drawing,
        charts=job.charts,
    )
    folder.write("report", "report.html", report)
    ended = time.perf_counter()
    document = describe(job, best.trace, folder) | {
        "seconds": job.seconds(sum(t.seconds for t in traces), ended - fitted, ended - start)
    }
    if len(entrants) > 1:
        document["runs"] = [
            describe(job, e.trace, where) for e, where in zip(entrants, folders, strict=True)
        ]
    folder.add("run", "run.json")
    document["files"] = dict(folder.files)
    folder.write("run", "run.json", to_json(document, indent=2) + "\n")
    return document


def subfolder(job: AbstractJob[Any], folder: RunFolder, trace: Trace) -> RunFolder:
    return folder if len(job.plans) == 1 else RunFolder(folder.path / trace.method)


def describe(job: AbstractJob[Any], trace: Trace, folder: RunFolder) -> dict[str, Any]:
    """What run.json says of one method's run."""
    return {
        "fieldfit": __version__,
        "verb": job.verb,
        "input": job.name,
        "method": trace.method,
        "why": trace.why,
        "config": trace.config.to_dict(),
        "options": job.options,
        "device": trace.device,
        "backend": trace.backend,
        "how": trace.how,
        "seed": trace.config.seed,
        "steps": trace.steps,
        "seconds": {"fit": trace.seconds},
        "parameters": trace.parameters,
        "metrics": trace.metrics,
        "end": trace.end,
        "history": [
            {"step": s.step, "seconds": s.seconds, "loss": s.loss} | s.metrics
            for s in trace.snapshots
        ],
        "bands": {
            "edges": trace.edges.tolist(),
            "error": [list(s.band_error) for s in trace.snapshots],
        },
        **job.facts(trace),
        "machine": machine(),
        "command": job.command,
        "files": dict(folder.files),
        **job.keys,
        **({} if trace.stopping is None else {"stop": trace.stopping}),
    }


def save_field_file(folder: RunFolder, job: AbstractJob[Any], model: Field, trace: Trace) -> None:
    info = job.info(trace) | {
        "method": trace.method,
        "metrics": {k: v for k, v in trace.metrics.items() if math.isfinite(v)},
    }
    parts = field_parts(model, trace.config.field, info)
    folder.write_parts("field", "field.safetensors", parts)


def draw_progress(folder: RunFolder, job: AbstractJob[Any], trace: Trace) -> None:
    """Some of the frames, coarse to fine, evenly spread over those kept."""
    chosen = trace.snapshots
    if len(chosen) > PROGRESS_FRAMES:
        positions = np.linspace(0, len(chosen) - 1, PROGRESS_FRAMES).round().astype(int)
        chosen = [chosen[i] for i in positions]
    for i, snapshot in enumerate(chosen):
        path = folder.path / "progress" / f"{i:02d}-step{snapshot.step:07d}"
        path.parent.mkdir(exist_ok=True)
        job.keep_look(path, trace, snapshot)
    folder.files["progress"] = "progress"


def write_frame(path: Path, picture: Picture) -> None:
    """A frame at `path` and its suffix: JPEG, or PNG if it has transparent parts."""
    write_picture(path.with_suffix(".png" if picture.has_alpha else ".jpg"), picture, quality=92)


def copy_best(folder: RunFolder, best: RunFolder) -> None:
    for key, name in best.files.items():
        if key != "progress":
            with (best.path / name).open("rb") as source, atomic_write(folder.add(key, name)) as to:
                shutil.copyfileobj(source, to)
