"""How fast a spectrum falls."""

import torch
from torch import Tensor


def power_slope(k: Tensor, values: Tensor, low: float, high: float) -> float:
    """The exponent p of values ~ k^p: the least squares slope of log(values) on log(k).

    Args:
        k: frequencies [m], above 0.
        values: [m], above 0 for all frequencies from `low` to `high`, both included; those beyond
            are not looked at.
    """
    if k.ndim != 1 or k.shape != values.shape:
        raise ValueError(
            f"k and values must be [m] alike, got {list(k.shape)} and {list(values.shape)}; "
            "give one value a frequency."
        )
    chosen = (k >= low) & (k <= high)
    x, y = k[chosen].detach().double(), values[chosen].detach().double()
    if len(x.unique()) < 2:
        raise ValueError(
            f"a slope needs two frequencies from {low:g} to {high:g}, got {len(x.unique())}; "
            "widen the range."
        )
    if not ((x > 0) & (y > 0) & torch.isfinite(y)).all():
        raise ValueError(
            f"k and values must be above 0 and finite from {low:g} to {high:g}; narrow the range."
        )
    x, y = x.log(), y.log()
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / x.square().sum())
