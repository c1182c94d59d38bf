"""The report of a run: one HTML file that shows what was learned, when, and how to repeat it.

It asks for nothing from outside and is whole without its script, which only lets a person scrub
through time.
"""

import base64
import hashlib
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from fields import METHODS, Descent, Snapshot
from fields.stopping import RULES

from .charts import (
    LEARNED,
    clean_curve,
    colour,
    curves,
    decibel,
    duration,
    final,
    heat_map,
    number,
    spectrum,
    stop_curve,
    time_span,
)
from .trace import Trace

MOMENTS = 6  # columns of the coarse-to-fine strips
BETWEEN = 2  # moments that the script can scrub to, for each column
THUMBNAIL, FINAL = 320, 900  # pixels along the longest side
PIXEL_ART = 2**14  # pixels; smaller pictures are shown pixel by pixel, and kept without loss

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
) -> str:
    """The whole page, for one method or for several that are compared.

    Args:
        title: what the input is called.
        command: what to type to run it again.
        target: uint8 [h, w, c] as the snapshots show it, holes grey; c from 1 to 4.
        machine: what the figures depend on, by name.
        notes: sentences that a reader should know.
        word: what the target is called, if it is neither the original nor what was given.
    """
    order = ranked(traces)
    album = Album(target, order, word=word or ("as given" if verb == "inpaint" else "original"))
    body = [
        _header(title, verb, order, notes, enlarged=word == "bicubic"),
        _pictures(album, order),
        _stops(order),
        _strips(album, order),
        _heat_maps(order),
        _lines(order),
        _table(order),
        _settings(order),
        _repeat(command, machine),
    ]
    return _page(title, "".join(body))


# --- what the data says ---


def ranked(traces: Sequence[Trace]) -> list[Trace]:
    """Best first, by the PSNR on held-out pixels where all have one, else on what was fitted."""
    return sorted(traces, key=_rank(traces), reverse=True)


def _rank(traces: Sequence[Trace]) -> Callable[[Trace], float]:
    key = _measure(traces)

    def rank(trace: Trace) -> float:
        value = score(trace, key)
        return -math.inf if math.isnan(value) else value

    return rank


def _measure(traces: Sequence[Trace]) -> str:
    if traces and all(math.isfinite(score(t, "clean_psnr")) for t in traces):
        return "clean_psnr"
    heldout = bool(traces) and all(math.isfinite(score(t, "heldout_psnr")) for t in traces)
    return "heldout_psnr" if heldout else "psnr"


def score(trace: Trace, name: str) -> float:
    """A metric of the final field, or of the last look at it if there is no other; else nan."""
    shown = final(trace)
    last = {} if shown is None else shown.metrics
    return float(trace.metrics.get(name, last.get(name, math.nan)))


