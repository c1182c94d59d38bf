"""A picture as a bent sheet that gives way across edges: its energy, and the lowest one.

The energy of a picture u is the sum over its pixels of

    g^2 u_nn^2 + 2 g u_nt^2 + u_tt^2  +  slope (g u_n^2 + u_t^2)

where n points across the edge through a pixel and t along it, both found from the picture's own
structure tensor [Weickert 1998, "Anisotropic diffusion in image processing", sec. 2.2], and g falls
from 1 where there is no edge to 0 at a strong one. With g = 1 and no slope it is the bending energy
of a thin plate [Duchon 1977].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

SETTLED = 6  # times that a sheet is bent, each along the edges of the one before
STEPS = 12  # of the sheet each time
FINE, COARSE = 0.7, 1.5  # deviations, in pixels, of the blurs before and after the gradients meet


@dataclass(frozen=True)
class Edges:
    """Where the edges of a picture run.

    Attributes:
        across: float32 [2, h, w], the unit vector (x, y) across the edge.
        give: float32 [h, w], how far the sheet gives way across it: 1 where there is none.
    """

    across: np.ndarray
    give: np.ndarray


def no_edges(size: tuple[int, int]) -> Edges:
    across = np.zeros((2, *size), np.float32)
    across[0] = 1
    return Edges(across, np.ones(size, np.float32))


def edges(values: np.ndarray, contrast: float) -> Edges:
    """The edges of a picture [c, h, w], by the mean structure tensor of its channels.

    Args:
        contrast: change from pixel to pixel at which the sheet begins to give way.
    """
    smooth = blurred(torch.from_numpy(values), FINE)
    x = pad(smooth, (1, 1, 0, 0), mode="replicate").unfold(2, 3, 1)
    y = pad(smooth, (0, 0, 1, 1), mode="replicate").unfold(1, 3, 1)
    dx, dy = (x[..., 2] - x[..., 0]) / 2, (y[..., 2] - y[..., 0]) / 2
    tensor = torch.stack([(dx * dx).mean(0), (dx * dy).mean(0), (dy * dy).mean(0)])
    xx, xy, yy = blurred(tensor, COARSE)
    gap = torch.sqrt((xx - yy) ** 2 + 4 * xy**2 + 1e-16)  # between the eigenvalues
    angle = torch.atan2(2 * xy, xx - yy) / 2
    across = torch.stack([torch.cos(angle), torch.sin(angle)])
    return Edges(across.numpy(), torch.rsqrt(1 + gap / contrast**2).numpy())


def blurred(values: Tensor, sigma: float) -> Tensor:
    """[c, h, w] under a Gaussian of a deviation in pixels, the border's values repeated."""
    radius = max(1, int(3 * sigma + 0.5))
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    taps = taps / taps.sum()
    rows = pad(values[:, None], (radius, radius, 0, 0), mode="replicate")
    rows = conv2d(rows, taps.view(1, 1, 1, -1))
    columns = pad(rows, (0, 0, radius, radius), mode="replicate")
    return conv2d(columns, taps.view(1, 1, -1, 1))[:, 0]


class Known(Protocol):
    """What is known of a picture: a misfit of second order, (u - target)' W (u - target).

    Attributes:
        pull: W target, [c, h, w].
    """

    pull: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """W values, [c, h, w]."""
        ...

    def density(self) -> np.ndarray:
        """About how W weighs each pixel, [h, w]."""
        ...


class Data:
    """What is known of a picture, pixel by pixel: weight [h, w] (u - target)^2."""

    def __init__(self, target: np.ndarray, weight: np.ndarray) -> None:
        self.weight = weight
        self.pull = weight * target

    def apply(self, values: np.ndarray) -> np.ndarray:
        return self.weight * values

    def density(self) -> np.ndarray:
        """The operator's diagonal, [h, w]."""
        return self.weight


