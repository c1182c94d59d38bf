"""Enlarge a picture: find the larger one that, blurred and thinned out, is the given one."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..field import Field
from ..kernels.groups import Core, Patches, clean
from ..kernels.lattice import coefficients, resample
from ..shrink import taps
from ..solvers import Step
from ..tasks import UpscaleTask
from .bending import Sheet
from .canvas import Canvas
from .colours import from_opponent, opponent
from .holes import Recipe
from .windows import Window, tiles

PASSES = 12
SPREAD = (0.3, 0.03)  # deviation of what the groups take for noise, at first and at last
BEND = 0.3  # weight of the sheet's energy
MARGIN = 16  # pixels of the given picture
LARGEST = 512  # pixels along a side of a window of the larger one
RIDGE = 1e-4  # keeps the Gaussian's inverse from blowing noise up


class Axis:
    """How some pixels along one axis come from the points of the lattice.

    Args:
        pixels: first and end of them.
        index, weights: of all pixels, as `shrink.taps` gives them.

    Attributes:
        first: number of the first point, counted in the whole lattice.
        weights: float32 [pixels, points], rows of sum 1.
        inverse: float32 [pixels, pixels], of weights times their transpose.
    """

    def __init__(self, pixels: tuple[int, int], index: Tensor, weights: Tensor) -> None:
        index, weights = index[slice(*pixels)], weights[slice(*pixels)]
        self.first, self.end = int(index.min()), int(index.max()) + 1
        dense = torch.zeros(len(index), self.end - self.first)
        dense.scatter_add_(1, index - self.first, weights)
        self.weights = dense.numpy()
        gram = self.weights.astype(np.float64) @ self.weights.T
        ridge = RIDGE * gram.trace() / len(gram)
        self.inverse = np.linalg.inv(gram + ridge * np.eye(len(gram))).astype(np.float32)


class Shrinking:
    """Data for the sheet: the larger picture [c, H, W], blurred and thinned out, is the target."""

    def __init__(self, target: np.ndarray, ys: Axis, xs: Axis) -> None:
        self.target, self.inverse = target, (ys.inverse, xs.inverse)
        self.ys, self.xs = ys.weights, xs.weights
        self.gain = np.float32(self.ys.shape[1] * self.xs.shape[1] / target[0].size)
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
        return values + self.spread(self.inverse[0] @ rest @ self.inverse[1])


def enlarge(task: UpscaleTask, field: Field, recipe: Recipe) -> Iterator[Step]:
    """Find the larger picture, window by window; the field takes each as it goes."""
    source = task.to(torch.device("cpu"))
    points = task.drawn
    canvas = Canvas(field, points)
    ratio = max(points) / max(task.size)

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
    axes = [
        {pixels: Axis(pixels, *taps(n, m, task.blur, ratio)) for pixels in found}
        for n, m, found in zip(task.size, points, _stretches(windows), strict=True)
    ]
    sweeps = 1 + PASSES
    done, total = 0.0, sweeps * sum(window.area for window in windows)
    yield Step(0.0, 0.0)
    for number in range(sweeps):
        for window in windows:
            rows, columns = window.looked
            target = np.moveaxis(source.values(rows)[:, columns].numpy(), -1, 0)
            ys, xs = axes[0][rows.start, rows.stop], axes[1][columns.start, columns.stop]
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
            yield Step(done / total, float(np.square(found - u).mean()))


def _stretches(windows: list[Window]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Where the windows begin and end, margins included, along y and along x."""
    outer = [window.outer for window in windows]
    return {(t, b) for t, _, b, _ in outer}, {(left, right) for _, left, _, right in outer}


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
    for settled in sheet.settle(u, recipe.contrast):
        u = settled
    return data.project(u)


def smooth(u: np.ndarray, spread: float, core: Core | None = None) -> np.ndarray:
    """A pass through the groups, which take `spread` for the deviation of noise."""
    side = min(u.shape[1:])
    patches = Patches(size=min(5, side), stride=min(3, side), search=10, count=32, estimate=32)
    turned = opponent(u)
    parts = [
        clean(t, t, turned, patches, sigma=spread, first=False, core=core)
        for t in turned[:, None]
    ]
    return from_opponent(np.concatenate(parts))
