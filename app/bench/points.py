"""Fieldfit beside screened Poisson reconstruction: meshes from clouds of points.

Every method gets the same points. Poisson gets the normals that Fieldfit finds; `poisson` is its
best depth of 5 to 10 by the Chamfer distance, which nobody knows beforehand, and `poisson-9` is
depth 9. Seconds of Fieldfit are those from the points to the mesh, those of Poisson of the call
alone.
"""

import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from fields import METHODS, Mesh, __version__, fit, method_config
from fields.neighbours import Neighbours
from fields.render import distance_in
from fields.shape_metrics import DEFINITIONS

from .. import signals
from ..options import BenchOptions
from ..placement import Placement
from ..preparing import Prepared, prepare_points
from ..shape_result import check_resolution, make_mesh
from ..truth import SAMPLES
from . import poisson
from .clouds import Case, cases
from .ledger import Ledger

OURS = "fieldfit"  # what `auto` chooses; the methods go by their names
DEPTHS = {"poisson": (5, 6, 7, 8, 9, 10), "poisson-9": (9,)}
KEYS = ("shape", "case", "method")


@dataclass(frozen=True, eq=False)
class Found:
    """A method's mesh, where it lies, and what it took.

    Attributes:
        extra: more for the row.
    """

    mesh: Mesh
    placement: Placement
    seconds: float
    extra: dict[str, Any]


def bench_points(options: BenchOptions) -> Generator[dict[str, Any], None, dict[str, Any]]:
    """A row for each cloud and method.

    Returns:
        What else belongs into the document: what the figures mean, what is missing here and how to
        get it, and versions.
    """
    contenders, missing = choose(options)
    for note in missing:
        say(f"{note['method']} is left out: {note['cure']}.")
    resolution = check_resolution(options.resolution)
    settings = {"resolution": resolution, "samples": options.samples, "noise": options.noise,
                "fieldfit": __version__}  # fmt: skip
    kept = Ledger(options.out, "points", KEYS, settings)
    for case in cases(options):
        yield from _rows(case, contenders, kept, resolution)
        if signals.asked():
            break
    return {
        "definitions": DEFINITIONS | {"samples": SAMPLES},
        "missing": missing,
        "versions": dict(_versions()),
    }


def choose(options: BenchOptions) -> tuple[list[str], list[dict[str, str]]]:
    """The methods that can be run here, and those that cannot, with the cure.

    Raises:
        ValueError: an option names something that is not there.
    """
    wanted = list(options.methods or (OURS, *DEPTHS))
    for method in wanted:
        if method != OURS and method not in DEPTHS and method not in METHODS:
            raise ValueError(
                f"unknown method {method!r}; choose from {OURS}, {', '.join(DEPTHS)}, and the "
                "methods of fieldfit points."
            )
    missing = []
    if not poisson.there():
        lost = [m for m in wanted if m in DEPTHS]
        missing = [{"method": m, "cure": "pip install open3d-cpu"} for m in lost]
        wanted = [m for m in wanted if m not in lost]
    return wanted, missing


def _rows(
    case: Case, contenders: list[str], kept: Ledger, resolution: int
) -> Iterator[dict[str, Any]]:
    """One cloud's rows; ends early when interrupted."""
    trials = Trials(case)
    for method in contenders:
        key = (case.shape, case.case, method)
        row = kept.get(*key)
        if row is None:
            found = None if signals.asked() else attempt(trials, method, resolution)
            if signals.asked():
                return
            row = {**dict(zip(KEYS, key, strict=True)), **measured(case, found)}
            kept.add(row)
            said = "nothing" if found is None else f"chamfer {row['chamfer']:.3g} %"
            say(f"{case.shape} ({case.case}) {method}: {said} in {row['seconds'] or 0:.1f} s")
        yield row


def attempt(trials: "Trials", method: str, resolution: int) -> Found | None:
    """A method's mesh; None if there is none, or it was interrupted."""
    if method in DEPTHS:
        return trials.poisson(DEPTHS[method])
    return restore(trials.case, method, resolution)


def restore(case: Case, method: str, resolution: int) -> Found | None:
    """What `fieldfit points` does, without the files."""
    start = time.perf_counter()
    prepared = prepare_points(case.cloud)
    config, _ = method_config("auto" if method == OURS else method, prepared.task)
    reports = fit(prepared.task, config)
    progress = next(reports)
    while progress.end is None:
        if signals.asked():
            return None
        progress = next(reports)
    mesh, _ = make_mesh(distance_in(progress.field), resolution, near=prepared.task.points)
    seconds = time.perf_counter() - start
    return Found(mesh, prepared.placement, seconds, {"depth": None}) if len(mesh.faces) else None


class Trials:
    """The attempts on one cloud by Poisson, each depth tried once."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.tried: dict[int, Found | None] = {}
        self.prepared: Prepared | None = None

    def poisson(self, depths: tuple[int, ...]) -> Found | None:
        """The best of some depths; None if all failed."""
        for depth in depths:
            if depth not in self.tried and not signals.asked():
                self.tried[depth] = self._at(depth)
        found = [f for d in depths if (f := self.tried.get(d)) is not None]
        if len(found) < 2:
            return found[0] if found else None
        return min(found, key=lambda f: measured(self.case, f)["chamfer"])

    def _at(self, depth: int) -> Found | None:
        """The points as they are given, each with the normal that we find nearest to it."""
        if self.prepared is None:
            self.prepared = prepare_points(self.case.cloud)
        surfels, points = self.prepared.surfels, self.prepared.points
        assert surfels is not None
        nearest = Neighbours(surfels.points).nearest(points, 1)[1][:, 0]
        found = poisson.reconstruct(points.numpy(), surfels.normals[nearest].numpy(), depth)
        if found is None or not len(found[1]):
            return None
        vertices, faces, seconds = found
        mesh = Mesh(torch.from_numpy(vertices).float(), torch.from_numpy(faces).long())
        return Found(mesh, self.prepared.placement, seconds, {"depth": depth})


FIGURES = ("chamfer", "hausdorff", "fscore", "fscore_half", "normal_consistency")


def measured(case: Case, found: Found | None) -> dict[str, Any]:
    """The figures of a row; None throughout if there is no mesh."""
    if found is None:
        names = (*FIGURES, "watertight", "components", "seconds", "depth")
        return dict.fromkeys(names)
    vertices = case.placement.into(found.placement.out_of(found.mesh.vertices))
    mesh = Mesh(vertices, found.mesh.faces)
    figures = case.truth.measure(mesh)
    return {
        **{name: figures.get(name) for name in FIGURES},
        "watertight": mesh.watertight,
        "components": int(mesh.components().max()) + 1,
        "seconds": found.seconds,
        **found.extra,
    }


def _versions() -> Iterator[tuple[str, str]]:
    for package in ("open3d-cpu", "open3d"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