class Sheet:
    """Finds the picture of least energy and misfit by conjugate gradients.

    The steps are taken in the picture and in all its halvings at once, each scaled by its own
    stiffness [Bramble, Pasciak & Xu 1990, "Parallel multilevel preconditioners"]: a gap is bridged
    in far fewer steps than it has pixels.

    Args:
        bend: weight of the energy beside the data, whose mean weight should be near 1.
        slope: of its part of first order.
    """

    def __init__(self, data: Known, bend: float, slope: float) -> None:
        self.data, self.bend, self.slope = data, bend, slope
        density = np.ascontiguousarray(data.density(), np.float32)
        self.stiffness = [density + 20 * bend]
        reach = 1
        while min(density.shape) > 4 and reach < 64:
            density, reach = halve(density[None])[0], 2 * reach
            # A hat of such a width holds 4/9 of the weights it covers, and bends the less.
            self.stiffness.append(0.44 * density + 80 * bend / reach**2)

    def relax(self, values: np.ndarray, edges: Edges | None, steps: int) -> np.ndarray:
        """The picture [c, h, w] after so many steps from `values`; no edges: a thin plate."""
        from ..kernels import numba_bending

        found = edges or no_edges(values.shape[1:])
        slope = self.slope if edges else 0.0

        def apply(v: np.ndarray) -> np.ndarray:
            bent = numba_bending.apply(v, found.across, found.give, slope)
            bent *= np.float32(self.bend)
            bent += self.data.apply(v)
            return bent

        values = np.array(values, np.float32)
        rest = self.data.pull - apply(values)
        step = self._precondition(rest)
        size = _dot(rest, step)
        direction = step
        for _ in range(steps):
            image = apply(direction)
            # Where all is reached, size is 0 and so is every step.
            length = size / np.maximum(_dot(direction, image), 1e-30)
            values += length * direction
            rest -= length * image
            step = self._precondition(rest)
            before, size = size, _dot(rest, step)
            direction = step + size / np.maximum(before, 1e-30) * direction
        return values

    def settle(self, values: np.ndarray, contrast: float) -> Iterator[np.ndarray]:
        """Ever better pictures from `values`: a thin plate, then bent along its own edges, which
        are found anew `SETTLED` times in all."""
        for i in range(SETTLED):
            values = self.relax(values, edges(values, contrast) if i else None, STEPS)
            yield values

    def _precondition(self, rest: np.ndarray) -> np.ndarray:
        scaled = []
        for stiffness in self.stiffness:
            if scaled:
                rest = halve(rest)
            scaled.append(rest / stiffness)
        total = scaled.pop()
        while scaled:
            finer = scaled.pop()
            finer += double(total, finer.shape[1:])
            total = finer
        return total


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each channel, float32 [c, 1, 1]."""
    return np.einsum("chw,chw->c", a, b, dtype=np.float64)[:, None, None].astype(np.float32)


def double(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[c, h, w] at twice the resolution, linear between the centres."""
    for axis, n in ((1, size[0]), (2, size[1])):
        v = np.moveaxis(values, axis, 0)
        out = np.empty((2 * len(v), *v.shape[1:]), np.float32)
        out[0::2] = 0.75 * v
        out[1::2] = out[0::2]
        out[2::2] += 0.25 * v[:-1]
        out[0] += 0.25 * v[0]
        out[1:-1:2] += 0.25 * v[1:]
        out[-1] += 0.25 * v[-1]
        values = np.moveaxis(out[:n], 0, axis)
    return values


def halve(values: np.ndarray) -> np.ndarray:
    """The transpose of `double`."""
    for axis in (1, 2):
        v = np.moveaxis(values, axis, 0)
        if len(v) % 2:
            v = np.concatenate([v, np.zeros_like(v[:1])])
        out = 0.75 * (v[0::2] + v[1::2])
        out[:-1] += 0.25 * v[2::2]
        out[0] += 0.25 * v[0]
        out[1:] += 0.25 * v[1:-1:2]
        out[-1] += 0.25 * v[-1]
        values = np.moveaxis(out, 0, axis)
    return values
