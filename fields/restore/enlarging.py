"""Enlarge a picture: find the larger one that, blurred and thinned out, is the given one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ..field import Field
from ..kernels.groups import Core, Patches, clean
from ..kernels.lattice import coefficients, resample
from ..solver import Stage
from ..tasks import UpscaleTask
from ..tasks.upscale import Blur
from .bending import Sheet, edges
from .canvas import Canvas
from .holes import OPPONENT, RELAXED, STEPS, Recipe
from .windows import Window, tiles

PASSES = 12
SPREAD = (0.3, 0.03)  # deviation of what the groups take for noise, at first and at last
BEND = 0.3  # weight of the sheet's energy
MARGIN = 16  # pixels of the given picture
LARGEST = 512  # pixels along a side of a window of the larger one
SIGMA = 0.5  # pixels of the given picture: the Gaussian's deviation
RIDGE = 1e-4  # keeps the Gaussian's inverse from blowing noise up


@dataclass(frozen=True)
class Axis:
    """How the pixels along one axis come from the points of the lattice.

    Attributes:
        first: number of the first point, counted in the whole lattice.
        weights: float32 [pixels, points], rows of sum 1.
    """

    first: int
    weights: np.ndarray

    @property
    def end(self) -> int:
        return self.first + self.weights.shape[1]


def axis(blur: Blur, pixels: slice, n: int, points: int, ratio: float) -> Axis:
    """The weights of some pixels out of n, of a lattice of so many points, `ratio` to a pixel."""
    centre = (2 * np.arange(pixels.start, pixels.stop) + 1 - n) / 2 * ratio + (points - 1) / 2
    reach = {"box": 0.5 * ratio + 0.5, "gaussian": 3 * SIGMA * ratio, "none": 2.0}[blur]
    first = max(0, math.floor(centre[0] - reach))
    end = min(points, math.ceil(centre[-1] + reach) + 1)
    offset = np.arange(first, end) - centre[:, None]
    if blur == "box":
        weights = np.clip(ratio / 2 + 0.5 - np.abs(offset), 0, min(1.0, ratio))
    elif blur == "gaussian":
        weights = np.exp(-0.5 * (offset / (SIGMA * ratio)) ** 2)
    else:
        weights = _cubic(np.abs(offset))
    weights /= weights.sum(1, keepdims=True)
    return Axis(first, weights.astype(np.float32))


def _cubic(t: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution, a = -1/2 [Keys 1981, eq. 15]."""
    near = 1 - 2.5 * t**2 + 1.5 * t**3
    far = 2 - 4 * t + 2.5 * t**2 - 0.5 * t**3
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


class Shrinking:
    """Data for the sheet: the larger picture [c, H, W], blurred and thinned out, is the target."""

    def __init__(self, target: np.ndarray, ys: Axis, xs: Axis) -> None:
        self.target, self.ys, self.xs = target, ys.weights, xs.weights
        self.gain = np.float32(self.ys.shape[1] * self.xs.shape[1] / target[0].size)
        self.inverse = [
            np.linalg.inv(m @ m.T + RIDGE * np.eye(len(m)) * (m @ m.T).trace() / len(m))
            for m in (self.ys.astype(np.float64), self.xs.astype(np.float64))
        ]
        self.pull = self.gain * self.spread(target)

    def shrunk(self, values: np.ndarray) -> np.ndarray:
        return self.ys @ values @ self.xs.T

    def spread(self, values: np.ndarray) -> np.ndarray:
        return self.ys.T @ values @ self.xs

    def apply(self, values: np.ndarray) -> np.ndarray:
        return self.gain * self.spread(self.shrunk(values))

    def density(self) -> np.ndarray:
        return self.gain * np.outer(self.ys.sum(0), self.xs.sum(0))

    def project(self, values: np.ndarray) -> np.ndarray:
        """The nearest picture that agrees with the target."""
        rest = self.target - self.shrunk(values)
        rest = (self.inverse[0] @ rest @ self.inverse[1]).astype(np.float32)
        return values + self.spread(rest)


