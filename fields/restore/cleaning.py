"""Take the noise out of a picture of any size, window by window."""

from collections.abc import Iterator

import numpy as np
import torch

from ..field import Field
from ..kernels.groups import Core, Patches, clean
from ..noise import noise_level
from ..solvers import Step
from ..tasks import DenoiseTask
from .bending import blurred
from .canvas import Canvas
from .colours import from_opponent, opponent
from .windows import tiles

PASSES = 3  # after the first, each guided by what the one before it made
AROUND = 0.5  # pixels: of the mean that stands for a pixel held out
BLUR = 1.0  # pixels: of what is compared at first, where single pixels are mostly noise
LOUD = 35 / 255  # deviation of the noise from which larger patches are worth their blur
MARGIN, LARGEST = 32, 384


def clean_picture(task: DenoiseTask, field: Field) -> Iterator[Step]:
    """Take the noise out of every pixel; the field takes each window as it is done.

    Pixels that are held out are not looked at: the mean of those around them takes their place.
    """
    source = task.to(torch.device("cpu"))
    canvas = Canvas(field, task.size)
    canvas.fill(lambda top, bottom: _noisy(source, slice(top, bottom), slice(None)))
    colours = task.colours or task.out_dim
    sigma = noise_level(source.pixels[..., :colours]) if task.sigma is None else task.sigma
    windows = tiles(task.size, margin=MARGIN, largest=LARGEST) if sigma > 0 else []
    total, done = (PASSES + 1) * sum(window.area for window in windows), 0
    yield Step(0.0 if windows else 1.0, 0.0)
    for number in range(PASSES + 1):
        for window in windows:
            rows, columns = window.looked
            noisy = _noisy(source, rows, columns)
            if number:
                drawn = canvas.values(rows.start, columns.start, rows.stop, columns.stop)
                guide = np.moveaxis(drawn.numpy(), -1, 0)[:colours]
            else:
                guide = noisy[:colours]
            found = clean_once(noisy[:colours], guide, sigma, number == 0, window.core)
            change = float(np.square(found - guide).mean())
            found = np.concatenate([found, noisy[colours:]])[(slice(None), *window.within)]
            canvas.put(*window.inner[:2], found)
            done += window.area
            yield Step(done / total, change)


def clean_once(
    noisy: np.ndarray, guide: np.ndarray, sigma: float, first: bool, core: Core | None = None
) -> np.ndarray:
    """A pass through the groups of a guide: the noisy picture itself at first, then what the pass
    before made of it. All are [c, h, w]."""
    turned, seen = opponent(guide), opponent(noisy)
    looks = turned
    if first:
        looks = blurred(torch.from_numpy(np.ascontiguousarray(turned)), BLUR).numpy()
    side = min(noisy.shape[1:])
    size = min(side, 8 if sigma > LOUD else 7)
    count = 100 if first else 32
    patches = Patches(size=size, stride=min(3, size), search=12, count=count, estimate=count)
    parts = [
        clean(n, g, looks, patches, sigma=sigma, first=first, core=core)
        for n, g in zip(seen[:, None], turned[:, None], strict=True)
    ]
    return from_opponent(np.concatenate(parts))


def _noisy(task: DenoiseTask, rows: slice, columns: slice) -> np.ndarray:
    """A rectangle of the noisy picture, [c, h, w]."""
    values = task.values(rows)[:, columns].movedim(-1, 0)
    if task.known is not None:
        known = task.known[rows, columns].float()
        around = blurred(values * known, AROUND) / blurred(known[None], AROUND).clamp_min(1e-6)
        values = torch.where(known > 0, values, around)
    return values.numpy()
