"""How complex the output of a fit is along a line: measures that grow as it learns.

Each takes values [n, c] at equally spaced places in their order, and gives the mean over channels.
"""

import torch
from torch import Tensor

from .checks import rows


def total_variation(values: Tensor) -> float:
    """sum_i |h_(i+1) - h_i|: how far the output goes up and down altogether."""
    return float(rows(values, "values").diff(dim=0).abs().sum(0).mean())


def turning_points(values: Tensor) -> float:
    """How often the output turns from rising to falling or back; level stretches do not count."""
    return sign_changes(rows(values, "values").diff(dim=0))


def sign_changes(values: Tensor) -> float:
    """How often the output goes through zero; zeros themselves have no sign.

    A wave of frequency f has 2 f of them a side.
    """
    if not len(values):
        return 0.0
    signs = rows(values, "values").sign()
    return sum(_changes(s) for s in signs.T) / values.shape[1]


def _changes(signs: Tensor) -> int:
    signs = signs[signs != 0]
    return int((signs[1:] != signs[:-1]).sum())


def bandwidth(values: Tensor, share: float = 0.95) -> float:
    """The frequency below which lies a share of the output's power, in cycles over the samples.

    The straight line through the output is taken away, and it fades out towards both ends [Hann
    window]: otherwise the step from the last sample to the first would spread a slow output over
    all frequencies, and the bandwidth would fall as the fit goes on. A wave appears one cycle wider
    to either side.

    Args:
        share: of the power summed over channels, in (0, 1].

    Returns:
        The least whole frequency that reaches the share; 0 for an output that is a line.
    """
    values = rows(values, "values")
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share:g}.")
    n = len(values)
    place = torch.linspace(-1, 1, n, dtype=torch.float64)[:, None]
    level = values - values.mean(0)
    level = level - place * (place * level).sum(0) / place.square().sum().clamp_min(1e-300)
    if n < 3 or level.abs().max() <= 1e-7 * values.abs().max():  # float32 rounds a line so far
        return 0.0
    window = torch.hann_window(n, periodic=False, dtype=torch.float64)[:, None]
    power = torch.fft.rfft(window * level, dim=0).abs().square().sum(1).cumsum(0)
    return float((power < share * power[-1]).sum())
