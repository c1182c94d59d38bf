"""How fast this machine is, and how good the methods are: measured side by side, in one run."""

from typing import Any

from ..folder import to_json
from ..options import BenchOptions
from ..trace import machine
from .encodings import bench_encodings
from .image import bench_image

KINDS = {"image": bench_image, "encodings": bench_encodings}


def bench(options: BenchOptions) -> dict[str, Any]:
    """Run one benchmark and print its rows as they come, or all as one JSON object."""
    rows = []
    for row in KINDS[options.kind](options):
        rows.append(row)
        if not options.json:
            print("  ".join(f"{k} {_figure(v)}" for k, v in row.items()), flush=True)
    document = {"bench": options.kind, "machine": machine(), "rows": rows}
    if options.json:
        print(to_json(document), flush=True)
    return document


def _figure(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
