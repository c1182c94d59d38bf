"""Take the noise out of a picture of any size, window by window."""

from collections.abc import Iterator

import numpy as np
import torch

from ..field import Field
from ..kernels.numba_groups import Patches, clean
from ..noise import noise_level
from ..solver import Stage
from ..tasks import DenoiseTask
from .bending import blurred
from .canvas import Canvas
from .holes import OPPONENT
from .windows import tiles

PASSES = 3  # after the first, each guided by what the one before it made
AROUND = 0.5  # pixels: of the mean that stands for a pixel held out
BLUR = 1.0  # pixels: of what is compared at first, where single pixels are mostly noise
LOUD = 35 / 255  # deviation of the noise from which larger patches are worth their blur
MARGIN, LARGEST = 32, 384


def clean_picture(task: DenoiseTask, field: Field) -> Iterator[Stage]:
    """Take the noise out of every pixel; the field takes each window as it is done.

    Pixels that are held out are not looked at: the mean of those around them takes their place.
    """
    source = task.to(torch.device("cpu"))
    canvas = Canvas(field, task.size)
    canvas.fill(lambda top, bottom: _noisy(source, slice(top, bottom), slice(None)))
    colours = task.colours or task.out_dim
    sigma = noise_level(source.pixels[..., :colours]) if task.sigma is None else task.sigma
    windows = tiles(task.size, margin=MARGIN, largest=LARGEST)
    total, done = (PASSES + 1) * sum(window.area for window in windows), 0
    yield Stage(0.0 if sigma > 0 else 1.0, 0.0)
    for window in windows if sigma > 0 else []:
        noisy = _noisy(source, *window.looked)
        before = noisy[:colours]
        for found in cleaner(before, sigma):
            done += window.area
            noisy = np.concatenate([found, noisy[colours:]])
            canvas.put(*window.inner[:2], noisy[(slice(None), *window.within)])
            yield Stage(done / total, float(np.square(found - before).mean()))
            before = found


def _noisy(task: DenoiseTask, rows: slice, columns: slice) -> np.ndarray:
    """A rectangle of the noisy picture, [c, h, w]."""
    values = task.values(rows)[:, columns].movedim(-1, 0)
    if task.known is not None:
        known = task.known[rows, columns].float()
        around = blurred(values * known, AROUND) / blurred(known[None], AROUND).clamp_min(1e-6)
        values = torch.where(known > 0, values, around)
    return values.numpy()


def cleaner(noisy: np.ndarray, sigma: float) -> Iterator[np.ndarray]:
    """Ever cleaner pictures [c, h, w] of a noisy one, in `PASSES` + 1 passes."""
    turned = _turn(noisy, OPPONENT)
    side = min(noisy.shape[1:])
    size = min(side, 8 if sigma > LOUD else 7)
    looks = blurred(torch.from_numpy(np.ascontiguousarray(turned)), BLUR).numpy()
    guide, stride = turned, min(3, size)
    for i in range(PASSES + 1):
        count = 100 if i == 0 else 32
        patches = Patches(size=size, stride=stride, search=12, count=count, estimate=count)
        parts = [
            clean(turned[c : c + 1], guide[c : c + 1], looks, patches, sigma=sigma, first=i == 0)
            for c in range(len(turned))
        ]
        guide = looks = np.concatenate(parts)
        yield _turn(guide, OPPONENT.T)


def _turn(values: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Red, green and blue to opponent colours or back; other numbers of channels as they are."""
    if len(values) != 3:
        return values
    return np.tensordot(matrix, values, 1).astype(np.float32)
