"""What is said of shapes and of their runs: pure functions to HTML."""

from html import escape
from typing import Any

from data import Shape

from ..charts import colour
from ..figures import number
from ..measures import MEANINGS, SHAPE
from ..shape_words import SURE, confidence
from ..truth import SAMPLES
from .settings import AUTO
from .shape_run import ShapeRun

EMPTY = """
<div class="ff-empty">
  <svg viewBox="0 0 96 40" width="192" height="80" aria-hidden="true" fill="none"
       stroke="currentColor" stroke-width="1.6" stroke-linejoin="round"
       stroke-linecap="round">
    <path d="M12 20h.01M19 9h.01M27 6h.01M34 12h.01M36 22h.01M31 31h.01M
             22 34h.01M15 29h.01M24 19h.01M21 26h.01M29 24h.01M26 12h.01" stroke-width="2.4"/>
    <path d="M44 20h9m-3-3 3 3-3 3" opacity=".5"/>
    <path d="M72 5 86 12 88 27 74 36 61 29 60 13zM72 5 74 20 88 27M74 20 60 13
             M74 20v16M74 20 86 12M74 20 61 29"/>
  </svg>
  <h2>Points in, a surface out</h2>
  <p>Drop a scan or a mesh, or take a sample, and press Fit.<br>
  Its surface appears here, from coarse to fine, under every method that you chose.</p>
</div>
"""


def described(shape: Shape) -> str:
    """Counts, bounding box, normals and colours."""
    sides = " × ".join(f"{side:.4g}" for side in shape.high - shape.low)
    low, high = (", ".join(f"{x:.6g}" for x in corner) for corner in (shape.low, shape.high))
    rows = [
        ("Vertices" if shape.is_mesh else "Points", f"{len(shape.points):,}"),
        ("Size", f'<span title="From ({low}) to ({high})">{sides}</span>'),
        ("Normals", "found" if shape.normals is not None else "none"),
        ("Colours", "found" if shape.colours is not None else "none"),
    ]
    if shape.faces is not None:
        rows.insert(1, ("Triangles", f"{len(shape.faces):,}"))
        if shape.normals is None:
            rows[3] = ("Normals", "of its triangles")
    note = f"<p>{escape(shape.note[:1].upper() + shape.note[1:])}.</p>" if shape.note else ""
    return _facts(rows) + note


def _facts(rows: list[tuple[str, str]]) -> str:
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    return f'<dl class="ff-facts">{listed}</dl>'


def about(run: ShapeRun) -> str:
    """What was found of a shape, and what was done about it."""
    found, rows = run.found, []
    if found.score is not None:
        word = confidence(found.score, found.trusted)
        title = (
            "How far the surface that these normals give lies from the points, in per cent of the "
            f"longest side: good ones are below {100 * SURE:.2g}."
        )
        score = f'<span title="{title}">score {100 * found.score:.2g} %</span>'
        rows.append(("Orientation", f'<b data-sure="{word}">{word}</b> · {score}'))
    if found.noise is not None:
        rows.append(("Noise", f"{found.noise:.2g} % of the longest side"))
    why = run.why(run.best)
    said = [f"<b>{AUTO}</b> chose {escape(why)}"] if why else []
    how = run.how(run.best)
    said += [f"Computed by {escape(how)}."] if how else []
    said += [escape(note) for note in run.notes]
    told = "".join(f"<p>{one}</p>" for one in said)
    return f'{_facts(rows) if rows else ""}<div class="ff-about">{told}</div>'


def metrics(run: ShapeRun) -> str:
    """How near each method came, and what the figures mean, which the heads say when the pointer
    rests on them."""
    runs = run.document.get("runs", [run.document])
    heads = [h for h in (*SHAPE.columns, ("watertight", "watertight")) if _any_has(runs, h[0])]
    best = run.best if len(runs) > 1 else ""
    head = "".join(
        f'<th scope="col"><abbr title="{escape(meaning(key))}">{escape(_whole(name))}</abbr></th>'
        for key, name in heads
    )
    body = "".join(_row(r, [key for key, _ in heads], best=r["method"] == best) for r in runs)
    return (
        f'<div class="ff-table"><table><thead><tr><th></th>{head}<th scope="col">triangles</th>'
        f"</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="ff-fine">Measured with {SAMPLES:,} samples of each surface and a fixed seed; '
        "rest the pointer on a head to see what it means.</p>"
    )


def _whole(name: str) -> str:
    """A head that breaks before a figure and its unit, not between them."""
    return name.replace(" %", "\N{NO-BREAK SPACE}%")


def meaning(key: str) -> str:
    """What a figure is."""
    if key.startswith("heldout_"):
        inner = MEANINGS.get(key.removeprefix("heldout_"), "")
        return f"the same, from the points that were held out: {inner}"
    return MEANINGS.get(key, key)


def _any_has(runs: list[dict[str, Any]], key: str) -> bool:
    return any(key in r["metrics"] for r in runs)


def _row(found: dict[str, Any], keys: list[str], *, best: bool) -> str:
    method = found["method"]
    lead = ' <span class="ff-lead">best</span>' if best else ""
    cells = "".join(f"<td>{_figure(found['metrics'].get(key))}</td>" for key in keys)
    mesh = found["mesh"]
    made = f"{mesh['faces']:,}" if mesh else escape(found["problem"])
    return (
        f'<tr data-method="{method}" style="--paint:{colour(method)}"><th scope="row">'
        f'<span class="ff-dot"></span> {method}{lead}</th>{cells}<td>{made}</td></tr>'
    )


def _figure(value: float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else number(value)