def reach(trace: Trace) -> tuple[float, float] | None:
    """Up to which frequency all bands are learned, and how far they go; None if nothing is known.

    In cycles per picture, without the corners of the spectrum.
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
    return "".join(p if isinstance(p, str) else p.method for p in _headline(ranked(traces)))


Parts = list[str | Trace]


def _headline(order: Sequence[Trace], enlarged: bool = False) -> Parts:
    if not order:
        return ["Nothing was fitted."]
    best, worst = order[0], order[-1]
    key = _measure(order)
    if best is worst and best.stop is not None and best.stop.chosen is not None:
        return _stopped(best, key)
    if enlarged and key != "clean_psnr":
        return [best, f" enlarged the picture in {duration(best.seconds)}."]
    if best is worst and key == "psnr" and not isinstance(best.config.solver, Descent):
        return [best, f" restored the picture in {duration(best.seconds)}."]
    unseen = " on pixels that it never saw" if key == "heldout_psnr" else ""
    if best is worst:
        return [*_reached(best, key), unseen, *_lacks(best, "; "), "."]
    first, last = score(best, key), score(worst, key)
    gap = 0.0 if first == last else first - last
    if gap < 1:
        return [
            f"{_count(len(order))} end within {gap:.1f} dB of each other: ",
            *_reached(best, key), unseen, ", ", worst, f" {decibel(last)} dB.",
        ]  # fmt: skip
    parts = [*_reached(best, key), unseen, "; "]
    if worst.end == "diverged":
        return [*parts, worst, " diverged."]
    stopped = "gave no picture" if math.isnan(last) else f"stopped at {decibel(last)} dB"
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


def _reached(trace: Trace, key: str) -> Parts:
    value, time = score(trace, key), duration(trace.seconds)
    if math.isnan(value):
        return [trace, " diverged" if trace.end == "diverged" else " gave no picture"]
    if math.isinf(value) and value > 0:
        return [trace, f" matched the picture exactly in {time}"]
    if trace.end == "interrupted":
        return [trace, f" was interrupted at {decibel(value)} dB after {time}"]
    lost = " before it diverged" if trace.end == "diverged" else ""
    return [trace, f" reached {decibel(value)} dB in {time}{lost}"]


def _lacks(trace: Trace, joint: str) -> list[str]:
    found = reach(trace)
    if found is None or not isinstance(trace.config.solver, Descent):
        return []  # patch groups do not learn one frequency after the other
    learned, top = found
    if learned >= top:
        return [f"{joint}it has learned every frequency band"] if joint == "; " else []
    if learned == 0:
        return [f"{joint}not even the lowest frequencies are there yet"]
    if learned <= top / 4:
        return [
            f"{joint}it still has only the lowest frequencies, "
            f"up to {number(round(learned))} cycles per picture"
        ]
    return [f"{joint}it lacks what is finer than {number(round(learned))} cycles per picture"]


def _overtaking(order: Sequence[Trace]) -> Parts:
    """How soon the best was as good as the last in the end."""
    if len(order) < 2:
        return []
    key, best, worst = _measure(order), order[0], order[-1]
    goal = score(worst, key)
    passed = [s for s in best.snapshots if s.metrics.get(key, -math.inf) >= goal]
    if not math.isfinite(goal) or not passed or not 0 < passed[0].seconds < worst.seconds / 2:
        return []
    return [best, f" got that far in {duration(passed[0].seconds)}."]


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
            "<figure>" + _both(lambda width, t=trace, c=chart: c(t, width=width), 530) + "</figure>"
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
    return _section(
        "Before the noise is learned",
        " ".join(guides),
        f'<div class="maps" style="--columns:{min(2, len(figures))}">{"".join(figures)}</div>',
    )


# --- pictures ---


@dataclass(frozen=True)
class Look:
    """A picture of a field at some time, as it is embedded."""

    snapshot: Snapshot
    uri: str
    detail: str  # the part that is shown pixel by pixel; empty if there is none
    column: bool  # shown in the strips, not only when scrubbing


class Album:
    """The pictures of a report, each encoded once.

    Attributes:
        key: the metric that is shown beside each picture.
        word: what the target is called: it may have holes.
        target: at the size of the frames.
        box: the part that is also shown pixel by pixel.
        times: the moments shown, in seconds, the same for all methods.
        looks: for each method, the picture nearest to each moment; None where that picture is
            nearer to another moment.
    """

    def __init__(self, target: Tensor, order: Sequence[Trace], *, word: str) -> None:
        self.key = _measure(order)
        self.word = "as given" if word == "original" and self.key != "psnr" else word
        frames = [f.frame for f in map(final, order) if f is not None]
        self.target = _like(target, frames[0]) if frames else target
        self.box = busiest(self.target)
        self.original = data_uri(target, FINAL)
        self.small_original = data_uri(target, THUMBNAIL)
        self.times = _moments(order)
        self.looks = [self._row(trace) for trace in order]
        self.finals = []
        for trace in order:
            shown = final(trace)
            self.finals.append(None if shown is None else data_uri(shown.frame, FINAL))

    def is_column(self, moment: int) -> bool:
        """Whether a moment is shown in the strips, or only when scrubbing."""
        return len(self.times) <= MOMENTS or (len(self.times) - 1 - moment) % BETWEEN == 0

    def _row(self, trace: Trace) -> list[Look | None]:
        if not trace.snapshots:
            return [None] * len(self.times)
        times = [s.seconds for s in trace.snapshots]
        columns = [i for i in range(len(self.times)) if self.is_column(i)]
        row: list[Look | None] = []
        for i, moment in enumerate(self.times):
            n = _nearest(times, moment)
            others = columns if self.is_column(i) else range(len(self.times))
            if others[_nearest([self.times[k] for k in others], times[n])] != i:
                row.append(None)  # it belongs to another moment
                continue
            frame = trace.snapshots[n].frame
            uri = data_uri(frame, THUMBNAIL, quality=80)
            detail = _crop(frame, self.box, quality=80) if self.box else ""
            row.append(Look(trace.snapshots[n], uri, detail, self.is_column(i)))
        return row


def _nearest(times: Sequence[float], time: float) -> int:
    """The last of those that are nearest by a factor."""
    gaps = [abs(math.log((t + 1e-6) / (time + 1e-6))) for t in times]
    return len(gaps) - 1 - gaps[::-1].index(min(gaps))


def _moments(order: Sequence[Trace]) -> list[float]:
    """Moments from the first look to the last, each later than the one before by one factor."""
    times = sorted({s.seconds for t in order for s in t.snapshots})
    most = max((len(t.snapshots) for t in order), default=0)
    count = MOMENTS * BETWEEN if most >= MOMENTS * BETWEEN else min(MOMENTS, most)
    low, high = next((t for t in times if t > 0), 0.0), times[-1] if times else 0.0
    if low >= high or count < 3:
        return times[-2:]
    return [low * (high / low) ** (i / (count - 1)) for i in range(count)]


def data_uri(frame: Tensor, side: int, *, quality: int = 88, bits: float = 2) -> str:
    """A uint8 picture [h, w, c] no larger than `side`: PNG if it is small or drawn, else JPEG.

    Args:
        quality: of the JPEG, which falls where it would take more than `bits` a pixel.
    """
    image = _image(frame)
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    pixels = image.width * image.height
    if pixels <= PIXEL_ART // 4 or _is_drawing(image):
        return _uri("png", _encoded(image, "PNG"))
    for lower in (0, 12, 24, 36):
        jpeg = _encoded(image, "JPEG", quality=quality - lower, subsampling=0 if lower == 0 else 2)
        if 8 * len(jpeg) <= bits * pixels:
            break
    return _uri("jpeg", jpeg)


def _is_drawing(image: Image.Image) -> bool:
    """Whether it has few colours, which JPEG would blur and PNG packs well."""
    few = 48 if image.mode == "L" else 256
    return image.resize((64, 64), Image.Resampling.NEAREST).getcolors(few) is not None


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _uri(kind: str, contents: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(contents).decode()}"


def _image(frame: Tensor) -> Image.Image:
    """Grey or RGB; what is transparent shows a chequerboard."""
    pixels = frame.detach().cpu().numpy()
    if pixels.shape[2] in (2, 4):
        pixels = _on_chequers(pixels)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _on_chequers(pixels: np.ndarray) -> np.ndarray:
    alpha = pixels[..., -1:].astype(np.float32) / 255
    h, w = alpha.shape[:2]
    cell = max(1, max(h, w) // 48)
    rows, columns = np.arange(h)[:, None] // cell, np.arange(w) // cell
    board = np.where((rows + columns) % 2, 205, 245)[..., None]
    return np.rint(pixels[..., :-1] * alpha + board * (1 - alpha)).astype(np.uint8)


Box = tuple[int, int, int, int]  # left, top, width, height


def busiest(frame: Tensor) -> Box | None:
    """The part of a picture, about a fifth of its width, with the most detail; None if small."""
    h, w = frame.shape[:2]
    width = max(64, w // 5)
    height = width // 2
    if w < 2 * width or h < 2 * height:
        return None
    grey = frame[..., :3].float().mean(-1) if frame.shape[2] > 2 else frame[..., 0].float()
    slope = (grey[1:, 1:] - grey[:-1, 1:]).abs() + (grey[1:, 1:] - grey[1:, :-1]).abs()
    step = max(1, height // 8)
    mean = avg_pool2d(slope[None, None], (height - 1, width - 1), step)[0, 0]
    row, column = divmod(int(mean.argmax()), mean.shape[1])
    return column * step, row * step, width, height


def _crop(frame: Tensor, box: Box, *, quality: int = 92) -> str:
    left, top, width, height = box
    return data_uri(frame[top : top + height, left : left + width], FINAL, quality=quality, bits=6)


def _like(target: Tensor, frame: Tensor) -> Tensor:
    """The target at a frame's size, through every nth pixel as the frame is."""
    rows, columns = (
        ((torch.arange(n) + 0.5) * size / n).long().clamp(max=size - 1)
        for n, size in zip(frame.shape[:2], target.shape[:2], strict=True)
    )
    return target[rows][:, columns]


