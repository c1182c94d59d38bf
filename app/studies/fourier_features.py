"""Random Fourier features on a picture, and how far their spread should reach."""

import math
from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from fields.encodings import Fourier, Identity
from fields.spec import Spec, knob
from fields.tasks.image import ImageTask

from .base import Data, Study, Verdict, paced
from .contest import Entry, contest, errors_panel
from .picture_contest import encoded, every_second, grey, heldout_psnr, probes, shown
from .scene import Line, Lines, Scene


@dataclass(frozen=True, kw_only=True)
class FourierFeaturesKnobs(Spec):
    """The picture's size, the spreads that are tried, and how long each network learns."""

    side: int = knob(128, "pixels of the picture's longer side", low=16, high=512)
    sigmas: tuple[float, ...] = knob(
        (1.0, 2.0, 4.0, 10.0, 20.0), "spreads of the frequencies, in cycles a side", low=0, high=1e4
    )
    frequencies: int = knob(128, "random frequencies", low=1, high=4096)
    width: int = knob(128, "units in each of the three hidden layers", low=1, high=1024)
    steps: int = knob(300, "steps of Adam of each network", low=1, high=100_000)
    lr: float = knob(1e-3, "learning rate", low=1e-6, high=1)
    seed: int = knob(0, "seed of the frequencies and the weights", low=0)
    bound: float = knob(25.5, "PSNR in dB that the best spread must reach", low=0.0, high=100)
    gain: float = knob(5.0, "dB that it must gain over bare coordinates", low=0.0, high=100)


class FourierFeatures(Study[FourierFeaturesKnobs]):
    name = "fourier-features"
    title = "Show the network waves instead of coordinates"
    group = "cures"
    text = (
        "A network that sees the coordinates of a pixel paints a blurred picture. If it sees "
        "cos(2 pi B v) and sin(2 pi B v) with random frequencies B, its tangent kernel becomes one "
        "of the distance alone, whose width the spread sigma of B sets. Every second pixel of "
        "every second row is fitted, and the others are measured. A small sigma leaves the blur, "
        "a large one makes noise between the known pixels: the best lies in between, and depends "
        "on how dense the samples are."
    )
    claim = (
        "On a 128 x 128 picture, a quarter of its pixels known, Fourier features reach 25.5 dB or "
        "more on the others after 300 steps, at least 5 dB above bare coordinates, and the best "
        "spread is neither the smallest nor the largest of 1, 2, 4, 10, 20."
    )
    source = "Tancik et al. 2020, arXiv:2006.10739"
    takes = "picture"
    full = FourierFeaturesKnobs()
    quick = FourierFeaturesKnobs(
        side=48, sigmas=(0.5, 3.0, 15.0), frequencies=48, width=48, steps=60, lr=5e-3,
        bound=18.0, gain=0.5,
    )  # fmt: skip

    def run(
        self, knobs: FourierFeaturesKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        picture = grey(data, knobs.side)
        entries = _entries(every_second(picture), knobs)
        yield from paced(
            contest(entries, probes(picture), picture.double().view(-1, 1)),
            lambda share: _scene(picture, entries, knobs, share),
        )
        bare, *found = (psnr(e, picture) for e in entries)
        best = max(range(len(found)), key=found.__getitem__)
        inside = 0 < best < len(found) - 1
        spreads = sorted(knobs.sigmas)
        told = ", ".join(f"{p:.1f} at {s:g}" for s, p in zip(spreads, found, strict=True))
        return Verdict(
            inside and found[best] >= knobs.bound and found[best] >= bare + knobs.gain,
            f"Pixels that were not fitted came to {bare:.1f} dB with bare coordinates; with "
            f"Fourier features to {told} cycles a side.",
            {"bare": bare} | dict(zip(map(_key, spreads), found, strict=True)),
        )


def _key(sigma: float) -> str:
    """The name of a spread's figure."""
    return f"sigma_{sigma:g}".replace(".", "_").replace("-", "_").replace("+", "_")


def psnr(entry: Entry, picture: Tensor) -> float:
    """Of the pixels that were not fitted, in dB."""
    assert entry.values is not None
    return heldout_psnr(entry.values, picture)


def _entries(task: ImageTask, knobs: FourierFeaturesKnobs) -> list[Entry]:
    """Bare coordinates first, then every spread."""
    if len(knobs.sigmas) < 3:
        raise ValueError(f"sigmas must hold 3 spreads at least, got {len(knobs.sigmas)}.")
    chosen = [("bare coordinates", Identity())] + [
        (f"sigma {s:g}", Fourier(frequencies=knobs.frequencies, sigma=s))
        for s in sorted(knobs.sigmas)
    ]
    return [
        encoded(name, task, encoding, knobs.width, knobs.steps, knobs.lr, knobs.seed)
        for name, encoding in chosen
    ]


def _scene(
    picture: Tensor, entries: list[Entry], knobs: FourierFeaturesKnobs, share: float
) -> Scene:
    spreads = sorted(knobs.sigmas)
    found = [math.nan if e.values is None else psnr(e, picture) for e in entries[1:]]
    bare = math.nan if entries[0].values is None else psnr(entries[0], picture)
    return Scene(
        (
            shown("Drawn from a quarter of the pixels", picture, entries),
            Lines(
                "The best spread lies inside",
                [
                    Line("Fourier features", spreads, found),
                    Line("bare coordinates", spreads, [bare] * len(spreads), "", "dashed"),
                ],
                "sigma, cycles a side", "PSNR of the other pixels, dB", x_axis="log",
            ),
            errors_panel("Error over the steps", [e for e in entries if e.errors]),
        ),
        share,
        "A small spread blurs, a large one makes noise between the known pixels.",
    )  # fmt: skip
