"""The verbs on shapes, from flags to files."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data import Shape, read_shape
from fields import Derivatives

from . import signals
from .display import Display
from .folder import RunFolder, default_folder
from .jobs import fit_job
from .options import (
    PICTURE_FLAGS,
    CloudOptions,
    CompareOptions,
    FitOptions,
    MeshOptions,
    MeshVerbOptions,
    PointsOptions,
)
from .plans import check_methods, first, kept_options, make_plan, read_config, within_budget
from .preparing import Prepared, prepare_mesh, prepare_points
from .race import Plan
from .shape_result import check_format, check_resolution
from .shape_words import log, say, say_prepared, say_shape
from .shapes import ShapeJob


def points(options: PointsOptions, knobs: list[str], command: str) -> dict[str, Any]:
    _refuse_psnr(knobs)
    opened = open_shape(options.cloud, options)
    scanner = check_cloud_flags(options)
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    prepared = opened.points(options.flip, scanner, options.holdout, seed)
    prepared = with_objective(prepared, options.objective)
    plans = [make_plan(options.method, options, knobs, prepared.task, saved)]
    return _fit("points", options, opened, prepared, plans, command, options.trim)


def mesh(options: MeshVerbOptions, knobs: list[str], command: str) -> dict[str, Any]:
    _refuse_psnr(knobs)
    opened = open_shape(options.mesh, options)
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    prepared = opened.mesh(seed)
    plans = [make_plan(options.method, options, knobs, prepared.task, saved)]
    return _fit("mesh", options, opened, prepared, plans, command)


def compare_shape(options: CompareOptions, knobs: list[str], command: str) -> dict[str, Any]:
    """`compare` for a shape: a cloud, or a mesh."""
    check_methods(options.methods)
    for name in PICTURE_FLAGS:
        if getattr(options, name) not in (None, False):
            raise ValueError(f"--{name} is for pictures; {options.input.name} is a shape.")
    scanner = check_cloud_flags(options)
    opened = open_shape(options.input, options)
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    if opened.shape.is_mesh:
        for name in ("flip", "scanner", "trim", "holdout", "objective"):
            if getattr(options, name) not in (None, False):
                raise ValueError(
                    f"--{name} is for clouds of points; {options.input.name} is a mesh."
                )
        prepared = opened.mesh(seed)
    else:
        prepared = opened.points(options.flip, scanner, options.holdout, seed)
        prepared = with_objective(prepared, options.objective)
    options = within_budget(options)
    plans = [make_plan(m, options, knobs, prepared.task, saved) for m in options.methods]
    return _fit("compare", options, opened, prepared, plans, command, options.trim)


def _refuse_psnr(knobs: Sequence[str]) -> None:
    if any(knob.partition("=")[0] == "--psnr" for knob in knobs):
        raise ValueError("--psnr is for pictures; give --seconds or --steps.")


def check_cloud_flags(options: CloudOptions) -> tuple[float, float, float] | None:
    """The scanner's place, if it is given.

    Raises:
        ValueError: it is no place, or a flag is out of range.
    """
    if options.trim is not None and not options.trim > 0:
        raise ValueError(f"--trim must be above 0, got {options.trim:g}.")
    if options.scanner is None:
        return None
    try:
        x, y, z = (float(part) for part in options.scanner.split(","))
    except ValueError:
        raise ValueError(
            f"--scanner must be x,y,z in the points' coordinates, got {options.scanner!r}."
        ) from None
    return x, y, z


def with_objective(prepared: Prepared, objective: str | None) -> Prepared:
    """A cloud's task, asked for its derivatives instead of its distances if that is wanted; for the
    normals' too, unless their sides are in doubt."""
    if objective != "derivatives":
        return prepared
    oriented = prepared.surfels is not None and prepared.surfels.trusted
    task = replace(prepared.task, objective=Derivatives(oriented=oriented))
    return replace(prepared, task=task)


@dataclass
class Opened:
    """A shape that was read, with what is to be made of it, and how long that took so far.

    Attributes:
        loading, preparing: seconds.
    """

    path: Path
    shape: Shape
    resolution: int
    suffix: str
    loading: float
    preparing: float = 0.0

    def points(
        self,
        flip: bool,
        scanner: tuple[float, float, float] | None,
        holdout: float | None,
        seed: int,
    ) -> Prepared:
        tick = time.perf_counter()
        count = len(self.shape.points)
        log(f"preparing {count:,} points: noise, normals and distances")
        prepared = prepare_points(
            self.shape, flip=flip, scanner=scanner, holdout=holdout, seed=seed
        )
        self.preparing = time.perf_counter() - tick
        say_prepared(prepared, self.preparing)
        return prepared

    def mesh(self, seed: int) -> Prepared:
        tick = time.perf_counter()
        if self.shape.faces is not None:
            log(f"preparing {len(self.shape.faces):,} triangles: distances and signs")
        prepared = prepare_mesh(self.shape, seed=seed)
        self.preparing = time.perf_counter() - tick
        say_prepared(prepared, self.preparing)
        return prepared


def open_shape(path: Path, options: MeshOptions) -> Opened:
    """Read a shape, once it is clear that its mesh could be written as it is wanted.

    Raises:
        ValueError: it cannot be read, or a flag is out of range.
    """
    resolution, suffix = check_resolution(options.resolution), f".{options.format or 'ply'}"
    tick = time.perf_counter()
    given = {"max_points": options.max_points, "max_megabytes": options.max_megabytes}
    shape = read_shape(path, **{name: v for name, v in given.items() if v is not None})
    say_shape(shape)
    check_format(shape, suffix)
    return Opened(path, shape, resolution, suffix, time.perf_counter() - tick)


def _fit(
    verb: str,
    options: FitOptions,
    opened: Opened,
    prepared: Prepared,
    plans: list[Plan],
    command: str,
    trim: float | None = None,
) -> dict[str, Any]:
    folder = RunFolder(options.out or default_folder(opened.path.stem))
    job = ShapeJob(
        verb,
        str(opened.path),
        prepared,
        plans,
        command,
        opened.resolution,
        opened.suffix,
        trim,
        kept_options(options),
        loading=opened.loading,
        preparing=opened.preparing,
    )
    with Display([p.method for p in plans]) as display:
        document = fit_job(job, folder, stop=signals.asked, show=display.show)
    say(document, folder, options.json)
    return document
