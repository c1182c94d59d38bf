"""The run of a shape: prepared when its turn comes, with meshes of what it was like on the way."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from fields import Snapshot, load_field
from fields.render import distance_in
from fields.space import SIDE

from ..folder import RunFolder
from ..preparing import Prepared, prepare_mesh, prepare_points
from ..race import Entrant
from ..shape_result import make_mesh, trimmed
from ..shapes import SOUGHT, ShapeJob, sentence
from ..trace import Trace
from ..truth import Values
from .job_run import JobRun
from .limits import Limits
from .previews import data_uri, on_nothing
from .run import Frame, Moment
from .scene import mesh_scene
from .shape_original import ShapeOriginal
from .shape_settings import ShapeSettings

FRAME = (256, 256)
STAGES = (0.0, 0.004, 0.01, 0.025, 0.06, 0.15, 0.35, 0.7)  # shares of the budget, to go back to
CELLS = (128, 96, 64, 48, 32)  # of the meshes that are shown, the first that takes no longer than
STAGE_SECONDS, LAST_SECONDS = 0.3, 2.0  # for one on the way, for the last
COARSE = 96  # of those on the way at most


@dataclass(frozen=True)
class Found:
    """What was found out about a shape.

    Attributes:
        how: what was done about normals, noise or holes, in a sentence or two.
        noise: of a cloud, in per cent of the longest side; None of a mesh.
        score: of a cloud, how far its orientation leaves the surface from its points; None of a
            mesh.
        trusted: whether the orientation can be relied on.
    """

    how: str = ""
    noise: float | None = None
    score: float | None = None
    trusted: bool = True

    @classmethod
    def of(cls, prepared: Prepared) -> "Found":
        how, surfels = sentence(prepared.how), prepared.surfels
        if surfels is None:
            return cls(how)
        return cls(how, 100 * surfels.noise / SIDE, surfels.score, surfels.trusted)


class ShapeRun(JobRun):
    """A job on a shape.

    Attributes:
        given: file with the scene of what was brought.
        zoom: at which it fills a view.
        cloud: whether points are fitted, not a mesh.
        found: what is known of them once they are prepared.
    """

    tab = "shape"
    preparing = "Noise, normals and distances are found first, which takes some seconds."
    too_large = "try a smaller shape, or a lower resolution"
    saving = "The meshes are extracted, measured, and saved"

    def __init__(
        self,
        original: ShapeOriginal,
        settings: ShapeSettings,
        folder: RunFolder,
        cache: Path,
        command: str,
        limits: Limits,
    ) -> None:
        super().__init__(
            original.name, command, settings.methods, folder, FRAME, original.id, original.picture
        )
        self.settings, self.limits = settings, limits
        self.given, self.zoom, self.cloud = original.shown, original.zoom, not settings.surface
        self.source: ShapeOriginal | None = original
        self.job: ShapeJob | None = None
        self.found = Found()
        self._cache = cache / self.id
        self._cache.mkdir()
        self._rates = [0.0 for _ in settings.methods]
        self._due = [0 for _ in settings.methods]
        self._stages: list[list[Moment]] = [[] for _ in settings.methods]

    def make(self) -> ShapeJob:
        original, settings = self.source, self.settings
        assert original is not None
        tick = time.perf_counter()
        prepared = prepare(original, settings)
        plans = settings.plans(prepared.task, self.limits.seconds)
        self.job = ShapeJob(
            settings.verb,
            original.name,
            prepared,
            plans,
            self.command,
            settings.resolution,
            trim=settings.trim,
            options=settings.options(),
            preparing=time.perf_counter() - tick,
        )
        self.found, self.notes = Found.of(prepared), self.job.notes
        return self.job

    def seen(self, metrics: dict[str, float]) -> dict[str, float]:
        return metrics

    def frame(self, snapshot: Snapshot) -> Frame:
        return Frame(
            snapshot.frame, lambda pixels: data_uri(on_nothing(pixels.numpy()), "image/webp")
        )

    def looked(self, number: int, entrant: Entrant) -> None:
        """Keep a mesh of it, if one is due."""
        snapshot, progress = entrant.looked, entrant.progress
        assert snapshot is not None
        assert progress is not None
        due = sum(share <= progress.share for share in STAGES)
        if due <= self._due[number]:
            return
        self._due[number] = due
        values, rate = distance_in(entrant.field), entrant.recorder.rate
        self._rates[number] = rate
        # Of a field that has learned little yet, all of the lattice may have to be looked at.
        cells = next((n for n in CELLS if n <= COARSE and n**3 <= rate * STAGE_SECONDS), CELLS[-1])
        scene = self._scene(number, due, values, cells)
        self._stages[number].append(replace(self.packed(entrant.trace, snapshot), scene=scene))

    def moments(self, number: int, trace: Trace) -> list[Moment]:
        last = self.packed(trace, trace.snapshots[-1])
        scene = None
        if trace.result["mesh"] is not None:
            rate = self._rates[number]
            where = self.folder.path if len(self.now) == 1 else self.folder.path / trace.method
            field = load_field(where / "field.safetensors").field
            cells = next((n for n in CELLS if SOUGHT * n * n <= rate * LAST_SECONDS), CELLS[-1])
            cells = min(cells, self.settings.resolution)
            scene = self._scene(number, len(STAGES) + 1, distance_in(field), cells)
        stages = self._stages[number]
        earlier = [replace(m, end=trace.end) for m in stages if m.step < last.step]
        return [*earlier, replace(last, scene=scene)]

    def _scene(self, number: int, stage: int, values: Values, cells: int) -> Path | None:
        """The surface of a field, written where the page may fetch it; None if there is none."""
        job = self.job
        assert job is not None
        try:
            mesh, _ = make_mesh(values, cells, near=job.task.points)
        except ValueError:  # a surface like noise, of too many triangles
            return None
        if self.settings.trim is not None:
            distance = job.prepared.placement.shrunk(self.settings.trim)
            mesh = trimmed(mesh, job.prepared.points, distance)
        if not len(mesh.faces):
            return None
        colours = None if job.colours is None else job.colours.at(mesh.vertices)
        path = self._cache / f"{number}-{stage}.scene"
        path.write_bytes(mesh_scene(mesh, colours).encode())
        return path

    def drop(self) -> None:
        self.job = self.source = None  # and with them the shape and the fields


def prepare(original: ShapeOriginal, settings: ShapeSettings) -> Prepared:
    """The task, as it was made for the last run if that asked for the same."""
    asked = settings.surface, settings.flip, settings.scanner, settings.holdout, settings.seed
    if original.prepared is not None and original.prepared[0] == asked:
        return original.prepared[1]
    original.prepared = None  # before the next takes its memory
    if settings.surface:
        found = prepare_mesh(original.shape, seed=settings.seed)
    else:
        found = prepare_points(
            original.shape,
            flip=settings.flip,
            scanner=settings.scanner,
            holdout=settings.holdout,
            seed=settings.seed,
        )
    original.prepared = asked, found
    return found
