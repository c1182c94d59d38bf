"""A bracket as a machinist would make it: two plates at a right angle, two holes, sharp edges."""

from typing import Any

import numpy as np

from .shape import Shape

Array = np.ndarray[Any, Any]

_LENGTH, _WIDTH, _THICK = 4.0, 3.0, 0.6
_AROUND = 64  # corners of a hole, a multiple of 4


def bracket() -> Shape:
    """The bracket as a closed mesh; its edges are exact, as no marching could make them.

    The profile, an L of 4 × 4 and thickness 0.6, lies in x and z; it is 3 deep in y. Each plate
    has a hole through it, of radius 0.8.
    """
    profile = np.array([(0, 0), (4, 0), (4, 0.6), (0.6, 0.6), (0.6, 4), (0, 4)]) * 1.0
    assert profile.max() == _LENGTH
    parts = [*_ends(profile)]
    sides = [(start, np.roll(profile, -1, axis=0)[n]) for n, start in enumerate(profile)]
    base, tip, floor, wall, top, back = sides
    parts += [_sheet(tip), _sheet(top)]
    middle = (_LENGTH + _THICK) / 2
    parts += _drilled(base, floor, np.array([middle, _WIDTH / 2, 0.0]), np.array([0, 0, 1.0]))
    parts += _drilled(back, wall, np.array([0.0, _WIDTH / 2, middle]), np.array([1.0, 0, 0]))
    corners = np.concatenate(parts).reshape(-1, 3).round(12) + 0.0
    points, place = np.unique(corners, axis=0, return_inverse=True)
    return Shape(points, place.reshape(-1, 3).astype(np.int64))


def _ends(profile: Array) -> list[Array]:
    """The profile at both ends, cut into four triangles, [4, 3, 3] each."""
    cut = np.array([(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 5)])
    front = np.insert(profile, 1, 0.0, axis=1)
    behind = np.insert(profile, 1, _WIDTH, axis=1)
    return [front[cut], behind[cut[:, ::-1]]]


def _corners(side: tuple[Array, Array]) -> Array:
    """The four corners [4, 3] of a side of the profile drawn out in y, seen from outside."""
    (ax, az), (bx, bz) = side
    return np.array([(ax, 0, az), (ax, _WIDTH, az), (bx, _WIDTH, bz), (bx, 0, bz)])


def _sheet(side: tuple[Array, Array]) -> Array:
    return _corners(side)[[(0, 1, 2), (0, 2, 3)]]


def _drilled(
    outer: tuple[Array, Array], inner: tuple[Array, Array], centre: Array, axis: Array
) -> list[Array]:
    """Two parallel sides with a hole along `axis`, and the hole's wall."""
    near = _circle(centre, axis)
    far = near + _THICK * axis
    after, beyond = np.roll(near, -1, axis=0), np.roll(far, -1, axis=0)
    # The circle turns right-handed about the axis, so its wall is seen from within this way.
    wall = np.concatenate(
        [np.stack([near, beyond, after], axis=1), np.stack([near, far, beyond], axis=1)]
    )
    return [_ring(_corners(outer), near), _ring(_corners(inner), far), wall]


def _circle(centre: Array, axis: Array) -> Array:
    angles = 2 * np.pi * np.arange(_AROUND)[:, None] / _AROUND
    across = np.cross(axis, [0.0, 1.0, 0.0])
    return centre + 0.8 * (np.cos(angles) * across + np.sin(angles) * np.cross(axis, across))


def _ring(corners: Array, circle: Array) -> Array:
    """Triangles [t, 3, 3] between a rectangle and a circle in it, whichever way the circle turns.

    Each quarter of the circle goes to one corner, and each side of the rectangle to the point
    where two quarters meet, so that no edge of the rectangle is cut.
    """
    middle = circle.mean(axis=0)
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    u, v = (circle - middle) @ first, (circle - middle) @ second
    angle = np.arctan2(v / np.linalg.norm(second), u / np.linalg.norm(first))
    circle = circle[np.argsort(np.mod((angle + np.pi).round(9), 2 * np.pi))]
    quarter = len(circle) // 4
    parts = []
    for n, corner in enumerate(corners):
        arc = circle[np.arange(n * quarter, (n + 1) * quarter + 1) % len(circle)]
        parts.append(np.stack([arc[:-1], np.broadcast_to(corner, arc[1:].shape), arc[1:]], axis=1))
        parts.append(np.stack([arc[-1], corner, corners[(n + 1) % 4]])[None])
    return np.concatenate(parts)