# --- sections ---


def _header(
    title: str, verb: str, order: Sequence[Trace], notes: Sequence[str], enlarged: bool
) -> str:
    why = f'<p class="dek">{_html(_overtaking(order))}</p>' if _overtaking(order) else ""
    if len(order) == 1:
        chosen = order[0].why and not order[0].why.endswith("as asked.")
        why = f'<p class="dek">Chosen: {escape(order[0].why)}</p>' if chosen else ""
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    listed = f'<ul class="notes">{listed}</ul>' if listed else ""
    return (
        f'<header><p class="kicker"><b>Fieldfit</b> {escape(verb)} <span>{escape(title)}</span></p>'
        f"<h1>{_html(_headline(order, enlarged))}</h1>{why}{listed}</header>"
    )


def _html(parts: Parts) -> str:
    return "".join(escape(p) if isinstance(p, str) else _name(p) for p in parts)


def _name(trace: Trace) -> str:
    paint = colour(trace.method)
    return f'<b class="name" style="--paint:{paint}">{escape(trace.method)}</b>'


def _section(heading: str, guide: str, body: str, kind: str = "") -> str:
    guide = f'<p class="guide">{guide}</p>' if guide else ""
    return f'<section class="{kind}"><h2>{heading}</h2>{guide}{body}</section>'


