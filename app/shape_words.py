"""What is said of shapes: of what was given and found on stderr, of the result on stdout."""

import math
import sys
from typing import Any

from data import Shape

from .folder import RunFolder, to_json
from .measures import MEANINGS
from .preparing import Prepared
from .truth import SAMPLES
from .words import slowed

SURE = 0.012  # of the extent: no good orientation was further from its points


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def say_shape(shape: Shape) -> None:
    log(f"{shape.name}: {shape.describe()}")


def say_prepared(prepared: Prepared, seconds: float) -> None:
    log(f"prepared in {seconds:.1f} s")
    for note in prepared.notes:
        log(note)


def confidence(score: float, trusted: bool) -> str:
    """How sure an orientation is, in a word."""
    if not trusted:
        return "doubtful"
    return "sure" if score <= SURE else "fair"


def say(document: dict[str, Any], folder: RunFolder, as_json: bool) -> None:
    """The end of a run: what was found, what was made, and what the figures mean."""
    if as_json:
        print(to_json(document), flush=True)
        return
    for line in [*_found(document), *_made(document), *_meanings(document)]:
        print(line)
    print(folder.path / "report.html", flush=True)


def _found(document: dict[str, Any]) -> list[str]:
    shape = document["shape"]
    sides = [high - low for low, high in zip(shape["low"], shape["high"], strict=True)]
    counts = f"{shape['points']:,} points"
    if shape["faces"]:
        counts = f"{shape['points']:,} vertices, {shape['faces']:,} triangles"
    box = " × ".join(f"{side:.4g}" for side in sides)
    corner = ", ".join(f"{low:.6g}" for low in shape["low"])
    extras = [
        f"{'' if shape[name] else 'no '}{name}" for name in ("normals", "colours")
    ]
    lines = [f"{counts}; {box} from ({corner}); {'; '.join(extras)}"]
    if shape["noise"] is not None:
        share = 100 * shape["noise"] / max(sides)
        lines.append(f"noise {share:.2g} % of the longest side, {shape['noise']:.3g} across")
    orientation = shape["orientation"]
    if "score" in orientation:
        score = 100 * orientation["score"]
        word = confidence(orientation["score"], orientation["trusted"])
        lines.append(
            f"orientation {word} (score {score:.2g} %; good ones are below {100 * SURE:.2g}): "
            f"{orientation['how']} Use --flip if it is inside out."
        )
    elif orientation["how"]:
        lines.append(orientation["how"])
    return lines


def _made(document: dict[str, Any]) -> list[str]:
    lines = []
    for run in document.get("runs", [document]):
        figures = "  ".join(f"{k} {_figure(v)}" for k, v in run["metrics"].items())
        spent = f"in {run['seconds']['fit']:.1f} s, {run['steps']} steps"
        lines.append(f"{run['method']}: {figures}  {spent}".replace(":   in", ": in"))
        lines.append(f"{run['method']}: {_mesh(run)}")
        if slowed(run):
            lines.append(f"{run['method']}: computed by {run['how']}")
    if "runs" not in document and not document["why"].endswith("as asked."):
        lines.append(f"auto chose {document['why']}")
    return lines


def _mesh(run: dict[str, Any]) -> str:
    mesh = run["mesh"]
    if mesh is None:
        return f"no mesh, since {run['problem']}"
    pieces = mesh["components"]
    closed = "watertight" if mesh["watertight"] else "not watertight"
    return (
        f"{run['files']['result']} of {mesh['vertices']:,} vertices, {mesh['faces']:,} triangles, "
        f"{pieces} piece{'' if pieces == 1 else 's'}, {closed}"
    )


def _meanings(document: dict[str, Any]) -> list[str]:
    """What the figures mean, each once."""
    names = {
        name: None for run in document.get("runs", [document]) for name in run["metrics"]
    }
    if not names:
        return []
    lines = [f"  {name}: {MEANINGS[name]}" for name in names if name in MEANINGS]
    if any(name.startswith("heldout_") for name in names):
        lines.append("  heldout_...: the same, from the points that were held out")
    return [f"measured with {SAMPLES:,} samples of each surface and a fixed seed:", *lines]


def _figure(value: float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None or math.isnan(value) else f"{value:.4g}"
