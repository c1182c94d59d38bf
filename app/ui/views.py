"""What a run looks like: pure functions from its state to HTML."""

import math
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from fields import METHODS

from ..charts import colour, curves, heat_map, time_span
from ..figures import decibel, duration
from ..measures import (
    CHAMFER,
    CLEAN_PSNR,
    DISTANCE_ERROR,
    HELDOUT_CHAMFER,
    HELDOUT_PSNR,
    PSNR,
    Measure,
)
from ..trace import Trace
from .job_run import JobRun
from .picture_run import PictureRun
from .previews import data_uri
from .run import Moment, Run
from .settings import AUTO, INDIRECT

WORDS = {
    "queued": "Waiting",
    "warming up": "Warming up",
    "preparing": "Preparing",
    "running": "Fitting",
    "paused": "Paused",
    "saving": "Saving",
    "done": "Done",
    "stopped": "Stopped",
    "failed": "Failed",
}

# What a caption says, the first there is; and what says most of how good a method is.
SAID = (CLEAN_PSNR, PSNR, HELDOUT_PSNR, HELDOUT_CHAMFER, CHAMFER, DISTANCE_ERROR)
TELLING = (CLEAN_PSNR, HELDOUT_PSNR, PSNR, HELDOUT_CHAMFER, CHAMFER, DISTANCE_ERROR)
LABELS = {
    "clean_psnr": "PSNR to the clean picture, dB",
    "heldout_psnr": "PSNR on hidden pixels, dB",
    "psnr": "PSNR, dB",
}

EMPTY = """
<div class="ff-empty">
  <svg viewBox="0 0 96 40" width="192" height="80" aria-hidden="true" fill="none"
       stroke="currentColor" stroke-width="1.6" stroke-linecap="round">
    <path d="M4 20 C 20 2, 32 2, 48 20 S 76 38, 92 20" opacity=".9"/>
    <path d="M4 20 C 12 6, 18 6, 26 20 S 40 34, 48 20 S 62 6, 70 20 S 84 34, 92 20" opacity=".45"/>
    <path d="M4 20 q 3.7 -12 7.3 0 t 7.3 0 t 7.3 0 t 7.3 0 t 7.3 0 t 7.3 0 t 7.3 0 t 7.3 0 t 7.3 0
             t 7.3 0 t 7.3 0 t 7.3 0" opacity=".2"/>
  </svg>
  <h2>Low frequencies first</h2>
  <p>Drop a photo, or take a sample, choose a task, and press the button.<br>
  Your picture appears here, from coarse to fine, under every method that you chose.</p>
</div>
"""


def tiles(
    moments: Sequence[Moment], size: tuple[int, int], title: str, at: float | None = None
) -> str:
    """The methods' pictures in a grid, each with its caption.

    Args:
        size: (height, width) of the picture, for a frame that is not there yet.
        title: what the pictures show, for a person who hears the page.
        at: the time in seconds that is looked back to; None for the latest.
    """
    first = leader(moments)
    shown = (_tile(moment, size, leads=moment is first) for moment in moments)
    looking = "" if at is None else f' data-at="{at:.4g}"'
    across = {1: 1, 2: 2, 3: 3, 4: 2}.get(len(moments), 3)
    return (
        f'<div class="ff-tiles" style="--across:{across}" role="group" '
        f'aria-label="{escape(title)}" title="Hold a picture to see what it is to become"{looking}>'
        f"{''.join(shown)}</div>"
    )


def leader(moments: Sequence[Moment]) -> Moment | None:
    """The best method, once all of several have begun."""
    measures = [_first(TELLING, m.metrics) for m in moments]
    telling = measures[0]
    if len(moments) < 2 or telling is None or any(m is not telling for m in measures):
        return None
    if not all(m.step for m in moments):
        return None
    return max(moments, key=lambda m: telling.rank(m.metrics[telling.key]))


def _first(measures: Sequence[Measure], metrics: dict[str, float]) -> Measure | None:
    return next((m for m in measures if m.key in metrics), None)


