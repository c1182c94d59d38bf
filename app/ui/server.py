"""What the page's handlers share: the limits, the pictures, the runs, and where files go."""

import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image

from data import Picture, load_sample, read_mask, read_picture, write_bytes, write_picture
from fields import DenoiseTask, ImageTask, UpscaleTask, fit, method_config
from fields import picture as draw

from ..folder import RunFolder, default_folder
from ..options import AppOptions
from ..pictures import Job, make_task
from ..upscale import Enlarged, bicubic
from .limits import Limits
from .mask import Mask, check
from .originals import Original, Originals
from .picture_run import PictureRun
from .previews import SHOWN_SIDE, flat, jpeg, preview
from .run import Run
from .runs import Runs
from .settings import AUTO, Settings

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
    originals: Originals[Original] = field(default_factory=Originals)

    @classmethod
    def of(cls, options: AppOptions, cache: Path) -> "Server":
        return cls(options.runs, cache, Limits.of(options), Runs(_warm_up))

    def take(self, path: str) -> Original:
        """Keep an uploaded picture.

        Raises:
            ValueError: it cannot be read, in words for the person at the page.
        """
        source = Path(path)
        with without_folder(source):
            picture = read_picture(source, max_megapixels=self.limits.megapixels)
        return self.originals.add(Original(source.name, picture, source))

    def take_sample(self, name: str) -> Original:
        return self.originals.add(Original(f"{name}.png", load_sample(name)))

    def take_mask(self, original: Original, path: str) -> Mask:
        """An uploaded mask, which becomes the picture's."""
        source = Path(path)
        limit = self.limits.megapixels
        with without_folder(source):
            original.mask = read_mask(source, original.size, max_megapixels=limit)
        return original.mask

    def begin(self, original: Original, settings: Settings) -> PictureRun:
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
        picture, fill = original.picture, None
        self._check_drawn(original, settings)
        made = settings.make(picture)
        if made is None:
            task, fill = make_task(
                picture,
                holdout=settings.holdout,
                missing=settings.missing,
                mask=mask,
                seed=settings.seed,
            )
        else:
            task = made.task
            picture = made.picture if isinstance(made, Enlarged) else picture
        plans = settings.plans(task, self.limits.seconds)
        folder = RunFolder(default_folder(Path(original.name).stem, self.home))
        photo, painted = self._keep_input(folder, original, mask)
        command = settings.command(photo, painted)
        job = Job(
            settings.verb,
            original.name,
            picture,
            task,
            fill,
            plans,
            command,
            settings.options(),
        )
        if made is not None:
            job.clean, job.keys, job.notes = made.clean, made.keys(), made.notes()
        run = PictureRun(job, folder, settings, original.id, _before(job), _detail(job))
        self.runs.submit(run)
        return run

    def _check_drawn(self, original: Original, settings: Settings) -> None:
        """ValueError if the picture would become too large."""
        if settings.scale is None or settings.reduce:
            return
        megapixels = math.prod(original.size) * settings.scale**2 / 1e6
        if megapixels > self.limits.drawn:
            raise ValueError(
                f"{settings.scale:g} times as large, this picture has {megapixels:,.0f} "
                f"megapixels, and at most {self.limits.drawn:g} are drawn here; take a smaller "
                "factor."
            )

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

    def place(self, run: Run, suffix: str, ending: str = "") -> Path:
        """Where to put a file of a run that a person takes away."""
        folder = self.cache / run.id
        folder.mkdir(exist_ok=True)
        return folder / f"{run.folder.path.name}{ending}{suffix}"

    def taken(self, run: PictureRun, method: str) -> "Taken":
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
            taken.before.write_bytes(run.compared)
            closely = run.settings.scale is not None
            taken.after.write_bytes(_after(results / "result.png", closely=closely))
            link(result, taken.picture)
            link(results / "field.safetensors", taken.field)
            link(run.folder.path / "report.html", taken.report)
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


def _before(job: Job) -> bytes:
    """What the result is compared with: the picture; for hidden pixels what is left of it; with the
    noise that was added; or as large as the result."""
    picture, task = job.picture, job.task
    if isinstance(task, UpscaleTask):
        high, wide = task.drawn
        share = min(1.0, SHOWN_SIDE / max(high, wide))
        size = max(1, round(high * share)), max(1, round(wide * share))
        image = flat(bicubic(picture, size))
    elif isinstance(task, DenoiseTask):
        image = preview(_noisy(picture, task), SHOWN_SIDE)
    elif job.fill is not None and task.heldout is not None:
        pixels = picture.with_depth(8).pixels.copy()
        pixels[job.fill] = HOLE
        image = flat(pixels)
        image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    else:
        image = preview(picture, SHOWN_SIDE)
    return jpeg(image, picture.icc, quality=92)


def _noisy(picture: Picture, task: DenoiseTask) -> Picture:
    if not task.pixels.is_floating_point():
        return picture
    return Picture.from_tensor(task.pixels, icc=picture.icc)


def _detail(job: Job) -> bytes | None:
    """Of an enlarged picture, the part that is compared pixel by pixel, as bicubic makes it."""
    if not isinstance(job.task, UpscaleTask) or max(job.task.drawn) <= SHOWN_SIDE:
        return None
    rows, columns = middle(job.task.drawn)
    y, x = (n / m for n, m in zip(job.task.size, job.task.drawn, strict=True))
    region = columns.start * x, rows.start * y, columns.stop * x, rows.stop * y
    size = rows.stop - rows.start, columns.stop - columns.start
    return jpeg(flat(bicubic(job.picture, size, region)), job.picture.icc, quality=92)


def middle(size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the part of a picture that can be shown pixel by pixel."""
    return tuple(
        slice((n - min(n, SHOWN_SIDE)) // 2, (n + min(n, SHOWN_SIDE)) // 2) for n in size
    )  # pyright: ignore[reportReturnType]


def _after(path: Path, *, closely: bool) -> bytes:
    """A result as large as what it is compared with."""
    picture = read_picture(path, max_megapixels=MAX_RESULT)
    if closely:
        picture = replace(picture, pixels=picture.pixels[middle(picture.pixels.shape[:2])])
    return jpeg(preview(picture, SHOWN_SIDE), picture.icc, quality=92)


def link(path: Path, target: Path) -> None:
    """The same file under another name, without a second copy of it where that can be had."""
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


@contextmanager
def without_folder(path: Path) -> Iterator[None]:
    """What is wrong with a file is said by its name alone: the server's folders are nobody's
    business."""
    try:
        yield
    except ValueError as error:
        raise ValueError(str(error).replace(str(path), path.name)) from None


def _warm_up() -> None:
    """Compile the kernels, so that the first fit need not wait for them."""
    pixels = torch.rand(32, 32, 3)
    known = torch.rand(32, 32) < 0.7
    whole, few = ImageTask(pixels), ImageTask(pixels, known=known)
    noisy = DenoiseTask(pixels, known=known, heldout=~known, sigma=0.1)
    chosen = (
        ("hash", whole), ("fourier", whole), (AUTO, few), (AUTO, noisy), (AUTO, UpscaleTask(pixels))
    )  # fmt: skip
    for method, task in chosen:
        config, _ = method_config(method, task)
        for progress in fit(task, replace(config, steps=2, batch=64)):
            draw(progress.field, task.size, out=task.drawn)
