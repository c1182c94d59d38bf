"""The spectrum of equally spaced samples, and what is learned of each of its frequencies.

Frequencies k are whole numbers of cycles over the samples: cycles a side if the samples are the
centres of the cells that a side is cut into.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from .checks import pair, rows

Form = Literal["complex", "amplitude"]


def dft(values: Tensor) -> Tensor:
    """f^_k = (1/n) sum_i f_i e^(-2 pi i k i / n) for k = 0, 1, ..., n // 2.

    [Xu et al. 2019, arXiv:1901.06523, sec. 2]. The samples go on as if they came around: of a wave
    to appear at one k alone, they must hold whole periods, and the last not repeat the first.

    Args:
        values: real [n, c], equally spaced.

    Returns:
        complex128 [n // 2 + 1, c].
    """
    values = rows(values, "values")
    return torch.fft.rfft(values, dim=0) / len(values)


def amplitude(coefficients: Tensor) -> Tensor:
    """Root of the mean of |f^_k|^2 over channels: complex [m, c] -> float [m]."""
    return coefficients.abs().square().mean(1).sqrt()


def peaks(values: Tensor, most: int = 40, floor: float = 1e-6) -> Tensor:
    """The frequencies whose amplitude is above that of both their neighbours, among k < most.

    As `SelectPeakIndex` of the code of [Xu et al. 2019, arXiv:1901.06523], but that the mean of the
    values is no neighbour: next to a large one the first wave would be no peak.

    Args:
        values: real [n, c], equally spaced; with several channels, their `amplitude` counts.
        most: frequencies to look at, the mean and the last among them, which are no peaks.
        floor: share of the largest amplitude that a peak must reach. What is below the default is
            the rounding of float32.

    Returns:
        int64 [peaks], ascending.
    """
    found = amplitude(dft(values))
    return local_maxima(found[: max(most, 1)], floor)


def local_maxima(amplitudes: Tensor, floor: float) -> Tensor:
    """Where amplitudes [m] are above both neighbours, of which number 0 counts for nothing."""
    if len(amplitudes) < 3:
        return torch.zeros(0, dtype=torch.int64)
    # Next to the largest, the mean among them, the transform's rounding is no wave either.
    found = torch.where(amplitudes > 1e-14 * amplitudes.max(), amplitudes, 0)
    found[0] = 0
    inner = found[1:-1]
    highest = (inner > found[:-2]) & (inner > found[2:]) & (inner >= floor * found.max())
    return highest.nonzero().flatten() + 1


def relative_error(
    prediction: Tensor, target: Tensor, k: Sequence[int] | Tensor, form: Form = "complex"
) -> Tensor:
    """Delta_F(k) = |h^_k - f^_k| / |f^_k|: 0 for a frequency learned, 1 for one not begun.

    [Xu et al. 2019, arXiv:1901.06523, sec. 2]. The form "amplitude" is ||h^_k| - |f^_k|| / |f^_k|,
    that of the paper's code, which does not see a wave that is out of place. With several channels,
    the norm over them above and below the fraction.

    Args:
        prediction, target: real [n, c], equally spaced.
        k: frequencies, each from 0 to n // 2.

    Returns:
        float64 [len(k)]; nan where the target has no power.
    """
    prediction, target = pair(prediction, target)
    chosen = torch.as_tensor(k, dtype=torch.int64, device="cpu")
    last = len(target) // 2
    if len(chosen) and not 0 <= int(chosen.min()) <= int(chosen.max()) <= last:
        raise ValueError(
            f"k must lie between 0 and {last}, half the {len(target)} samples, got "
            f"{chosen.tolist()}; leave the others out, or take more samples."
        )
    return relative_difference(dft(prediction)[chosen], dft(target)[chosen], target, form)


def relative_difference(found: Tensor, wanted: Tensor, values: Tensor, form: Form) -> Tensor:
    """The difference of coefficients complex [m, c], relative to those wanted: float64 [m].

    nan where there is less wanted than the rounding of a transform of `values` [n, c].
    """
    if form == "complex":
        difference = found - wanted
    elif form == "amplitude":
        difference = found.abs() - wanted.abs()
    else:
        raise ValueError(f"form must be complex or amplitude, got {form!r}.")
    size = amplitude(wanted)
    rounding = 1e-14 * values.square().mean().sqrt()
    return torch.where(size > rounding, amplitude(difference) / size, torch.nan)
