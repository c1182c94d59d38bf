"""Fields on disk: safetensors, with one JSON document that says how to build and read them."""

import dataclasses
import json
import os
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .field import Field, FieldSpec
from .placing import backend_of

FORMAT = 1  # raised when an older program could no longer read the file
KEY = "fieldfit"
MAX_HEADER = 16 * 2**20  # bytes of JSON before the tensors
MAX_FILE = 2**33


@dataclass(frozen=True)
class SavedField:
    """A field with what its file says of it.

    Attributes:
        spec: how it was built.
        info: whatever was saved beside it, JSON values: `size` of the picture, `mode`, `icc`,
            `metrics`, ...
    """

    field: Field
    spec: FieldSpec
    info: dict[str, Any] = dataclasses.field(default_factory=dict)


def field_parts(
    model: Field, spec: FieldSpec, info: dict[str, Any]
) -> Iterator[bytes | memoryview]:
    """The file's contents, piece by piece: the tensors are not copied."""
    document = {
        "format": FORMAT,
        # A run that ends early has fewer stages than it was to have.
        "spec": dataclasses.replace(spec, stages=model.stages).to_dict(),
        "in_dim": model.in_dim,
        "out_dim": model.out_dim,
        "info": info,
    }
    header: dict[str, Any] = {"__metadata__": {KEY: json.dumps(document, allow_nan=False)}}
    tensors = [t.detach() for t in model.state_dict().values()]
    end = 0
    for name, tensor in zip(model.state_dict(), tensors, strict=True):
        start, end = end, end + tensor.numel() * tensor.element_size()
        kind = {torch.float32: "F32", torch.float64: "F64"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield struct.pack("<Q", len(text)) + text
    for tensor in tensors:
        yield memoryview(tensor.cpu().contiguous().numpy().reshape(-1)).cast("B")


def save_field(path: str | Path, model: Field, spec: FieldSpec, info: dict[str, Any]) -> None:
    """Write a field; the file appears whole or not at all."""
    path = Path(path)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(field_parts(model, spec, info))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def load_field(
    path: str | Path, *, device: str = "cpu", backend: str = "auto", max_values: int = 2**29
) -> SavedField:
    """Read a field that `save_field` wrote. Nothing in the file is executed.

    Args:
        max_values: refuse fields with more parameters than this, before allocating any.

    Raises:
        ValueError: the file is no field, is damaged, too large, or from a newer format.
    """
    path = Path(path)
    document, shapes, doubles = _read_header(path)
    try:
        spec = FieldSpec.from_dict(document["spec"])
        in_dim, out_dim = int(document["in_dim"]), int(document["out_dim"])
        info = document["info"]
        if not (1 <= in_dim <= 64 and 1 <= out_dim <= 1024 and isinstance(info, dict)):
            raise ValueError(f"it maps {in_dim} coordinates to {out_dim} values.")
        _check_shapes(spec, in_dim, out_dim, shapes, max_values)
        name, _ = backend_of(backend, spec.encoding, torch.device(device), in_dim, doubles=doubles)
        # All of a field's state is in the file, so that nothing need be allocated twice.
        with torch.device("meta"):
            model = spec.build(in_dim, out_dim, torch.Generator(), backend=name)
        model.load_state_dict(load_file(path), assign=True)
    except (KeyError, TypeError, ValueError, OverflowError, SafetensorError) as error:
        raise ValueError(f"{path}: not a field that can be read: {error}") from None
    return SavedField(model.to(device).eval(), spec, info)


def _read_header(path: Path) -> tuple[dict[str, Any], dict[str, list[int]], bool]:
    """The document, the tensors' shapes, checked against the size of the file, and whether any is
    of doubles."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else -1
            if not 2 <= length <= min(MAX_HEADER, size - 8) or size > MAX_FILE:
                raise ValueError("it is no safetensors file, or cut short.")
            header = json.loads(file.read(length))
        metadata = header.pop("__metadata__")
        document = json.loads(metadata[KEY])
        if document["format"] > FORMAT:
            raise ValueError(f"it has format {document['format']}; update fieldfit to read it.")
        shapes = {name: list(entry["shape"]) for name, entry in header.items()}
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        if 8 + length + end != size:
            raise ValueError("it is cut short.")
        kinds = {entry["dtype"] for entry in header.values()}
        if not kinds <= {"F32", "F64"}:
            raise ValueError("its tensors must be float32 or float64.")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}.") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) and str(error).startswith("it") else (
            "it holds no fieldfit document."
        )
        raise ValueError(f"{path}: not a field that can be read: {why}") from None
    return document, shapes, "F64" in kinds


def _check_shapes(
    spec: FieldSpec, in_dim: int, out_dim: int, shapes: dict[str, list[int]], max_values: int
) -> None:
    """That the spec describes the tensors in the file, before either is allocated."""
    with torch.device("meta"):
        model = spec.build(in_dim, out_dim, torch.Generator())
    wanted = {name: list(t.shape) for name, t in model.state_dict().items()}
    if wanted != shapes:
        raise ValueError("its tensors do not fit its description.")
    values = sum(t.numel() for t in model.state_dict().values())
    if values > max_values:
        raise ValueError(f"it holds {values:,} values, more than {max_values:,}.")
