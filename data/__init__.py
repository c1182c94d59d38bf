"""Pictures, shapes, signals: files from strangers to tensors and back. Knows no fields."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .atomic import atomic_write, write_bytes, write_text
    from .formula import Formula, parse_domain, parse_formula
    from .images import read_picture
    from .masks import grow, invert, random_missing, read_mask
    from .picture import Picture
    from .samples import SAMPLES, Sample, load_sample, zone_plate
    from .shape import Shape
    from .shape_files import SHAPE_SUFFIXES, read_shape
    from .shape_samples import SHAPE_SAMPLES, ShapeSample, load_shape_sample
    from .shape_writing import MESH_SUFFIXES, write_mesh, write_points
    from .signal import Signal, Table
    from .signal_samples import SIGNAL_SAMPLES, SignalSample, load_signal_sample
    from .signal_writing import write_columns, write_signal
    from .signals import (
        SIGNAL_SUFFIXES,
        TABLE_SUFFIXES,
        holds_signal,
        read_signal,
        read_table,
    )
    from .strips import PictureWriter
    from .writing import write_picture

__all__ = [
    "MESH_SUFFIXES",
    "SAMPLES",
    "SHAPE_SAMPLES",
    "SHAPE_SUFFIXES",
    "SIGNAL_SAMPLES",
    "SIGNAL_SUFFIXES",
    "TABLE_SUFFIXES",
    "Formula",
    "Picture",
    "PictureWriter",
    "Sample",
    "Shape",
    "ShapeSample",
    "Signal",
    "SignalSample",
    "Table",
    "atomic_write",
    "grow",
    "holds_signal",
    "invert",
    "load_sample",
    "load_shape_sample",
    "load_signal_sample",
    "parse_domain",
    "parse_formula",
    "random_missing",
    "read_mask",
    "read_picture",
    "read_shape",
    "read_signal",
    "read_table",
    "write_bytes",
    "write_columns",
    "write_mesh",
    "write_picture",
    "write_points",
    "write_signal",
    "write_text",
    "zone_plate",
]

_HOMES = {
    "atomic": ("atomic_write", "write_bytes", "write_text"),
    "formula": ("Formula", "parse_domain", "parse_formula"),
    "images": ("read_picture",),
    "masks": ("grow", "invert", "random_missing", "read_mask"),
    "picture": ("Picture",),
    "samples": ("SAMPLES", "Sample", "load_sample", "zone_plate"),
    "shape": ("Shape",),
    "shape_files": ("SHAPE_SUFFIXES", "read_shape"),
    "shape_samples": ("SHAPE_SAMPLES", "ShapeSample", "load_shape_sample"),
    "shape_writing": ("MESH_SUFFIXES", "write_mesh", "write_points"),
    "signal": ("Signal", "Table"),
    "signal_samples": ("SIGNAL_SAMPLES", "SignalSample", "load_signal_sample"),
    "signal_writing": ("write_columns", "write_signal"),
    "signals": (
        "SIGNAL_SUFFIXES",
        "TABLE_SUFFIXES",
        "holds_signal",
        "read_signal",
        "read_table",
    ),
    "strips": ("PictureWriter",),
    "writing": ("write_picture",),
}


def __getattr__(name: str) -> Any:
    """Imports on first use, so that `--help` waits for no library (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
