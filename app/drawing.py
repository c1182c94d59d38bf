"""The verbs `render` and `export`: pictures, meshes, signals and numbers from a saved field."""

import time
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data import MESH_SUFFIXES, Picture, PictureWriter, atomic_write, write_picture
from fields import Camera, SavedField, load_field, picture, shade
from fields.render import distance_in, strips

from . import signals
from .display import Share
from .folder import to_json
from .options import ExportOptions, FieldOptions, RenderOptions
from .pictures import quantise
from .placement import Placement
from .plans import refuse_flags
from .shape_result import check_resolution, make_mesh, write_result
from .shapes import described
from .signal_result import written, written_arrays
from .upscale import MAX_DRAWN

SIDE = 1024  # pixels of a shape's drawing, unless its size is given
MAX_SHADED = 4096 * 4096  # pixels: a shape's drawing is held in memory
LATTICE, MAX_LATTICE = 128, 512  # cells along an edge of an exported lattice
SHAPE_ONLY = ("azimuth", "elevation", "up", "resolution")
PICTURE_ONLY = ("region", "depth")
SIGNAL_ONLY = ("samples",)
LATER = ("onnx", "html")
ENDINGS = {"numpy": (".npz",), "tiff": (".tiff", ".tif")}  # of formats, if not just their names
IMAGES = (".png", ".tif", ".tiff")
Region = tuple[float, float, float, float]


def render(options: RenderOptions) -> dict[str, Any]:
    start = time.perf_counter()
    saved = _load(options)
    kind = saved.info.get("kind")
    path = options.out or options.field.parent / f"render.{'csv' if kind == 'signal' else 'png'}"
    if kind == "signal":
        _refuse(options, (*PICTURE_ONLY, *SHAPE_ONLY, "size"), "pictures and shapes", "a signal")
        return _end("render", options, written(saved, path, options.samples), path, start)
    _refuse(options, SIGNAL_ONLY, "signals", "none")
    if kind == "shape":
        _refuse(options, PICTURE_ONLY, "pictures", "a shape")
        found = _mesh(options, saved, path) if _is_mesh(path) else _shaded(options, saved, path)
    else:
        _refuse(options, SHAPE_ONLY, "shapes", "a picture")
        found = _drawn(saved, path, options.size, options.region, options.depth)
    return _end("render", options, found, path, start)


def export(options: ExportOptions) -> dict[str, Any]:
    start = time.perf_counter()
    if options.to in LATER:
        raise ValueError(f"--to {options.to} is not there yet; it comes with a later version.")
    saved = _load(options)
    suffixes = ENDINGS.get(options.to, (f".{options.to}",))
    path = options.out or options.field.parent / f"export{suffixes[0]}"
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"--to {options.to} needs an --out that ends in {suffixes[0]}.")
    if saved.info.get("kind") == "signal":
        if options.to != "numpy":
            raise ValueError(
                f"{options.field}: holds a signal; use --to numpy, or fieldfit render for a .csv."
            )
        _refuse(options, (*SHAPE_ONLY, "size"), "pictures and shapes", "a signal")
        found = written_arrays(saved, path, options.samples)
        return _end("export", options, found, path, start)
    _refuse(options, SIGNAL_ONLY, "signals", "none")
    if options.to == "numpy":
        found = _numbers(options, saved, path)
    elif saved.info.get("kind") == "shape":
        found = _mesh(options, saved, path) if _is_mesh(path) else _shaded(options, saved, path)
    else:
        if f".{options.to}" in MESH_SUFFIXES:
            raise ValueError(f"{options.field}: holds a picture, which has no mesh.")
        _refuse(options, SHAPE_ONLY, "shapes", "a picture")
        found = _drawn(saved, path, options.size, None, None)
    return _end("export", options, found, path, start)


def _load(options: FieldOptions) -> SavedField:
    device = "cuda" if options.device == "auto" and torch.cuda.is_available() else options.device
    saved = load_field(
        options.field, device="cpu" if device == "auto" else device, backend=options.backend
    )
    kind, field = saved.info.get("kind"), saved.field
    if kind == "shape" and (field.in_dim, field.out_dim) == (3, 1):
        return saved
    if kind == "signal" and field.in_dim == 1:
        return saved
    if kind != "image":
        raise ValueError(f"{options.field}: holds no picture, no shape and no signal.")
    return saved


def _end(
    verb: str, options: FieldOptions, found: dict[str, Any], path: Path, start: float
) -> dict[str, Any]:
    document = {
        "verb": verb,
        "input": str(options.field),
        **found,
        "seconds": {"total": time.perf_counter() - start},
        "files": {"result": str(path)},
    }
    print(to_json(document) if options.json else path, flush=True)
    return document


def _refuse(options: FieldOptions, names: tuple[str, ...], of: str, kind: str) -> None:
    """ValueError if a flag is given that says nothing of this kind of field."""
    refuse_flags(options, names, f"is for {of}; {options.field} holds {kind}")


def _is_mesh(path: Path) -> bool:
    return path.suffix.lower() in MESH_SUFFIXES


def _drawn(
    saved: SavedField, path: Path, wanted: str | None, part: str | None, bits: int | None
) -> dict[str, Any]:
    """A picture's drawing, a strip at a time."""
    size = (int(saved.info["size"][0]), int(saved.info["size"][1]))
    region = parse_region(part, size)
    out = parse_size(wanted, region)
    depth = bits or int(saved.info.get("depth", 8))
    icc = saved.info.get("icc")
    with PictureWriter(
        path, out[1], out[0], saved.field.out_dim, depth, b64decode(icc) if icc else None
    ) as writer:
        share = Share("render")
        for top, values in strips(saved.field, size, region=region, out=out):
            writer.write_rows(quantise(values.cpu(), depth))
            share.show((top + len(values)) / out[0])
            if signals.asked():
                raise KeyboardInterrupt
    return {"size": [out[1], out[0]], "region": list(region)}


