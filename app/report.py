"""The report of a run: one HTML file that shows what was learned, when, and how to repeat it.

It asks for nothing from outside and is whole without its script, which only lets a person scrub
through time.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from torch import Tensor

from fields import METHODS, Snapshot

from .album import PIXEL_ART, Album, Box, Drawing, Look, crop
from .charts import (
    PRECISE,
    clean_curve,
    colour,
    curves,
    final,
    heat_map,
    spectrum,
    stop_curve,
    time_span,
)
from .figures import duration, number
from .measures import MEANINGS, MEASURES, Measure, during
from .report_page import page
from .story import (
    Parts,
    headline_parts,
    measure_of,
    overtaking,
    ranked,
    reach,
    score,
    subject_of,
)
from .trace import Trace

ENDS = {
    "": "unfinished",
    "steps": "all steps done",
    "seconds": "time was up",
    "psnr": "as near as asked",
    "diverged": "diverged",
    "interrupted": "interrupted",
    "heldout": "held-out error rises",
    "variance": "picture at rest",
    "discrepancy": "noise is left over",
}


def report_html(
    *,
    title: str,
    verb: str,
    command: str,
    target: Tensor,
    traces: list[Trace],
    machine: dict[str, Any],
    notes: list[str],
    word: str = "",
    drawing: Drawing | None = None,
    charts: Callable[[Sequence[Trace]], list[str]] | None = None,
) -> str:
    """The whole page, for one method or for several that are compared.

    Args:
        title: what the input is called.
        command: what to type to run it again.
        target: uint8 [h, w, c] as the snapshots show it, holes grey; c from 1 to 4.
        machine: what the figures depend on, by name.
        notes: sentences that a reader should know.
        word: what the target is called, if it is neither the original nor what was given.
        drawing: how target and looks are drawn; as their frames are when None.
        charts: makes the sections on frequencies and errors over time, of fits in their order;
            when None, `band_charts` does.
    """
    order = ranked(traces)
    word_for = word or ("as given" if verb == "inpaint" else "original")
    album = Album(target, order, word=word_for, drawing=drawing)
    body = [
        _header(title, verb, order, notes, enlarged=word == "bicubic"),
        _pictures(album, order),
        _stops(order),
        _strips(album, order),
        *(charts or band_charts)(order),
        _table(order),
        _settings(order),
        repeat(command, machine),
    ]
    return page(title, "".join(body))


STOPS = {
    "heldout": "A few pixels, one in twenty, are not fitted. Their noise has nothing in common "
    "with that of the others: while the field learns the picture the error on them falls, and when "
    "it begins to learn the noise, the error rises. The lowest point is kept, or the last one that "
    "is as low but for chance.",
    "variance": "While the picture is learned the field moves, and it moves again when it learns "
    "the noise; in between it rests. Where it moves least, it is kept.",
    "discrepancy": "What the field does not reproduce of the picture should be the noise and no "
    "less: it is kept when that is as large as the noise, the dashed line.",
}


def _stops(order: Sequence[Trace]) -> str:
    """Where each fit was stopped and, if the clean picture is known, where it had better been."""
    figures, guides = [], []
    for trace in order:
        rule = trace.stop
        if rule is None or rule.chosen is None:
            continue
        charts = [stop_curve]
        if trace.clean:
            charts.append(clean_curve)
        figures += [
            "<figure>" + both(lambda width, t=trace, c=chart: c(t, width=width), 530) + "</figure>"
            for chart in charts
        ]
        if STOPS[rule.name] not in guides:
            guides.append(STOPS[rule.name])
    if not figures:
        return ""
    if any(t.clean for t in order):
        guides.append(
            "The clean picture has no part in this: the other chart only shows how near the field "
            "was to it, and which step was the best."
        )
    return section(
        "Before the noise is learned",
        " ".join(guides),
        f'<div class="maps" style="--columns:{min(2, len(figures))}">{"".join(figures)}</div>',
    )


# --- sections ---


def _header(
    title: str, verb: str, order: Sequence[Trace], notes: Sequence[str], enlarged: bool
) -> str:
    why = f'<p class="dek">{_html(overtaking(order))}</p>' if overtaking(order) else ""
    if len(order) == 1:
        chosen = order[0].why and not order[0].why.endswith("as asked.")
        why = f'<p class="dek">Chosen: {escape(order[0].why)}</p>' if chosen else ""
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    listed = f'<ul class="notes">{listed}</ul>' if listed else ""
    return (
        f'<header><p class="kicker"><b>Fieldfit</b> {escape(verb)} <span>{escape(title)}</span></p>'
        f"<h1>{_html(headline_parts(order, enlarged))}</h1>{why}{listed}</header>"
    )


def _html(parts: Parts) -> str:
    return "".join(escape(p) if isinstance(p, str) else named(p) for p in parts)


def named(trace: Trace) -> str:
    """The method's name with its colour."""
    paint = colour(trace.method)
    return f'<b class="name" style="--paint:{paint}">{escape(trace.method)}</b>'


