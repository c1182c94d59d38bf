"""Low and high frequencies of values at scattered points in any number of dimensions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import pair, rows

WIDTHS = (0.05, 0.1, 0.3)


class Filter:
    """Splits values at points into a smooth part and the rest, by Gaussians of several widths.

    With G_ij = exp(-|x_i - x_j|^2 / (2 delta)) and C_i = sum_j G_ij, the low part is
    (1 / C_i) sum_j G_ij y_j, and the high part y minus the low one [Xu et al. 2019,
    arXiv:1901.06523, sec. 4]. delta is a variance. One that is too small leaves nothing in the high
    part, one that is too large nothing but the mean in the low part: 0.05 to 0.3 of the median
    squared distance shows both.

    Holds a float32 kernel [n, n] for each width, 16 MB at the default `most`; while it is made,
    twice as much for the distances.

    Args:
        x: real [n, d].
        widths: each delta, as a share of the median squared distance of two points.
        most: points that are kept, drawn by `rng` if there are more.

    Attributes:
        chosen: int64 [n'], ascending, the rows of x that are kept; the values that are split are
            those at these points.
        deltas: float64 [widths], in squared units of x.
    """

    def __init__(
        self,
        x: Tensor,
        widths: Sequence[float] = WIDTHS,
        *,
        most: int = 2000,
        rng: torch.Generator | None = None,
    ) -> None:
        if not widths or not all(0 < width < float("inf") for width in widths):
            raise ValueError(f"widths must hold numbers above 0, got {tuple(widths)}.")
        if most < 2:
            raise ValueError(f"most must be at least 2, got {most}.")
        self.chosen = torch.arange(len(x))
        if len(x) > most:
            rng = torch.Generator().manual_seed(0) if rng is None else rng
            self.chosen = torch.randperm(len(x), generator=rng)[:most].sort().values
        squares = _squared_distances(rows(x, "x")[self.chosen])
        self.deltas = torch.tensor(widths, dtype=torch.float64) * _median(squares)
        self._kernels = [torch.exp(squares / (-2 * delta)).float() for delta in self.deltas]
        self._sums = [kernel.sum(1, dtype=torch.float64)[:, None] for kernel in self._kernels]

    def low(self, values: Tensor) -> Tensor:
        """The low part of values at the chosen points, for each width.

        Args:
            values: real [n', c].

        Returns:
            float64 [widths, n', c]; values minus it is the high part.
        """
        values = rows(values, "values")
        if len(values) != len(self.chosen):
            raise ValueError(
                f"values must be those at the filter's {len(self.chosen)} points, got "
                f"{len(values)} rows; take values[filter.chosen]."
            )
        # float32 rounds what differs from the mean, and the mean comes back as it was.
        mean = values.mean(0)
        parts = (values - mean).float()
        lows = [(k @ parts).double() / s for k, s in zip(self._kernels, self._sums, strict=True)]
        return torch.stack(lows) + mean

    def errors(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """e_low = ||y_low - h_low|| / ||y_low||, and e_high alike, for each width.

        The norms are over points and channels. Low frequencies are learned first where
        e_low < e_high.

        Args:
            prediction, target: h and y at the chosen points, real [n', c].

        Returns:
            float64 [widths] twice; nan where the target has no such part.
        """
        prediction, target = pair(prediction, target)
        error, c = target - prediction, target.shape[1]
        low, low_error = self.low(torch.cat([target, error], 1)).split(c, 2)
        # What the kernel's rounding leaves is no part of the target.
        least = 1e-6 * target.norm()
        return _ratio(low_error, low, least), _ratio(error - low_error, target - low, least)


def _squared_distances(x: Tensor) -> Tensor:
    """|x_i - x_j|^2 of all pairs, exactly symmetric: float64 [n, d] -> float32 [n, n]."""
    x = x - x.mean(0)
    square = x.square().sum(1)
    # Symmetric to the last bit, which a matrix product is not.
    product = x @ x.T
    found = square[:, None] + square - (product + product.T)
    found.fill_diagonal_(0)
    return found.clamp_min_(0).float()


def _median(squares: Tensor) -> float:
    """Of the squared distances of two different points."""
    n = len(squares)
    if n < 2:
        raise ValueError(f"a filter needs two points, got {n}; give more rows of x.")
    first, second = torch.triu_indices(n, n, 1)
    median = float(squares[first, second].median())
    if not median > 0:
        raise ValueError("half of all pairs of points coincide; drop the rows of x that repeat.")
    return median


def _ratio(error: Tensor, part: Tensor, least: Tensor) -> Tensor:
    above, below = error.flatten(1).norm(dim=1), part.flatten(1).norm(dim=1)
    return torch.where(below > least, above / below, torch.nan)
