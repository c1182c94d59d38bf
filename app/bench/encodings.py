"""The table of "Fourier Features Let Networks Learn High Frequency Functions", row by row.

What is fitted and how is in `published`. The whole is long work for a CPU; with `--out`, what is
done is kept, and the same command goes on from there.
"""

import math
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data import read_picture
from fields import FitConfig, ImageTask, __version__, fit
from fields.encodings import EncodingSpec
from fields.fit import resolve_device

from .. import signals
from ..options import BenchOptions
from . import published
from .headway import Headway
from .ledger import Ledger
from .sets import PictureSet, first, listed, picture_sets

MOST = 2**22  # pixels in one step, unless more are asked for
KEYS = ("set", "picture", "encoding")
SETTINGS = ("steps", "batch", "sigma", "octaves", "plain_lr")


def bench_encodings(options: BenchOptions) -> Generator[dict[str, Any], None, dict[str, Any]]:
    """For each set a row for each picture and encoding, then one for each encoding's mean.

    Returns:
        What else belongs into the document: the sets, with the settings of each.
    """
    sets = picture_sets(options)
    resolve_device(options.device)
    for group in sets:
        for encoding, lr in group.contenders.values():
            configure(encoding, lr, 1, options)  # what is wrong is said before a fit begins
    settings = {name: getattr(options, name) for name in SETTINGS} | {"fieldfit": __version__}
    table = Table(sets, Ledger(options.out, "encodings", KEYS, settings), options)
    for group in sets:
        table.headway.say(f"{group}.")
    for group in sets:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in table.rows(group):
            found.setdefault(row["encoding"], []).append(row)
            yield row
        if table.interrupted:
            table.say_how_to_go_on()
            break
        for rows in found.values():
            yield mean(group, rows, options)
    return {"sets": [group.settings for group in sets]}


class Table:
    """All fits of all sets: those that are kept, and those still to be done."""

    def __init__(self, sets: list[PictureSet], kept: Ledger, options: BenchOptions) -> None:
        self.kept, self.options = kept, options
        self.number, self.interrupted = 0, False  # of rows that are there; whether that is all
        fits = [(g, path, name) for g in sets for path in g.paths for name in g.contenders]
        self.total = len(fits)
        left = [cost(g, n) for g, path, n in fits if kept.get(g.name, path.name, n) is None]
        self.headway = Headway(sum(left), kept=kept.folder is not None)

    def rows(self, group: PictureSet) -> Iterator[dict[str, Any]]:
        """A set's rows; ends early when interrupted."""
        for path in group.paths:
            for name in group.contenders:
                row = self.kept.get(group.name, path.name, name)
                if row is None:
                    row = self.fitted(group, path, name)
                    if row is None:
                        self.interrupted = True
                        return
                self.number += 1
                yield row

    def fitted(self, group: PictureSet, path: Path, name: str) -> dict[str, Any] | None:
        """A new row, which is kept; None if interrupted."""
        encoding, lr = group.contenders[name]
        work = cost(group, name)
        label = f"{group.name} {path.name} {name}, fit {self.number + 1} of {self.total}"
        figures = run(
            path, encoding, lr, self.options,
            lambda share, seconds: self.headway.show(label, share, seconds, work),
        )  # fmt: skip
        if figures is None:
            return None
        row = {**dict(zip(KEYS, (group.name, path.name, name), strict=True)), **figures}
        self.kept.add(row)
        self.headway.over(row["seconds"], work)
        return row

    def say_how_to_go_on(self) -> None:
        kept = self.kept.folder is not None
        way = "the same command goes on from there" if kept else "with --out DIR it could go on"
        self.headway.say(f"stopped after {self.number} of {self.total} fits; {way}.")


def cost(group: PictureSet, name: str) -> float:
    """What a fit costs beside others: the products a pixel of an encoding's network."""
    encoding, _ = group.contenders[name]
    features = encoding.build(2, torch.Generator()).out_dim
    return published.WIDTH * (features + (published.DEPTH - 1) * published.WIDTH + 3)


