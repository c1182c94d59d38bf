"""Tasks. To add one: write it in a file of its own, then list it here."""

from .base import Leftover, Task, Term, total
from .denoise import DenoiseTask
from .equation import EquationTask
from .image import ImageTask
from .objectives import Derivatives, Distances, Objective
from .shape import ShapeTask
from .signal import SignalTask
from .table import TableTask
from .upscale import UpscaleTask

TASKS: dict[str, type[Task]] = {
    "image": ImageTask,
    "denoise": DenoiseTask,
    "upscale": UpscaleTask,
    "shape": ShapeTask,
    "signal": SignalTask,
    "table": TableTask,
    "equation": EquationTask,
}

__all__ = [
    "TASKS",
    "DenoiseTask",
    "Derivatives",
    "Distances",
    "EquationTask",
    "ImageTask",
    "Leftover",
    "Objective",
    "ShapeTask",
    "SignalTask",
    "TableTask",
    "Task",
    "Term",
    "UpscaleTask",
    "total",
]
