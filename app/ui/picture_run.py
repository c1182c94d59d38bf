"""The run of a picture."""

from functools import cached_property

from fields import Snapshot

from ..folder import RunFolder
from ..pictures import Job
from ..race import Entrant
from ..trace import Trace
from .job_run import JobRun, evenly
from .previews import data_uri, flat, jpeg, thumbnail
from .run import Frame, Moment
from .settings import INDIRECT, Settings


class PictureRun(JobRun):
    """A job on a picture.

    Attributes:
        before: what the result is compared with.
        compared: the part of it that is compared closely.
    """

    tab = "image"
    preparing = "The fit is about to begin."
    too_large = "try a smaller picture"
    saving = "The pictures are drawn at full size, measured, and saved"

    def __init__(
        self,
        job: Job,
        folder: RunFolder,
        settings: Settings,
        original: str,
        before: bytes,
        detail: bytes | None = None,
    ) -> None:
        methods = [plan.method for plan in job.plans]
        super().__init__(
            job.name, job.command, methods, folder, job.task.drawn, original, before
        )
        self.job: Job | None = job
        self.settings, self.compared = settings, detail or before
        self.notes = job.notes

    @cached_property
    def small_before(self) -> bytes:
        """As large as it is shown beside others."""
        return thumbnail(self.before, 800)

    def make(self) -> Job:
        assert self.job is not None
        return self.job

    def seen(self, metrics: dict[str, float]) -> dict[str, float]:
        """To come near what was given, a noisy picture or a small one, is not the aim; and the
        pixels around a hole are kept anyway."""
        if self.settings.task not in INDIRECT:
            return metrics
        found = {k: v for k, v in metrics.items() if k not in ("psnr", "ssim")}
        if self.settings.task != "Inpaint" and "psnr" in metrics:
            found["given_psnr"] = metrics["psnr"]
        return found

    def frame(self, snapshot: Snapshot) -> Frame:
        assert self.job is not None
        icc = self.job.picture.icc
        return Frame(snapshot.frame, lambda pixels: data_uri(jpeg(flat(pixels.numpy()), icc, 80)))

    def looked(self, number: int, entrant: Entrant) -> None:
        """Its frame is all that is kept."""

    def moments(self, number: int, trace: Trace) -> list[Moment]:
        return [self.packed(trace, s) for s in evenly(trace.snapshots)]

    def drop(self) -> None:
        self.job = None  # and with it the picture and the fields
