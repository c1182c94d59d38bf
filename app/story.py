"""What the traces of a run say, in sentences: who came how near, and what they still lack."""

import math
from collections.abc import Callable, Sequence

from fields import Descent
from fields.stopping import RULES

from .charts import LEARNED, final
from .figures import decibel, duration, number
from .measures import PICTURE, Measure, Subject, during
from .trace import Trace


def ranked(traces: Sequence[Trace]) -> list[Trace]:
    """Best first, by what was measured on held-out data where all have that, else on the fitted."""
    return sorted(traces, key=_rank(traces), reverse=True)


def _rank(traces: Sequence[Trace]) -> Callable[[Trace], float]:
    measure = measure_of(traces)
    return lambda trace: measure.rank(score(trace, measure.key))


def subject_of(traces: Sequence[Trace]) -> Subject:
    return traces[0].subject if traces else PICTURE


def measure_of(traces: Sequence[Trace]) -> Measure:
    """What these results are sorted by."""

    def all_have(key: str) -> bool:
        return bool(traces) and all(math.isfinite(score(t, key)) for t in traces)

    return subject_of(traces).measure(all_have)


def score(trace: Trace, name: str) -> float:
    """A metric of the final field, or of the last look at it if there is no other; else nan."""
    shown = final(trace)
    last = {} if shown is None else shown.metrics
    return float(trace.metrics.get(name, last.get(name, math.nan)))


def reach(trace: Trace) -> tuple[float, float] | None:
    """Up to which frequency all bands are learned, and how far they go; None if nothing is known.

    In cycles over the longest side, without the corners of the spectrum.
    """
    shown = final(trace)
    if shown is None:
        return None
    edges = trace.edges.tolist()
    bands = [
        (edges[i + 1], shown.band_error[i])
        for i, power in enumerate(trace.power.tolist()[:-1])
        if power > 0 and edges[i] > 0 and math.isfinite(shown.band_error[i])
    ]
    if not bands:
        return None
    learned = 0.0
    for high, error in bands:
        if error >= LEARNED:
            break
        learned = high
    return learned, bands[-1][0]


def headline(traces: Sequence[Trace]) -> str:
    """What happened, in a sentence for someone who has not seen this before."""
    return "".join(p if isinstance(p, str) else p.method for p in headline_parts(ranked(traces)))


Parts = list[str | Trace]
UNSEEN = {
    "heldout_psnr": " on pixels that it never saw",
    "heldout_chamfer": " from points that it never saw",
    "heldout_rel_l2": " on samples that it never saw",
}


def headline_parts(order: Sequence[Trace], enlarged: bool = False) -> Parts:
    if not order:
        return ["Nothing was fitted."]
    best, worst = order[0], order[-1]
    measure = measure_of(order)
    key = measure.key
    if best is worst and best.stop is not None and best.stop.chosen is not None:
        return _stopped(best, key)
    if enlarged and key != "clean_psnr":
        return [best, f" enlarged the picture in {duration(best.seconds)}."]
    if best is worst and key == "psnr" and not isinstance(best.config.solver, Descent):
        return [best, f" restored the picture in {duration(best.seconds)}."]
    unseen = UNSEEN.get(key, "")
    if best is worst:
        return [*_reached(best, measure), unseen, *_lacks(best, "; "), "."]
    first, last = score(best, key), score(worst, key)
    gap = measure.gap(first, last)
    if gap:
        return [
            f"{_count(len(order))} end within {gap} of each other: ",
            *_reached(best, measure), unseen, ", ", worst,
            f" {measure.text(last)} {measure.unit}.",
        ]  # fmt: skip
    parts = [*_reached(best, measure), unseen, "; "]
    if worst.end == "diverged":
        return [*parts, worst, " diverged."]
    stopped = f"stopped at {measure.told(last)}"
    if math.isnan(last):
        stopped = f"gave no {worst.subject.word}"
    return [*parts, worst, f" {stopped}", *_lacks(worst, ": "), "."]


def _stopped(trace: Trace, key: str) -> Parts:
    assert trace.stop is not None
    assert trace.stop.chosen is not None
    kept = trace.stop.chosen
    near = ""
    if key == "clean_psnr":
        near = f": {decibel(score(trace, key))} dB against the clean picture"
    if kept.step == trace.stop.asked and trace.end not in RULES:
        return [trace, f" has not learned the noise after {duration(kept.seconds)}{near}."]
    return [trace, f" was stopped before the noise, after {duration(kept.seconds)}{near}."]


def _count(n: int) -> str:
    return "Both" if n == 2 else f"All {n}"


def _reached(trace: Trace, measure: Measure) -> Parts:
    value, time = score(trace, measure.key), duration(trace.seconds)
    word = trace.subject.word
    if math.isnan(value):
        return [trace, " diverged" if trace.end == "diverged" else f" gave no {word}"]
    if measure.perfect(value):
        return [trace, f" matched the {word} exactly in {time}"]
    if trace.end == "interrupted":
        return [trace, f" was interrupted at {measure.told(value)} after {time}"]
    lost = " before it diverged" if trace.end == "diverged" else ""
    return [trace, f" reached {measure.told(value)} in {time}{lost}"]


def _lacks(trace: Trace, joint: str) -> list[str]:
    found = reach(trace)
    if found is None or not isinstance(trace.config.solver, Descent):
        return []  # patch groups do not learn one frequency after the other
    learned, top = found
    word = trace.subject.word
    if learned >= top:
        return [f"{joint}it has learned every frequency band"] if joint == "; " else []
    if learned == 0:
        return [f"{joint}not even the lowest frequencies are there yet"]
    if learned <= top / 4:
        return [
            f"{joint}it still has only the lowest frequencies, "
            f"up to {number(round(learned))} cycles per {word}"
        ]
    return [f"{joint}it lacks what is finer than {number(round(learned))} cycles per {word}"]


def overtaking(order: Sequence[Trace]) -> Parts:
    """How soon the best was as good as the last in the end."""
    if len(order) < 2:
        return []
    seen, best, worst = during(measure_of(order)), order[0], order[-1]
    goal = score(worst, seen.key)
    passed = [
        s for s in best.snapshots
        if seen.rank(s.metrics.get(seen.key, math.nan)) >= seen.rank(goal)
    ]
    if not math.isfinite(goal) or not passed or not 0 < passed[0].seconds < worst.seconds / 2:
        return []
    return [best, f" got that far in {duration(passed[0].seconds)}."]
