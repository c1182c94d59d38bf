"""The shapes that people brought, kept on the server; the page has only what a viewer shows."""

import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from data import Shape
from fields import Camera

from ..placement import Placement
from ..preparing import Prepared
from .scene import Scene, given_scene, picture

VIEW = (512, 512)  # pixels, to find the zoom at which a shape fills a view


@dataclass
class ShapeOriginal:
    """A shape as it was brought.

    Attributes:
        name: of the file, without its folder.
        source: the uploaded file; None for a sample.
        shown: file with its scene.
        prepared: what was made of it last, and how it was asked for: seconds of work that the next
            run need not do again.
    """

    name: str
    shape: Shape
    shown: Path
    source: Path | None = None
    prepared: tuple[tuple[object, ...], Prepared] | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def nbytes(self) -> int:
        shape = self.shape
        arrays = (shape.points, shape.faces, shape.normals, shape.colours)
        return sum(array.nbytes for array in arrays if array is not None)

    @cached_property
    def placement(self) -> Placement:
        return Placement.of(self.shape)

    @cached_property
    def scene(self) -> Scene:
        return given_scene(self.shape, self.placement)

    @cached_property
    def zoom(self) -> float:
        """At which it fills a view."""
        return Camera().framing(self.scene.points, VIEW).zoom

    @cached_property
    def picture(self) -> bytes:
        """A small JPEG of it."""
        return picture(self.scene)

    def keep(self) -> None:
        """Write what the viewer fetches."""
        self.shown.write_bytes(self.scene.encode())