def _shaded(options: FieldOptions, saved: SavedField, path: Path) -> dict[str, Any]:
    """A shape's picture in the light of a studio."""
    if path.suffix.lower() not in IMAGES:
        raise ValueError(
            f"{path}: must end in png or tiff for a picture, or in "
            f"{', '.join(s[1:] for s in MESH_SUFFIXES)} for a mesh."
        )
    if options.resolution is not None:
        raise ValueError(f"--resolution is for meshes; {path} is a picture, and has a --size.")
    out = parse_size(options.size, (0, 0, SIDE, SIDE), most=MAX_SHADED)
    values = distance_in(saved.field)
    coarse, _ = make_mesh(values, 64)
    given = {n: v for n in ("azimuth", "elevation", "up") if (v := vars(options)[n]) is not None}
    camera = Camera(**given)
    if len(coarse.vertices):
        camera = camera.framing(coarse.vertices, out)
    write_picture(path, Picture(shade(values, out, camera).numpy()))
    return {"size": [out[1], out[0]], "camera": camera.to_dict()}


def _mesh(options: FieldOptions, saved: SavedField, path: Path) -> dict[str, Any]:
    """A shape's mesh, in the units that its points came in."""
    refuse_flags(
        options, ("size", "azimuth", "elevation", "up"), f"is for pictures; {path} is a mesh"
    )
    placement = Placement.of_info(saved.info)
    resolution = check_resolution(options.resolution)
    mesh, evaluations = make_mesh(
        distance_in(saved.field), resolution, share=_stoppable(Share("extract"))
    )
    if not len(mesh.faces):
        raise ValueError(f"{options.field}: the field has no surface, so there is no mesh.")
    write_result(path, mesh, placement, None)
    return {"mesh": described(mesh, resolution, evaluations)}


def _stoppable(share: Share) -> Any:
    def show(done: float) -> None:
        share.show(done)
        if signals.asked():
            raise KeyboardInterrupt

    return show


def _numbers(options: ExportOptions, saved: SavedField, path: Path) -> dict[str, Any]:
    """An .npz file: `pixels` of a picture, or a shape's `values` on a lattice and where it lies."""
    _refuse(options, ("size", "azimuth", "elevation", "up"), "drawings", "numbers for --to numpy")
    if saved.info.get("kind") != "shape":
        _refuse(options, ("resolution",), "shapes", "a picture")
        h, w = (int(n) for n in saved.info["size"])
        pixels = picture(saved.field, (h, w)).cpu().numpy()
        with atomic_write(path) as file:
            np.savez(file, pixels=pixels)
        return {"arrays": {"pixels": list(pixels.shape)}}
    resolution = LATTICE if options.resolution is None else check_resolution(options.resolution)
    if resolution > MAX_LATTICE:
        raise ValueError(f"--resolution must be at most {MAX_LATTICE} for --to numpy.")
    placement = Placement.of_info(saved.info)
    axis = torch.linspace(-1, 1, resolution + 1)
    values = np.empty((resolution + 1,) * 3, np.float32)
    ask, show = distance_in(saved.field), _stoppable(Share("export"))
    for i, x in enumerate(axis):
        y, z = torch.meshgrid(axis, axis, indexing="ij")
        places = torch.stack([x.expand_as(y), y, z], dim=-1).view(-1, 3)
        values[i] = ask(places).view(len(axis), len(axis)).numpy() * placement.scale
        show((i + 1) / len(axis))
    corners = torch.tensor([[-1.0] * 3, [1.0] * 3])
    low, high = placement.out_of(corners)
    with atomic_write(path) as file:
        np.savez(file, values=values, low=low, high=high)
    return {"arrays": {"values": list(values.shape), "low": [3], "high": [3]}}


def parse_size(
    text: str | None, region: Region, most: int = MAX_DRAWN
) -> tuple[int, int]:
    """(height, width) from WIDTHxHEIGHT, either of which may be left out to keep the shape."""
    wide, high = region[2] - region[0], region[3] - region[1]
    if text is None:
        return max(1, round(high)), max(1, round(wide))
    left, x, right = text.lower().partition("x")
    try:
        if not x or not (left or right):
            raise ValueError
        width = int(left) if left else max(1, round(int(right) * wide / high))
        height = int(right) if right else max(1, round(int(left) * high / wide))
    except ValueError:
        raise ValueError(f"--size must be WIDTHxHEIGHT such as 1024x768, got {text!r}.") from None
    if width < 1 or height < 1 or width * height > most:
        raise ValueError(f"--size must be from 1x1 to {most:,} pixels in all, got {text!r}.")
    return height, width


def parse_region(
    text: str | None, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    if text is None:
        return 0.0, 0.0, float(size[1]), float(size[0])
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--region must be x0,y0,x1,y1 in pixels, got {text!r}.") from None
    inside = 0 <= x0 < x1 <= size[1] and 0 <= y0 < y1 <= size[0]
    if not inside:
        raise ValueError(
            f"--region must lie inside the picture of {size[1]}x{size[0]} pixels and not be empty, "
            f"got {text!r}."
        )
    return x0, y0, x1, y1
