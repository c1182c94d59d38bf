"""Curves as small pictures, for whoever shows frames and knows nothing of curves."""

import torch
from torch import Tensor


def curve(
    values: Tensor, size: tuple[int, int], span: tuple[float, float], thick: float = 2.0
) -> Tensor:
    """How much of each pixel a curve covers, float32 [height, width] in [0, 1].

    A column of pixels is covered from the curve's least value in it to its greatest, so that no
    wave is lost between columns.

    Args:
        values: float [n], at the centres of n equal parts of the width; what is not finite is left
            out.
        size: (height, width) in pixels.
        span: values at the lower and at the upper edge.
        thick: of the line, in pixels.
    """
    height, width = size
    low, high = span
    rows = ((high - values.double()) / (high - low) * height).nan_to_num(1e9, 1e9, -1e9)
    places = (torch.arange(len(rows), dtype=torch.float64) + 0.5) * width / len(rows)
    edges = between(places, rows, torch.arange(width + 1, dtype=torch.float64))
    column = places.long().clamp(max=width - 1)
    top = torch.minimum(edges[:-1], edges[1:]).scatter_reduce(0, column, rows, "amin")
    bottom = torch.maximum(edges[:-1], edges[1:]).scatter_reduce(0, column, rows, "amax")
    row = torch.arange(height, dtype=torch.float64)[:, None]
    covered = (bottom + thick / 2).minimum(row + 1) - (top - thick / 2).maximum(row)
    return covered.clamp(0, 1).float()


def between(places: Tensor, values: Tensor, wanted: Tensor) -> Tensor:
    """Values at the wanted places, on straight lines between those that are known."""
    if len(places) == 1:
        return values.expand(len(wanted))
    right = torch.searchsorted(places, wanted).clamp(1, len(places) - 1)
    left = right - 1
    share = ((wanted - places[left]) / (places[right] - places[left])).clamp(0, 1)
    return values[left] + share * (values[right] - values[left])


def paint(layers: list[tuple[Tensor, tuple[int, int, int]]]) -> Tensor:
    """Coverages [h, w] in colours (red, green, blue), one over the other on white: uint8
    [h, w, 3]."""
    picture = torch.full((*layers[0][0].shape, 3), 255.0)
    for covered, colour in layers:
        picture += covered[..., None] * (torch.tensor(colour) - picture)
    return picture.round().to(torch.uint8)
