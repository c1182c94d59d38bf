"""Pictures and shapes: files from strangers to tensors, and back to files. Knows no fields."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .atomic import atomic_write, write_bytes, write_text
    from .images import read_picture
    from .masks import grow, invert, random_missing, read_mask
    from .picture import Picture
    from .samples import SAMPLES, Sample, load_sample, zone_plate
    from .shape import Shape
    from .shape_files import SHAPE_SUFFIXES, read_shape
    from .shape_samples import SHAPE_SAMPLES, ShapeSample, load_shape_sample
    from .shape_writing import MESH_SUFFIXES, write_mesh, write_points
    from .strips import PictureWriter
    from .writing import write_picture

__all__ = [
    "MESH_SUFFIXES",
    "SAMPLES",
    "SHAPE_SAMPLES",
    "SHAPE_SUFFIXES",
    "Picture",
    "PictureWriter",
    "Sample",
    "Shape",
    "ShapeSample",
    "atomic_write",
    "grow",
    "invert",
    "load_sample",
    "load_shape_sample",
    "random_missing",
    "read_mask",
    "read_picture",
    "read_shape",
    "write_bytes",
    "write_mesh",
    "write_picture",
    "write_points",
    "write_text",
    "zone_plate",
]

_HOMES = {
    "atomic": ("atomic_write", "write_bytes", "write_text"),
    "images": ("read_picture",),
    "masks": ("grow", "invert", "random_missing", "read_mask"),
    "picture": ("Picture",),
    "samples": ("SAMPLES", "Sample", "load_sample", "zone_plate"),
    "shape": ("Shape",),
    "shape_files": ("SHAPE_SUFFIXES", "read_shape"),
    "shape_samples": ("SHAPE_SAMPLES", "ShapeSample", "load_shape_sample"),
    "shape_writing": ("MESH_SUFFIXES", "write_mesh", "write_points"),
    "strips": ("PictureWriter",),
    "writing": ("write_picture",),
}


def __getattr__(name: str) -> Any:
    """Imports on first use, so that `--help` waits for no library (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