def _tile(moment: Moment, size: tuple[int, int], *, leads: bool) -> str:
    height, width = size
    text = caption(moment)
    picture = '<div class="ff-blank"></div>'
    if moment.frame is not None:
        # decoding="sync" and a fixed shape: a new frame replaces the old one without a flash.
        picture = (
            f'<img src="{moment.frame.uri}" alt="{escape(text)}, step {moment.step}" '
            f'decoding="sync" width="{width}" height="{height}">'
        )
    lead = ' <span class="ff-lead" title="The nearest so far">best</span>' if leads else ""
    return (
        f'<figure class="ff-tile" data-method="{moment.method}" data-step="{moment.step}" '
        f'style="--paint:{colour(moment.method)}">'
        f'<div class="ff-frame" style="aspect-ratio:{width}/{height}">{picture}</div>'
        f'<div class="ff-bar"><i style="width:{100 * moment.share:.1f}%"></i></div>'
        f'<figcaption><span class="ff-dot"></span><span><b>{text}</b>{lead}'
        f"<small>{escape(detail(moment))}</small></span></figcaption></figure>"
    )


def caption(moment: Moment) -> str:
    """hash · 34.1 dB · 1.2 s"""
    parts = [moment.method]
    said = SAID[:2] if "given_psnr" in moment.metrics else SAID
    if (measure := _first(said, moment.metrics)) is not None:
        parts.append(measure.said(moment.metrics[measure.key]))
    if moment.step:
        parts.append(duration(moment.seconds))
    return _joined(parts)


def detail(moment: Moment) -> str:
    """step 1,240 · 3 s left · 27.3 dB on hidden pixels"""
    parts = [f"step {moment.step:,}"]
    if moment.end == "diverged":
        parts.append("diverged")
    elif not moment.end and math.isfinite(moment.eta):
        parts.append(f"{duration(moment.eta)} left")
    if "given_psnr" in moment.metrics:
        parts.append(f"{decibel(moment.metrics['given_psnr'])} dB to the input")
    if "heldout_psnr" in moment.metrics:
        parts.append(f"{decibel(moment.metrics['heldout_psnr'])} dB on hidden pixels")
    for name in ("clean_ssim", "ssim"):
        if name in moment.metrics:
            parts.append(f"SSIM {moment.metrics[name]:.3f}")
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    """The parts in a line that breaks between them, or after a figure and its unit."""
    return " · ".join(part.replace(" ", "\N{NO-BREAK SPACE}", 1) for part in parts)


def log(run: Run, before: int) -> str:
    """One line on how the run is going; `before` is the number of runs ahead of it."""
    return (
        f'<div class="ff-log" data-state="{run.state}">'
        f'<span class="ff-state" role="status">{WORDS[run.state]}</span>'
        f'<span class="ff-news">{escape(news(run, before))}</span></div>'
    )


def news(run: Run, before: int) -> str:
    """What there is to say about a run besides its state."""
    if run.state == "queued":
        return "The next to begin." if before < 2 else f"{before} runs before this one."
    if run.state == "warming up":
        return "The kernels are compiled once, when the page is first started; some seconds."
    if run.state == "preparing":
        return run.preparing
    if run.state == "saving":
        drawn = sum(m.drawn for m in run.now) / len(run.now)
        return f"{run.saving}: {drawn:.0%}"
    if run.state == "failed":
        return run.problem
    steps = sum(m.step for m in run.now)
    spent = sum(m.seconds for m in run.now)
    parts = [f"step {steps:,}" if len(run.now) == 1 else f"{steps:,} steps in all"]
    parts.append(duration(spent))
    left = sum(m.eta for m in run.now if not m.end)
    if run.state == "running" and math.isfinite(left):
        parts.append(f"about {duration(left)} left")
    if run.state == "stopped" and not steps:
        return "It left the queue before it began."
    if run.over:
        parts.append(f"saved in {run.folder.path}")
    return " · ".join(parts)