def _pictures(album: Album, order: Sequence[Trace]) -> str:
    box = album.box
    detail = _crop(album.target, box) if box else ""
    marked = _box(box, album.target) if box else ""
    caption = f'<b class="original">{album.word}</b>'
    cards = [_card(album.original, album.target, album.word, caption, detail, marked)]
    for n, (trace, uri) in enumerate(zip(order, album.finals, strict=True)):
        shown = final(trace)
        if shown is None or uri is None:
            continue
        figures = _with_unit(score(trace, album.key))
        caption = f'{_name(trace)} <span class="figure" data-final="{figures}">{figures}</span>'
        detail = _crop(shown.frame, box) if box else ""
        cards.append(
            _card(uri, shown.frame, f"{trace.method} in the end", caption, detail, "", row=n)
        )
    guide = (
        "What each method made of the picture, best first"
        if len(order) > 1
        else "The picture, and what the field made of it"
    )
    guide += "; below, the marked detail, pixel by pixel." if box else "."
    scrub = _scrubber(album) if len(album.times) > 1 else ""
    columns = {1: 2, 2: 2, 3: 3, 5: 3, 6: 3, 9: 3}.get(len(cards), 4)
    return _section(
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


def _table(order: Sequence[Trace]) -> str:
    columns = [("psnr", "PSNR, dB"), ("clean_psnr", "PSNR to the clean picture, dB"),
               ("clean_ssim", "SSIM to the clean picture"), ("heldout_psnr", "held-out PSNR, dB"),
               ("ssim", "SSIM"), ("heldout_ssim", "held-out SSIM")]  # fmt: skip
    columns.sort(key=lambda c: c[0] != _measure(order))  # what they are sorted by comes first
    columns = [c for c in columns if any(not math.isnan(score(t, c[0])) for t in order)]
    heads = ["method", *(name for _, name in columns), "time", "steps", "parameters", "backend",
             "lr", "batch", "ended"]  # fmt: skip
    rows = []
    for trace in order:
        method = METHODS.get(trace.method)
        summary = f"<small>{escape(method.summary)}</small>" if method else ""
        cells = [_figure(score(trace, key), key) for key, _ in columns]
        cells += [duration(trace.seconds), f"{trace.steps:,}", _big(trace.parameters)]
        cells += [trace.backend or "–", number(trace.config.lr), f"{trace.config.batch:,}"]
        cells += [ENDS.get(trace.end, trace.end)]
        rows.append(
            f'<tr><th scope="row">{_name(trace)}{summary}</th>'
            + "".join(
                f'<td data-head="{escape(head)}">{escape(cell)}</td>'
                for head, cell in zip(heads[1:], cells, strict=True)
            )
            + "</tr>"
        )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    guide = "Sorted by PSNR on the held-out pixels, which no method was shown."
    guide = guide if _measure(order) == "heldout_psnr" else ""
    return _section(
        "In figures",
        guide,
        f'<div class="wide"><table class="summary"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>",
    )


def _with_unit(psnr: float) -> str:
    return decibel(psnr) if math.isnan(psnr) else f"{decibel(psnr)} dB"


def _figure(value: float, key: str) -> str:
    if "psnr" in key:
        return decibel(value)
    return f"{value:.3f}" if math.isfinite(value) else "–"


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
                cells.append(_thumbnail(trace, look, album.key))
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
            f'<h3>{_name(trace)}</h3><div class="strip" data-row="{n}" '
            f'style="--n:{len(columns) + 1};--shape:{shape}">{"".join(cells)}</div>'
        )
    guide = (
        "Each picture is a moment, later by the same factor each time. A network left to itself "
        "begins with the broad shapes and is slow to add the fine ones: this is the frequency "
        "principle."
    )
    if len(order) > 1:
        guide += " The moments are the same in all rows, so that a column compares the methods."
    return _section("From coarse to fine", guide, "".join(rows), "strips")


