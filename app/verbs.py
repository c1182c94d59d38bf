"""The verbs on pictures, from flags to files."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from data import SHAPE_SUFFIXES, Picture
from fields import ImageTask

from . import signals
from .denoise import Noisy, make_noisy, open_clean
from .display import Display
from .folder import RunFolder, default_folder
from .jobs import fit_job
from .options import (
    SHAPE_FLAGS,
    CompareOptions,
    DenoiseOptions,
    ImageOptions,
    InpaintOptions,
    NoiseOptions,
    PictureOptions,
    UpscaleOptions,
)
from .pictures import Job, load_mask, make_task, open_picture
from .plans import (
    COMPARE_SECONDS,
    check_methods,
    first,
    kept_options,
    make_plan,
    read_config,
    refuse_flags,
    within_budget,
)
from .race import Plan
from .shape_verbs import compare_shape
from .signal_verbs import compare_signal, is_signal
from .upscale import Enlarged, make_enlarged
from .words import say

__all__ = ["COMPARE_SECONDS", "compare", "denoise", "image", "inpaint", "make_plan", "upscale"]

STOPPED = "hash"  # method of `denoise`, if a rule is given that stops it, but no method
SCALE = 2.0  # of `upscale`, unless it is given


def image(options: ImageOptions, knobs: list[str], command: str) -> dict[str, Any]:
    start = time.perf_counter()
    picture = open_picture(options.photo, options.max_megapixels)
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    task, fill = make_task(picture, holdout=options.holdout, seed=seed)
    if options.sobolev is not None:
        task = replace(task, sobolev=options.sobolev)
    plans = [make_plan(options.method, options, knobs, task, saved)]
    return _fit("image", options, options.photo, picture, task, fill, plans, command, start)


def inpaint(options: InpaintOptions, knobs: list[str], command: str) -> dict[str, Any]:
    start = time.perf_counter()
    if options.mask is None and options.missing is None:
        raise ValueError("inpaint needs a MASK, white where to fill, or --missing SHARE.")
    picture = open_picture(options.photo, options.max_megapixels)
    mask = None if options.mask is None else load_mask(options.mask, picture)
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    task, fill = make_task(picture, missing=options.missing, mask=mask, seed=seed)
    plans = [make_plan(options.method, options, knobs, task, saved)]
    return _fit("inpaint", options, options.photo, picture, task, fill, plans, command, start)


def denoise(options: DenoiseOptions, knobs: list[str], command: str) -> dict[str, Any]:
    start = time.perf_counter()
    picture = open_picture(options.photo, options.max_megapixels)
    saved = read_config(options.config)
    noisy = _noisy(options, picture, first(options.seed, saved.seed if saved else None, 0))
    method = options.method
    if method is None and saved is None and options.stop is not None:
        method = STOPPED
    plans = [make_plan(method, options, [*_rule(options), *knobs], noisy.task, saved)]
    return _fit(
        "denoise", options, options.photo, picture, noisy.task, None, plans, command, start, noisy
    )


def _noisy(options: DenoiseOptions | CompareOptions, picture: Picture, seed: int) -> Noisy:
    return make_noisy(
        picture,
        sigma=options.sigma,
        noise=options.noise,
        clean=open_clean(options.clean, options.max_megapixels),
        seed=seed,
    )


def _rule(options: NoiseOptions) -> list[str]:
    return [] if options.stop is None else ["--stop", options.stop]


def upscale(options: UpscaleOptions, knobs: list[str], command: str) -> dict[str, Any]:
    start = time.perf_counter()
    picture = open_picture(options.photo, options.max_megapixels)
    saved = read_config(options.config)
    options, made = _enlarged(options, picture)
    plans = [make_plan(options.method, options, knobs, made.task, saved)]
    return _fit(
        "upscale", options, options.photo, made.picture, made.task, None, plans, command, start,
        made,
    )


Options = TypeVar("Options", UpscaleOptions, CompareOptions)


def _enlarged(options: Options, picture: Picture) -> tuple[Options, Enlarged]:
    """The options with all that was left out, and the task."""
    scale, blur = first(options.scale, SCALE), options.blur or "box"
    made = make_enlarged(picture, scale=scale, blur=blur, reduce=options.reduce)
    return replace(options, scale=scale, blur=blur), made


def compare(options: CompareOptions, knobs: list[str], command: str) -> dict[str, Any]:
    start = time.perf_counter()
    check_methods(options.methods)
    if is_signal(options):
        return compare_signal(options, knobs, command)
    if options.input.suffix.lower() in SHAPE_SUFFIXES:
        return compare_shape(options, knobs, command)
    refuse_flags(options, SHAPE_FLAGS, f"is for shapes; {options.input.name} is a picture")
    picture = open_picture(options.input, options.max_megapixels)
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    kind = _kind(options)
    made: Noisy | Enlarged | None = None
    fill = None
    if kind == "denoise":
        made = _noisy(options, picture, seed)
        knobs = [*_rule(options), *knobs]
    elif kind == "upscale":
        options, made = _enlarged(options, picture)
        picture = made.picture
    if made is not None:
        task = made.task
    else:
        task, fill = make_task(
            picture,
            holdout=options.holdout,
            missing=options.missing,
            mask=None if options.mask is None else load_mask(options.mask, picture),
            seed=seed,
        )
    options = within_budget(options)
    plans = [make_plan(method, options, knobs, task, saved) for method in options.methods]
    return _fit(
        "compare", options, options.input, picture, task, fill, plans, command, start, made
    )


BELONGS = {
    "fit": ("holdout",),
    "inpaint": ("mask", "missing"),
    "denoise": ("stop", "sigma", "clean", "noise"),
    "upscale": ("scale", "blur", "reduce"),
}  # flags of `compare` to its tasks


def _kind(options: CompareOptions) -> str:
    """What the methods are to do.

    Raises:
        ValueError: a flag is another task's.
    """
    fills = options.mask is not None or options.missing is not None
    kind = options.task or ("inpaint" if fills else "fit")
    for task, names in BELONGS.items():
        given = [name for name in names if getattr(options, name) not in (None, False)]
        # Before there was --task, --holdout beside a mask was refused by `make_task`.
        if given and task != kind and {task, kind} != {"fit", "inpaint"}:
            raise ValueError(f"--{given[0]} needs --task {task}.")
    if kind == "inpaint" and not fills:
        raise ValueError("--task inpaint needs --mask FILE or --missing SHARE.")
    if options.task == "fit" and fills:
        raise ValueError("--mask and --missing need --task inpaint.")
    return kind


def _fit(
    verb: str,
    options: PictureOptions,
    path: Path,
    picture: Picture,
    task: ImageTask,
    fill: Any,
    plans: list[Plan],
    command: str,
    start: float,
    made: Noisy | Enlarged | None = None,
) -> dict[str, Any]:
    folder = RunFolder(options.out or default_folder(path.stem))
    job = Job(
        verb,
        str(path),
        picture,
        task,
        fill,
        plans,
        command,
        kept_options(options),
        loading=time.perf_counter() - start,
    )
    if made is not None:
        job.clean, job.keys, job.notes = made.clean, made.keys(), made.notes()
    with Display([p.method for p in plans]) as display:
        document = fit_job(job, folder, stop=signals.asked, show=display.show)
    say(document, folder, options.json)
    return document
