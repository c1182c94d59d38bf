"""What the benchmark of points asks of every method: a cloud, and the surface it was taken from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data import SHAPE_SAMPLES, Shape, load_shape_sample, read_shape
from fields import Mesh

from ..options import BenchOptions
from ..placement import Placement
from ..preparing import split
from ..truth import Cloud, sampled

HELD_OUT = 0.2  # share of a cloud that is measured against, where no surface is known
NOT_GENERATED = ("bunny",)


@dataclass(frozen=True, eq=False)
class Case:
    """A cloud to be made into a mesh.

    Attributes:
        shape: the name of it.
        case: where its points come from.
        cloud: what a method gets.
        placement: of the truth, in the box.
        truth: what the mesh is measured against.
    """

    shape: str
    case: str
    cloud: Shape
    placement: Placement
    truth: Cloud


def cases(options: BenchOptions) -> Iterator[Case]:
    """The clouds that are asked for, one after the other.

    Raises:
        ValueError: a file cannot be read, or the flags do not fit together.
    """
    if options.samples < 50 or options.noise < 0:
        raise ValueError("--samples must be at least 50, and --noise at least 0.")
    if options.truth is not None:
        if len(options.inputs) != 1:
            raise ValueError("--truth needs one cloud to go with it.")
        yield with_truth(read_shape(options.inputs[0]), options.truth)
        return
    if not options.inputs:
        for name in SHAPE_SAMPLES:
            if name not in NOT_GENERATED:
                yield case_of(load_shape_sample(name), options)
    for path in options.inputs:
        yield case_of(read_shape(path), options)


def case_of(shape: Shape, options: BenchOptions) -> Case:
    """Of a mesh, points that are sampled from it; of a cloud, four fifths of its points."""
    if not shape.is_mesh:
        return halved(shape)
    return from_mesh(shape, options.samples, options.noise)


def from_mesh(shape: Shape, samples: int, noise: float) -> Case:
    """Points drawn evenly from a mesh.

    Args:
        noise: standard deviation of what is added to each coordinate, in percent of the longest
            side. Clean points have normals; noisy ones have none, as from a scanner.
    """
    placement = Placement.of(shape)
    mesh = placed(shape, placement)
    points, normals = mesh.sample(samples, torch.Generator().manual_seed(1))
    where = placement.out_of(points)
    if noise:
        rng = np.random.default_rng(1)
        where = where + rng.normal(0, noise / 100 * shape.side, where.shape)
        cloud = Shape(where, name=shape.name)
    else:
        cloud = Shape(where, normals=normals.numpy(), name=shape.name)
    case = f"noise {noise:g} %" if noise else "clean"
    return Case(shape.name, case, cloud, placement, Cloud(*sampled(mesh)))


def halved(shape: Shape) -> Case:
    """Most points of a cloud to fit, the others to measure against."""
    kept, hidden = (index.numpy() for index in split(len(shape.points), HELD_OUT, 0))
    placement = Placement.of(shape)
    normals, points = shape.normals, placement.into(shape.points[hidden])
    truth = Cloud(points, None if normals is None else torch.from_numpy(normals[hidden]))
    cloud = Shape(
        shape.points[kept], normals=None if normals is None else normals[kept], name=shape.name
    )
    return Case(shape.name, "held out", cloud, placement, truth)


def with_truth(shape: Shape, path: Path) -> Case:
    """A cloud, and the mesh that it is of."""
    true = read_shape(path)
    if not true.is_mesh:
        raise ValueError(f"{path}: holds no faces; --truth must be a mesh.")
    placement = Placement.of(true)
    cloud = Shape(shape.points, normals=shape.normals, name=shape.name)
    truth = Cloud(*sampled(placed(true, placement)))
    return Case(shape.name, "truth", cloud, placement, truth)


def placed(shape: Shape, placement: Placement) -> Mesh:
    """A mesh in the box."""
    assert shape.faces is not None
    return Mesh(placement.into(shape.points), torch.from_numpy(shape.faces))
