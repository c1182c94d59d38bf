"""Groups of similar patches: how they are formed, and what can be made of them.

A group is a patch and those around it that look most like it, taken as draws from one Gaussian.
The kernels are numba's; there are no others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import threads

BAND = 4  # rows of patches that a thread takes at a time
Core = tuple[int, int, int, int]  # (top, left, bottom, right) of what a result counts for


@dataclass(frozen=True)
class Patches:
    """How groups are formed.

    Attributes:
        size: pixels along an edge of a patch.
        stride: pixels from a patch that forms a group to the next.
        search: how far from it, in pixels, others are looked for.
        count: patches in a group.
        estimate: those of them, the most alike, that are estimated.
    """

    size: int = 7
    stride: int = 4
    search: int = 14
    count: int = 96
    estimate: int = 16


def fill(
    values: np.ndarray,
    known: np.ndarray,
    patches: Patches,
    *,
    spread: float,
    noise: float = 1e-5,
    core: Core | None = None,
) -> np.ndarray:
    """The picture with every missing pixel estimated anew from the groups around it.

    Args:
        values: float32 [c, h, w], with a first guess where pixels are missing.
        known: bool [h, w].
        spread: deviation that is added to what a group shows of itself: how far to trust it.
        noise: variance of the known values.
        core: the part whose estimates are wanted; all when None. The rest is only looked at.

    Returns:
        float32 [c, h, w], equal to `values` where they are known.
    """
    from .numba_groups import fill as kernel

    size = values.shape[1:]
    how = _how(patches, size)
    ys, xs, tops, ends, totals, weights = _bands(size, patches, len(values), core)
    threads.share(
        kernel, np.ascontiguousarray(values), np.ascontiguousarray(known).view(np.uint8), ys, xs,
        how, np.float32(spread**2), np.float32(noise), tops, totals, weights, parts=len(tops),
    )  # fmt: skip
    total, weight = _summed(size, tops, ends, totals, weights)
    return np.where((weight > 0) & ~known, total / np.maximum(weight, 1e-12), values)


def clean(
    noisy: np.ndarray,
    guide: np.ndarray,
    looks: np.ndarray,
    patches: Patches,
    *,
    sigma: float,
    first: bool,
    core: Core | None = None,
) -> np.ndarray:
    """The picture without its noise, as the groups of a guide suggest.

    Args:
        noisy: float32 [c, h, w].
        guide: [c, h, w], from whose patches a group's mean and covariance are taken: the noisy
            picture itself at `first`, then what was made of it.
        looks: [c, h, w], what patches are compared by.
        sigma: deviation of the noise.
        core: the part whose estimates are wanted; all when None. The rest stays as in `guide`.

    Returns:
        float32 [c, h, w].
    """
    from .numba_groups import clean as kernel

    size = noisy.shape[1:]
    how = _how(patches, size)
    ys, xs, tops, ends, totals, weights = _bands(size, patches, len(noisy), core)
    arrays = (np.ascontiguousarray(a) for a in (looks, guide, noisy))
    threads.share(
        kernel, *arrays, ys, xs, how, np.float32(sigma**2), first, tops, totals, weights,
        parts=len(tops),
    )  # fmt: skip
    total, weight = _summed(size, tops, ends, totals, weights)
    return np.where(weight > 0, total / np.maximum(weight, 1e-12), guide)


def _bands(size: tuple[int, int], patches: Patches, channels: int, core: Core | None) -> Any:
    """Where patches begin along y and x, and of each band the first row and room for its sums."""
    high, wide = size
    top, left, bottom, right = core or (0, 0, high, wide)
    ys = _starts(high, patches, top, bottom)
    xs = _starts(wide, patches, left, right)
    first = ys[::BAND]
    last = np.append(ys, ys[-1])[np.minimum(np.arange(len(first)) * BAND + BAND - 1, len(ys) - 1)]
    tops = np.maximum(first - patches.search, 0)
    ends = np.minimum(last + patches.search + patches.size, high)
    rows = int((ends - tops).max())
    totals = np.zeros((len(tops), channels, rows, wide), np.float32)
    weights = np.zeros((len(tops), rows, wide), np.float32)
    return ys, xs, tops, ends, totals, weights


def _starts(n: int, patches: Patches, first: int, end: int) -> np.ndarray:
    """Along an axis of n pixels, those of all patches that a stretch of it, and one more patch to
    either side, needs."""
    size = patches.size
    low, high = max(0, first - 2 * size), min(n - size, end + size)
    starts = np.arange(low, high + 1, patches.stride)
    return starts if starts[-1] == high else np.append(starts, high)


def _summed(
    size: tuple[int, ...], tops: Any, ends: Any, totals: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    total = np.zeros((totals.shape[1], *size), np.float32)
    weight = np.zeros(size, np.float32)
    for top, end, t, w in zip(tops, ends, totals, weights, strict=True):
        total[:, top:end] += t[:, : end - top]
        weight[top:end] += w[: end - top]
    return total, weight


def _how(patches: Patches, size: tuple[int, int]) -> tuple[int, int, int, int]:
    if min(size) < patches.size:
        raise ValueError(f"patches of {patches.size} pixels do not fit into {size}.")
    return patches.size, patches.search, patches.count, min(patches.estimate, patches.count)
