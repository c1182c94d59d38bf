"""Fieldfit beside what people use to fill holes, remove noise and enlarge, on a folder of pictures.

Every method gets the same spoiled pictures; PSNR is that of the holes where holes are filled and of
the whole picture elsewhere, SSIM always that of the whole. Seconds are those of the call alone.
"""

import statistics
import sys
import time
from collections.abc import Generator, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fields import __version__
from fields.metrics import decibels, ssim

from .. import signals
from ..options import BenchOptions
from .encodings import pictures
from .ledger import Ledger
from .masks import MASKS
from .ours import OURS, is_ours, restore
from .peers import PEERS, REFERENCES, shaped
from .problems import Problem, load, problems

KEYS = ("picture", "task", "case", "seed", "method")
PACKAGES = ("opencv-contrib-python-headless", "opencv-python-headless", "scikit-image", "bm3d",
            "pillow")


def bench_images(options: BenchOptions) -> Generator[dict[str, Any], None, dict[str, Any]]:
    """A row for each case and method, over all pictures and seeds.

    Returns:
        What else belongs into the document: the results of every picture, what is missing here and
        how to get it, and versions.
    """
    paths = pictures(options)
    contenders, missing = choose(options)
    for note in missing:
        say(f"{note['method']} is left out of {note['task']}: {note['cure']}.")
    found = list(measure(paths, contenders, options))
    yield from summary(found)
    return {
        "references": {t: REFERENCES[t] for t in options.tasks},
        "missing": missing,
        "versions": dict(_versions()),
        "pictures": found,
    }


def choose(options: BenchOptions) -> tuple[dict[str, list[str]], list[dict[str, str]]]:
    """The methods of each task that can be run here, and those that cannot, with the cure.

    Raises:
        ValueError: an option names something that is not there, or asks for nothing.
    """
    _check(options)
    contenders: dict[str, list[str]] = {}
    missing: list[dict[str, str]] = []
    wanted = options.methods
    for task in options.tasks:
        contenders[task] = [OURS] if wanted is None else [m for m in wanted if is_ours(m)]
        for peer in PEERS[task]:
            if wanted is not None and peer.name not in wanted:
                continue
            if peer.missing():
                cure = f"pip install {peer.install}"
                missing.append({"task": task, "method": peer.name, "cure": cure})
            else:
                contenders[task].append(peer.name)
    return contenders, missing


def _check(options: BenchOptions) -> None:
    names = [p.name for peers in PEERS.values() for p in peers]
    for method in options.methods or ():
        if method not in names and not is_ours(method):
            raise ValueError(
                f"unknown method {method!r}; choose from {OURS}, {', '.join(names)}, and the "
                "methods of fieldfit image."
            )
    unknown = next((m for m in options.masks if m not in MASKS), None)
    if unknown is not None:
        raise ValueError(f"unknown mask {unknown!r}; choose from {', '.join(MASKS)}.")
    if options.seeds < 1 or options.side < 0 or min(options.scales, default=2) < 2:
        raise ValueError("--seeds must be at least 1, --side at least 0, --scales at least 2.")


def measure(
    paths: list[Path], contenders: dict[str, list[str]], options: BenchOptions
) -> Iterator[dict[str, Any]]:
    """One result for each picture, case, seed and method; ends early when interrupted.

    The first seed of everything comes first, so that a run cut short says something of all.
    """
    kept = Ledger(options.out, "images", KEYS, {"side": options.side, "fieldfit": __version__})
    pace = Pace(paths, contenders, options)
    for seed in range(options.seeds):
        for path in paths:
            truth = load(path, options.side)
            for problem in _of(path, problems(truth, seed, options)):
                for method in contenders[problem.task]:
                    key = (path.name, problem.task, problem.case, seed, method)
                    row = kept.get(*key)
                    if row is not None:
                        pace.done(method, row["seconds"])
                        yield row
                        continue
                    figures = None if signals.asked() else attempt(problem, method)
                    if figures is None:
                        return
                    row = {**dict(zip(KEYS, key, strict=True)), **figures}
                    kept.add(row)
                    pace.done(method, figures["seconds"])
                    say(f"{path.name} {problem.case} seed {seed} {method}: "
                        f"{figures['psnr']:.2f} dB in {figures['seconds']:.2f} s  {pace}")
                    yield row


def _of(path: Path, found: Iterator[Problem]) -> Iterator[Problem]:
    """The same problems; what is wrong with one names its picture."""
    try:
        yield from found
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def attempt(problem: Problem, method: str) -> dict[str, float] | None:
    """A method's figures on one problem; None if interrupted."""
    start = time.perf_counter()
    if is_ours(method):
        found = restore(problem, method)
    else:
        found = next(p for p in PEERS[problem.task] if p.name == method).run(problem)
    seconds = time.perf_counter() - start
    if found is None:
        return None
    found = shaped(found, problem)
    if problem.missing is not None:  # what is known is not the method's to change
        found = np.where(problem.missing[..., None], found, problem.truth)
    squared = np.square(found.astype(np.float64) - problem.truth)
    if problem.missing is not None:
        squared = squared[problem.missing]
    likeness = ssim(torch.from_numpy(found), torch.from_numpy(problem.truth))
    return {"psnr": decibels(float(squared.mean())), "ssim": likeness, "seconds": seconds}


def summary(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Means over pictures and seeds; the margin is the smallest over the reference in any one."""
    cells = {tuple(r[k] for k in KEYS): r["psnr"] for r in found}
    for task in PEERS:
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in found:
            if row["task"] == task:
                groups.setdefault((row["case"], row["method"]), []).append(row)
        for (case, method), rows in groups.items():
            others = [
                cells.get((r["picture"], task, case, r["seed"], REFERENCES[task])) for r in rows
            ]
            margins = [
                r["psnr"] - o for r, o in zip(rows, others, strict=True) if o is not None
            ]
            yield {
                "task": task,
                "case": case,
                "method": method,
                "psnr": statistics.fmean(r["psnr"] for r in rows),
                "ssim": statistics.fmean(r["ssim"] for r in rows),
                "seconds": statistics.median(r["seconds"] for r in rows),
                "min_margin": min(margins, default=None),
                "n": len(rows),
            }


class Pace:
    """How far a benchmark is, and how long the rest will take by what each method took."""

    def __init__(
        self, paths: list[Path], contenders: dict[str, list[str]], options: BenchOptions
    ) -> None:
        cases = {"inpaint": len(options.masks) * options.seeds,
                 "denoise": len(options.sigmas) * options.seeds,
                 "upscale": len(options.scales)}
        self.left: dict[str, int] = {}
        for task in options.tasks:
            for method in contenders[task]:
                more = cases[task] * len(paths)
                self.left[method] = self.left.get(method, 0) + more
        self.total = sum(self.left.values())
        self.took: dict[str, list[float]] = {}

    def done(self, method: str, seconds: float) -> None:
        self.left[method] -= 1
        self.took.setdefault(method, []).append(seconds)

    def __str__(self) -> str:
        means = {method: statistics.fmean(took) for method, took in self.took.items()}
        usual = statistics.fmean(means.values())
        left = sum(n * means.get(method, usual) for method, n in self.left.items())
        rest = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
        return f"({self.total - sum(self.left.values())} of {self.total}, {rest} left)"


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