def _crisp(frame: Tensor) -> str:
    return "crisp" if frame.shape[0] * frame.shape[1] <= PIXEL_ART else ""


def _thumbnail(trace: Trace, look: Look, key: str) -> str:
    s = look.snapshot
    psnr = _with_unit(s.metrics.get(key, math.nan))
    hidden = "" if look.column else " hidden"
    return (
        f'<figure data-seconds="{s.seconds:.5g}" data-figure="{psnr}" data-detail="{look.detail}"'
        f'{hidden}><img class="{_crisp(s.frame)}" src="{look.uri}" '
        f'alt="{escape(trace.method)} after {duration(s.seconds)}">'
        f"<figcaption>{duration(s.seconds)}<span>{psnr}</span></figcaption></figure>"
    )


def _heat_maps(order: Sequence[Trace]) -> str:
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
        heading = f'<figcaption>{_name(trace)} <span class="figure">{said}</span></figcaption>'
        chart = _both(lambda width, t=trace: heat_map(t, span=span, width=width), wide)
        maps.append(f"<figure>{heading}{chart}</figure>")
    guide = (
        "Each row is a band of frequencies, from the broad shapes at the bottom to the finest "
        "detail at the top; time runs to the right. <b>Pale</b> is not begun, <b>dark</b> is "
        "learned, and the white line marks when a band had lost half of its error. Where the dark "
        "climbs from row to row, low frequencies were learned first; where all rows darken "
        "together, they were learned at once."
    )
    return _section(
        "Which frequencies were learned when",
        guide,
        f'<div class="maps" style="--columns:{columns}">{"".join(maps)}</div>',
    )


def _both(draw: Callable[[float], str], wide: float) -> str:
    """A chart for wide pages, and the same one for phones."""
    return f'<div class="roomy">{draw(wide)}</div><div class="tight">{draw(350)}</div>'


