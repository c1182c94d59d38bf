"""What says how good a fit is: of pictures PSNR in dB, of shapes distances in percent, of signals
the relative error."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fields.shape_metrics import DEFINITIONS

from .figures import decibel, number

# What the figures of shapes mean, as they are shown with them.
MEANINGS = DEFINITIONS | {
    "watertight": "whether each edge of the mesh has one face on either side",
    "distance_error": "mean error of the field near the surface; percent of the longest side",
    "rel_l2": "root of the sum of squared errors over that of squared values; "
    "to give 0 everywhere would be 1",
    "max_error": "largest error of any sample, in the signal's unit",
    "eikonal": "mean of | |gradient| - 1 | of the field within 3 voxels of the surface; 0 is best",
}


@dataclass(frozen=True)
class Measure:
    """A figure that says how good a fit is.

    Attributes:
        key: its name among the metrics.
        word: before a value, where the unit alone does not tell what it is.
        phrase: the same in a sentence, with a place for the value and its unit.
        unit: of it.
        better: which end is the good one.
        head: of a column in a table.
        axis: label of an axis.
        guide: how to read a curve of it.
        text: a value without its unit.
        during: key of what is followed in its place while the fit runs; empty for itself.
    """

    key: str
    word: str
    phrase: str
    unit: str
    better: Literal["higher", "lower"]
    head: str
    axis: str
    guide: str
    text: Callable[[float], str]
    during: str = ""

    def rank(self, value: float) -> float:
        """The higher the better; the least for what is no number."""
        if math.isnan(value):
            return -math.inf
        return value if self.better == "higher" else -value

    def of_rank(self, rank: float) -> float:
        """The value that has a rank."""
        return rank if self.better == "higher" else -rank

    def said(self, value: float) -> str:
        """With its unit: 31.2 dB, chamfer 0.21 %."""
        if math.isnan(value):
            return self.text(value)
        return f"{self.word} {self.text(value)} {self.unit}".strip()

    def told(self, value: float) -> str:
        """In a sentence: 31.2 dB, a Chamfer distance of 0.21 %."""
        return self.phrase.format(f"{self.text(value)} {self.unit}".strip())

    def perfect(self, value: float) -> bool:
        """Whether nothing can be better."""
        return value == (math.inf if self.better == "higher" else 0)

    def behind(self, value: float, best: float) -> bool:
        """Whether a value is worse than the best by more than chance, or no number."""
        if math.isnan(value):
            return True
        return value < best - 0.1 if self.better == "higher" else value > 1.02 * best

    def gap(self, best: float, worst: float) -> str:
        """The difference of two values, if it is too small to speak of; else nothing."""
        apart = 0.0 if best == worst else abs(best - worst)
        if self.better == "higher":
            return f"{apart:.1f} {self.unit}" if apart < 1 else ""
        return f"{number(apart)} {self.unit}".strip() if worst < 1.1 * best or not apart else ""


DECIBELS = (
    "Higher is nearer to the original: 6 dB more is half the error. Time counts what was spent "
    "fitting, on a scale where each step to the right multiplies it."
)
PSNR = Measure(
    "psnr", "", "{}", "dB", "higher", "PSNR, dB", "PSNR in dB", DECIBELS, decibel
)
HELDOUT_PSNR = replace(
    PSNR, key="heldout_psnr", head="held-out PSNR, dB", axis="held-out PSNR in dB"
)
CLEAN_PSNR = replace(
    PSNR,
    key="clean_psnr",
    head="PSNR to the clean picture, dB",
    axis="PSNR to the clean picture, dB",
)

NEAR_SURFACE = (
    "Lower is nearer: how far the field is from the true distance close to the surface, in percent "
    "of the longest side. Time counts what was spent fitting; on both scales each step multiplies."
)
DISTANCE_ERROR = Measure(
    "distance_error",
    "error",
    "a distance error of {}",
    "%",
    "lower",
    "distance error, %",
    "error of the distance near the surface, %",
    NEAR_SURFACE,
    number,
)
CHAMFER = replace(
    DISTANCE_ERROR,
    key="chamfer",
    word="chamfer",
    phrase="a Chamfer distance of {}",
    head="Chamfer distance, %",
    axis="Chamfer distance, %",
    during="distance_error",
)
HELDOUT_CHAMFER = replace(
    CHAMFER,
    key="heldout_chamfer",
    word="held-out chamfer",
    head="held-out Chamfer distance, %",
    axis="held-out Chamfer distance, %",
)

REL_L2 = Measure(
    "rel_l2",
    "error",
    "a relative error of {}",
    "",
    "lower",
    "relative error",
    "relative error",
    "Lower is nearer: the size of the error beside the size of the signal. Time counts what was "
    "spent fitting; on both scales each step multiplies.",
    number,
)
HELDOUT_REL_L2 = replace(
    REL_L2,
    key="heldout_rel_l2",
    word="held-out error",
    head="held-out relative error",
    axis="held-out relative error",
)

MEASURES = {
    m.key: m
    for m in (
        PSNR, HELDOUT_PSNR, CLEAN_PSNR, DISTANCE_ERROR, HELDOUT_CHAMFER, CHAMFER, HELDOUT_REL_L2,
        REL_L2,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """What is fitted: the word for it, and what says how good a fit of it is.

    Attributes:
        followed: of the measures, the one that is seen during a fit.
        ranked: measures to sort by: the first that all results have, or else the last.
        columns: (key, head) of a table's columns.
        knobs: of the settings, those that have a column too.
        closely: whether a detail is worth being seen pixel by pixel.
        make: what is done with the field after the fit: draw or extract.
        scale: of the axis on which the measure is drawn.
    """

    word: str
    followed: Measure
    ranked: tuple[Measure, ...]
    columns: tuple[tuple[str, str], ...]
    knobs: tuple[str, ...]
    closely: bool
    make: str
    scale: Literal["linear", "log"]

    def measure(self, all_have: Callable[[str], bool]) -> Measure:
        """What to sort by, told which metrics all results have."""
        return next((m for m in self.ranked if all_have(m.key)), self.ranked[-1])


def during(measure: Measure) -> Measure:
    """What is followed in its place while a fit runs."""
    return MEASURES[measure.during] if measure.during else measure


def _heads(*measures: Measure) -> tuple[tuple[str, str], ...]:
    return tuple((m.key, m.head) for m in measures)


PICTURE = Subject(
    "picture",
    PSNR,
    (CLEAN_PSNR, HELDOUT_PSNR, PSNR),
    (
        *_heads(PSNR, CLEAN_PSNR),
        ("clean_ssim", "SSIM to the clean picture"),
        *_heads(HELDOUT_PSNR),
        ("ssim", "SSIM"),
        ("heldout_ssim", "held-out SSIM"),
    ),
    knobs=("lr", "batch"),
    closely=True,
    make="draw",
    scale="linear",
)
SHAPE = Subject(
    "shape",
    DISTANCE_ERROR,
    (HELDOUT_CHAMFER, CHAMFER),
    (
        *_heads(CHAMFER, HELDOUT_CHAMFER),
        ("hausdorff", "Hausdorff distance, %"),
        ("fscore", "F-score at 1 %"),
        ("fscore_half", "F-score at 0.5 %"),
        ("normal_consistency", "normals"),
        ("iou", "IoU"),
        *_heads(DISTANCE_ERROR),
        ("eikonal", "eikonal"),
    ),
    knobs=(),
    closely=False,
    make="extract",
    scale="log",
)

SIGNAL = Subject(
    "signal",
    REL_L2,
    (HELDOUT_REL_L2, REL_L2),
    (*_heads(REL_L2, HELDOUT_REL_L2), ("max_error", "largest error"), *_heads(PSNR, HELDOUT_PSNR)),
    knobs=("lr", "batch"),
    closely=False,
    make="draw",
    scale="log",
)


def first_of(measures: Sequence[Measure], metrics: dict[str, float]) -> float:
    """The rank of the first measure that there is a value of."""
    return next((m.rank(metrics[m.key]) for m in measures if m.key in metrics), -math.inf)
