"""The one convention for coordinates: [-1, 1]^d, pixel centres, last axis (x, y[, z]).

The longest side of a grid spans [-1, 1], so that a unit is the same length along every axis.
"""

import torch
from torch import Tensor


def pixel_centres(*size: int, device: torch.device | str = "cpu") -> Tensor:
    """Centres of a regular grid, e.g. `pixel_centres(H, W)`.

    Row-major, so that `values.view(H, W, c)` is the picture.

    Returns:
        Coordinates, float32 [prod(size), len(size)], ordered (x, y[, z]).
    """
    longest = max(size)
    axes = [(2 * torch.arange(n, device=device) + 1 - n) / longest for n in size]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], dim=-1).flatten(0, -2)


def centres_of(index: Tensor, *size: int) -> Tensor:
    """Centres of the cells with row-major `index` in a grid of `size`.

    Args:
        index: int64 [n], each in [0, prod(size)).

    Returns:
        Coordinates, float32 [n, len(size)], equal to `pixel_centres(*size)[index]`.
    """
    longest = max(size)
    axes = []
    for n in reversed(size):
        axes.append((2 * (index % n) + 1 - n) / longest)
        index = index // n
    return torch.stack(axes, dim=-1)


def window(
    size: tuple[int, int], region: tuple[float, float, float, float], out: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Sample positions of a rectangle of a picture, drawn at any resolution.

    Args:
        size: (height, width) of the picture the field was fitted to.
        region: (x0, y0, x1, y1) in its pixels, the corners of the rectangle; (0, 0, width, height)
            is the whole picture.
        out: (height, width) of the drawing.

    Returns:
        x positions [out width] and y positions [out height], float32, in the field's coordinates.
    """
    (h, w), (x0, y0, x1, y1) = size, region
    longest = max(h, w)

    def axis(low: float, high: float, n: int, side: int) -> Tensor:
        pixels = low + (torch.arange(n, dtype=torch.float64) + 0.5) * ((high - low) / n)
        return ((2 * pixels - side) / longest).float()

    return axis(x0, x1, out[1], w), axis(y0, y1, out[0], h)
