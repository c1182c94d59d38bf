"""The verbs on pictures, from flags to files."""

import json
import math
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from data import Picture, PictureWriter
from fields import FitConfig, ImageTask, load_field, method_config
from fields.fit import check
from fields.render import strips

from . import signals
from .denoise import Noisy, make_noisy, open_clean
from .display import Display, Share
from .folder import RunFolder, default_folder, to_json
from .knobs import parse_knobs
from .options import (
    CompareOptions,
    DenoiseOptions,
    FitOptions,
    ImageOptions,
    InpaintOptions,
    NoiseOptions,
    RenderOptions,
    UpscaleOptions,
)
from .pictures import Job, fit_job, load_mask, make_task, open_picture, quantise
from .race import Plan
from .upscale import MAX_DRAWN, Enlarged, make_enlarged

BUDGETS = ("steps", "seconds", "psnr")
SHARED = (*BUDGETS, "seed", "device", "backend")  # knobs of a fit that every verb has as flags
COMPARE_SECONDS = 10.0
STOPPED = "hash"  # method of `denoise`, if a rule is given that stops it, but no method
SCALE = 2.0  # of `upscale`, unless it is given


def image(options: ImageOptions, knobs: list[str], command: str) -> dict[str, Any]:
    start = time.perf_counter()
    picture = open_picture(options.photo, options.max_megapixels)
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    task, fill = make_task(picture, holdout=options.holdout, seed=seed)
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
    if not options.methods:
        raise ValueError("--methods must name at least one method.")
    if len(set(options.methods)) < len(options.methods):
        raise ValueError("--methods names a method twice; give each once.")
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
    if all(getattr(options, name) is None for name in BUDGETS):
        options = replace(options, seconds=COMPARE_SECONDS)
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
    options: FitOptions,
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
    kept = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(options).items()}
    job = Job(
        verb,
        str(path),
        picture,
        task,
        fill,
        plans,
        command,
        {
            k: v
            for k, v in kept.items()
            if v is not None and v is not False and k not in (*SHARED, "json", "out")
        },
        loading=time.perf_counter() - start,
    )
    if made is not None:
        job.clean, job.keys, job.notes = made.clean, made.keys(), made.notes()
    with Display([p.method for p in plans]) as display:
        document = fit_job(job, folder, stop=signals.asked, show=display.show)
    _say(document, folder, options.json)
    return document


def _say(document: dict[str, Any], folder: RunFolder, as_json: bool) -> None:
    if as_json:
        print(to_json(document), flush=True)
        return
    for run in document.get("runs", [document]):
        figures = "  ".join(f"{k} {_figure(v)}" for k, v in run["metrics"].items())
        print(f"{run['method']}: {figures}  in {run['seconds']['fit']:.1f} s, {run['steps']} steps")
    if "stop" in document:
        print(_say_stop(document))
    if "runs" not in document and not document["why"].endswith("as asked."):
        print(f"auto chose {document['why']}")
    asked = document["config"].get("psnr")
    reached = document["metrics"].get("psnr") or 0.0
    if asked is not None and document["end"] in ("steps", "seconds") and reached < asked:
        print(f"stopped below the {asked:g} dB asked for; give more --steps or --seconds.")
    print(f"{folder.path / 'report.html'}")


def _say_stop(document: dict[str, Any]) -> str:
    stop = document["stop"]
    noise = f"noise {document['sigma']:.1f} of 255 ({document['sigma_is']}); "
    return f"{noise}step {stop['step']} of {document['steps']} kept, as {stop['rule']} chose"


def _figure(value: float | None) -> str:
    return "inf" if value is None or math.isinf(value) else f"{value:.4g}"


def make_plan(
    method: str | None,
    options: FitOptions,
    knobs: Sequence[str],
    task: ImageTask,
    saved: "SavedConfig | None",
) -> Plan:
    """A method's settings with the saved config and then the flags laid over them."""
    method = method or (saved.method if saved else None) or "auto"
    base, why = method_config(method, task)
    if saved is not None:
        base = saved.settings(method) or base
    config = with_options(base, options)
    without = frozenset({*SHARED, "report"})
    config = parse_knobs(config, list(knobs), program="fieldfit VERB ...", without=without)
    check(task, config)
    return Plan(method, config, why)


def with_options(config: FitConfig, options: FitOptions) -> FitConfig:
    given = {n: getattr(options, n) for n in SHARED if getattr(options, n) is not None}
    if "seconds" in given and "steps" not in given:
        given["steps"] = None  # a budget of time replaces the method's own number of steps
    return replace(config, **given)


