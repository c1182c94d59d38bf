"""Fill the holes of a picture of any size: coarse to fine, and window by window."""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from ..field import Field
from ..solvers import Step
from ..tasks import ImageTask
from .bending import SETTLED, double
from .canvas import Canvas
from .holes import Recipe, deep, draw, passes, relax
from .windows import Window, cover

LEAST = 16  # pixels along the longer side of a picture that is still halved
HALF_PRECISION = 2**25  # values from which on a coarser picture has but 16 bits for each
ROWS = 512  # of a picture that are halved at a time
RELAX_COST, PASS_COST = 0.6, 7.0  # of a step, in microseconds a pixel and channel


class Surface(Protocol):
    """Values that are read and set by rectangles, [c, h, w]."""

    def read(self, window: Window) -> np.ndarray: ...

    def put(self, window: Window, values: np.ndarray) -> None: ...


@dataclass
class Array:
    """A surface in memory."""

    values: np.ndarray

    def read(self, window: Window) -> np.ndarray:
        return self.values[(slice(None), *window.looked)].astype(np.float32)

    def put(self, window: Window, values: np.ndarray) -> None:
        top, left, bottom, right = window.inner
        self.values[:, top:bottom, left:right] = values[(slice(None), *window.within)]

    def put_all(self, window: Window, values: np.ndarray) -> None:
        """With the margin, where nothing else may fill what is missing."""
        self.values[(slice(None), *window.looked)] = values


@dataclass
class Sheeted:
    """The surface of a field."""

    canvas: Canvas
    task: ImageTask
    known: np.ndarray

    def read(self, window: Window) -> np.ndarray:
        """As the task gives them where they are known."""
        rows, columns = window.looked
        exact = self.task.values(rows)[:, columns]
        drawn = self.canvas.values(rows.start, columns.start, rows.stop, columns.stop)
        known = self.known[rows, columns, None]
        return np.ascontiguousarray(
            np.moveaxis(np.where(known, exact.numpy(), drawn.numpy()), -1, 0)
        )

    def put(self, window: Window, values: np.ndarray) -> None:
        top, left = window.inner[:2]
        self.canvas.put(top, left, values[(slice(None), *window.within)])


@dataclass
class Level:
    """A picture at one resolution, and what of it is to be filled.

    Attributes:
        coarser: the next, from which deep pixels are guessed; None for the coarsest.
    """

    surface: Surface
    known: np.ndarray
    windows: list[Window]
    channels: int
    coarser: "Level | None" = None

    def costs(self, recipe: Recipe) -> list[tuple[float, float]]:
        """Of each window: all that bends the sheet, and all passes through the groups."""
        found = []
        for window in self.windows:
            known = self.known[window.looked]
            touched = min(window.area, 9 * (known.size - int(known.sum())))
            sheet, groups = SETTLED * RELAX_COST * window.area, PASS_COST * touched
            found.append((self.channels * sheet, self.channels * groups * passes(known, recipe)))
        return found


def fill(task: ImageTask, field: Field, recipe: Recipe) -> Iterator[Step]:
    """Fill what is not known of a picture; the field takes each better guess at once."""
    known = np.ones(task.size, bool) if task.known is None else task.known.cpu().numpy()
    source = task.to(torch.device("cpu"))
    canvas = Canvas(field, task.size)
    mean = _mean(source, known)

    def start(top: int, bottom: int) -> np.ndarray:
        values = source.values(slice(top, bottom)).numpy()
        return np.moveaxis(np.where(known[top:bottom, :, None], values, mean), -1, 0)

    canvas.fill(start)
    levels = [Level(Sheeted(canvas, source, known), known, cover(~known), task.out_dim)]
    while max(levels[-1].known.shape) > LEAST:
        inside = deep(levels[-1].known)
        if not inside.any():
            break
        levels.append(_halved(levels[-1], inside, source if len(levels) == 1 else None))
        levels[-2].coarser = levels[-1]
    costs = [level.costs(recipe) for level in levels]
    total, done = sum(sum(pair) for found in costs for pair in found), 0.0
    yield Step(0.0 if total else 1.0, 0.0)
    for level, found in zip(reversed(levels), reversed(costs), strict=True):
        for sweep in (_settle, _draw):
            for window, pair in zip(level.windows, found, strict=True):
                before = done
                for share, change in sweep(level, window, recipe):
                    done = before + share * pair[sweep is _draw]
                    yield Step(min(1.0, done / max(total, 1e-9)), change)