def enlarge(task: UpscaleTask, field: Field, recipe: Recipe) -> Iterator[Stage]:
    """Find the larger picture, window by window; the field takes each as it goes."""
    source = task.to(torch.device("cpu"))
    points = task.drawn
    canvas = Canvas(field, points)
    ratio = max(points) / max(task.size)

    def axes(window: Window) -> tuple[Axis, Axis]:
        ys, xs = (
            axis(task.blur, pixels, n, m, ratio)
            for pixels, n, m in zip(window.looked, task.size, points, strict=True)
        )
        return ys, xs

    small = coefficients(source.values(slice(None)))

    def start(top: int, bottom: int) -> np.ndarray:
        """The spline through the given pixels, before anything is known of the blur."""
        ys, xs = (
            (torch.arange(first, end, dtype=torch.float64) - (m - 1) / 2) / ratio + (n - 1) / 2
            for first, end, m, n in (
                (top, bottom, points[0], task.size[0]), (0, points[1], points[1], task.size[1])
            )
        )
        return np.moveaxis(resample(small, ys, xs).numpy(), -1, 0)

    canvas.fill(start)
    windows = tiles(task.size, margin=MARGIN, largest=max(32, int(LARGEST / ratio)))
    sweeps = 1 + PASSES
    done, total = 0.0, sweeps * sum(window.area for window in windows)
    yield Stage(0.0, 0.0)
    for number in range(sweeps):
        for window in windows:
            rows, columns = window.looked
            target = np.moveaxis(source.values(rows)[:, columns].numpy(), -1, 0)
            ys, xs = axes(window)
            top, left, bottom, right = _points_within(window, task.size, points, ratio)
            core = top - ys.first, left - xs.first, bottom - ys.first, right - xs.first
            data = Shrinking(np.ascontiguousarray(target), ys, xs)
            drawn = canvas.values(ys.first, xs.first, ys.end, xs.end)
            u = np.ascontiguousarray(np.moveaxis(drawn.numpy(), -1, 0))
            if number == 0:
                found = bend(data, u, recipe)
            else:
                spread = float(np.geomspace(*SPREAD, PASSES)[number - 1])
                found = data.project(smooth(u, spread, core))
            canvas.put(top, left, found[:, core[0] : core[2], core[1] : core[3]])
            done += window.area
            yield Stage(done / total, float(np.square(found - u).mean()))


def _points_within(
    window: Window, size: tuple[int, int], points: tuple[int, int], ratio: float
) -> tuple[int, int, int, int]:
    """The part of the lattice that a window's result counts for: (top, left, bottom, right)."""
    top, left, bottom, right = window.inner

    def edge(pixel: int, n: int, m: int) -> int:
        if pixel in (0, n):
            return 0 if pixel == 0 else m
        return round((2 * pixel - n) / 2 * ratio + m / 2)

    (h, w), (high, wide) = size, points
    return edge(top, h, high), edge(left, w, wide), edge(bottom, h, high), edge(right, w, wide)


def bend(data: Shrinking, u: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The sheet of least energy that shrinks to the target, from a first guess [c, H, W]."""
    sheet = Sheet(data, BEND, recipe.slope)
    for i in range(RELAXED):
        u = sheet.relax(u, edges(u, recipe.contrast) if i else None, STEPS)
    return data.project(u)


def smooth(u: np.ndarray, spread: float, core: Core | None = None) -> np.ndarray:
    """A pass through the groups, which take `spread` for the deviation of noise."""
    side = min(u.shape[1:])
    patches = Patches(size=min(5, side), stride=min(3, side), search=10, count=32, estimate=32)
    turned = np.tensordot(OPPONENT, u, 1).astype(np.float32) if len(u) == 3 else u
    parts = [
        clean(t, t, turned, patches, sigma=spread, first=False, core=core)
        for t in turned[:, None]
    ]
    found = np.concatenate(parts)
    return np.tensordot(OPPONENT.T, found, 1).astype(np.float32) if len(u) == 3 else found
