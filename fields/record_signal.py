"""What happened during the fit of a signal: its curve, and the error by frequency."""

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from .fit import Progress
from .metrics import decibels
from .plot import between, curve, paint
from .record import Pace, Snapshot, Watch
from .spectrum import (
    band_error,
    band_power,
    bands,
    dft,
    entropy,
    peaks,
    relative_error,
    total_variation,
)
from .spectrum.dft import amplitude
from .tasks import SignalTask
from .tasks.table import evaluated, relative

DRAWN = 1024  # places at which a field is drawn
SAMPLES = 4096  # that are looked at: of a longer signal some, and those in its middle
MOST_PEAKS, FEW_PEAKS = 10, 3  # of the target's spectrum: the highest
LEAST_PEAK = 0.05  # of the highest
ROUNDING = 1e-12  # of the largest value: a constant has no frequencies
LEAKED = 0.65  # of a higher peak, over the distance: what a wave leaves there that fills half of x
BIN = 0.025  # width of the entropy's bins, of the target's span: 0.05 of [-1, 1], as in the paper
UNEVEN = 1e-3  # of a step: samples that are less off are equally spaced
FRAME = 240, 480  # (height, width) of a frame in pixels
GREY, BLUE = (176, 178, 184), (0, 114, 178)


@dataclass(frozen=True)
class SignalSnapshot(Snapshot):
    """A look at a signal's field during a fit.

    The metrics are the task's, and two that tell how complex the output is, to be compared with
    the target's in `Sight`: `entropy` in bits, and `total_variation`.

    Attributes:
        values: the first channel at `Sight.x`, float32 [m].
        amplitude: of the output at each whole frequency, as `Sight.amplitude`, float32 [k]; empty
            for a glance.
        peak_error: Delta_F at each of `Sight.peaks`; empty for a glance.
    """

    values: Tensor
    amplitude: Tensor
    peak_error: tuple[float, ...]


