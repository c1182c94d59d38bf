"""The rows of a table for the studies: points in [-1, 1]^d, and values of mean 0."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .base import Data

FEWEST = 20  # rows


@dataclass(frozen=True)
class Rows:
    """Points x, float64 [n, d], and values, float64 [n, c], whose columns have a mean of 0."""

    x: Tensor
    values: Tensor


def table_rows(data: Data, most: int, rng: torch.Generator) -> Rows:
    """A person's table: `most` rows, drawn where there are more.

    Each column of x is stretched to reach from -1 to 1, and each of the values to a spread of 1, so
    that units do not matter.

    Raises:
        ValueError: there are too few rows, or nothing changes from row to row.
    """
    from data import Table

    assert isinstance(data, Table)
    n = len(data.x)
    if n < FEWEST:
        raise ValueError(f"the table must have at least {FEWEST} rows, got {n}; give more.")
    chosen = torch.randperm(n, generator=rng)[:most].sort().values
    x, values = data.x[chosen], data.y[chosen]
    low, high = x.amin(0), x.amax(0)
    centred = values - values.mean(0)
    spread = centred.square().mean(0).sqrt()
    if not (high > low).any() or not (spread > 0).any():
        raise ValueError("the table's inputs or outputs are all equal; give some that change.")
    middle, half = (low + high) / 2, (high - low) / 2
    x = (x - middle) / torch.where(half > 0, half, 1.0)
    return Rows(x, centred / torch.where(spread > 0, spread, 1.0))
