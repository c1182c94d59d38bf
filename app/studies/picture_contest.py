"""Fits of a picture from a quarter of its pixels: what the studies of encodings share."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fields import MLP, FieldSpec, ImageTask
from fields.encodings import EncodingSpec
from fields.grid import pixel_centres
from fields.metrics import decibels

from ..race import to_uint8
from .base import Data
from .contest import Entry, adam
from .scene import Pictures

SMALLEST = 16


def grey(data: Data | None, side: int) -> Tensor:
    """A picture as grey values float32 [h, w, 1] in [0, 1], its longer side at most `side`.

    Raises:
        ValueError: it is too small.
    """
    if data is None:
        from data import load_sample

        data = load_sample("camera").tensor()
    assert isinstance(data, Tensor)
    if min(data.shape[:2]) < SMALLEST:
        raise ValueError(f"the picture must have {SMALLEST} pixels a side at least.")
    pixels = data.float().mean(2)[None, None]
    share = min(1.0, side / max(data.shape[:2]))
    size = [max(SMALLEST, round(n * share)) for n in data.shape[:2]]
    shrunk = torch.nn.functional.interpolate(pixels, size, mode="bilinear", antialias=True)
    return shrunk[0, 0, :, :, None].clamp(0, 1)


def every_second(picture: Tensor) -> ImageTask:
    """Every second pixel of every second row is fitted; the others are measured."""
    known = torch.zeros(picture.shape[:2], dtype=torch.bool)
    known[::2, ::2] = True
    return ImageTask(picture, known=known, heldout=~known)


def encoded(
    name: str, task: ImageTask, encoding: EncodingSpec, width: int, steps: int, lr: float, seed: int
) -> Entry:
    """A fit of three layers of ReLU behind an encoding, all known pixels a step."""
    spec = FieldSpec(encoding=encoding, network=MLP(width=width, depth=3))
    return Entry(name, task, adam(spec, steps, lr, batch=2**20, seed=seed))


def probes(picture: Tensor) -> Tensor:
    """All pixels, float64 [h w, 2]."""
    return pixel_centres(*picture.shape[:2]).double()


def heldout_psnr(values: Tensor, picture: Tensor) -> float:
    """PSNR in dB over the pixels that were not fitted, of values [h w, 1]."""
    error = (values.view(picture.shape) - picture).square()
    error[::2, ::2] = 0
    known = ((picture.shape[0] + 1) // 2) * ((picture.shape[1] + 1) // 2)
    return decibels(float(error.sum()) / (picture[..., 0].numel() - known))


def shown(title: str, picture: Tensor, entries: Sequence[Entry]) -> Pictures:
    """The picture and what the fits make of it."""
    found = [(to_uint8(picture), "picture")]
    for entry in entries:
        values = torch.zeros_like(picture) if entry.values is None else entry.values
        found.append((to_uint8(values.view(picture.shape)), entry.name))
    return Pictures(title, found)
