"""The frequency principle in two dimensions: a picture is learned from coarse to fine."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from fields import MLP, ImageTask
from fields.activations import Tanh
from fields.grid import pixel_centres
from fields.spec import Spec, knob
from fields.spectrum import band_error, band_power

from ..race import to_uint8
from .base import Data, Pace, Study, Verdict
from .scene import Heat, Line, Lines, Pictures, Scene
from .watching import descent, outputs, thinned

EDGES = (0.5, 3.0, 8.0, 16.0)  # of the bands, in cycles a side; the last goes up to Nyquist's
BEGUN = 25  # step from which on the first two bands are compared
HALF = 0.5  # error of the first band from which on three are


@dataclass(frozen=True, kw_only=True)
class Order2dKnobs(Spec):
    """How small the picture is made, the network, and what is to be reached."""

    size: int = knob(64, "pixels along the picture's longer side", low=24, high=256)
    widths: tuple[int, ...] = knob(
        (200, 200, 200), "units of the tanh network, layer by layer", low=1, high=2000
    )
    rate: float = knob(1e-3, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(800, "steps of Adam, each over all pixels", low=BEGUN, high=100_000)
    coarse: float = knob(0.1, "error that the lowest band must reach", low=0.0, high=1.0)
    fine: float = knob(0.7, "error that the third band must still have", low=0.0, high=1.0)
    seed: int = knob(0, "seed of the network's first weights", low=0)


class Order2d(Study[Order2dKnobs]):
    name = "order-2d"
    title = "A picture is learned from coarse to fine"
    group = "order"
    text = (
        "A network learns the grey value at every place (x, y) of a small photograph. Patches of "
        "light and dark come first, then the outlines, and fine texture only after a very long "
        "time. To measure it, the picture and the output are both taken apart by the "
        "Fourier transform, and its coefficients are sorted into bands by the length of their "
        "frequency, in cycles a side. The error of a band is 1 before anything of it has been "
        "learned, and 0 in the end."
    )
    claim = (
        "While a tanh network learns a photograph of 64 x 64 pixels, the error of the band up to "
        "3 cycles a side is below that of 3 to 8 at every look from step 25 on; after 800 steps "
        "the errors ascend from band to band, the first is below 0.1 and the third, 8 to 16 "
        "cycles, still above 0.7."
    )
    source = "Xu, Zhang, Luo 2022, arXiv:2201.07395"
    takes = "picture"
    full = Order2dKnobs()
    quick = Order2dKnobs(size=32, widths=(60, 60, 60), rate=3e-3, steps=250, coarse=0.3, fine=0.5)

    def run(self, knobs: Order2dKnobs, data: Data | None = None) -> Generator[Scene, None, Verdict]:
        picture = shrunk(_photograph() if data is None else data, knobs.size)
        watch, pace = Bands(picture), Pace()
        task = ImageTask(picture.float())
        # Half as large first weights, for the papers' coordinates run from 0 to 1.
        network = MLP(widths=knobs.widths, activation=Tanh(), first_gain=0.5)
        batch = picture.shape[0] * picture.shape[1]
        config = descent(
            network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed, batch=batch, every=5
        )
        for progress, values in outputs(task, config, pixel_centres(*picture.shape[:2])):
            watch.look(progress.step, values.view(picture.shape))
            if progress.end is not None or pace.due():
                yield _scene(knobs, watch, progress.share)
        return _verdict(knobs, watch, own=data is None)


class Bands:
    """The error of each band of a picture, look by look.

    Attributes:
        names: of the bands that the picture has something in, as "3 to 8".
        errors: at each look, one of each band.
        output: the last one, float64 [h, w, c].
    """

    def __init__(self, picture: Tensor) -> None:
        self.picture = self.output = picture
        nyquist = max(picture.shape[:2]) / 2
        inner = [e for e in EDGES if e < nyquist]
        self.edges = torch.tensor([0.0, *inner, nyquist * 1.0001, 2 * nyquist])
        ends = [*inner, nyquist]
        self.names = [f"{a:g} to {b:g}" for a, b in pairwise(ends)]
        self.steps: list[int] = []
        self.errors: list[list[float]] = []

    @cached_property
    def power(self) -> Tensor:
        return band_power(self.picture, self.edges)

    def look(self, step: int, output: Tensor) -> None:
        self.output = output
        found = band_error(output, self.picture, self.edges, self.power)
        self.steps.append(step)
        # Without the mean, which is no wave, and the corners.
        self.errors.append(found[1:-1].tolist())


def shrunk(picture: Data, size: int) -> Tensor:
    """A picture [h, w, c] so that its longer side has `size` pixels; a smaller one as it is.

    Each pixel is the mean of those that it stands for. Float64 in [0, 1].

    Raises:
        ValueError: the picture is level, or too small for three bands.
    """
    assert isinstance(picture, Tensor)
    h, w = picture.shape[:2]
    if max(h, w) <= 2 * EDGES[2]:
        raise ValueError(
            f"the picture must have more than {2 * EDGES[2]:g} pixels along its longer side, got "
            f"{max(h, w)}; give a larger one."
        )
    share = min(1.0, size / max(h, w))
    small = torch.nn.functional.adaptive_avg_pool2d(
        picture.double().movedim(-1, 0), (max(1, round(h * share)), max(1, round(w * share)))
    ).movedim(0, -1)
    if not (small - small.mean((0, 1))).abs().max() > 1e-6:
        raise ValueError("the picture is of one colour, and so has no frequencies; give another.")
    return small.contiguous()


def _photograph() -> Tensor:
    from data import load_sample

    return load_sample("camera").tensor()


def _verdict(knobs: Order2dKnobs, watch: Bands, own: bool) -> Verdict:
    """On a person's picture the order alone counts."""
    found = [e for s, e in zip(watch.steps, watch.errors, strict=True) if s >= BEGUN]
    apart = sum(e[0] < e[1] for e in found) / len(found)
    first, second, third = watch.errors[-1][:3]
    ordered = apart == 1 and first < second < third
    reached = first <= knobs.coarse and third >= knobs.fine
    told = ", ".join(
        f"{e:.3f} for {name}" for name, e in zip(watch.names, watch.errors[-1], strict=True)
    )
    return Verdict(
        ordered and (reached or not own),
        f"From step {BEGUN} on the lowest band was ahead of the second in {apart:.0%} of the "
        f"looks. After {knobs.steps} steps the errors are {told} cycles a side.",
        {"ahead": apart, "error_1": first, "error_2": second, "error_3": third},
    )


def _scene(knobs: Order2dKnobs, watch: Bands, share: float) -> Scene:
    chosen = thinned(watch.steps)
    steps = [max(1, watch.steps[i]) for i in chosen]
    rows = [[watch.errors[i][b] for i in chosen] for b in range(len(watch.names))]
    span = (5.0, knobs.steps)
    lines = [Line(n, steps, row) for n, row in zip(watch.names, rows, strict=True)]
    return Scene(
        (
            Pictures(
                f"After {watch.steps[-1]:,} steps",
                [
                    (to_uint8(watch.picture), "the picture"),
                    (to_uint8(watch.output), "the output"),
                ],
            ),
            Heat("Error of each band", rows, watch.names, steps, "steps", "cycles a side", "log",
                 x_span=span),
            Lines("The same as curves", lines, "steps", "relative error", "log",
                  x_span=span, y_span=(0, 1.1)),
        ),
        share,
        "The output is a blurred picture that becomes sharper: each band of frequencies begins "
        "to be learned after the one below it.",
    )  # fmt: skip