def _lines(order: Sequence[Trace]) -> str:
    key = _measure(order)
    series = [
        (
            t.method,
            colour(t.method),
            [s.seconds for s in t.snapshots],
            [s.metrics.get(key, math.nan) for s in t.snapshots],
        )
        for t in order
    ]
    name = {"heldout_psnr": "held-out PSNR in dB", "clean_psnr": "PSNR to the clean picture, dB"}
    label = name.get(key, "PSNR in dB")
    psnr = _both(
        lambda width: curves(
            series, x_label="seconds", y_label=label, x_log=True, span=time_span(order), width=width
        ),
        530,
    )
    over = _section(
        "How near, how soon",
        "Higher is nearer to the original: 6 dB more is half the error. Time counts what was spent "
        "fitting, on a scale where each step to the right multiplies it.",
        f"<figure>{psnr}</figure>",
    )
    power = _both(lambda width: spectrum(order, width=width), 530)
    lacks = _section(
        "What is still missing",
        "The line <b>picture</b> is how much of it lies in each band of frequencies; the line of "
        "a method is how much of that it still lacks in the end. Far below the picture, a band is "
        "learned; where the two meet, nothing of it is there.",
        f"<figure>{power}</figure>",
    )
    return f'<div class="pair">{over}{lacks}</div>'


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
            f"<details><summary>{_name(trace)} <span>{escape(why)}</span></summary>{source}"
            f'<table class="knobs">{rows}</table></details>'
        )
    return _section(
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


def _repeat(command: str, machine: dict[str, Any]) -> str:
    facts = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
        for name, value in machine.items()
        if value is not None
    )
    words = " ".join(f"<span>{escape(word)}</span>" for word in command.split(" "))
    return _section(
        "To repeat it",
        "",
        f'<div class="command"><pre><code>{words}</code></pre>'
        f'<button type="button" hidden>Copy</button></div><dl class="machine">{facts}</dl>',
    )


def _page(title: str, body: str) -> str:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    html = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)} – Fieldfit</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main><script>{SCRIPT}</script></body></html>\n"
    )
    return html.encode("utf-8", "replace").decode()  # a file's name may hold what is no letter


