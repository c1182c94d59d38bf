"""What a run on a picture or a signal says on stdout."""

import math
from typing import Any

from .folder import RunFolder, to_json


def say(document: dict[str, Any], folder: RunFolder, as_json: bool) -> None:
    """Print run.json's object as one line, or a few lines for a person."""
    if as_json:
        print(to_json(document), flush=True)
        return
    for run in document.get("runs", [document]):
        figures = "  ".join(f"{k} {_figure(v)}" for k, v in run["metrics"].items())
        print(f"{run['method']}: {figures}  in {run['seconds']['fit']:.1f} s, {run['steps']} steps")
        if slowed(run):
            print(f"{run['method']}: computed by {run['how']}")
    if "stop" in document:
        print(_say_stop(document))
    if "runs" not in document and not document["why"].endswith("as asked."):
        print(f"auto chose {document['why']}")
    asked = document["config"].get("psnr")
    reached = document["metrics"].get("psnr") or 0.0
    if asked is not None and document["end"] in ("steps", "seconds") and reached < asked:
        print(f"stopped below the {asked:g} dB asked for; give more --steps or --seconds.")
    print(f"{folder.path / 'report.html'}")


def slowed(run: dict[str, Any]) -> bool:
    """Whether something faster could not do a run, which `how` then gives the reason for."""
    how = run.get("how", "")
    return ":" in how or ";" in how


def _say_stop(document: dict[str, Any]) -> str:
    stop = document["stop"]
    noise = f"noise {document['sigma']:.1f} of 255 ({document['sigma_is']}); "
    return f"{noise}step {stop['step']} of {document['steps']} kept, as {stop['rule']} chose"


def _figure(value: float | None) -> str:
    return "inf" if value is None or math.isinf(value) else f"{value:.4g}"
