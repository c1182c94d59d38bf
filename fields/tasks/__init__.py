"""Tasks. To add one: write it in a file of its own, then list it here."""

from .base import Task
from .denoise import DenoiseTask
from .image import ImageTask
from .objectives import Derivatives, Distances, Objective
from .shape import ShapeTask
from .upscale import UpscaleTask

TASKS: dict[str, type[Task]] = {
    "image": ImageTask,
    "denoise": DenoiseTask,
    "upscale": UpscaleTask,
    "shape": ShapeTask,
}

__all__ = [
    "TASKS",
    "DenoiseTask",
    "Derivatives",
    "Distances",
    "ImageTask",
    "Objective",
    "ShapeTask",
    "Task",
    "UpscaleTask",
]