STYLE = """
:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1c1d22;--soft:#62656e;--rule:#1c1d221f;
--wash:#1c1d220a;--serif:"Source Serif 4","Iowan Old Style","Palatino Linotype",Palatino,
"URW Palladio L",P052,Georgia,serif;--sans:Inter,system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;--mono:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",
monospace}
@media(prefers-color-scheme:dark){:root{--paper:#131418;--ink:#e6e5e1;--soft:#9c9ea8;
--rule:#e6e5e126;--wash:#e6e5e10d}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 var(--sans);
-webkit-font-smoothing:antialiased}
main{max-width:1216px;margin:0 auto;padding:clamp(28px,6vw,72px) clamp(18px,4vw,48px) 96px}
figure{margin:0;min-width:0}
img{display:block;max-width:100%}
.crisp{image-rendering:pixelated}
[hidden]{display:none!important}
.kicker{margin:0 0 20px;color:var(--soft);font-size:14px;letter-spacing:.01em}
.kicker b{color:var(--ink)}.kicker span{overflow-wrap:anywhere}.kicker span:before{content:"/";
margin:0 .5em 0 .25em;opacity:.5}
h1{margin:0;max-width:24em;font:400 clamp(27px,3.6vw,43px)/1.2 var(--serif);
letter-spacing:-.012em;text-wrap:balance}
h1 .name{font-weight:600}
.dek{margin:18px 0 0;max-width:46em;font:18px/1.5 var(--serif);color:var(--soft)}
.name{font-weight:600;white-space:nowrap}
.name:before{content:"";display:inline-block;width:.6em;height:.6em;margin-right:.38em;
border-radius:50%;background:var(--paint)}
h1 .name:before{width:.42em;height:.42em;margin-right:.22em;vertical-align:.1em}
section{margin-top:clamp(52px,7vw,88px)}header+section{margin-top:clamp(36px,4.5vw,56px)}
h2{margin:0 0 8px;font:600 23px/1.25 var(--serif);letter-spacing:-.005em}
h3{margin:26px 0 8px;font-size:14px}
.guide{margin:0 0 24px;max-width:44em;font:16.5px/1.55 var(--serif);color:var(--soft);
text-wrap:pretty}
.guide b{color:var(--ink);font-weight:600}
figcaption{font-size:13px;color:var(--soft);font-variant-numeric:tabular-nums}
figcaption .name,figcaption .original{color:var(--ink);font-size:14px}
figcaption .figure{float:right}
.cards{display:grid;gap:28px 20px;grid-template-columns:repeat(var(--columns),minmax(0,1fr))}
.card figcaption{margin-top:8px}
.frame{position:relative}
.frame img,.detail,.strip img{outline:1px solid var(--rule);outline-offset:-1px}
.card .main,.card .detail{width:100%;height:auto}
.card .detail{margin-top:3px}
.card .main{user-select:none;-webkit-user-drag:none;-webkit-touch-callout:none}
.box{position:absolute;border:1.5px solid #fff;box-shadow:0 0 0 1px #0009,inset 0 0 0 1px #0006}
.hint{margin:-12px 0 4px;color:var(--soft);font-size:13.5px}
.scrub{position:sticky;top:0;z-index:1;display:flex;align-items:center;gap:12px;margin:0 0 8px;
padding:12px 0;background:var(--paper);color:var(--soft);font-size:13px}
.scrub input{flex:0 1 420px;min-width:120px;accent-color:var(--ink)}
.scrub output{min-width:7em;margin-left:12px;color:var(--ink);font-weight:600;
font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.summary{width:100%;font-size:14px}
.summary th,.summary td{padding:12px 0 12px 18px;text-align:right;vertical-align:top;
white-space:nowrap;border-bottom:1px solid var(--rule);font-weight:400}
.summary thead th{padding-top:0;padding-bottom:8px;color:var(--soft);font-size:12.5px;
white-space:normal;vertical-align:bottom}
.summary th:first-child{padding-left:0;text-align:left;white-space:normal}
.summary td:nth-child(2){font-weight:600}
.summary small{display:block;max-width:25em;margin-top:2px;color:var(--soft);font-size:12.5px;
line-height:1.4}
.notes{margin:14px 0 0;padding:0;list-style:none;max-width:50em;color:var(--soft);font-size:14px}
.strip{display:grid;gap:10px;grid-template-columns:repeat(var(--n),minmax(0,1fr))}
.strip img{width:100%}
.strip figcaption{margin-top:5px;font-size:12.5px}.strip figcaption span{float:right}
.strip .last figcaption{color:var(--ink);font-weight:600}
.strip .empty figcaption{display:flex;align-items:center;justify-content:center;margin:0;
aspect-ratio:var(--shape);border:1px dashed var(--rule);text-align:center;padding:4px}
.maps{display:grid;gap:36px 32px;grid-template-columns:repeat(var(--columns),minmax(0,1fr))}
.pair{display:grid;gap:0 56px;grid-template-columns:repeat(2,minmax(0,1fr))}
.pair section{display:grid;grid-template-rows:subgrid;grid-row:span 3}
.pair figure{align-self:end}
.maps figure{width:fit-content;max-width:100%}
.maps figcaption{margin-bottom:10px}
.chart{display:block}
.tight{display:none}
details{border-top:1px solid var(--rule);padding:12px 0}
details:last-child{border-bottom:1px solid var(--rule)}
summary{cursor:pointer}
summary::marker{color:var(--soft);font-size:.8em}summary span{color:var(--soft);margin-left:.5em}
.source{margin:12px 0 0;color:var(--soft);font-size:13.5px}
.knobs{margin:12px 0 8px;font:13px/1.5 var(--mono)}
.knobs th{padding:1px 28px 1px 0;text-align:left;font-weight:400;color:var(--soft)}
.knobs td{overflow-wrap:anywhere}
.command{display:flex;gap:12px;align-items:center;padding:12px 16px;background:var(--wash);
border-radius:6px}
.command pre{flex:1;margin:0;white-space:pre-wrap;overflow-wrap:anywhere;
font:13.5px/1.55 var(--mono)}
.command span{display:inline-block;max-width:100%}
button{padding:4px 12px;border:1px solid var(--rule);border-radius:5px;background:var(--paper);
color:inherit;font:13px/1.5 var(--sans);cursor:pointer}
.machine{display:grid;grid-template-columns:auto 1fr;gap:3px 24px;margin:24px 0 0;font-size:14px}
.machine dt{color:var(--soft)}.machine dd{margin:0}
:focus-visible{outline:2px solid #56b4e9;outline-offset:2px}
@media(max-width:1000px){
.cards,.maps{grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))}
.pair{display:block}
}
@media(max-width:760px){
.roomy{display:none}.tight{display:block}
.strip{grid-template-columns:none;grid-auto-flow:column;grid-auto-columns:38vw;overflow-x:auto;
scroll-snap-type:x proximity;margin:0 calc(-1*clamp(18px,4vw,48px));
padding:0 clamp(18px,4vw,48px) 6px}
.strip figure{scroll-snap-align:center}
.cards{gap:20px 12px;grid-template-columns:repeat(var(--narrow),minmax(0,1fr))}
.scrub input{flex:1 1 90px;min-width:0}
.scrub output{margin:0;min-width:5.2em}
.summary thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.summary tr{display:grid;grid-template-columns:repeat(2,1fr);gap:2px 20px;padding:16px 0;
border-bottom:1px solid var(--rule)}
.summary tr th{grid-column:1/-1;padding:0 0 6px;border:0}
.summary tr td{display:flex;justify-content:space-between;gap:10px;
padding:2px 0;border:0;white-space:normal}
.summary td:before{content:attr(data-head);color:var(--soft);font-weight:400}
}
@media print{main{padding:0}.scrub{display:none}section{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

SCRIPT = """
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const cards = all('.card[data-row]'), original = cards[0]?.querySelector('.main').src;
  const scrub = document.querySelector('.scrub');
  const looks = row => all(`.strip[data-row="${row}"] figure[data-seconds]`);
  const far = (a, b) => Math.abs(Math.log((a + 1e-9) / (b + 1e-9)));

  for (const card of cards) {
    const image = card.querySelector('.main');
    card.end = image.src;
    card.detail = card.querySelector('.detail')?.src;
    if (card.dataset.row === 'original') continue;
    card.looks = looks(card.dataset.row).map(f => ({
      seconds: +f.dataset.seconds, figure: f.dataset.figure, src: f.querySelector('img').src,
      detail: f.dataset.detail}));
    let held = null;
    image.addEventListener('pointerdown', () => { held ??= image.src; image.src = original; });
    for (const name of ['pointerup', 'pointerleave', 'pointercancel'])
      image.addEventListener(name, () => { if (held) image.src = held; held = null; });
    image.addEventListener('contextmenu', event => { if (held) event.preventDefault(); });
  }

  const cursor = seconds => {
    for (const chart of all('svg[data-time]')) {
      const [low, high, start, end] = chart.dataset.time.split(' ').map(Number);
      const line = chart.querySelector('.now');
      const share = Math.log(seconds / low) / Math.log(high / low);
      const seen = seconds && share >= 0 && share <= 1;
      line.setAttribute('visibility', seen ? 'visible' : 'hidden');
      if (seen) line.setAttribute('transform', `translate(${start + share * (end - start)} 0)`);
    }
  };

  const show = seconds => {
    for (const card of cards) {
      if (!card.looks?.length) continue;
      const image = card.querySelector('.main'), figure = card.querySelector('.figure');
      const look = seconds && card.looks.reduce((a, b) =>
        far(b.seconds, seconds) < far(a.seconds, seconds) ? b : a);
      image.src = look ? look.src : card.end;
      if (card.detail) card.querySelector('.detail').src = look ? look.detail : card.detail;
      figure.textContent = look ? look.figure : figure.dataset.final;
    }
    cursor(seconds);
  };

  if (scrub) {
    const input = scrub.querySelector('input'), output = scrub.querySelector('output');
    const times = scrub.dataset.times.split(' ').map(Number), said = JSON.parse(scrub.dataset.said);
    const moved = () => {
      const i = +input.value, last = i === times.length - 1;
      output.textContent = last ? 'in the end' : said[i];
      input.setAttribute('aria-valuetext', output.textContent);
      show(last ? 0 : times[i]);
    };
    for (const part of all('.scrub, .hint')) part.hidden = false;
    input.addEventListener('input', moved);
    moved();
  }

  for (const chart of all('svg[data-time]')) {
    const [low, high, start, end] = chart.dataset.time.split(' ').map(Number);
    chart.addEventListener('pointermove', event => {
      const box = chart.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
      const share = (x - start) / (end - start);
      cursor(share >= 0 && share <= 1 ? low * (high / low) ** share : 0);
    });
    chart.addEventListener('pointerleave', () => cursor(0));
  }

  const button = document.querySelector('.command button');
  const code = document.querySelector('.command code');
  button.hidden = false;
  button.addEventListener('click', async () => {
    try { await navigator.clipboard.writeText(code.textContent); }
    catch {
      getSelection().selectAllChildren(code);
      document.execCommand('copy');
    }
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1600);
  });
})();
"""