def section(heading: str, guide: str, body: str, kind: str = "") -> str:
    """A part of the page under a heading, with a few sentences, as HTML, on how to read it."""
    guide = f'<p class="guide">{guide}</p>' if guide else ""
    return f'<section class="{kind}"><h2>{heading}</h2>{guide}{body}</section>'


def _pictures(album: Album, order: Sequence[Trace]) -> str:
    box = album.box
    detail = crop(album.target, box) if box else ""
    marked = _box(box, album.target) if box else ""
    caption = f'<b class="original">{album.word}</b>'
    cards = [_card(album.original, album.target, album.word, caption, detail, marked)]
    for n, (trace, uri) in enumerate(zip(order, album.finals, strict=True)):
        shown = final(trace)
        if shown is None or uri is None:
            continue
        figures = album.measure.said(score(trace, album.measure.key))
        caption = f'{named(trace)} <span class="figure" data-final="{figures}">{figures}</span>'
        detail = crop(shown.frame, box) if box else ""
        cards.append(
            _card(uri, shown.frame, f"{trace.method} in the end", caption, detail, "", row=n)
        )
    word = subject_of(order).word
    guide = (
        f"What each method made of the {word}, best first"
        if len(order) > 1
        else f"The {word}, and what the field made of it"
    )
    guide += "; below, the marked detail, pixel by pixel." if box else "."
    scrub = _scrubber(album) if len(album.times) > 1 else ""
    columns = {1: 2, 2: 2, 3: 3, 5: 3, 6: 3, 9: 3}.get(len(cards), 4)
    return section(
        "What it looks like",
        guide,
        f'{scrub}<div class="cards" style="--columns:{columns};--narrow:{min(2, columns - 1)}">'
        f"{''.join(cards)}</div>",
    )


