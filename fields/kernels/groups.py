"""Groups of similar patches: how they are formed, and what can be made of them.

A group is a patch and those around it that look most like it, taken as draws from one Gaussian.
The kernels are numba's; there are no others.
"""

from dataclasses import dataclass

import numpy as np

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
    from . import numba_groups

    return numba_groups.fill(values, known, patches, spread, noise, core)


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
    from . import numba_groups

    return numba_groups.clean(noisy, guide, looks, patches, sigma, first, core)