def charts(run: JobRun) -> str:
    """How good each is over time, and under it the error of each band of frequencies."""
    # Copies: the run goes on while they are drawn.
    traces = [replace(t, snapshots=list(t.snapshots)) for t in list(run.traces)]
    traces = [trace for trace in traces if len(trace.snapshots) > 1]
    if not traces:
        return ""
    span = time_span(traces)
    key, label = _charted(run, traces)
    series = []
    for trace in traces:
        looks = [s for s in trace.snapshots if s.seconds > 0]
        values = [s.metrics.get(key, math.nan) for s in looks]
        series.append((trace.method, colour(trace.method), [s.seconds for s in looks], values))
    log = traces[0].subject.scale == "log"
    drawn = "".join(
        f'<div class="{name}">'
        + curves(
            series,
            x_label="seconds",
            y_label=label,
            x_log=True,
            y_log=log,
            span=span,
            width=width,
        )
        + "</div>"
        for name, width in (("ff-wide", 700), ("ff-narrow", 340))
    )
    maps = "".join(
        f'<figure class="ff-map" data-method="{t.method}" style="--paint:{colour(t.method)}">'
        f'<figcaption><span class="ff-dot"></span><b>{t.method}</b></figcaption>'
        f"{heat_map(t, span=span)}</figure>"
        for t in traces
    )
    return (
        '<section class="ff-charts"><h3>How close, over time</h3>'
        f'<div class="ff-curves">{drawn}</div>'
        "<h3>What each has learned, by frequency</h3>"
        "<p>Each row is a band of frequencies, coarse at the bottom. "
        "Dark: learned. Pale: not begun.</p>"
        f'<div class="ff-maps">{maps}</div></section>'
    )


def _charted(run: JobRun, traces: Sequence[Trace]) -> tuple[str, str]:
    """Of the metrics, what is drawn over time, and how its axis is labelled."""
    if not isinstance(run, PictureRun):
        followed = traces[0].subject.followed
        return followed.key, followed.axis
    found = [name for name in LABELS if all(name in t.snapshots[-1].metrics for t in traces)]
    key = [*found, "psnr"][0]
    if key == "psnr" and run.settings.task in INDIRECT:
        return key, "PSNR to the input, dB"
    return key, LABELS[key]


def past(run: JobRun, place: int, places: int) -> tuple[list[Moment], float | None]:
    """Where all methods were at the same time, and that time; `place` 0 is the coarsest."""
    times = sorted({m.seconds for moments in run.past for m in moments})
    at = times[round((len(times) - 1) * place / places)]
    shown = [[m for m in moments if m.seconds <= at][-1] for moments in run.past]
    return shown, at if place < places else None


def truth(run: PictureRun) -> str:
    """The picture that the methods are to become, which a person sees while holding one."""
    return f'<img src="{data_uri(run.small_before)}" alt="">'


def photo(uri: str, name: str, text: str) -> str:
    """The picture that was brought."""
    return (
        f'<figure class="ff-photo"><img src="{uri}" alt="Your picture, {escape(name)}">'
        f"<figcaption><b>{escape(name)}</b><small>{escape(text)}</small></figcaption></figure>"
    )


def about(run: JobRun, method: str) -> str:
    """What there is to say of a result besides its figures: what was chosen and done, and why."""
    why = run.why(method)
    said = [f"<b>auto</b> chose {escape(why)}"] if why else []
    how = run.how(method)
    said += [f"Computed by {escape(how)}."] if how else []
    said += [escape(note) for note in run.notes]
    return f'<div class="ff-about">{"".join(f"<p>{one}</p>" for one in said)}</div>' if said else ""


SIDES = {
    "Fit": "Left the photo, right what was learned.",
    "Inpaint": "Left what was given, right the same filled.",
    "Denoise": "Left with noise, right without.",
    "Enlarge": "Left enlarged by bicubic interpolation, right by this method.",
}


