"""How much white noise a picture holds, from the picture alone."""

import math

import torch
from torch import Tensor

PATCH = 7  # pixels along a side
WINDOW = 128  # of a large picture only windows of this side are read,
WINDOWS = 9  # so many of them
PATCHES = 2**14  # of a channel that are compared at most
FEWEST = 2**9  # and at least, for their covariance to be worth something
CLIPPED = 0.1  # patches with more of their pixels at 0 or 1 are left out: noise is cut off there
ROUNDS = 12  # of looking for smoother patches
TAIL = 4.75  # standard deviations: of noise alone, one patch in a million is rougher


def noise_level(pixels: Tensor) -> float:
    """Standard deviation of a picture's white noise, in units of [0, 1]; 0 where there is none.

    Small patches of a clean picture span few directions, and noise spreads over all alike: the
    lowest eigenvalues of the patches' covariance are the noise's variance. Those above are dropped
    from the top until the mean of the rest is their median [Chen, Zhu & Heng 2015, "An Efficient
    Statistical Method for Image Noise Level Estimation"]. What was found then tells which patches
    are too rough to be noise on smooth ground, and the rest are asked again, until nothing changes
    [Liu, Tanaka & Okutomi 2013, "Single-Image Noise Level Estimation for Blind Denoising"].

    Args:
        pixels: [h, w, c] of channels with equal noise, float in [0, 1], uint8 or uint16; no alpha.
    """
    parts = _windows(pixels)  # [n, h, w, c]
    variances = [_channel(parts[..., i]) for i in range(parts.shape[-1])]
    return math.sqrt(sum(variances) / len(variances))


def _windows(pixels: Tensor) -> Tensor:
    """The whole of a small picture; of a large one, windows spread evenly over it."""
    h, w = pixels.shape[:2]
    if h * w <= WINDOWS * WINDOW**2:
        return _unit(pixels)[None]
    high, wide = min(h, WINDOW), min(w, WINDOW)
    across = max(1, min(WINDOWS, round(math.sqrt(WINDOWS * w / h))))
    return torch.stack(
        [
            _unit(pixels[top : top + high, left : left + wide])
            for top in _starts(h - high, WINDOWS // across)
            for left in _starts(w - wide, across)
        ]
    )


def _unit(pixels: Tensor) -> Tensor:
    if pixels.is_floating_point():
        return pixels.float()
    return pixels.float() / (255 if pixels.dtype == torch.uint8 else 65535)


def _starts(room: int, count: int) -> list[int]:
    return [round(room * (i + 0.5) / count) for i in range(count)]


def _channel(planes: Tensor) -> float:
    """The noise's variance in planes [n, h, w] of one channel."""
    size = min(PATCH, planes.shape[1]), min(PATCH, planes.shape[2])
    views = planes.unfold(1, size[0], 1).unfold(2, size[1], 1)  # [n, h', w', rows, columns]
    usable = _sums((planes <= 0) | (planes >= 1), size) <= CLIPPED * size[0] * size[1]
    if int(usable.sum()) < FEWEST:
        usable = torch.ones_like(usable)
    found = _variance(views, usable)
    if min(size) < 3:
        return found
    across = planes[:, 1:-1, 2:] - planes[:, 1:-1, :-2]
    down = planes[:, 2:, 1:-1] - planes[:, :-2, 1:-1]
    rough = _sums(across.square() + down.square(), (size[0] - 2, size[1] - 2))
    limit = _roughest(*size)
    for _ in range(ROUNDS):
        smooth = usable & (rough <= limit * found)
        if int(smooth.sum()) < FEWEST:
            break
        before, found = found, min(found, _variance(views, smooth))
        if found > 0.99 * before:
            break
    return found


def _sums(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Sums over all boxes of a size: [n, h, w] -> [n, h', w']."""
    total = torch.nn.functional.pad(values.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    rows = total[:, size[0] :] - total[:, : -size[0]]
    return rows[:, :, size[1] :] - rows[:, :, : -size[1]]


def _roughest(height: int, width: int) -> float:
    """The sum of squared slopes that a patch of noise of variance 1 nearly never has more of.

    A quadratic form of the noise, whose mean and variance are traces; its tail is taken for that of
    a chi-squared variable with the same two [Wilson & Hilferty 1931].
    """
    cells = torch.eye(height * width, dtype=torch.float64).view(-1, height, width)
    across = (cells[:, 1:-1, 2:] - cells[:, 1:-1, :-2]).flatten(1)
    down = (cells[:, 2:, 1:-1] - cells[:, :-2, 1:-1]).flatten(1)
    form = across @ across.T + down @ down.T
    mean, variance = float(form.trace()), 2 * float((form @ form).trace())
    k = 2 * mean**2 / variance
    return mean * (1 - 2 / (9 * k) + TAIL * math.sqrt(2 / (9 * k))) ** 3


def _variance(views: Tensor, chosen: Tensor) -> float:
    """The variance of the noise in the patches that are chosen, by the covariance's low end."""
    places = chosen.flatten().nonzero().flatten()
    places = places[:: max(1, len(places) // PATCHES)]
    _, h, w = chosen.shape
    patches = views[places // (h * w), places // w % h, places % w].flatten(1)
    if len(patches) < 2:
        return 0.0
    centred = patches - patches.mean(0)
    covariance = (centred.T @ centred).double() / (len(patches) - 1)
    values = torch.linalg.eigvalsh(covariance).clamp_min(0)  # ascending
    for kept in range(len(values), 1, -1):
        mean = values[:kept].mean()
        if mean <= values[(kept - 1) // 2 : kept // 2 + 1].mean():
            return float(mean)
    return float(values[0])