class Sight:
    """Where the field of a signal is looked at, and what is to be seen there.

    A signal of more than `SAMPLES` is measured at every nth of its samples; its frequencies are
    followed in its middle at full rate, and a part of that is drawn. Samples that are held out
    count for frequencies and are drawn too. Samples that are not equally spaced are brought to
    equal distances along straight lines, the target's and the output's alike.

    Attributes:
        x: equal places at which the field is drawn, float64 [m, 1].
        known_x, known: the target's samples there, first channel, float64 [s] each.
        points: the samples that are looked at, float64 [n, 1].
        target: those whose frequencies are followed, at equal distances, float64 [w, c].
        cycles: a side for each cycle over the target.
        peaks: frequencies of the target's highest peaks, in cycles over it; int64, ascending;
            none if the target is constant.
        amplitude: of the target at each whole frequency, float64 [k].
        edges: of the frequency bands, in cycles a side.
        power: of the target in each band.
        entropy, variation: of the target.
    """

    def __init__(self, task: SignalTask) -> None:
        x, values, fitted = _samples(task)
        n = len(x)
        middle, spread = _middle(n, SAMPLES), torch.arange(0, n, -(-n // SAMPLES))
        asked = torch.cat([middle, spread]).unique()
        self.points, self._values = x[asked][:, None], values[asked]
        self._middle = torch.searchsorted(asked, middle)
        measured = torch.searchsorted(asked, spread)
        self._parts = {"": measured[fitted[spread]], "heldout_": measured[~fitted[spread]]}
        self.span = task.span
        self._even = _even(x[middle])
        self.target = self.followed(self._values)
        step = float(self._even[-1] - self._even[0]) / max(1, len(middle) - 1)
        self.cycles = 2 / (len(middle) * step) if step else 1.0
        self._bands = bands(len(middle))
        self.edges, self.power = self._bands * self.cycles, band_power(self.target, self._bands)
        self.amplitude = amplitude(dft(self.target))
        self.peaks = _peaks(self.target, self.amplitude)
        self.entropy, self.variation = self.complexity(self.target)
        self.x, shown = _drawn(x)
        self.known_x, self.known = x[shown], values[shown, 0]

    def followed(self, values: Tensor) -> Tensor:
        """Those of the values at `points` [n, c] whose frequencies are followed, at equal
        distances: [w, c]."""
        places, values = self.points[self._middle, 0], values[self._middle]
        if torch.equal(places, self._even):
            return values
        columns = [between(places, column, self._even) for column in values.unbind(1)]
        return torch.stack(columns, dim=1)

    def metrics(self, values: Tensor) -> dict[str, float]:
        """Of a field's values at `points`, as the task's."""
        found: dict[str, float] = {}
        for name, rows in self._parts.items():
            if len(rows):
                wanted = self._values[rows]
                error = values[rows] - wanted
                found[f"{name}psnr"] = decibels(float(error.square().mean()) / self.span**2)
                found[f"{name}rel_l2"] = relative(error, wanted)
                found[f"{name}max_error"] = float(error.abs().max())
        return found

    def complexity(self, values: Tensor) -> tuple[float, float]:
        """Entropy in bits and total variation of equally spaced values [w, c]."""
        return entropy(values, BIN * self.span), total_variation(values)

    def errors(self, values: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Relative error in each band, and at each peak, of equally spaced values [w, c]."""
        by_band = band_error(values, self.target, self._bands, self.power)
        by_peak = relative_error(values, self.target, self.peaks)
        return tuple(by_band.tolist()), tuple(by_peak.tolist())

    @property
    def shown(self) -> tuple[float, float]:
        """Values at the lower and at the upper edge of a drawing: the target's, with room."""
        low, high = float(self.known.min()), float(self.known.max())
        room = (high - low) / 8 or 1.0
        return low - room, high + room

    def frame(self, values: Tensor | None) -> Tensor:
        """The target, and over it the field's values at `x`, [m]: uint8 [h, w, 3]."""
        span = self.shown
        target = between(self.known_x, self.known, self.x[:, 0])
        layers = [(curve(target, FRAME, span, 3), GREY)]
        if values is not None:
            layers.append((curve(values, FRAME, span), BLUE))
        return paint(layers)


class SignalRecorder(Watch):
    """Looks at a signal's field while it is fitted.

    Attributes:
        sight: where.
    """

    def __init__(self, task: SignalTask, *, remember: bool = True) -> None:
        super().__init__(remember=remember, pace=Pace())
        self.sight = Sight(task)
        self.edges = self.sight.edges

    def full(self, progress: Progress) -> SignalSnapshot:
        return self._seen(progress, whole=True)

    def quick(self, progress: Progress) -> SignalSnapshot:
        return self._seen(progress, whole=False)

    def good(self, snapshot: Snapshot) -> float:
        return -snapshot.metrics["rel_l2"]

    def power(self) -> Tensor:
        return self.sight.power

    def target(self) -> Tensor:
        """The target's curve, float32 [h, w, 3]."""
        return self.sight.frame(None).float() / 255

    def _seen(self, progress: Progress, *, whole: bool) -> SignalSnapshot:
        sight = self.sight
        tick = time.perf_counter()
        points = torch.cat([sight.x, sight.points]).to(progress.field.shift.device)
        drawn, values = evaluated(progress.field, points).cpu().split(
            [len(sight.x), len(sight.points)]
        )
        self.rate = len(points) / max(time.perf_counter() - tick, 1e-6)
        metrics, by_band, by_peak = sight.metrics(values), (), ()
        powers = torch.zeros(0)
        followed = sight.followed(values)
        if not bool(followed.isfinite().all()):  # a run that is lost has no spectrum
            by_band, by_peak = _unknown(sight.power), _unknown(sight.peaks)
        elif whole:
            by_band, by_peak = sight.errors(followed)
            powers = amplitude(dft(followed)).float()
            metrics["entropy"], metrics["total_variation"] = sight.complexity(followed)
        return SignalSnapshot(
            progress.step,
            progress.seconds,
            progress.loss,
            sight.frame(drawn[:, 0]),
            metrics,
            by_band,
            drawn[:, 0].float(),
            powers,
            by_peak,
        )


def _unknown(like: Tensor) -> tuple[float, ...]:
    return (math.nan,) * len(like)


def _samples(task: SignalTask) -> tuple[Tensor, Tensor, Tensor]:
    """x [n], values [n, c] and whether they are fitted [n], those held out among them."""
    x, values = task.x.cpu(), task.values.cpu()
    fitted = torch.ones(len(x), dtype=torch.bool)
    if task.heldout_x is not None and task.heldout_values is not None:
        x = torch.cat([x, task.heldout_x.cpu()])
        values = torch.cat([values, task.heldout_values.cpu()])
        fitted = torch.cat([fitted, torch.zeros(len(x) - len(fitted), dtype=torch.bool)])
    order = x[:, 0].argsort()
    return x[order, 0], values[order], fitted[order]


def _middle(n: int, most: int) -> Tensor:
    """The numbers of the samples in the middle, or of all."""
    count = min(n, most)
    return torch.arange(count) + (n - count) // 2


def _even(x: Tensor) -> Tensor:
    """Equal places from the first of ascending x [n] to the last; x itself if that is what they
    are, but for rounding."""
    places = torch.linspace(float(x[0]), float(x[-1]), len(x), dtype=torch.float64)
    step = float(x[-1] - x[0]) / max(1, len(x) - 1)
    return x if bool((places - x).abs().max() <= UNEVEN * step) else places


def _peaks(target: Tensor, amplitudes: Tensor) -> Tensor:
    """The highest peaks of a spectrum, ascending; of one that has few, the octaves too, as far as
    there is something of them."""
    found = peaks(target, len(amplitudes), LEAST_PEAK)
    chosen: list[int] = []
    if not bool((amplitudes[1:] > ROUNDING * target.abs().max()).any()):
        return found[:0]
    for k in found[amplitudes[found].argsort(descending=True)].tolist():
        if all(amplitudes[k] > LEAKED * amplitudes[higher] / abs(k - higher) for higher in chosen):
            chosen.append(k)
        if len(chosen) == MOST_PEAKS:
            break
    if len(chosen) < FEW_PEAKS and len(amplitudes) > 1:
        octaves = [2**n for n in range(MOST_PEAKS - FEW_PEAKS) if 2**n < len(amplitudes)]
        least = LEAST_PEAK * float(amplitudes[1:].max())
        chosen += [k for k in octaves if amplitudes[k] >= least]
    return torch.tensor(sorted(set(chosen)), dtype=torch.int64)


def _drawn(x: Tensor) -> tuple[Tensor, Tensor]:
    """Where a field with samples at ascending x [n] is drawn, [m, 1], and the numbers of the
    samples that are drawn with it: all of [-1, 1], or of a long signal a part in the middle."""
    cells = (torch.arange(DRAWN, dtype=torch.float64) + 0.5) / DRAWN  # their centres, in [0, 1]
    if len(x) <= SAMPLES:
        shown = torch.arange(0, len(x), -(-len(x) // DRAWN))
        return (2 * cells - 1)[:, None], shown
    shown = _middle(len(x), DRAWN)
    low, high = float(x[shown[0]]), float(x[shown[-1]])
    return (low + (high - low) * cells)[:, None], shown