def _settle(level: Level, window: Window, recipe: Recipe) -> Iterator[tuple[float, float]]:
    """Bend the sheet into a window: (share that is done, mean squared change) of each step."""
    known, values = level.known[window.looked], level.surface.read(window)
    guess = None if level.coarser is None else _guess(level.coarser, window)
    steps = relax(values, known, guess, recipe)
    last = yield from _put(level, window, values, steps, SETTLED)
    if isinstance(level.surface, Array):
        level.surface.put_all(window, last)


def _draw(level: Level, window: Window, recipe: Recipe) -> Iterator[tuple[float, float]]:
    """The passes through the groups of a window, as `_settle`."""
    known, values = level.known[window.looked], level.surface.read(window)
    steps = draw(values, known, recipe, window.core)
    yield from _put(level, window, values, steps, passes(known, recipe))


def _put(
    level: Level, window: Window, values: np.ndarray, steps: Iterator[np.ndarray], count: int
) -> Generator[tuple[float, float], None, np.ndarray]:
    """Put each step where it belongs; the last is returned."""
    for number, found in enumerate(steps, 1):
        level.surface.put(window, found)
        yield number / count, float(np.square(found - values).mean())
        values = found
    return values


def _mean(task: ImageTask, known: np.ndarray) -> np.ndarray:
    """Of the known pixels, [c]."""
    total, count = np.zeros(task.out_dim), 0
    for top in range(0, task.size[0], ROWS):
        chosen = task.values(slice(top, top + ROWS)).numpy()[known[top : top + ROWS]]
        total += chosen.sum(0, dtype=np.float64)
        count += len(chosen)
    return (total / count).astype(np.float32)


def _halved(level: Level, inside: np.ndarray, task: ImageTask | None) -> Level:
    """The picture at half the resolution, of which only what is deep now is to be filled."""
    high, wide = level.known.shape
    size = -(-high // 2), -(-wide // 2)
    kind = np.float32 if level.channels * math.prod(size) < HALF_PRECISION else np.float16
    values = np.zeros((level.channels, *size), kind)
    known = np.zeros(size, bool)

    def read(top: int, bottom: int) -> np.ndarray:
        if task is not None:
            return np.moveaxis(task.values(slice(top, bottom)).numpy(), -1, 0)
        assert isinstance(level.surface, Array)
        return level.surface.values[:, top:bottom]

    for top in range(0, high, ROWS):
        bottom = min(high, top + ROWS)
        mask = level.known[top:bottom]
        mean, some = _means(read(top, bottom) * mask, mask)
        values[:, top // 2 : top // 2 + len(some)] = mean
        known[top // 2 : top // 2 + len(some)] = some
    wanted = np.pad(inside, ((0, high % 2), (0, wide % 2)))
    wanted = np.asarray(wanted.reshape(size[0], 2, size[1], 2).any((1, 3)))
    near = wanted.copy()
    near[1:] |= wanted[:-1]
    near[:-1] |= wanted[1:]
    grown = near.copy()
    grown[:, 1:] |= near[:, :-1]
    grown[:, :-1] |= near[:, 1:]
    return Level(Array(values), known, cover(grown & ~known), level.channels)


def _means(values: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over squares of 2 by 2 of what the mask holds, [c, h/2, w/2], and where there is any.
    """
    channels, high, wide = values.shape
    pad = high % 2, wide % 2
    if any(pad):
        values = np.pad(values, ((0, 0), (0, pad[0]), (0, pad[1])))
        mask = np.pad(mask, ((0, pad[0]), (0, pad[1])))
    h, w = mask.shape[0] // 2, mask.shape[1] // 2
    count = mask.reshape(h, 2, w, 2).sum((1, 3), dtype=np.float32)
    total = values.reshape(channels, h, 2, w, 2).sum((2, 4))
    return total / np.maximum(count, 1), count > 0


def _guess(coarser: Level, window: Window) -> np.ndarray:
    """What the coarser picture says of a window, [c, h, w]."""
    assert isinstance(coarser.surface, Array)
    top, left, bottom, right = window.outer
    y0, x0 = max(0, top // 2 - 1), max(0, left // 2 - 1)
    part = coarser.surface.values[:, y0 : -(-bottom // 2) + 1, x0 : -(-right // 2) + 1]
    part = part.astype(np.float32)
    size = (bottom - 2 * y0, right - 2 * x0)
    whole = double(part, (min(2 * part.shape[1], size[0]), min(2 * part.shape[2], size[1])))
    return whole[:, top - 2 * y0 : bottom - 2 * y0, left - 2 * x0 : right - 2 * x0]