def _card(
    uri: str, frame: Tensor, alt: str, caption: str, detail: str, marked: str, row: int = -1
) -> str:
    h, w = frame.shape[:2]
    crisp = _crisp(frame)
    place = f' data-row="{row}"' if row >= 0 else ' data-row="original"'
    below = (
        f'<img class="detail crisp" src="{detail}" alt="{escape(alt)}, a detail">' if detail else ""
    )
    return (
        f'<figure class="card"{place}><div class="frame"><img class="main {crisp}" src="{uri}" '
        f'width="{w}" height="{h}" alt="{escape(alt)}">{marked}</div>{below}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _box(box: Box, frame: Tensor) -> str:
    h, w = frame.shape[:2]
    left, top, width, height = box
    return (
        f'<i class="box" style="left:{100 * left / w:.2f}%;top:{100 * top / h:.2f}%;'
        f'width:{100 * width / w:.2f}%;height:{100 * height / h:.2f}%"></i>'
    )


def _scrubber(album: Album) -> str:
    times = " ".join(f"{t:.5g}" for t in album.times)
    said = escape(json.dumps([duration(t) for t in album.times]))
    return (
        '<p class="hint" hidden>Drag to see it learn. Hold a picture to see the first in its '
        "place.</p>"
        f'<div class="scrub" hidden data-times="{times}" data-said="{said}">'
        '<label for="moment">coarse</label><input id="moment" type="range" min="0" '
        f'max="{len(album.times) - 1}" value="{len(album.times) - 1}" aria-label="moment">'
        '<label for="moment">fine</label><output for="moment"></output></div>'
    )


SORTED = {
    "heldout_psnr": "Sorted by PSNR on the held-out pixels, which no method was shown.",
    "heldout_chamfer": "Sorted by how near the held-out points are, which no method was shown.",
    "heldout_rel_l2": "Sorted by the error on the held-out samples, which no method was shown.",
}


def _table(order: Sequence[Trace]) -> str:
    columns = list(subject_of(order).columns)
    sorted_by = measure_of(order).key
    columns.sort(key=lambda c: c[0] != sorted_by)  # what they are sorted by comes first
    columns = [c for c in columns if any(not math.isnan(score(t, c[0])) for t in order)]
    knobs = subject_of(order).knobs
    heads = ["method", *(name for _, name in columns), "time", "steps", "parameters", "backend",
             *knobs, "ended"]  # fmt: skip
    rows = []
    for trace in order:
        method = METHODS.get(trace.method)
        summary = f"<small>{escape(method.summary)}</small>" if method else ""
        cells = [_figure(score(trace, key), key) for key, _ in columns]
        cells += [duration(trace.seconds), f"{trace.steps:,}", _big(trace.parameters)]
        cells += [trace.backend or "–", *(_knob(getattr(trace.config, k)) for k in knobs)]
        cells += [ENDS.get(trace.end, trace.end)]
        rows.append(
            f'<tr><th scope="row">{named(trace)}{summary}</th>'
            + "".join(
                f'<td data-head="{escape(head)}">{escape(cell)}</td>'
                for head, cell in zip(heads[1:], cells, strict=True)
            )
            + "</tr>"
        )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    guide = SORTED.get(sorted_by, "")
    return section(
        "In figures",
        guide,
        f'<div class="wide"><table class="summary"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{_meanings(columns)}{_computed(order)}",
    )


def _computed(order: Sequence[Trace]) -> str:
    """What computed each run, where that is not told by the backend's name."""
    said: dict[str, list[str]] = {}
    for trace in order:
        if trace.how not in ("", trace.backend):
            said.setdefault(trace.how, []).append(named(trace))
    lines = "".join(
        f"<li>{', '.join(names)}: computed by {escape(how)}.</li>" for how, names in said.items()
    )
    return f'<ul class="notes">{lines}</ul>' if lines else ""


def _meanings(columns: Iterable[tuple[str, str]]) -> str:
    """What the figures mean, where papers differ about it."""
    said = "".join(
        f"<li><b>{escape(head)}</b>: {escape(MEANINGS[key])}.</li>"
        for key, head in columns
        if key in MEANINGS
    )
    return f'<ul class="notes">{said}</ul>' if said else ""


def _knob(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else number(value)


def _figure(value: float, key: str) -> str:
    if key in MEASURES:
        return MEASURES[key].text(value)
    return f"{value:.3f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else number(value)


def _big(count: int) -> str:
    """A count with three digits: 330 k, 1.23 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def _strips(album: Album, order: Sequence[Trace]) -> str:
    rows = []
    columns = [i for i in range(len(album.times)) if album.is_column(i)]
    shape = f"{album.target.shape[1]}/{album.target.shape[0]}"
    for n, (trace, row) in enumerate(zip(order, album.looks, strict=True)):
        cells = []
        for i, look in enumerate(row):
            if look is not None:
                cells.append(_thumbnail(trace, look, album.seen))
            elif i in columns:
                over = trace.snapshots and album.times[i] > trace.snapshots[-1].seconds
                said = f"ended after {duration(trace.seconds)}" if over else "no look here"
                cells.append(f'<figure class="empty"><figcaption>{said}</figcaption></figure>')
        cells.append(
            f'<figure class="last"><img class="{_crisp(album.target)}" '
            f'src="{album.small_original}" alt="{album.word}">'
            f"<figcaption>{album.word}</figcaption></figure>"
        )
        rows.append(
            f'<h3>{named(trace)}</h3><div class="strip" data-row="{n}" '
            f'style="--n:{len(columns) + 1};--shape:{shape}">{"".join(cells)}</div>'
        )
    guide = (
        "Each picture is a moment, later by the same factor each time. A network left to itself "
        "begins with the broad shapes and is slow to add the fine ones: this is the frequency "
        "principle."
    )
    if len(order) > 1:
        guide += " The moments are the same in all rows, so that a column compares the methods."
    return section("From coarse to fine", guide, "".join(rows), "strips")


def _crisp(frame: Tensor) -> str:
    return "crisp" if frame.shape[0] * frame.shape[1] <= PIXEL_ART else ""


def _thumbnail(trace: Trace, look: Look, seen: Measure) -> str:
    s = look.snapshot
    figure = seen.said(s.metrics.get(seen.key, math.nan))
    hidden = "" if look.column else " hidden"
    return (
        f'<figure data-seconds="{s.seconds:.5g}" data-figure="{figure}" data-detail="{look.detail}"'
        f'{hidden}><img class="{_crisp(s.frame)}" src="{look.uri}" '
        f'alt="{escape(trace.method)} after {duration(s.seconds)}">'
        f"<figcaption>{duration(s.seconds)}<span>{figure}</span></figcaption></figure>"
    )


def band_charts(order: Sequence[Trace]) -> list[str]:
    """The sections on frequency bands and errors over time."""
    return [_heat_maps(order), _lines(order)]


def _heat_maps(order: Sequence[Trace]) -> str:
    guide = (
        "Each row is a band of frequencies, from the broad shapes at the bottom to the finest "
        "detail at the top; time runs to the right. <b>Pale</b> is not begun, <b>dark</b> is "
        "learned, and the white line marks when a band had lost half of its error. Where the dark "
        "climbs from row to row, low frequencies were learned first; where all rows darken "
        "together, they were learned at once."
    )
    return maps_section(order, guide, heat_map)


def maps_section(order: Sequence[Trace], guide: str, draw: Callable[..., str]) -> str:
    """What was learned when, a map for each fit.

    Args:
        draw: makes a map of (trace, span=seconds, width=pixels).
    """
    span = time_span(order)
    columns = 1 if len(order) == 1 else 2 if len(order) in (2, 4) else 3
    wide = {1: 760, 2: 530, 3: 350}[columns]
    maps = []
    for trace in order:
        found = reach(trace)
        said = ""
        if found is not None:
            learned, _ = found
            said = f"learned up to {number(round(learned))}" if learned else "nothing learned yet"
        heading = f'<figcaption>{named(trace)} <span class="figure">{said}</span></figcaption>'
        chart = both(lambda width, t=trace: draw(t, span=span, width=width), wide)
        maps.append(f"<figure>{heading}{chart}</figure>")
    return section(
        "Which frequencies were learned when",
        guide,
        f'<div class="maps" style="--columns:{columns}">{"".join(maps)}</div>',
    )


def both(draw: Callable[[float], str], wide: float) -> str:
    """A chart for wide pages, and the same one for phones."""
    return f'<div class="roomy">{draw(wide)}</div><div class="tight">{draw(350)}</div>'


def _lines(order: Sequence[Trace]) -> str:
    subject = subject_of(order)
    power = both(lambda width: spectrum(order, width=width), 530)
    lacks = section(
        "What is still missing",
        f"The line <b>{subject.word}</b> is how much of it lies in each band of frequencies; the "
        "line of a method is how much of that it still lacks in the end. Far below the "
        f"{subject.word}, a band is learned; where the two meet, nothing of it is there.",
        f"<figure>{power}</figure>",
    )
    return f'<div class="pair">{nearness(order)}{lacks}</div>'


def nearness(order: Sequence[Trace]) -> str:
    """How near each fit was over time."""
    seen = during(measure_of(order))
    chart = over_time(
        order,
        seen.axis,
        lambda snapshot: snapshot.metrics.get(seen.key, math.nan),
        y_log=subject_of(order).scale == "log",
    )
    return section("How near, how soon", seen.guide, chart)


def over_time(
    order: Sequence[Trace],
    label: str,
    value_of: Callable[[Snapshot], float],
    *,
    y_log: bool = False,
    level: float | None = None,
) -> str:
    """A figure of one value over the seconds of each fit.

    Args:
        label: of the value.
        value_of: a look's value.
        level: a value to draw a line across at.
    """
    series = [
        (
            trace.method,
            colour(trace.method),
            [s.seconds for s in trace.snapshots],
            [value_of(s) for s in trace.snapshots],
        )
        for trace in order
    ]
    chart = both(
        lambda width: curves(
            series,
            x_label="seconds",
            y_label=label,
            x_log=True,
            y_log=y_log,
            span=time_span(order),
            level=level,
            floor=PRECISE,
            width=width,
        ),
        530,
    )
    return f"<figure>{chart}</figure>"


def _settings(order: Sequence[Trace]) -> str:
    blocks = []
    for trace in order:
        method, why = METHODS.get(trace.method), trace.why.removeprefix(f"{trace.method}, ")
        source = f'<p class="source">{escape(method.source)}</p>' if method else ""
        rows = "".join(
            f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in _flat(trace.config.to_dict())
        )
        blocks.append(
            f"<details><summary>{named(trace)} <span>{escape(why)}</span></summary>{source}"
            f'<table class="knobs">{rows}</table></details>'
        )
    return section(
        "Settings", "What was chosen and why; open a method for every knob.", "".join(blocks)
    )


def _flat(values: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Knobs by their dotted names, as the command line has them."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield f"{prefix}{name}", str(value.get("type", ""))
            yield from _flat({k: v for k, v in value.items() if k != "type"}, f"{prefix}{name}.")
        elif name != "type":
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)


def repeat(command: str, machine: dict[str, Any]) -> str:
    """The section that says how to repeat a run, and on what it ran."""
    facts = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
        for name, value in machine.items()
        if value is not None
    )
    words = " ".join(f"<span>{escape(word)}</span>" for word in command.split(" "))
    return section(
        "To repeat it",
        "",
        f'<div class="command"><pre><code>{words}</code></pre>'
        f'<button type="button" hidden>Copy</button></div><dl class="machine">{facts}</dl>',
    )
