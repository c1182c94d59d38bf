"""Pictures to try without having one: generated, or from scikit-image's package; no download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .picture import Picture

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """A picture by name; `make` draws or loads it."""

    name: str
    title: str
    make: Callable[[], Picture]


def load_sample(name: str) -> Picture:
    """The sample picture called `name`, a key of `SAMPLES`; ValueError for another name."""
    if name not in SAMPLES:
        raise ValueError(f"unknown sample {name!r}; choose from {', '.join(SAMPLES)}.")
    return SAMPLES[name].make()


def zone_plate(size: int = 256) -> Tensor:
    """cos(pi size r^2 / 4), scaled to [0, 1]: rings that narrow from the centre outwards.

    float32 [size, size, 1]. At the distance x from the centre (1 at the middle of a side) they
    have x / 2 cycles a pixel, so every frequency is there, up to Nyquist's 1/2 at the sides.
    ValueError if size < 1.
    """
    import torch

    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}.")
    axis = (2 * torch.arange(size, dtype=torch.float64) + 1 - size) / size
    squared = axis[:, None] ** 2 + axis**2
    return (0.5 + 0.5 * torch.cos(torch.pi * size / 4 * squared)).float()[..., None]


def _generated() -> Picture:
    return Picture.from_tensor(zone_plate(512))


def _bundled(name: str) -> Callable[[], Picture]:
    """A picture that lies in scikit-image's wheel; its other ones would be downloaded."""

    def make() -> Picture:
        import skimage.data

        pixels = getattr(skimage.data, name)()
        return Picture(np.atleast_3d(pixels))

    return make


SAMPLES = {
    sample.name: sample
    for sample in (
        Sample("zone_plate", "Zone plate: every frequency", _generated),
        Sample("text", "Printed page", _bundled("text")),
        Sample("astronaut", "Astronaut Eileen Collins (NASA)", _bundled("astronaut")),
        Sample("cat", "Chelsea the cat", _bundled("chelsea")),
        Sample("camera", "Cameraman", _bundled("camera")),
        Sample("coffee", "Cup of coffee", _bundled("coffee")),
        Sample("rocket", "Rocket on its launch pad (SpaceX)", _bundled("rocket")),
    )
}
