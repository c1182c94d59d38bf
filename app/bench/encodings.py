"""The image experiment of "Fourier Features Let Networks Learn High Frequency Functions".

Tancik et al. 2020 (arXiv:2006.10739), with the settings of the authors' notebook: a ReLU network of
3 hidden layers of 256 and a sigmoid, fitted to every second pixel of a 512x512 picture, measured on
the pixels between them; Adam for 2,000 steps. Their batch is all 65,536 pixels; a smaller one gives
nearly the same and is what a CPU can do.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from data import read_picture
from fields import FieldSpec, FitConfig, ImageTask, fit
from fields.activations import ReLU
from fields.encodings import Encoding, EncodingSpec, Fourier, Identity, Positional
from fields.encodings.fourier import FourierEncoding
from fields.networks import MLP

from .. import signals
from ..options import BenchOptions
from .ledger import Ledger

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}


@dataclass(frozen=True, kw_only=True)
class NotebookPositional(EncodingSpec):
    """128 frequencies an axis, 2^linspace(0, octaves) - 1: the notebook's, which starts at 0."""

    octaves: float = 6.0

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        f = 2 ** torch.linspace(0, self.octaves, 128) - 1
        return FourierEncoding(torch.cat([torch.outer(u, f) for u in torch.eye(in_dim)], dim=1))


def contenders(options: BenchOptions) -> dict[str, tuple[EncodingSpec, float]]:
    """Each encoding with its learning rate, which the notebook chose on other pictures."""
    return {
        "none": (Identity(), options.plain_lr),
        "basic": (Positional(frequencies=1, octaves=0, include_input=False), options.plain_lr),
        "positional": (NotebookPositional(octaves=options.octaves), 1e-3),
        "gaussian": (Fourier(frequencies=256, sigma=options.sigma), 1e-3),
    }


def bench_encodings(options: BenchOptions) -> Iterator[dict[str, Any]]:
    """A row for each picture and encoding, then one for each encoding's mean and spread."""
    paths = pictures(options)
    settings = {
        k: getattr(options, k) for k in ("steps", "batch", "sigma", "octaves", "plain_lr")
    }
    kept = Ledger(options.out, "encodings", ("picture", "encoding"), settings)
    found: dict[str, list[float]] = {}
    for path in paths:
        for name, (encoding, lr) in contenders(options).items():
            row = kept.get(path.name, name)
            if row is None:
                row = {"picture": path.name, "encoding": name}
                row |= run(path, encoding, lr, options)
                if signals.asked():
                    return
                kept.add(row)
            found.setdefault(name, []).append(float(row["heldout_psnr"]))
            yield row
    for name, values in found.items():
        yield {
            "picture": "mean",
            "encoding": name,
            "heldout_psnr": statistics.fmean(values),
            "spread": statistics.pstdev(values),
            "pictures": len(values),
        }


def pictures(options: BenchOptions) -> list[Path]:
    folder = one_input(options)
    if folder is None or not folder.is_dir():
        raise ValueError(f"bench {options.kind} needs a directory of pictures, got {folder}.")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"{folder}: holds no pictures.")
    return paths[: options.pictures]


def one_input(options: BenchOptions) -> Path | None:
    """The input, if one is given.

    Raises:
        ValueError: there are several.
    """
    if len(options.inputs) > 1:
        raise ValueError(f"bench {options.kind} takes one input, got {len(options.inputs)}.")
    return options.inputs[0] if options.inputs else None


def run(path: Path, encoding: EncodingSpec, lr: float, options: BenchOptions) -> dict[str, Any]:
    """Fit one encoding to every second pixel, and measure on those between."""
    picture = read_picture(path)
    pixels = picture.tensor()
    known = torch.zeros(pixels.shape[:2], dtype=torch.bool)
    heldout = known.clone()
    known[::2, ::2] = True
    heldout[1::2, 1::2] = True
    task = ImageTask(pixels, known=known, heldout=heldout)
    network = MLP(width=256, depth=3, activation=ReLU(init="glorot"))
    field = FieldSpec(encoding=encoding, network=network, output="sigmoid")
    config = FitConfig(
        field=field, steps=options.steps, batch=options.batch, lr=lr, beta2=0.999, eps=1e-8,
        schedule="constant",
    )
    reports = fit(task, config)
    progress = next(reports)
    while progress.end is None and not signals.asked():
        progress = next(reports)
    return {**task.evaluate(progress.field), "seconds": progress.seconds, "lr": lr}
