"""Shapes to try without having one: computed, or from gradio's package; no download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .bracket import bracket
from .shape import Shape

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ShapeSample:
    """A shape by name; `make` computes or loads it, the same each time."""

    name: str
    title: str
    make: Callable[[], Shape]


def load_shape_sample(name: str) -> Shape:
    """The sample shape called `name`, a key of `SHAPE_SAMPLES`; ValueError for another name."""
    if name not in SHAPE_SAMPLES:
        raise ValueError(f"unknown sample {name!r}; choose from {', '.join(SHAPE_SAMPLES)}.")
    return replace(SHAPE_SAMPLES[name].make(), name=name)


def torus_scan(count: int = 30_000, noise: float = 0.005, seed: int = 0) -> Shape:
    """`count` points of a torus with radii 1 and 0.4, even over its surface, without normals.

    Each point is moved by a normal distribution whose deviation in each axis is `noise` of the
    longest side, as a scanner would. ValueError for no points or a negative noise.
    """
    if count < 1 or noise < 0:
        raise ValueError(f"count must be at least 1 and noise at least 0, got {count}, {noise}.")
    rng = np.random.default_rng(seed)
    around = rng.uniform(0, 2 * np.pi, count)
    across = _torus_angles(count, 0.4, rng)
    points = _on_torus(around, across, 0.4)
    return Shape(points + rng.normal(0, noise * 2.8, points.shape))


def gyroid(size: int = 96) -> Shape:
    """A ball of radius 1 cut into a labyrinth by the gyroid, as a closed mesh [Schoen 1970].

    It is where |sin x cos y + sin y cos z + sin z cos x| < 0.45 in the ball, for two and a half
    periods, found on a grid of `size` points a side. ValueError if size < 16.
    """
    from skimage.measure import marching_cubes

    if size < 16:
        raise ValueError(f"size must be at least 16, got {size}.")
    axis = np.linspace(-1.05, 1.05, size)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    a, b, c = (2.5 * np.pi * value for value in (x, y, z))
    waves = np.sin(a) * np.cos(b) + np.sin(b) * np.cos(c) + np.sin(c) * np.cos(a)
    walls = (abs(waves) - 0.45) / (2.5 * np.pi * 1.5)  # about a distance near the walls
    inside = np.maximum(walls, np.sqrt(x * x + y * y + z * z) - 1)
    step = axis[1] - axis[0]
    # Values below 0 are inside; "descent" then has faces counter-clockwise seen from outside.
    found = marching_cubes(inside, 0.0, spacing=(step,) * 3, gradient_direction="descent")
    return Shape(found[0].astype(np.float64) + axis[0], found[1].astype(np.int64))


def knot(count: int = 40_000, seed: int = 0) -> Shape:
    """`count` points of a trefoil knot's tube, with normals and with colours that run along it.

    The middle line is ((2 + cos 3t) cos 2t, (2 + cos 3t) sin 2t, sin 3t), the tube's radius 0.45.
    ValueError if count < 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}.")
    rng = np.random.default_rng(seed)
    along = rng.uniform(0, 2 * np.pi, count)
    angle = rng.uniform(0, 2 * np.pi, count)[:, None]
    middle, tangent = _knot_line(along)
    side = np.cross(tangent, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    normals = np.cos(angle) * side + np.sin(angle) * np.cross(tangent, side)
    phases = along[:, None] + np.array([0, 2, 4]) * np.pi / 3
    colours = np.rint(255 * (0.55 + 0.4 * np.cos(phases))).astype(np.uint8)
    return Shape(middle + 0.45 * normals, None, normals.astype(np.float32), colours)


def _knot_line(t: Array) -> tuple[Array, Array]:
    """Points of the knot's middle line and unit vectors along it, [n, 3] each."""
    radius, slope = 2 + np.cos(3 * t), -3 * np.sin(3 * t)
    x, y = np.cos(2 * t), np.sin(2 * t)
    middle = np.stack([radius * x, radius * y, np.sin(3 * t)], axis=1)
    tangent = np.stack(
        [slope * x - 2 * radius * y, slope * y + 2 * radius * x, 3 * np.cos(3 * t)], axis=1
    )
    return middle, tangent / np.linalg.norm(tangent, axis=1, keepdims=True)


def _torus_angles(count: int, tube: float, rng: np.random.Generator) -> Array:
    """Angles around the tube, as frequent as the surface is wide there: 1 + tube cos."""
    angles = np.empty(0)
    while len(angles) < count:
        drawn = rng.uniform(0, 2 * np.pi, 2 * count)
        kept = rng.uniform(0, 1 + tube, 2 * count) < 1 + tube * np.cos(drawn)
        angles = np.concatenate([angles, drawn[kept]])
    return angles[:count]


def _on_torus(around: Array, across: Array, tube: float) -> Array:
    radius = 1 + tube * np.cos(across)
    return np.stack(
        [radius * np.cos(around), radius * np.sin(around), tube * np.sin(across)], axis=1
    )


def _bunny() -> Path | None:
    """Stanford's bunny in gradio's wheel, if gradio is there; it is not imported."""
    spec = find_spec("gradio")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "media_assets" / "models3d" / "Bunny.obj"
    return file if file.is_file() else None


def _load_bunny() -> Shape:
    from .shape_files import read_shape

    file = _bunny()
    assert file is not None
    return read_shape(file)


SHAPE_SAMPLES = {
    sample.name: sample
    for sample in (
        ShapeSample("torus scan", "Torus: noisy points without normals", torus_scan),
        ShapeSample("bracket", "Bracket: a mesh with sharp edges", bracket),
        ShapeSample("gyroid", "Gyroid in a ball: a mesh full of holes", gyroid),
        ShapeSample("knot", "Knot: points with normals and colours", knot),
        *([ShapeSample("bunny", "Stanford bunny: a mesh", _load_bunny)] if _bunny() else []),
    )
}
