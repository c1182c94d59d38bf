"""What the Shape tab's handlers share: the shapes, how their runs begin, and files to take away."""

from dataclasses import dataclass, field
from pathlib import Path

from data import (
    MESH_SUFFIXES,
    SHAPE_SUFFIXES,
    load_shape_sample,
    read_shape,
    write_bytes,
    write_mesh,
    write_points,
)

from ..folder import RunFolder, default_folder
from ..placement import Placement
from ..preparing import FEWEST
from ..shape_result import check_format
from .limits import MAX_POINTS
from .originals import Originals
from .scene import given_scene, picture
from .server import Server, link, without_folder
from .shape_original import ShapeOriginal
from .shape_run import ShapeRun
from .shape_settings import ShapeSettings

SHAPE_KINDS = tuple(s for s in SHAPE_SUFFIXES if s != ".conf")  # which names other files


def _originals() -> Originals[ShapeOriginal]:
    return Originals("shape", "Drop a scan or a mesh first")


@dataclass
class ShapeServer:
    """The shapes of one server."""

    server: Server
    originals: Originals[ShapeOriginal] = field(default_factory=_originals)

    def find(self, id: str | None) -> ShapeRun | None:
        return self.server.runs.find(id, ShapeRun)

    def thumbnail(self, name: str) -> bytes:
        """A small JPEG of a sample."""
        return picture(given_scene(shape := load_shape_sample(name), Placement.of(shape)))

    def take(self, path: str) -> ShapeOriginal:
        """Keep an uploaded shape.

        Raises:
            ValueError: it cannot be read, in words for the person at the page.
        """
        source = Path(path)
        with without_folder(source):
            shape = read_shape(source, max_points=MAX_POINTS)
        return self._keep(ShapeOriginal(source.name, shape, self._scene_file(), source))

    def take_sample(self, name: str) -> ShapeOriginal:
        return self._keep(ShapeOriginal(name, load_shape_sample(name), self._scene_file()))

    def _scene_file(self) -> Path:
        return self.server.new_file("given.scene")

    def _keep(self, original: ShapeOriginal) -> ShapeOriginal:
        original.keep()
        return self.originals.add(original)

    def begin(self, original: ShapeOriginal, settings: ShapeSettings) -> ShapeRun:
        """Queue a run.

        Raises:
            ValueError: the queue is full, or the points are too few.
        """
        server = self.server
        server.runs.check_room()
        settings = settings.suited(original.shape)
        if not settings.surface and len(original.shape.points) < FEWEST:
            raise ValueError(
                f"{len(original.shape.points)} points are too few to show a surface; at least "
                f"{FEWEST} are needed."
            )
        folder = RunFolder(default_folder(Path(original.name).stem, server.home))
        path = keep_input(folder, original, settings)
        run = ShapeRun(
            original, settings, folder, server.cache, settings.command(path), server.limits
        )
        server.runs.submit(run)
        return run

    def field_file(self, run: ShapeRun, method: str) -> Path:
        """A method's field, where the page may fetch it.

        Raises:
            ValueError: the files are gone.
        """
        return self._shared(run, results(run, method) / "field.safetensors", f"-{method}")

    def report_file(self, run: ShapeRun) -> Path:
        """The report, where the page may fetch it.

        Raises:
            ValueError: the files are gone.
        """
        return self._shared(run, run.folder.path / "report.html", "")

    def mesh_file(self, run: ShapeRun, method: str, suffix: str) -> Path:
        """A method's mesh as a kind of file, where the page may fetch it.

        Raises:
            ValueError: the files are gone, there is no mesh, or it cannot be such a file.
        """
        if suffix not in MESH_SUFFIXES:
            raise ValueError(f"A mesh must be one of {', '.join(MESH_SUFFIXES)}, not {suffix!r}.")
        if run.described(method)["mesh"] is None:
            raise ValueError(f"{method} has no mesh: {run.described(method)['problem']}")
        made = results(run, method) / "result.ply"
        if suffix == ".ply":
            return self._shared(run, made, f"-{method}")
        target = self.server.place(run, suffix, f"-{method}")
        if not target.is_file():
            shape = read_shape(made)
            check_format(shape, suffix)
            assert shape.faces is not None
            write_mesh(target, shape.points, shape.faces, shape.normals, shape.colours)
        return target

    def _shared(self, run: ShapeRun, path: Path, ending: str) -> Path:
        target = self.server.place(run, path.suffix, ending)
        try:
            link(path, target)
        except OSError as error:
            raise ValueError(f"The files of this run are gone: {error.strerror}.") from None
        return target


def results(run: ShapeRun, method: str) -> Path:
    """Where a method's files are."""
    return run.folder.path / method if len(run.methods) > 1 else run.folder.path


def keep_input(folder: RunFolder, original: ShapeOriginal, settings: ShapeSettings) -> Path:
    """Put the shape beside the results, so that the command can be repeated."""
    shape, source = original.shape, original.source
    whole = shape.is_mesh == settings.surface
    if whole and source is not None and source.is_file():
        path = folder.add("input", f"input{source.suffix.lower()}")
        write_bytes(path, source.read_bytes())
        return path
    path = folder.add("input", "input.ply")
    if settings.surface:
        assert shape.faces is not None
        write_mesh(path, shape.points, shape.faces, shape.normals, shape.colours)
    else:  # of a mesh its points alone, which are a cloud
        write_points(path, shape.points, shape.normals, shape.colours)
    return path
