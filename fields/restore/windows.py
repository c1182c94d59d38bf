"""Where a picture needs work: few rectangles around what is missing, each small enough to solve."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MARGIN = 40  # pixels around a rectangle that are looked at: a search window and a patch, and more
LARGEST = 320  # pixels along a side of a rectangle, without its margin
SMALLEST = 48  # and of one that is still cut in two
WORTH = 0.8  # cut if what remains is less than this share of the area


@dataclass(frozen=True)
class Window:
    """A rectangle to be solved, and what is looked at for it.

    Attributes:
        inner: (top, left, bottom, right), the part whose result counts.
        outer: the same with its margin, within the picture.
    """

    inner: tuple[int, int, int, int]
    outer: tuple[int, int, int, int]

    @property
    def looked(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that are looked at."""
        top, left, bottom, right = self.outer
        return slice(top, bottom), slice(left, right)

    @property
    def within(self) -> tuple[slice, slice]:
        """Rows and columns of the result, counted in what is looked at."""
        top, left, bottom, right = self.core
        return slice(top, bottom), slice(left, right)

    @property
    def core(self) -> tuple[int, int, int, int]:
        """The rectangle whose result counts, in what is looked at."""
        top, left, bottom, right = self.inner
        y, x = self.outer[:2]
        return top - y, left - x, bottom - y, right - x

    @property
    def area(self) -> int:
        top, left, bottom, right = self.outer
        return (bottom - top) * (right - left)


def around(inner: tuple[int, int, int, int], size: tuple[int, int], margin: int) -> Window:
    top, left, bottom, right = inner
    outer = (
        max(0, top - margin),
        max(0, left - margin),
        min(size[0], bottom + margin),
        min(size[1], right + margin),
    )
    return Window(inner, outer)


def tiles(size: tuple[int, int], *, margin: int = MARGIN, largest: int = LARGEST) -> list[Window]:
    """Windows that cover a whole picture, of nearly equal sizes."""

    def cuts(n: int) -> list[int]:
        parts = -(-n // largest)
        return [n * i // parts for i in range(parts + 1)]

    ys, xs = cuts(size[0]), cuts(size[1])
    return [
        around((top, left, bottom, right), size, margin)
        for top, bottom in pairwise(ys)
        for left, right in pairwise(xs)
    ]


def cover(need: np.ndarray, *, margin: int = MARGIN, largest: int = LARGEST) -> list[Window]:
    """Windows that hold every pixel of a mask [h, w], and as little else as is worth it."""
    size = (need.shape[0], need.shape[1])
    found: list[Window] = []
    for tile in tiles(size, margin=0, largest=largest):
        pending = [tile.inner]
        while pending:
            box = _bounds(need, pending.pop())
            if box is None:
                continue
            halves = _halves(need, box, margin)
            pending += halves
            if not halves:
                found.append(around(box, size, margin))
    return found


def _bounds(
    need: np.ndarray, box: tuple[int, int, int, int]
) -> tuple[int, int, int, int] | None:
    """The smallest rectangle around what is needed within another; None if nothing is."""
    top, left, bottom, right = box
    part = need[top:bottom, left:right]
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    if not len(rows):
        return None
    return (
        top + int(rows[0]), left + int(columns[0]),
        top + int(rows[-1]) + 1, left + int(columns[-1]) + 1,
    )  # fmt: skip


def _halves(
    need: np.ndarray, box: tuple[int, int, int, int], margin: int
) -> list[tuple[int, int, int, int]]:
    """The two halves of a rectangle if they leave out enough of it, else none."""
    top, left, bottom, right = box
    high, wide = bottom - top, right - left
    if max(high, wide) < SMALLEST:
        return []
    y, x = top + high // 2, left + wide // 2
    if high >= wide:
        parts = (top, left, y, right), (y, left, bottom, right)
    else:
        parts = (top, left, bottom, x), (top, x, bottom, right)
    halves = [half for part in parts if (half := _bounds(need, part)) is not None]
    if sum(_area(half, margin) for half in halves) > WORTH * _area(box, margin):
        return []
    return halves


def _area(box: tuple[int, int, int, int], margin: int) -> int:
    top, left, bottom, right = box
    return (bottom - top + 2 * margin) * (right - left + 2 * margin)
