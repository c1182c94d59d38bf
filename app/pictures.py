"""What is done with pictures: reconstruct, fill, compare; and what each result is."""

import base64
import math
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data import Picture, PictureWriter, random_missing, read_mask, read_picture
from fields import DenoiseTask, ImageTask, Recorder, Snapshot, UpscaleTask
from fields.render import strips

from .clean import Clean
from .denoise import needed
from .folder import RunFolder
from .jobs import AbstractJob, write_frame
from .jobs import fit_job as fit_job
from .measures import CLEAN_PSNR, HELDOUT_PSNR, PICTURE, PSNR, Subject, first_of
from .race import Entrant, Plan, to_uint8
from .trace import Trace
from .upscale import bicubic_frame

SLOW_BYTES = 2**24  # a larger file takes seconds to read, and is announced


@dataclass
class Job(AbstractJob[ImageTask]):
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
    subject: Subject = PICTURE

    def __post_init__(self) -> None:
        self.task = needed(self.task, [plan.config for plan in self.plans])

    @property
    def points(self) -> float:
        return float(math.prod(self.task.drawn))

    @property
    def word(self) -> str:
        return "bicubic" if isinstance(self.task, UpscaleTask) else ""

    def target(self, entrant: Entrant) -> Tensor:
        """The target, in which holes are grey; or for an enlargement, what bicubic interpolation
        makes of it."""
        recorder = entrant.recorder
        assert isinstance(recorder, Recorder)
        if isinstance(self.task, UpscaleTask):
            return bicubic_frame(self.picture, self.task, recorder.view)
        return to_uint8(recorder.target())

    def info(self, trace: Trace) -> dict[str, Any]:
        picture = self.picture
        return {
            "kind": "image",
            "size": [picture.height, picture.width],
            "mode": picture.mode,
            "depth": picture.depth,
            "icc": base64.b64encode(picture.icc).decode() if picture.icc else None,
        }

    def facts(self, trace: Trace) -> dict[str, Any]:
        picture = self.picture
        return {
            "picture": {
                "width": picture.width,
                "height": picture.height,
                "mode": picture.mode,
                "depth": picture.depth,
            }
        }

    def seconds(self, fit: float, export: float, since: float) -> dict[str, float]:
        total = self.loading + since
        return {"load": self.loading, "fit": fit, "export": export, "total": total}

    def make_result(
        self, folder: RunFolder, entrant: Entrant, made: Callable[[], None]
    ) -> None:
        draw_result(folder, self, entrant, made)

    def keep_look(self, path: Path, trace: Trace, snapshot: Snapshot) -> None:
        write_frame(path, replace(self.picture, pixels=snapshot.frame.numpy()))

    def rank(self, trace: Trace) -> float:
        """In dB. Of enlargements, whose pixels many pictures would give, the one nearest to the
        clean picture is the best, if there is that."""
        measures = (HELDOUT_PSNR, PSNR)
        if isinstance(self.task, UpscaleTask):
            measures = (CLEAN_PSNR, *measures)
        return first_of(measures, trace.metrics)


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


def load_mask(path: Path, picture: Picture) -> np.ndarray:
    return read_mask(path, size=(picture.height, picture.width))
