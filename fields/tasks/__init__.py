"""Tasks. To add one: write it in a file of its own, then list it here."""

from .base import Task
from .image import ImageTask

TASKS: dict[str, type[Task]] = {"image": ImageTask}

__all__ = ["TASKS", "ImageTask", "Task"]
