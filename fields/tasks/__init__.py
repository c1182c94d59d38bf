"""Tasks. To add one: write it in a file of its own, then list it here."""

from .base import Task
from .denoise import DenoiseTask
from .image import ImageTask
from .shape import ShapeTask
from .upscale import UpscaleTask

TASKS: dict[str, type[Task]] = {
    "image": ImageTask,
    "denoise": DenoiseTask,
    "upscale": UpscaleTask,
    "shape": ShapeTask,
}

__all__ = ["TASKS", "DenoiseTask", "ImageTask", "ShapeTask", "Task", "UpscaleTask"]
