"""What a file's shape must be before anything computes with it, whatever it was read from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .headers import Unreadable
from .shape import Shape

Array = np.ndarray[Any, Any]

_FEWEST = 50  # distinct points of a cloud; fewer show no surface
_SOME = 1000
_FARTHEST = 1e30  # larger numbers are damage, and products of them overflow
_FINEST = 1e-10  # of the distance from the origin; a side below it has no digits left
_AGREE = 0.95  # length of the mean of normals that agree; at 36 degrees between two it is this
_UNKNOWN = 0.01  # of the normals may be missing; more, and none are used


def checked(shape: Shape, max_points: int) -> Shape:
    """`shape` made sound: what is harmless is mended, Unreadable says why the rest is refused.

    Coordinates are finite and span something; a mesh's vertices are distinct and used, its faces
    have three different ones; a cloud has at least 50 distinct points; normals have unit length.
    """
    if len(shape.points) > max_points:
        raise Unreadable(
            f"has {len(shape.points):,} points, over the limit of {max_points:,}; thin it out"
        )
    if not np.isfinite(shape.points).all():
        raise Unreadable("has coordinates that are not finite; clean it and export it again")
    shape = _with_unit_normals(shape)
    shape = _sound_cloud(shape) if shape.faces is None else _sound_mesh(shape, shape.faces)
    _check_extent(shape)
    return shape


def _check_extent(shape: Shape) -> None:
    farthest = float(abs(shape.points).max())
    if farthest > _FARTHEST:
        raise Unreadable(f"has coordinates up to {farthest:.1e}; export it in a larger unit")
    side = shape.side
    if side < 1 / _FARTHEST:
        raise Unreadable("has all its points in one place; check what was exported")
    if side < _FINEST * farthest:
        raise Unreadable("lies too far from its origin for its size; move it there first")


def _sound_cloud(shape: Shape) -> Shape:
    if len(_first_of_each(shape.points[:_SOME])[0]) >= _FEWEST:
        return shape  # without sorting millions
    distinct = len(_first_of_each(shape.points)[0])
    if distinct < _FEWEST:
        raise Unreadable(
            f"has {distinct} distinct points and no faces, too few to show a surface; "
            f"at least {_FEWEST} are needed"
        )
    return shape


def _sound_mesh(shape: Shape, faces: Array) -> Shape:
    """The mesh with vertices at the same place welded and those that no face uses left out."""
    if not len(faces):
        raise Unreadable("has no faces; export it again, or as points")
    if faces.min() < 0 or faces.max() >= len(shape.points):
        raise Unreadable(
            f"has faces that name vertex {faces.max() if faces.min() >= 0 else faces.min()} of "
            f"{len(shape.points)} (counted from 0); export it again"
        )
    keep, place = _first_of_each(shape.points)
    faces = place[faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    if not len(faces):
        raise Unreadable("has no faces with three different corners; export it again")
    used = np.zeros(len(keep), bool)
    used[faces.ravel()] = True
    number = np.cumsum(used) - 1
    return replace(
        shape,
        points=shape.points[keep[used]],
        faces=number[faces],
        normals=_merged(shape.normals, place, len(keep), used),
        colours=None if shape.colours is None else shape.colours[keep[used]],
    )


def _merged(normals: Array | None, place: Array, count: int, used: Array) -> Array | None:
    """Unit means of the normals that were at the same place; None if some differ, as they do
    where a program gave each side of a sharp edge its own."""
    if normals is None:
        return None
    sums = [np.bincount(place, normals[:, axis], count) for axis in range(3)]
    sizes = np.bincount(place, minlength=count)
    merged = (np.stack(sums, axis=1) / sizes[:, None])[used]
    lengths = np.linalg.norm(merged, axis=1, keepdims=True)
    return (merged / lengths).astype(np.float32) if (lengths > _AGREE).all() else None


def _with_unit_normals(shape: Shape) -> Shape:
    """Normals of unit length. A cloud loses the few points without one, a mesh all normals."""
    if shape.normals is None:
        return shape
    with np.errstate(invalid="ignore"):  # a signalling NaN
        normals = shape.normals.astype(np.float64)
    lengths = np.linalg.norm(normals, axis=1)
    known = np.isfinite(lengths) & (lengths > 1e-12)
    lost = len(known) - int(known.sum())
    if lost > _UNKNOWN * len(known) or (lost and shape.faces is not None):
        return replace(shape, normals=None, note=_add(shape.note, "normals not usable"))
    unit = (normals[known] / lengths[known, None]).astype(np.float32)
    if not lost:
        return replace(shape, normals=unit)
    return replace(
        shape,
        points=shape.points[known],
        normals=unit,
        colours=None if shape.colours is None else shape.colours[known],
        note=_add(shape.note, f"{lost:,} points without a normal left out"),
    )


def _add(note: str, more: str) -> str:
    return f"{note}; {more}" if note else more


def _first_of_each(points: Array) -> tuple[Array, Array]:
    """Indices [m] of the distinct points in the order of the file, and for each of the n points
    which of them it equals [n]."""
    order = np.lexsort(points.T)  # of equal points the first stays first
    ranked = points[order]
    new = np.ones(len(points), bool)
    new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    keep = order[new]
    rank = np.argsort(keep)
    number = np.empty(len(keep), np.int64)
    number[rank] = np.arange(len(keep))
    place = np.empty(len(points), np.int64)
    place[order] = number[np.cumsum(new) - 1]
    return keep[rank], place
