"""A coarse solid from oriented points, by one Fourier transform: what is inside, roughly."""

from dataclasses import dataclass

import torch
from torch import Tensor

HALF = 1.25  # the lattice is periodic over [-HALF, HALF]^3, with room around the shape's box
SIZE = 64
BLUR = 1.5  # cells, the deviation of the Gaussian that the normals are spread with


@dataclass(frozen=True)
class Indicator:
    """About 1 inside and 0 outside, up to a constant.

    Attributes:
        values: float32 [size, size, size], along z, y, x.
        level: of the surface.
    """

    values: Tensor
    level: float

    def at(self, x: Tensor) -> Tensor:
        """level - values at points [n, 3] of the box: negative inside. float32 [n]"""
        return self.level - _sampled(self.values, x)


def indicator(
    points: Tensor, normals: Tensor, areas: Tensor, size: int = SIZE, blur: float = BLUR
) -> Indicator:
    """The function whose gradient is nearest to the field of the normals.

    Poisson's equation in the frequencies [Peng et al. 2021, arXiv:2106.03452, eq. 5-7].

    Args:
        points: float32 [n, 3] in the box.
        normals: float32 [n, 3], outward.
        areas: float32 [n], of the surface that each point stands for.
        size: cells along an axis.
        blur: cells that the normals are spread over.
    """
    field = _spread(points, normals * areas[:, None], size)
    k = torch.fft.fftfreq(size, 1 / size) * (torch.pi / HALF)
    half = torch.fft.rfftfreq(size, 1 / size) * (torch.pi / HALF)
    kz, ky, kx = torch.meshgrid(k, k, half, indexing="ij")
    square = kx.square() + ky.square() + kz.square()
    field_hat = torch.fft.rfftn(field, dim=(1, 2, 3))
    along = kx * field_hat[0] + ky * field_hat[1] + kz * field_hat[2]
    width = blur * 2 * HALF / size
    filtered = torch.exp(-square * width**2 / 2) / square.clamp_min(1e-12)
    filtered[0, 0, 0] = 0
    values = torch.fft.irfftn(1j * along * filtered, s=(size, size, size))
    level = _sampled(values, points).median()
    return Indicator(values, float(level))


def _cells(x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    at = (x + HALF) * (size / (2 * HALF))
    low = at.floor()
    return low.long(), at - low


def _corners(x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Numbers int64 [n, 8] and weights [n, 8] of the lattice points around each place."""
    low, share = _cells(x, size)
    steps = torch.cartesian_prod(*[torch.arange(2)] * 3)
    at = (low[:, None] + steps) % size
    weight = torch.where(steps.bool(), share[:, None], 1 - share[:, None]).prod(-1)
    return (at[..., 2] * size + at[..., 1]) * size + at[..., 0], weight


def _spread(x: Tensor, values: Tensor, size: int) -> Tensor:
    """A density float32 [c, size, size, size] that holds values [n, c] at points."""
    index, weight = _corners(x, size)
    found = torch.zeros(values.shape[1], size**3)
    for channel, out in zip(values.T, found, strict=True):
        out.index_add_(0, index.flatten(), (weight * channel[:, None]).flatten())
    return found.view(-1, size, size, size) / (2 * HALF / size) ** 3


def _sampled(values: Tensor, x: Tensor) -> Tensor:
    index, weight = _corners(x, len(values))
    return (values.flatten()[index] * weight).sum(1)
