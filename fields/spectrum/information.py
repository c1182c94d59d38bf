"""How many different values an output takes: entropies, and the information plane.

[Xu, Zhang & Xiao 2018, arXiv:1807.01251, appendix 7]. Values are put into bins of a width b around
its multiples, v_b = b round(v / b); rows of several values count as one symbol each.
"""

import torch
from torch import Tensor

from .checks import pair, rows

WIDTH = 0.05  # b of the paper, for values of about [-1, 1]


def entropy(values: Tensor, width: float = WIDTH) -> float:
    """H(V) = -sum p log2(p) over the bins that values lie in, in bits.

    From 0, all rows in one bin, to log2(n), all in different ones.

    Args:
        values: real [n, c], several outputs taken jointly.
        width: b, above 0.
    """
    return _entropy(_binned(rows(values, "values"), width))


def mutual_information(first: Tensor, second: Tensor, width: float = WIDTH) -> float:
    """I(A; B) = H(A) + H(B) - H(A, B) of two quantities put into bins, in bits.

    Args:
        first, second: real [n, a] and [n, b], row by row of the same sample.
    """
    if len(first) != len(second):
        raise ValueError(
            f"both must have as many rows, got {len(first)} and {len(second)}; "
            "give one row of each for every sample."
        )
    a, b = _binned(rows(first, "first"), width), _binned(rows(second, "second"), width)
    found = _entropy(a) + _entropy(b) - _entropy(torch.cat([a, b], 1))
    return max(0.0, found)  # rounding


def information_plane(output: Tensor, target: Tensor, width: float = WIDTH) -> tuple[float, float]:
    """I(X; T) and I(T; Y) in bits, where T is the output in bins and Y the target in bins.

    The output is a function of the input X, so that H(T | X) = 0 and I(X; T) = H(T). Compression
    shows as I(X; T) falling while I(T; Y) stays.

    Args:
        output, target: real [n, c].
    """
    pair(output, target)
    return entropy(output, width), mutual_information(output, target, width)


def _binned(values: Tensor, width: float) -> Tensor:
    """The numbers of the bins, float64 [n, c]; a float holds those of any width."""
    if not 0 < width < float("inf"):
        raise ValueError(f"width must be above 0, got {width:g}.")
    return (values / width).round() + 0.0  # -0 becomes 0


def _entropy(symbols: Tensor) -> float:
    counts = symbols.unique(dim=0, return_counts=True)[1].double()
    share = counts / counts.sum()
    return float(-(share * share.log2()).sum()) + 0.0
