"""What is done with pictures: reconstruct, fill, compare; and what each run leaves behind."""

import base64
import math
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data import (
    Picture,
    PictureWriter,
    atomic_write,
    random_missing,
    read_mask,
    read_picture,
    write_picture,
)
from fields import DenoiseTask, Field, ImageTask, Recorder, UpscaleTask, __version__
from fields.export import field_parts
from fields.render import strips

from .clean import Clean
from .denoise import needed
from .folder import RunFolder, to_json
from .race import Entrant, Plan, race, to_uint8
from .report import report_html
from .trace import Trace, machine
from .upscale import bicubic_frame

PROGRESS_FRAMES = 12  # pictures kept of each method, coarse to fine
SLOW_BYTES = 2**24  # a larger file takes seconds to read, and is announced
AUTOSAVE_SECONDS = 30.0  # between two saves of a field that is still being fitted
AUTOSAVE_REST = 20.0  # or so many times as long as a save of a large one takes


@dataclass
class Job:
    """A picture, and what is to be done with it.

    Attributes:
        verb: `image`, `inpaint`, `denoise`, `upscale` or `compare`.
        picture: what is fitted.
        name: of the input, as the person gave it.
        fill: bool [h, w], pixels to be filled in the result; None when the field draws them all.
        command: what a person types to repeat it.
        options: of the verb, for run.json.
        loading: seconds it took to read the input.
        notes: sentences for the report.
        clean: a clean picture to measure against; no fit sees it.
        keys: more of run.json.
    """

    verb: str
    name: str
    picture: Picture
    task: ImageTask
    fill: np.ndarray | None
    plans: list[Plan]
    command: str
    options: dict[str, Any] = field(default_factory=dict)
    loading: float = 0.0
    notes: list[str] = field(default_factory=list)
    clean: Clean | None = None
    keys: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.task = needed(self.task, [plan.config for plan in self.plans])


def open_picture(path: Path, max_megapixels: float) -> Picture:
    if path.is_file() and path.stat().st_size > SLOW_BYTES:
        print(f"reading {path.name}", file=sys.stderr, flush=True)
    return read_picture(path, max_megapixels=max_megapixels)


