"""What the page's handlers share: the limits, the pictures, the runs, and where files go."""

import os
import secrets
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image

from data import load_sample, read_mask, read_picture, write_bytes, write_picture
from fields import ImageTask, fit, method_config
from fields import picture as draw

from ..folder import RunFolder, default_folder
from ..options import AppOptions
from ..pictures import Job, make_task
from .limits import Limits
from .mask import Mask, check
from .originals import Original, Originals
from .previews import SHOWN_SIDE, flat, jpeg, preview
from .runs import Run, Runs
from .settings import Settings

KINDS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
HOLE = 128  # grey, of a missing pixel in the picture before
MAX_RESULT = 10**6  # megapixels: our own files, whose originals were checked


@dataclass
class Server:
    """One server's state.

    Attributes:
        home: where runs are kept.
        cache: a private directory, the only one whose files the page can download.
    """

    home: Path
    cache: Path
    limits: Limits
    runs: Runs
    originals: Originals = field(default_factory=Originals)

    @classmethod
    def of(cls, options: AppOptions, cache: Path) -> "Server":
        return cls(options.runs, cache, Limits.of(options), Runs(_warm_up))

    def take(self, path: str) -> Original:
        """Keep an uploaded picture.

        Raises:
            ValueError: it cannot be read, in words for the person at the page.
        """
        source = Path(path)
        try:
            picture = read_picture(source, max_megapixels=self.limits.megapixels)
        except ValueError as error:
            raise ValueError(_without_folder(str(error), source)) from None
        return self.originals.add(Original(source.name, picture, source))

    def take_sample(self, name: str) -> Original:
        return self.originals.add(Original(f"{name}.png", load_sample(name)))

    def take_mask(self, original: Original, path: str) -> Mask:
        """An uploaded mask, which becomes the picture's."""
        source = Path(path)
        limit = self.limits.megapixels
        try:
            original.mask = read_mask(source, original.size, max_megapixels=limit)
        except ValueError as error:
            raise ValueError(_without_folder(str(error), source)) from None
        return original.mask

    def begin(self, original: Original, settings: Settings) -> Run:
        """Queue a run.

        Raises:
            ValueError: the settings do not suit the picture, or the queue is full.
        """
        self.runs.check_room()
        mask = None
        if settings.masked:
            if original.mask is None:
                raise ValueError("Paint over what should be filled, or upload a mask.")
            mask = check(original.mask)
        task, fill = make_task(
            original.picture,
            holdout=settings.holdout,
            missing=settings.missing,
            mask=mask,
            seed=settings.seed,
        )
        plans = settings.plans(task)
        folder = RunFolder(default_folder(Path(original.name).stem, self.home))
        photo, painted = self._keep_input(folder, original, mask)
        command = settings.command(photo, painted)
        job = Job(
            settings.verb,
            original.name,
            original.picture,
            task,
            fill,
            plans,
            command,
            settings.options(),
        )
        before = _before(original, job)
        return self.runs.submit(Run(job, folder, settings, original.id, before))

    def _keep_input(
        self, folder: RunFolder, original: Original, mask: Mask | None
    ) -> tuple[Path, Path | None]:
        """Put the picture and the mask beside the results, so that the command can be repeated."""
        suffix = Path(original.name).suffix.lower()
        kept = original.source is not None and original.source.is_file() and suffix in KINDS
        photo = folder.add("input", f"input{suffix if kept else '.png'}")
        if kept:
            assert original.source is not None
            write_bytes(photo, original.source.read_bytes())
        else:
            write_picture(photo, original.picture)
        if mask is None:
            return photo, None
        path = folder.add("mask", "mask.png")
        write_mask(path, mask)
        return photo, path

    def new_file(self, name: str) -> Path:
        """Where to write a file that the page may fetch."""
        folder = self.cache / secrets.token_urlsafe(12)
        folder.mkdir()
        return folder / name

    def taken(self, run: Run, method: str) -> "Taken":
        """A method's result to look at and to take away, where the page may fetch it.

        Raises:
            ValueError: the files are gone.
        """
        results = run.folder.path / method if len(run.methods) > 1 else run.folder.path
        shown = self.cache / run.id / method
        deep = results / "result.tiff"  # of a picture that came as one
        result = deep if deep.is_file() else results / "result.png"
        taken = Taken(
            shown / "before.jpg",
            shown / "after.jpg",
            shown / f"{run.folder.path.name}-{method}{result.suffix}",
            shown / f"{run.folder.path.name}-{method}.safetensors",
            shown / f"{run.folder.path.name}.html",
        )
        if all(path.is_file() for path in taken):
            return taken
        shown.mkdir(parents=True, exist_ok=True)
        try:
            taken.before.write_bytes(run.before)
            taken.after.write_bytes(_after(results / "result.png"))
            _link(result, taken.picture)
            _link(results / "field.safetensors", taken.field)
            _link(run.folder.path / "report.html", taken.report)
        except OSError as error:
            raise ValueError(f"The files of this run are gone: {error.strerror}.") from None
        return taken

    def delete(self, run: Run) -> None:
        """Forget a run that is over, and remove its files.

        Raises:
            ValueError: it is not over.
        """
        self.runs.delete(run.id)
        shutil.rmtree(self.cache / run.id, ignore_errors=True)


class Taken(NamedTuple):
    """Files of one method's result: two pictures to compare, and three to take away."""

    before: Path
    after: Path
    picture: Path
    field: Path
    report: Path


def write_mask(path: Path, mask: Mask) -> None:
    """Black and white, white where to fill."""
    Image.fromarray(mask).save(path, "PNG")


def _before(original: Original, job: Job) -> bytes:
    """What the result is compared with: the picture, or for hidden pixels what is left of it."""
    picture = original.picture
    if job.fill is not None and job.task.heldout is not None:
        pixels = picture.with_depth(8).pixels.copy()
        pixels[job.fill] = HOLE
        image = flat(pixels)
        image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    else:
        image = preview(picture, SHOWN_SIDE)
    return jpeg(image, picture.icc, quality=92)


def _after(path: Path) -> bytes:
    """A result as large as what it is compared with."""
    picture = read_picture(path, max_megapixels=MAX_RESULT)
    return jpeg(preview(picture, SHOWN_SIDE), picture.icc, quality=92)


def _link(path: Path, target: Path) -> None:
    """The same file under another name, without a second copy of it where that can be had."""
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


def _without_folder(message: str, path: Path) -> str:
    """The server's folders are nobody's business."""
    return message.replace(str(path), path.name)


def _warm_up() -> None:
    """Compile the kernels, so that the first fit need not wait for them."""
    task = ImageTask(torch.rand(16, 16, 3))
    for method in ("hash", "fourier"):
        config, _ = method_config(method, task)
        for progress in fit(task, replace(config, steps=2, batch=64)):
            draw(progress.field, task.size)