class SavedConfig:
    """What --config brings: a method's name, and the settings of its fit."""

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
            loads = tomllib.loads if path.suffix == ".toml" else json.loads
            document = loads(text)
        except OSError as error:
            raise ValueError(f"{path}: cannot be read: {error.strerror}.") from None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: is neither JSON nor TOML: {error}") from None
        if not isinstance(document, dict):
            raise ValueError(f"{path}: must hold an object, as run.json does.")
        self.path = path
        self.method: str | None = document.get("method")
        try:
            self.config = _config_in(document)
            self.runs = {run["method"]: _config_in(run) for run in document.get("runs", [])}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None

    @property
    def seed(self) -> int | None:
        return self.config.seed if self.config else None

    def settings(self, method: str) -> FitConfig | None:
        """What the file holds for a method; None if it holds no settings at all.

        Raises:
            ValueError: its settings are another method's, and would be fitted under a wrong name.
        """
        if method in self.runs:
            return self.runs[method]
        if self.config is None or self.method in (None, method):
            return self.config
        raise ValueError(
            f"{self.path}: holds the settings of {self.method}, not of {method}; "
            "leave one of the two out."
        )


def _config_in(document: dict[str, Any]) -> FitConfig | None:
    inner = document.get("config", document if "field" in document else None)
    return None if inner is None else FitConfig.from_dict(inner)


def read_config(path: Path | None) -> SavedConfig | None:
    return None if path is None else SavedConfig(path)


def first(*values: Any) -> Any:
    return next((v for v in values if v is not None), None)


def render(options: RenderOptions) -> dict[str, Any]:
    start = time.perf_counter()
    device = "cuda" if options.device == "auto" and torch.cuda.is_available() else options.device
    saved = load_field(
        options.field, device="cpu" if device == "auto" else device, backend=options.backend
    )
    if saved.info.get("kind") != "image":
        raise ValueError(f"{options.field}: holds no picture.")
    size = (int(saved.info["size"][0]), int(saved.info["size"][1]))
    region = parse_region(options.region, size)
    out = parse_size(options.size, region)
    path = options.out or options.field.parent / "render.png"
    depth = options.depth or int(saved.info.get("depth", 8))
    icc = saved.info.get("icc")
    from base64 import b64decode

    with PictureWriter(
        path, out[1], out[0], saved.field.out_dim, depth, b64decode(icc) if icc else None
    ) as writer:
        share = Share("render")
        for top, values in strips(saved.field, size, region=region, out=out):
            writer.write_rows(quantise(values.cpu(), depth))
            share.show((top + len(values)) / out[0])
            if signals.asked():
                raise KeyboardInterrupt
    document = {
        "verb": "render",
        "input": str(options.field),
        "size": [out[1], out[0]],
        "region": list(region),
        "seconds": {"total": time.perf_counter() - start},
        "files": {"result": str(path)},
    }
    print(to_json(document) if options.json else path, flush=True)
    return document


def parse_size(text: str | None, region: tuple[float, float, float, float]) -> tuple[int, int]:
    """(height, width) from WIDTHxHEIGHT, either of which may be left out to keep the shape."""
    wide, high = region[2] - region[0], region[3] - region[1]
    if text is None:
        return max(1, round(high)), max(1, round(wide))
    left, x, right = text.lower().partition("x")
    try:
        if not x or not (left or right):
            raise ValueError
        width = int(left) if left else max(1, round(int(right) * wide / high))
        height = int(right) if right else max(1, round(int(left) * high / wide))
    except ValueError:
        raise ValueError(f"--size must be WIDTHxHEIGHT such as 1024x768, got {text!r}.") from None
    if width < 1 or height < 1 or width * height > MAX_DRAWN:
        raise ValueError(f"--size must be from 1x1 to {MAX_DRAWN:,} pixels in all, got {text!r}.")
    return height, width


def parse_region(
    text: str | None, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    if text is None:
        return 0.0, 0.0, float(size[1]), float(size[0])
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--region must be x0,y0,x1,y1 in pixels, got {text!r}.") from None
    inside = 0 <= x0 < x1 <= size[1] and 0 <= y0 < y1 <= size[0]
    if not inside:
        raise ValueError(
            f"--region must lie inside the picture of {size[1]}x{size[0]} pixels and not be empty, "
            f"got {text!r}."
        )
    return x0, y0, x1, y1


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