def make_task(
    picture: Picture,
    *,
    holdout: float | None = None,
    missing: float | None = None,
    mask: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[ImageTask, np.ndarray | None]:
    """The task of a picture, and the pixels that its result fills (None for all).

    Args:
        holdout: share of the pixels to keep out and measure on; the result is the field's drawing.
        missing: the same, but the result keeps the known pixels: holes to be filled.
        mask: bool [h, w], True where the picture is to be filled; nothing is known there.

    Raises:
        ValueError: more than one of them is given, or a share is not between 0 and 1.
    """
    given = {"--holdout": holdout, "--missing": missing, "MASK": mask}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise ValueError(f"{' and '.join(chosen)} exclude each other; give one.")
    pixels = torch.from_numpy(picture.pixels)  # as they are: a large picture stays small
    if mask is not None:
        return ImageTask(pixels, known=torch.from_numpy(~mask)), mask
    share = holdout if holdout is not None else missing
    if share is None:
        return ImageTask(pixels), None
    name = "--holdout" if holdout is not None else "--missing"
    if not 0 < share < 1:
        raise ValueError(f"{name} must be between 0 and 1, got {share}.")
    hidden = random_missing(picture.height, picture.width, share, seed)
    if hidden.all() or not hidden.any():
        raise ValueError(f"{name} {share} leaves nothing to fit or to measure; use another share.")
    task = ImageTask(
        pixels, known=torch.from_numpy(~hidden), heldout=torch.from_numpy(hidden)
    )
    return task, hidden if missing is not None else None


def fit_job(
    job: Job,
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
    running = race(job.task, job.plans, job.clean)
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


def autosave(job: Job, folder: RunFolder, entrants: Sequence[Entrant]) -> None:
    """Save the fields as they are, so that a run that is killed has something to show."""
    for entrant in entrants:
        where = subfolder(job, folder, entrant.trace)
        save_field_file(where, job, entrant.field, entrant.trace)


def save_job(
    job: Job,
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
        draw_result(where, job, entrant, lambda n=number, e=entrant: show(n, e))
        save_field_file(where, job, entrant.field, entrant.trace)  # again, with its metrics
        draw_progress(where, job, entrant.trace)
    best = max(entrants, key=lambda e: rank(job, e.trace))
    if len(entrants) > 1:
        copy_best(folder, folders[entrants.index(best)])
    traces = [e.trace for e in entrants]
    report = report_html(
        title=Path(job.name).name,
        verb=job.verb,
        command=job.command,
        target=frame_of(job),
        traces=traces,
        machine=machine(),
        notes=job.notes,
        word="bicubic" if isinstance(job.task, UpscaleTask) else "",
    )
    folder.write("report", "report.html", report)
    ended = time.perf_counter()
    document = describe(job, best.trace, folder) | {
        "seconds": {
            "load": job.loading,
            "fit": sum(t.seconds for t in traces),
            "export": ended - fitted,
            "total": job.loading + ended - start,
        }
    }
    if len(entrants) > 1:
        document["runs"] = [
            describe(job, e.trace, where) for e, where in zip(entrants, folders, strict=True)
        ]
    folder.add("run", "run.json")
    document["files"] = dict(folder.files)
    folder.write("run", "run.json", to_json(document, indent=2) + "\n")
    return document


def subfolder(job: Job, folder: RunFolder, trace: Trace) -> RunFolder:
    return folder if len(job.plans) == 1 else RunFolder(folder.path / trace.method)


def describe(job: Job, trace: Trace, folder: RunFolder) -> dict[str, Any]:
    """What run.json says of one method's run."""
    return {
        "fieldfit": __version__,
        "verb": job.verb,
        "input": job.name,
        "method": trace.method,
        "why": trace.why,
        "config": trace.config.to_dict(),
        "options": job.options,
        "device": "cuda" if torch.cuda.is_available() and trace.config.device != "cpu" else "cpu",
        "backend": trace.backend,
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
        "picture": {
            "width": job.picture.width,
            "height": job.picture.height,
            "mode": job.picture.mode,
            "depth": job.picture.depth,
        },
        "machine": machine(),
        "command": job.command,
        "files": dict(folder.files),
        **job.keys,
        **({} if trace.stopping is None else {"stop": trace.stopping}),
    }


def save_field_file(folder: RunFolder, job: Job, model: Field, trace: Trace) -> None:
    info = {
        "kind": "image",
        "size": [job.picture.height, job.picture.width],
        "mode": job.picture.mode,
        "depth": job.picture.depth,
        "icc": base64.b64encode(job.picture.icc).decode() if job.picture.icc else None,
        "method": trace.method,
        "metrics": {k: v for k, v in trace.metrics.items() if math.isfinite(v)},
    }
    parts = field_parts(model, trace.config.field, info)
    folder.write_parts("field", "field.safetensors", parts)


def draw_result(
    folder: RunFolder, job: Job, entrant: Entrant, drawn: Callable[[], None]
) -> None:
    """Draw and measure in one pass over the picture, a strip at a time."""
    picture, task = job.picture, job.task
    score = task.score()
    clean = None if job.clean is None else job.clean.score()
    high, wide = task.drawn
    shape = wide, high, picture.channels, picture.depth, picture.icc
    begun = time.perf_counter()
    with ExitStack() as stack:
        writers = [
            stack.enter_context(PictureWriter(path, *shape, dpi=picture.dpi))
            for path in result_files(folder, picture)
        ]
        for top, values in strips(entrant.field, task.size, out=task.drawn):
            values = values.cpu()
            rows = slice(top, top + len(values))
            score.add(top, values)
            if clean is not None:
                clean.add(top, values)
            pixels = quantise(values, picture.depth)
            if isinstance(task, DenoiseTask) and picture.has_alpha:
                pixels[..., -1] = picture.pixels[rows, :, -1]  # it has no noise to lose
            if job.fill is not None:
                pixels = np.where(job.fill[rows, :, None], pixels, picture.pixels[rows])
            for writer in writers:
                writer.write_rows(pixels)
            entrant.draw(rows.stop / high, time.perf_counter() - begun)
            drawn()
    measured = {} if clean is None else clean.result()
    entrant.trace.metrics = score.result() | measured


def result_files(folder: RunFolder, picture: Picture) -> list[Path]:
    """Where the result goes: a PNG, and if the picture came as a TIFF, another one beside it."""
    if picture.kind == "TIFF":
        return [folder.add("result", "result.tiff"), folder.add("result_png", "result.png")]
    return [folder.add("result", "result.png")]


def quantise(values: torch.Tensor, depth: int) -> np.ndarray:
    """Values in [0, 1] as the nearest of 2^depth levels, clamped."""
    if depth == 8:
        return to_uint8(values).numpy()
    return (values.clamp(0, 1) * 65535).round().nan_to_num().numpy().astype(np.uint16)


def draw_progress(folder: RunFolder, job: Job, trace: Trace) -> None:
    """Some of the frames, coarse to fine, evenly spread over those kept."""
    chosen = trace.snapshots
    if len(chosen) > PROGRESS_FRAMES:
        positions = np.linspace(0, len(chosen) - 1, PROGRESS_FRAMES).round().astype(int)
        chosen = [chosen[i] for i in positions]
    for i, snapshot in enumerate(chosen):
        name = f"{i:02d}-step{snapshot.step:07d}"
        suffix = "png" if job.picture.has_alpha else "jpg"
        path = folder.path / "progress" / f"{name}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        write_picture(path, replace(job.picture, pixels=snapshot.frame.numpy()), quality=92)
    folder.files["progress"] = "progress"


def copy_best(folder: RunFolder, best: RunFolder) -> None:
    for key, name in best.files.items():
        if key != "progress":
            with (best.path / name).open("rb") as source, atomic_write(folder.add(key, name)) as to:
                shutil.copyfileobj(source, to)


def frame_of(job: Job) -> torch.Tensor:
    """What the snapshots are shown beside, uint8 [h, w, c]: the target, in which holes are grey; or
    for an enlargement, what bicubic interpolation makes of it."""
    recorder = Recorder(job.task)
    if isinstance(job.task, UpscaleTask):
        return bicubic_frame(job.picture, job.task, recorder.view)
    return to_uint8(recorder.target())


def rank(job: Job, trace: Trace) -> float:
    """How good a method's result is, in dB. Of enlargements, whose pixels many pictures would give,
    the one nearest to the clean picture is the best, if there is that."""
    names = ("heldout_psnr", "psnr")
    if isinstance(job.task, UpscaleTask):
        names = ("clean_psnr", *names)
    return next((trace.metrics[n] for n in names if n in trace.metrics), -math.inf)


def load_mask(path: Path, picture: Picture) -> np.ndarray:
    return read_mask(path, size=(picture.height, picture.width))
