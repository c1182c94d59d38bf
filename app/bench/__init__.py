"""How fast this machine is, and how good the methods are: measured side by side, in one run."""

from collections.abc import Callable, Iterator
from typing import Any

from ..folder import to_json
from ..options import BenchOptions
from ..trace import machine
from .encodings import bench_encodings
from .image import bench_image
from .images import bench_images
from .kernels import bench_kernels
from .points import bench_points

KINDS = {
    "image": bench_image,
    "kernels": bench_kernels,
    "images": bench_images,
    "points": bench_points,
    "encodings": bench_encodings,
}
WIDTHS = {"method": 17, "shape": 20, "name": 15, "backend": 20, "picture": 20}  # of columns
TABLES = {"case", "what"}  # rows with one of these are printed in columns


def bench(options: BenchOptions) -> dict[str, Any]:
    """Run one benchmark and print its rows as they come, or all as one JSON object."""
    rows: list[dict[str, Any]] = []
    more = _each(KINDS[options.kind](options), rows, _line if not options.json else None)
    document = {"bench": options.kind, "machine": machine(), "rows": rows} | more
    if options.json:
        print(to_json(document), flush=True)
    return document


def _each(
    found: Iterator[dict[str, Any]], rows: list[dict[str, Any]], line: Callable[..., str] | None
) -> dict[str, Any]:
    """Collect and print the rows; what the benchmark returns beside them."""
    while True:
        try:
            row = next(found)
        except StopIteration as end:
            return end.value or {}
        if line is not None:
            print(line(row, first=not rows or list(rows[-1]) != list(row)), flush=True)
        rows.append(row)


def _line(row: dict[str, Any], first: bool) -> str:
    """A row as people read it: figures in columns where there are such rows, else by name.

    Args:
        first: whether the columns are others than those of the row before.
    """
    if TABLES.isdisjoint(row):
        return "  ".join(f"{k} {_figure(v)}" for k, v in row.items())
    widths = [WIDTHS.get(k, max(10, len(k))) for k in row]
    cells, names = (
        "  ".join(f"{text:<{n}}" for text, n in zip(texts, widths, strict=True)).rstrip()
        for texts in (map(_figure, row.values()), row)
    )
    return f"{names}\n{cells}" if first else cells


def _figure(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