def sides(run: PictureRun, largest: int) -> str:
    """What is left and right of the line."""
    said = f"{SIDES[run.settings.task]} Drag the line across the picture."
    if run.settings.task == "Enlarge" and max(run.size) > largest:
        said += " Its middle is shown, pixel by pixel."
    return said


def cost(methods: int, each: float | None) -> str:
    """What a fit will take.

    Args:
        each: seconds for each method; None for as long as it takes.
    """
    if not methods:
        what = "Choose at least one method."
    elif each is None:
        what = "1 method, for as long as it takes"
    elif methods == 1:
        what = f"1 method: {each:g} s of fitting"
    else:
        what = f"{methods} methods, {each:g} s each: {methods * each:g} s of fitting"
    return f'<p class="ff-cost">{what}</p>'


def glossary() -> str:
    """The methods, for a person who chooses."""
    rows = (
        f'<dt style="--paint:{colour(AUTO)}"><span class="ff-dot"></span>{AUTO}</dt>'
        "<dd>picks one for the task and the picture, and says why</dd>"
    )
    rows += "".join(
        f'<dt style="--paint:{colour(m.name)}"><span class="ff-dot"></span>{m.name}</dt>'
        f"<dd>{escape(m.summary)} <small>{escape(m.source)}</small></dd>"
        for m in METHODS.values()
    )
    return f'<dl class="ff-glossary">{rows}</dl>'


def pick(what: str) -> str:
    """A script for buttons that say which sample, story or the like each stands for: a click tells
    the server."""
    return f"""
element.addEventListener('click', (event) => {{
  const button = event.target.closest('button[data-{what}]');
  if (button) trigger('click', {{{what}: button.dataset.{what}}});
}});
"""


def sample_buttons(samples: Sequence[tuple[str, str, bytes]]) -> str:
    """Buttons with a thumbnail each: (name, title, JPEG)."""
    buttons = "".join(
        f'<button type="button" data-sample="{name}" title="{escape(title)}" '
        f'aria-label="Take the sample: {escape(title)}">'
        f'<img src="{data_uri(thumbnail)}" alt=""></button>'
        for name, title, thumbnail in samples
    )
    return f'<div class="ff-samples"><span>or take a sample</span><div>{buttons}</div></div>'


def cards(runs: Sequence[Run]) -> str:
    """The list of runs."""
    if not runs:
        return (
            '<div class="ff-empty"><h2>No runs yet</h2>'
            "<p>Fit a picture or a shape; it will be listed here.</p></div>"
        )
    return f'<ul class="ff-cards">{"".join(map(_card, runs))}</ul>'


def _card(run: Run) -> str:
    name = escape(run.name)
    methods = "".join(
        f'<li style="--paint:{colour(m.method)}"><span class="ff-dot"></span>{caption(m)}</li>'
        for m in run.now
    )
    actions = [("open", "Open", f"Open the run {name}")]
    if run.over:
        actions.append(("delete", "Delete", f"Delete the run {name} and its files"))
    else:
        actions.append(("stop", "Stop", f"Stop the run {name}"))
    buttons = "".join(
        f'<button type="button" data-run="{run.id}" data-action="{action}" aria-label="{label}">'
        f"{text}</button>"
        for action, text, label in actions
    )
    return (
        f'<li class="ff-card" data-state="{run.state}">'
        f'<img src="{data_uri(run.thumbnail)}" alt="{name}">'
        f'<div><h3>{name} <span class="ff-state">{WORDS[run.state]}</span></h3>'
        f'<ul class="ff-results">{methods}</ul>'
        f'{command(run.command)}</div><div class="ff-actions">{buttons}</div></li>'
    )


def command(text: str) -> str:
    """A command with a button that copies it."""
    text = escape(text)
    return (
        f'<div class="ff-command"><code>{text}</code>'
        f'<button type="button" data-copy="{text}" aria-label="Copy the command">Copy</button>'
        "</div>"
    )
