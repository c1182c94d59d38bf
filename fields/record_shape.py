"""What happened during the fit of a shape: its surface coarse to fine, and the errors."""

import math
import time

import torch
from torch import Tensor

from .fit import Progress
from .raycast import Camera, shade
from .record import Pace, Recorder, Snapshot, Watch
from .record_signal import SignalRecorder
from .render import distance_in
from .space import SIDE
from .spectrum import band_error, band_power, bands
from .tasks import ImageTask, ShapeTask, SignalTask, Task
from .tasks.shape import Distance

SIDES = 80, 256  # pixels along a frame's sides, at least and at most
ASKED = 16  # times that the field is asked for a pixel
SHADING = 0.12  # seconds that a frame may take
GLANCE = 80  # pixels along a glance's sides
PACE = Pace(looking=0.15, glancing=0.02, overdue=2.0)  # a frame takes as long as many steps
LATTICE = 32  # points along an axis, at which frequencies are followed
CLIP = 0.1  # distances beyond it are alike, so that the surface is what has frequencies
MEASURED = 8192  # probes


class ShapeRecorder(Watch):
    """Looks at a shape's field while it is fitted: pictures of its surface, its mean error in
    percent of the longest side, and the error of the distance by frequency.

    The first look says how fast the field is, and so how large the frames can be.
    """

    def __init__(self, task: ShapeTask, *, remember: bool = True) -> None:
        super().__init__(remember=remember, pace=PACE)
        self.task, self.side = task, 0
        self.camera = Camera().framing(task.points, (SIDES[1], SIDES[1]))
        step = max(1, len(task.probes) // MEASURED)
        self.probes, self.probed = task.probes[::step], task.probed[::step]
        axis = (2 * torch.arange(LATTICE) + 1 - LATTICE) / LATTICE
        self.lattice = torch.cartesian_prod(axis, axis, axis)
        self.truth = task.distance(self.lattice).clamp(-CLIP, CLIP).view(*[LATTICE] * 3, 1)
        self.edges = bands(LATTICE, LATTICE, LATTICE)
        self._power = band_power(self.truth, self.edges)

    def full(self, progress: Progress) -> Snapshot:
        tick = time.perf_counter()
        values = distance_in(progress.field)(self.lattice)
        values = values.clamp(-CLIP, CLIP).nan_to_num(CLIP)
        self.rate = len(self.lattice) / max(time.perf_counter() - tick, 1e-6)
        errors = band_error(values.view_as(self.truth), self.truth, self.edges, self._power)
        if not self.side:
            side = math.sqrt(SHADING * self.rate / ASKED) // 16 * 16
            self.side = int(min(SIDES[1], max(SIDES[0], side)))
        return self._snapshot(progress, self.side, tuple(errors.tolist()))

    def quick(self, progress: Progress) -> Snapshot:
        return self._snapshot(progress, GLANCE, ())

    def good(self, snapshot: Snapshot) -> float:
        return -snapshot.metrics["distance_error"]

    def power(self) -> Tensor:
        return self._power

    def target(self) -> Tensor:
        """The surface that is fitted, float32 [h, w, 3]."""
        return self._frame(self.task.distance, self.side or SIDES[1]).float() / 255

    def _snapshot(self, progress: Progress, side: int, errors: tuple[float, ...]) -> Snapshot:
        distance = distance_in(progress.field)
        error = (distance(self.probes) - self.probed).abs().mean()
        metrics = {"distance_error": 100 / SIDE * float(error)}
        frame = self._frame(distance, side)
        return Snapshot(progress.step, progress.seconds, progress.loss, frame, metrics, errors)

    def _frame(self, values: Distance, side: int) -> Tensor:
        """The surface on white: uint8 [side, side, 3]."""
        drawn = shade(values, (side, side), self.camera).int()
        opacity = drawn[..., 3:]
        return ((drawn[..., :3] * opacity + 255 * (255 - opacity)) // 255).to(torch.uint8)


def recorder(task: Task, *, remember: bool = True) -> Watch:
    """What looks at the fits of a task.

    Raises:
        TypeError: nobody knows how to.
    """
    if isinstance(task, ImageTask):
        return Recorder(task, remember=remember)
    if isinstance(task, ShapeTask):
        return ShapeRecorder(task, remember=remember)
    if isinstance(task, SignalTask):
        return SignalRecorder(task, remember=remember)
    raise TypeError(f"no recorder is known for {type(task).__name__}.")
