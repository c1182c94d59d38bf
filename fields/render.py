"""Pictures from fields, at any size and in bounded memory."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from . import parallel
from .encodings.spline import SplineEncoding
from .field import Field
from .grid import window
from .kernels.lattice import resample
from .kernels.spline import positions

TILE = 2**17  # points evaluated at once: a few MB of features for a grid, 128 MB for 256 units


def strips(
    field: Field,
    size: tuple[int, int],
    *,
    region: tuple[float, float, float, float] | None = None,
    out: tuple[int, int] | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """A drawing of a 2-D field from top to bottom, a few rows at a time.

    Args:
        size: (height, width) of the picture that the field was fitted to.
        region: (x0, y0, x1, y1) in its pixels; the whole picture when None.
        out: (height, width) of the drawing; `size` when None.

    Yields:
        (number of the first row, values as float32 [rows, width, c]), not clamped.
    """
    h, w = out or size
    device = field.shift.device
    xs, ys = (a.to(device) for a in window(size, region or (0, 0, size[1], size[0]), (h, w)))
    rows = max(1, TILE // w)
    splines = _splines(field)
    for top in range(0, h, rows):
        y = ys[top : top + rows]
        if splines is not None:
            yield top, _spline_values(field, splines, xs, y)
            continue
        x = torch.stack([xs.expand(len(y), w), y[:, None].expand(len(y), w)], dim=-1)
        yield top, evaluate(field, x.flatten(0, 1)).view(len(y), w, -1)


def _splines(field: Field) -> list[int] | None:
    """Levels of a field that is a sum of splines and no more: those of which there is anything."""
    encoding = field.encoding
    if not isinstance(encoding, SplineEncoding) or not isinstance(field.network, nn.Identity):
        return None
    if encoding.layout.merge != "sum" or field.output != "linear" or encoding.in_dim != 2:
        return None
    return [n for n in range(encoding.layout.levels) if bool(encoding.lattice(n).any())]


def _spline_values(field: Field, levels: list[int], xs: Tensor, ys: Tensor) -> Tensor:
    """A sum of splines at a grid of positions, axis by axis: float32 [rows, width, c]."""
    encoding = field.encoding
    assert isinstance(encoding, SplineEncoding)
    with torch.no_grad(), parallel.one_thread():
        total = torch.zeros(len(ys), len(xs), field.out_dim, device=xs.device)
        for level in levels:
            spacing, (wide, high) = encoding.layout.spacings[level], encoding.layout.sizes[level]
            y, x = positions(ys, high, spacing), positions(xs, wide, spacing)
            total += resample(encoding.lattice(level), y, x, backend=encoding.backend)
        return (field.shift + field.scale * total).float()


def evaluate(field: Field, x: Tensor) -> Tensor:
    """The field's values at points [n, d], as float32 [n, c], without gradients, in tiles."""
    if not len(x):
        return x.new_zeros(0, field.out_dim)
    training = field.training
    field.eval()
    try:
        # No context manager may be held across a yield, hence one call for each tile.
        with torch.no_grad(), parallel.one_thread():
            if x.device.type == "cpu" and not field.fused:
                return parallel.values(field, x).float()
            return torch.cat([field(part) for part in x.split(TILE)]).float()
    finally:
        field.train(training)


def picture(
    field: Field,
    size: tuple[int, int],
    *,
    region: tuple[float, float, float, float] | None = None,
    out: tuple[int, int] | None = None,
) -> Tensor:
    """The whole drawing that `strips` makes, float32 [height, width, c]."""
    return torch.cat([values for _, values in strips(field, size, region=region, out=out)])


def distance_in(field: Field) -> Callable[[Tensor], Tensor]:
    """The field's first value as a function of places on the CPU, wherever the field is.

    Returns:
        float32 [n, d] -> [n], as `extract` and `shade` take it.
    """
    device = field.shift.device
    return lambda x: evaluate(field, x.to(device))[:, 0].cpu()
