"""A spline field as a canvas: values at the points of its lattice, rectangle by rectangle."""

from collections.abc import Callable

import numpy as np
import torch

from ..encodings.spline import SplineEncoding
from ..field import Field
from ..kernels.lattice import coefficients, samples

REACH = 12  # points beyond a change that its coefficients reach: 0.27^12 is 1e-7
ROWS = 256  # of a whole canvas that are changed at a time


def spline_of(field: Field, size: tuple[int, int]) -> SplineEncoding:
    """The spline that a field is, if its finest lattice has a point for each of `size` pixels.

    Raises:
        ValueError: it is none, or has not.
    """
    encoding = field.encoding
    alone = isinstance(field.network, torch.nn.Identity) and field.output == "linear"
    if not isinstance(encoding, SplineEncoding) or encoding.layout.merge != "sum" or not alone:
        raise ValueError(
            "the solver PatchGroups needs a field that is a spline alone, as the method spline has."
        )
    if tuple(encoding.layout.sizes[-1]) != (size[1], size[0]):
        raise ValueError(
            "PatchGroups needs a lattice with a point for each pixel; set field.encoding.cells to "
            f"{size[1]} {size[0]}."
        )
    return encoding


class Canvas:
    """Sets a field to take given values at the points of its finest lattice, between which it is
    the interpolating spline.

    Attributes:
        size: (height, width) of the lattice.

    Raises:
        ValueError: as `spline_of`.
    """

    def __init__(self, field: Field, size: tuple[int, int]) -> None:
        encoding = spline_of(field, size)
        self.size = size
        self.lattice = encoding.lattice(encoding.layout.levels - 1).detach()
        with torch.no_grad():
            encoding.table.zero_()
            field.shift.zero_()
            field.scale.fill_(1)

    def put(self, top: int, left: int, values: np.ndarray) -> None:
        """Set the values [c, h, w] of a rectangle; those outside it stay as they are."""
        high, wide = values.shape[1:]
        y0, y1 = max(0, top - 2 * REACH), min(self.size[0], top + high + 2 * REACH)
        x0, x1 = max(0, left - 2 * REACH), min(self.size[1], left + wide + 2 * REACH)
        part = self.values(y0, x0, y1, x1)
        part[top - y0 : top - y0 + high, left - x0 : left - x0 + wide] = torch.from_numpy(
            np.ascontiguousarray(np.moveaxis(values, 0, -1))
        )
        found = coefficients(part)
        # The outermost are off by what they do not see; they change by less than that.
        a, b = max(0, top - REACH), min(self.size[0], top + high + REACH)
        c, d = max(0, left - REACH), min(self.size[1], left + wide + REACH)
        self.lattice[a:b, c:d] = found[a - y0 : b - y0, c - x0 : d - x0].to(self.lattice.device)

    def values(self, top: int, left: int, bottom: int, right: int) -> torch.Tensor:
        """Values of a rectangle, float32 [h, w, c]."""
        y0, y1 = max(0, top - 1), min(self.size[0], bottom + 1)
        x0, x1 = max(0, left - 1), min(self.size[1], right + 1)
        part = samples(self.lattice[y0:y1, x0:x1].cpu().contiguous())
        return part[top - y0 : bottom - y0, left - x0 : right - x0].contiguous()

    def fill(self, rows: Callable[[int, int], np.ndarray]) -> None:
        """Set the whole canvas; `rows(top, bottom)` gives its values, float32 [c, rows, w]."""
        high = self.size[0]
        for top in range(0, high, ROWS):
            bottom = min(high, top + ROWS)
            y0, y1 = max(0, top - 2 * REACH), min(high, bottom + 2 * REACH)
            part = torch.from_numpy(np.ascontiguousarray(np.moveaxis(rows(y0, y1), 0, -1)))
            found = coefficients(part)[top - y0 : bottom - y0]
            self.lattice[top:bottom] = found.to(self.lattice.device)
