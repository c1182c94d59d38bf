"""What is done with shapes: a signed distance field is fitted, and a mesh made of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from data import Picture
from fields import Mesh, ShapeTask, Snapshot
from fields.render import distance_in

from .clean import Clean
from .folder import RunFolder
from .jobs import AbstractJob, write_frame
from .measures import SHAPE, Subject
from .preparing import Prepared
from .race import Entrant, Plan, to_uint8
from .shape_result import Colours, make_mesh, trimmed, write_preview, write_result
from .trace import Trace
from .truth import Values

SOUGHT = 35  # places that are asked for, about, for each square of the box seen from one side
NO_SURFACE = "no surface was found: give more --steps or --seconds"


@dataclass
class ShapeJob(AbstractJob[ShapeTask]):
    """A shape, and what is to be done with it.

    Attributes:
        verb: `points`, `mesh` or `compare`.
        resolution: cells along an edge of the box, of which the mesh is made.
        suffix: of the mesh's file.
        trim: distance from the points, in their unit, beyond which there is no surface.
        loading, preparing: seconds that it took before the fit.
        extracting, measuring: seconds that it took after it.
    """

    verb: str
    name: str
    prepared: Prepared
    plans: list[Plan]
    command: str
    resolution: int
    suffix: str = ".ply"
    trim: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    loading: float = 0.0
    preparing: float = 0.0
    notes: list[str] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    clean: Clean | None = None
    subject: Subject = SHAPE
    extracting: float = 0.0
    measuring: float = 0.0

    def __post_init__(self) -> None:
        self.task = self.prepared.task
        said = (self.prepared.shape.note, *self.prepared.notes, *self.notes, self.prepared.how)
        self.notes = [sentence(note) for note in said if note]
        if self.trim is not None:
            self.notes.append(
                f"What lies further than {self.trim:g} from every point was removed: the mesh is "
                "open there, and not watertight."
            )

    @property
    def points(self) -> float:
        return SOUGHT * self.resolution**2

    @property
    def word(self) -> str:
        return "as given"

    @cached_property
    def colours(self) -> Colours | None:
        values = self.prepared.shape.colours
        return None if values is None else Colours(self.prepared.points, values)

    def target(self, entrant: Entrant) -> Tensor:
        return to_uint8(entrant.recorder.target())

    def info(self, trace: Trace) -> dict[str, Any]:
        found = self._found()
        return {
            "kind": "shape",
            **self.prepared.placement.info(),
            "noise": found["noise"],
            "spacing": found["spacing"],
            "name": self.prepared.shape.name,
        }

    def facts(self, trace: Trace) -> dict[str, Any]:
        shape = self.prepared.shape
        about = {
            "points": len(shape.points),
            "faces": 0 if shape.faces is None else len(shape.faces),
            "low": shape.low.tolist(),
            "high": shape.high.tolist(),
            "normals": shape.normals is not None,
            "colours": shape.colours is not None,
            "note": shape.note,
            **self._found(),
        }
        return {"shape": about} | trace.result

    def _found(self) -> dict[str, Any]:
        """What was found out about the points, lengths in their unit."""
        surfels, grown = self.prepared.surfels, self.prepared.placement.grown
        if surfels is None:
            return {"noise": None, "spacing": None, "orientation": {"how": self.prepared.how}}
        return {
            "noise": grown(surfels.noise),
            "spacing": grown(surfels.spacing),
            "orientation": {
                "score": surfels.score,
                "trusted": surfels.trusted,
                "how": surfels.how,
            },
        }

    def seconds(self, fit: float, export: float, since: float) -> dict[str, float]:
        return {
            "load": self.loading,
            "prepare": self.preparing,
            "fit": fit,
            "extract": self.extracting,
            "measure": self.measuring,
            "export": export - self.extracting - self.measuring,
            "total": self.loading + self.preparing + since,
        }

    def make_result(
        self, folder: RunFolder, entrant: Entrant, made: Callable[[], None]
    ) -> None:
        """The mesh of the field as it is, a picture of it, and how near it is to the shape.

        A field without a surface, as after a fit that was lost, leaves no mesh, and says so.
        """
        trace, values = entrant.trace, distance_in(entrant.field)
        try:
            mesh, evaluations = self._extracted(values, entrant, made)
        except ValueError as error:  # a surface like noise, of too many triangles
            trace.result = {"mesh": None, "problem": str(error)}
            return
        if not len(mesh.faces):
            trace.result = {"mesh": None, "problem": f"{NO_SURFACE}."}
            return
        placement = self.prepared.placement
        write_result(
            folder.add("result", f"result{self.suffix}"), mesh, placement, self.colours
        )
        write_preview(
            folder.add("preview", "preview.png"),
            values,
            self.prepared.points,
            self.colours,
            entrant.recorder.rate,
        )
        trace.result = {"mesh": described(mesh, self.resolution, evaluations)}
        tick = time.perf_counter()
        trace.metrics = self._measured(mesh, values, entrant)
        self.measuring += time.perf_counter() - tick

    def _extracted(
        self, values: Values, entrant: Entrant, made: Callable[[], None]
    ) -> tuple[Mesh, int]:
        tick = time.perf_counter()

        def share(done: float) -> None:
            entrant.draw(done, time.perf_counter() - tick)
            made()

        try:
            mesh, evaluations = make_mesh(
                values, self.resolution, near=self.task.points, share=share
            )
            if self.trim is not None:
                distance = self.prepared.placement.shrunk(self.trim)
                mesh = trimmed(mesh, self.prepared.points, distance)
            return mesh, evaluations
        finally:
            self.extracting += time.perf_counter() - tick

    def _measured(self, mesh: Mesh, values: Values, entrant: Entrant) -> dict[str, float]:
        found: dict[str, float] = {}
        for truth in self.prepared.truths:
            found |= truth.measure(mesh)
        if self.prepared.solid is not None:
            found["iou"] = self.prepared.solid.iou(values)
        seen = self.task.evaluate(entrant.field)
        if self.prepared.surfels is not None:
            del seen["distance_error"]  # a cloud has no true distance
        return found | {"watertight": mesh.watertight} | seen

    def keep_look(self, path: Path, trace: Trace, snapshot: Snapshot) -> None:
        write_frame(path, Picture(snapshot.frame.numpy()))


def described(mesh: Mesh, resolution: int, evaluations: int) -> dict[str, Any]:
    """What run.json says of a mesh."""
    return {
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "components": int(mesh.components().max()) + 1,
        "watertight": mesh.watertight,
        "resolution": resolution,
        "evaluations": evaluations,
    }


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."