def run(
    path: Path, encoding: EncodingSpec, lr: float, options: BenchOptions,
    watch: Callable[[float, float], None],
) -> dict[str, Any] | None:  # fmt: skip
    """Fit one encoding to every second pixel, and measure on those between; None if interrupted.

    Args:
        watch: is told the share of the steps that are done, and their seconds.
    """
    pixels = read_picture(path).tensor()
    height, width = pixels.shape[:2]
    if min(height, width) < 2:
        raise ValueError(f"{path}: must have 2 pixels a side at least; leave it out.")
    known = torch.zeros(height, width, dtype=torch.bool)
    heldout = known.clone()
    known[::2, ::2] = True
    heldout[1::2, 1::2] = True
    task = ImageTask(pixels, known=known, heldout=heldout)
    count = int(known.sum())
    if options.batch is None and count > MOST:
        raise ValueError(f"{path}: {count:,} pixels are too many for a step; give --batch 65536.")
    reports = fit(task, configure(encoding, lr, count, options))
    progress = next(reports)
    while progress.end is None:
        if signals.asked():
            return None
        progress = next(reports)
        watch(progress.share, progress.seconds)
    device = progress.field.shift.device
    figures = task.to(device).evaluate(progress.field)
    more = {"size": f"{width}x{height}", "lr": lr, "device": device.type}
    return {**figures, "seconds": progress.seconds, **more}


def configure(encoding: EncodingSpec, lr: float, known: int, options: BenchOptions) -> FitConfig:
    """How an encoding is fitted to so many pixels: to all in each step, unless a flag says less."""
    batch = known if options.batch is None else options.batch
    return published.configuration(
        encoding, lr=lr, steps=options.steps, batch=batch, device=options.device
    )


def mean(
    group: PictureSet, rows: list[dict[str, Any]], options: BenchOptions
) -> dict[str, Any]:
    """An encoding's mean and spread over a set, beside the published ones if it is that set."""
    name = rows[0]["encoding"]
    found = [row["heldout_psnr"] for row in rows]
    values = [math.nan if psnr is None else float(psnr) for psnr in found]  # None: it diverged
    row = {
        "set": group.name, "picture": "mean", "encoding": name,
        "heldout_psnr": float(np.mean(values)), "spread": float(np.std(values)),
        "pictures": len(values),
    }  # fmt: skip
    if as_published(group, rows, options):
        row["published"], row["published_spread"] = published.KINDS[group.kind].figures[name]
    return row


def as_published(
    group: PictureSet, rows: list[dict[str, Any]], options: BenchOptions
) -> bool:
    """Whether a set is one of the two, by its name, number and sizes, and fitted in full."""
    kind, side = published.KINDS[group.kind], f"{published.SIDE}x{published.SIDE}"
    full = options.steps == published.STEPS and options.batch is None
    usual = (group.sigma, group.octaves, group.plain_lr) == (
        kind.sigma, kind.octaves, kind.plain_lr,
    )  # fmt: skip
    same = kind.mark in group.name.lower() and len(rows) == published.PICTURES
    return full and usual and same and all(row["size"] == side for row in rows)


def pictures(options: BenchOptions) -> list[Path]:
    """The pictures of the one directory that is given.

    Raises:
        ValueError: it is none, or holds none.
    """
    folder = one_input(options)
    if folder is None or not folder.is_dir():
        raise ValueError(f"bench {options.kind} needs a directory of pictures, got {folder}.")
    paths = listed(folder)
    if not paths:
        raise ValueError(f"{folder}: holds no pictures.")
    return first(paths, options)


def one_input(options: BenchOptions) -> Path | None:
    """The input, if one is given.

    Raises:
        ValueError: there are several.
    """
    if len(options.inputs) > 1:
        raise ValueError(f"bench {options.kind} takes one input, got {len(options.inputs)}.")
    return options.inputs[0] if options.inputs else None
