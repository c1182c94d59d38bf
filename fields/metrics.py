"""How near two pictures are: pure functions from tensors to numbers."""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from .kernels.backends import missing

WINDOW = 11  # SSIM's window, 11 pixels wide
SPREAD = 1.5  # and Gaussian with this sigma
HALO = WINDOW // 2
MIN_ROWS = 8 * WINDOW  # that are scored together: each batch repeats twice the halo


def psnr(prediction: Tensor, target: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of values in [0, 1]; infinite for equal ones."""
    return decibels(float((prediction.double() - target.double()).square().mean()))


def decibels(mse: float) -> float:
    """A mean squared error of values in [0, 1] as PSNR in dB."""
    return -10 * math.log10(mse) if mse > 0 else math.inf


def ssim(prediction: Tensor, target: Tensor) -> float:
    """Mean structural similarity of two pictures [h, w, c] of values in [0, 1]; 1 for equal ones.

    Wang et al. 2004, eq. 13: Gaussian window of 11 pixels, sigma 1.5, K1 = 0.01, K2 = 0.03, borders
    reflected, the mean over pixels and channels.
    """
    return float(ssim_map(prediction, target).mean())


def ssim_map(prediction: Tensor, target: Tensor) -> Tensor:
    """SSIM around each pixel, the channels' mean: [h, w, c] twice -> [h, w]."""
    mode = "reflect" if min(prediction.shape[:2]) > HALO else "replicate"
    padding = (HALO, HALO, HALO, HALO)
    a, b = (
        pad(v.movedim(-1, 0)[None].float(), padding, mode=mode)[0] for v in (prediction, target)
    )
    taps = window(a.device)
    if missing("numba", a.device) is None:
        from .kernels import numba_ssim

        return numba_ssim.ssim_map(a, b, taps)
    return ssim_map_torch(a, b, taps)


def ssim_map_torch(a: Tensor, b: Tensor, taps: Tensor) -> Tensor:
    """The same from padded pictures [c, h + 2 halo, w + 2 halo]: the reference of the kernels."""

    def blur(values: Tensor) -> Tensor:
        rows = conv2d(values[:, None], taps.view(1, 1, 1, -1))
        return conv2d(rows, taps.view(1, 1, -1, 1))[:, 0]

    mean_a, mean_b = blur(a), blur(b)
    var_a = blur(a * a) - mean_a**2
    var_b = blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return (likeness / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean(0)


def window(device: torch.device) -> Tensor:
    """SSIM's Gaussian along one axis, of sum 1: float32 [WINDOW]."""
    offset = torch.arange(WINDOW, dtype=torch.float32, device=device) - HALO
    taps = torch.exp(-(offset**2) / (2 * SPREAD**2))
    return taps / taps.sum()


class PictureScore:
    """PSNR and SSIM of a picture that arrives in strips from top to bottom.

    Args:
        known: bool [h, w], the pixels that were fitted; all when None.
        heldout: bool [h, w], pixels that were not fitted and whose truth is known; or None.
    """

    def __init__(self, height: int, known: Tensor | None, heldout: Tensor | None) -> None:
        self.height = height
        self.masks = {"": known, "heldout_": heldout}
        self.error = dict.fromkeys(self.masks, 0.0)
        self.likeness = dict.fromkeys(self.masks, 0.0)
        self.count = dict.fromkeys(self.masks, 0)
        self.tail: tuple[int, Tensor, Tensor] | None = None  # rows whose SSIM needs those to come

    def add(self, top: int, prediction: Tensor, target: Tensor) -> None:
        """The next rows, [rows, w, c], of values in [0, 1]; `top` is the first one's number."""
        prediction = prediction.clamp(0, 1)
        squared = (prediction - target).square().mean(-1)
        for name, mask in self.masks.items():
            if name and mask is None:
                continue
            chosen = squared if mask is None else squared[mask[top : top + len(squared)]]
            self.error[name] += float(chosen.double().sum())
            self.count[name] += chosen.numel()
        self._add_likeness(top, prediction, target)

    def _add_likeness(self, top: int, prediction: Tensor, target: Tensor) -> None:
        """Score the rows that now have all their neighbours, keep the others for the next strip."""
        first = top  # of the rows at hand
        if self.tail is not None:
            first, before, truth = self.tail
            prediction, target = torch.cat([before, prediction]), torch.cat([truth, target])
        end = first + len(prediction)
        if end < self.height and len(prediction) < MIN_ROWS:
            self.tail = first, prediction, target
            return
        start = first if first == 0 else first + HALO
        stop = self.height if end == self.height else end - HALO
        values = ssim_map(prediction, target)[start - first : stop - first]
        for name, mask in self.masks.items():
            if not name or mask is not None:
                chosen = values if mask is None else values[mask[start:stop]]
                self.likeness[name] += float(chosen.double().sum())
        keep = max(stop - HALO, 0) - first
        self.tail = first + keep, prediction[keep:], target[keep:]

    def result(self) -> dict[str, float]:
        """`psnr` and `ssim` of the fitted pixels, `heldout_psnr` and `heldout_ssim` of the rest."""
        found: dict[str, float] = {}
        for name, n in self.count.items():
            if n:
                found[f"{name}psnr"] = decibels(self.error[name] / n)
                found[f"{name}ssim"] = self.likeness[name] / n
        return found
