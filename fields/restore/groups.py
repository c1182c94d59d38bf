"""The solver of pictures: what is smooth along edges, and what similar patches have in common."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ..field import Field
from ..kernels.backends import BackendUnavailable, missing
from ..kernels.groups import Patches
from ..solvers import Solver, Step
from ..spec import knob
from ..tasks import DenoiseTask, ImageTask, Task, UpscaleTask
from .canvas import spline_of
from .cleaning import clean_picture
from .enlarging import enlarge
from .filling import fill
from .holes import Recipe


@dataclass(frozen=True, kw_only=True)
class PatchGroups(Solver):
    """Bend a sheet along the picture's edges, then draw from groups of similar patches.

    The field is a spline with a coefficient a pixel, set to what is found after every step. Holes
    are filled coarse to fine; a noisy picture is cleaned; a small one enlarged under its blur.
    """

    bend: float = knob(0.3, "weight of the sheet's energy beside the known pixels", low=0, high=100)
    slope: float = knob(0.1, "of the energy's part that keeps it level", low=0, high=100)
    contrast: float = knob(
        0.01, "change from pixel to pixel at which the sheet gives way", low=1e-4, high=10
    )
    passes: int = knob(6, "passes through the groups when holes are filled", low=0, high=100)
    size: int = knob(0, "pixels along a patch's edge; 0: 5 for colours, 7 for grey", low=0, high=16)
    count: int = knob(96, "patches in a group", low=2, high=512)
    search: int = knob(14, "pixels around a patch in which others are found", low=1, high=64)

    @property
    def on_cpu(self) -> bool:
        return True

    def check(self, task: Task, field: Field) -> None:
        lacking = missing("numba", torch.device("cpu"))
        if lacking is not None:
            raise BackendUnavailable(f"PatchGroups computes with numba alone: {lacking}")
        if not isinstance(task, ImageTask):
            raise ValueError(f"PatchGroups knows nothing of {type(task).__name__}; use Descent.")
        spline_of(field, task.drawn)

    def solve(self, task: Task, field: Field, frequency: float) -> Iterator[Step]:
        self.check(task, field)
        assert isinstance(task, ImageTask)
        if isinstance(task, UpscaleTask):
            return enlarge(task, field, self._recipe)
        if isinstance(task, DenoiseTask):
            return clean_picture(task, field)
        return fill(task, field, self._recipe)

    @property
    def _recipe(self) -> Recipe:
        patches = Patches(size=self.size, count=self.count, search=self.search)
        return Recipe(self.bend, self.slope, self.contrast, self.passes, patches)
