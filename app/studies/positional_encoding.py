"""NeRF's positional encoding on a picture, and how many octaves it should have."""

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from fields.encodings import EncodingSpec, Identity, Positional
from fields.spec import Spec, knob
from fields.tasks.image import ImageTask

from .base import Data, Study, Verdict, paced
from .contest import Entry, contest, errors_panel
from .fourier_features import psnr
from .picture_contest import encoded, every_second, grey, probes, shown
from .scene import Line, Lines, Scene


@dataclass(frozen=True, kw_only=True)
class PositionalEncodingKnobs(Spec):
    """The picture's size, the octaves that are tried, and how long each network learns."""

    side: int = knob(128, "pixels of the picture's longer side", low=16, high=512)
    octaves: tuple[int, ...] = knob(
        (2, 3, 4, 5, 6), "L: sines and cosines of 2^0 to 2^(L-1) cycles a side", low=1, high=16
    )
    width: int = knob(128, "units in each of the three hidden layers", low=1, high=1024)
    steps: int = knob(400, "steps of Adam of each network", low=1, high=100_000)
    lr: float = knob(1e-3, "learning rate", low=1e-6, high=1)
    seed: int = knob(0, "seed of the weights", low=0)
    gain: float = knob(3.0, "dB that the best must gain over bare coordinates", low=0.0, high=100)


class PositionalEncoding(Study[PositionalEncodingKnobs]):
    name = "positional-encoding"
    title = "Octaves of sines: enough, but not too many"
    group = "cures"
    text = (
        "NeRF writes each coordinate p as sin(2^l pi p) and cos(2^l pi p) for l = 0, ..., L - 1: "
        "the scales of MscaleDNN with sines, and without random numbers. Every octave lets the "
        "network learn waves twice as fast. But where a quarter of the pixels is known, every "
        "second along each axis, waves of more than a quarter of the picture's pixels a side "
        "cannot be told from slower ones. An octave at that limit fits the known pixels, and "
        "spoils those between."
    )
    claim = (
        "On a 128 x 128 picture, every second pixel of every second row known, the encoding with "
        "L = 4 gains 3 dB or more over bare coordinates on the other pixels, and L = 6, whose "
        "highest wave is at the limit of the samples, is worse."
    )
    source = "Mildenhall et al. 2020, arXiv:2003.08934"
    takes = "picture"
    full = PositionalEncodingKnobs()
    quick = PositionalEncodingKnobs(
        side=48, octaves=(1, 3, 6), width=48, steps=60, lr=5e-3, gain=0.5
    )

    def run(
        self, knobs: PositionalEncodingKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        picture = grey(data, knobs.side)
        octaves = sorted(set(knobs.octaves))
        if len(octaves) < 2:
            raise ValueError(f"octaves must hold 2 numbers at least, got {len(octaves)}.")
        entries = _entries(every_second(picture), octaves, knobs)
        yield from paced(
            contest(entries, probes(picture), picture.double().view(-1, 1)),
            lambda share: _scene(picture, entries, octaves, share),
        )
        bare, *found = (psnr(e, picture) for e in entries)
        told = ", ".join(f"{p:.1f} for L = {n}" for n, p in zip(octaves, found, strict=True))
        middle = found[octaves.index(4)] if 4 in octaves else max(found)
        return Verdict(
            middle >= bare + knobs.gain and found[-1] < middle,
            f"Pixels that were not fitted came to {bare:.1f} dB with bare coordinates; with the "
            f"encoding to {told}.",
            {"bare": bare} | {f"octaves_{n}": p for n, p in zip(octaves, found, strict=True)},
        )


def encoding(octaves: int) -> EncodingSpec:
    """NeRF's gamma with L octaves: 2 L features a coordinate."""
    return Positional(frequencies=octaves, octaves=octaves - 1, include_input=False)


def _entries(
    task: ImageTask, octaves: list[int], knobs: PositionalEncodingKnobs
) -> list[Entry]:
    """Bare coordinates first, then every number of octaves."""
    chosen: list[tuple[str, EncodingSpec]] = [("bare coordinates", Identity())]
    chosen += [(f"L = {n}", encoding(n)) for n in octaves]
    return [
        encoded(name, task, spec, knobs.width, knobs.steps, knobs.lr, knobs.seed)
        for name, spec in chosen
    ]


def _scene(picture: Tensor, entries: list[Entry], octaves: list[int], share: float) -> Scene:
    found = [math.nan if e.values is None else psnr(e, picture) for e in entries[1:]]
    bare = math.nan if entries[0].values is None else psnr(entries[0], picture)
    # Waves that two samples a period can still tell: the samples are every second pixel.
    limit = 1 + math.log2(max(picture.shape[:2]) / 4)
    waves = torch.linspace(-1, 1, 201, dtype=torch.float64)
    rows = [
        Line(f"l = {n}", waves.tolist(), (torch.sin(2**n * math.pi * waves) - 2.5 * n).tolist())
        for n in range(min(4, octaves[-1]))
    ]
    return Scene(
        (
            shown("Drawn from a quarter of the pixels", picture, entries),
            Lines(
                "Too many octaves spoil it",
                [
                    Line("positional encoding", octaves, found),
                    Line("bare coordinates", octaves, [bare] * len(octaves), "", "dashed"),
                ],
                "octaves L", "PSNR of the other pixels, dB", marks=((limit, "limit"),),
            ),
            Lines("sin(2^l pi p), what the network sees", rows, "p", "l, downwards"),
            errors_panel("Error over the steps", [e for e in entries if e.errors]),
        ),
        share,
        "Every octave sharpens the picture, until its waves are faster than the samples tell.",
    )  # fmt: skip
