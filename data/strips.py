"""A picture written row by row, in memory that does not grow with it."""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from .atomic import atomic_write
from .picture import MODES
from .png_rows import PngRows
from .tiff_rows import TiffRows

_ENCODERS = {".png": PngRows, ".tif": TiffRows, ".tiff": TiffRows}


class PictureWriter:
    """Writes a PNG or TIFF (by suffix) from the top down; a context manager.

    The file appears when the block ends with all `height` rows written; after an error, or with
    rows missing (ValueError), there is no file and what stood there before still stands.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        width: int,
        height: int,
        channels: int = 3,
        depth: int = 8,
        icc: bytes | None = None,
        *,
        dpi: tuple[float, float] | None = None,
    ) -> None:
        if width < 1 or height < 1 or max(width, height) >= 2**31:
            raise ValueError(f"{path}: width and height must be positive, got {width} x {height}.")
        if channels not in MODES:
            raise ValueError(f"{path}: channels must be 1, 2, 3 or 4, got {channels}.")
        if depth not in (8, 16):
            raise ValueError(f"{path}: depth must be 8 or 16, got {depth}.")
        if Path(path).suffix.lower() not in _ENCODERS:
            raise ValueError(f"{path}: must end in one of {', '.join(_ENCODERS)}.")
        self.path = path
        self.shape = (height, width, channels)
        self.dtype = np.dtype(np.uint8 if depth == 8 else np.uint16)
        self._icc, self._dpi = icc, dpi
        self._written = 0
        self._stack = ExitStack()
        self._encoder: PngRows | TiffRows | None = None

    def __enter__(self) -> Self:
        encoder = _ENCODERS[Path(self.path).suffix.lower()]
        self._written = 0
        with ExitStack() as stack:
            file = stack.enter_context(atomic_write(self.path))
            self._encoder = encoder(file, self.shape, self.dtype, self._icc, self._dpi)
            self._stack = stack.pop_all()  # from here on `__exit__` closes the file
        return self

    def write_rows(self, rows: np.ndarray[Any, Any]) -> None:
        """Appends `rows` [n, width, channels], of the dtype that `depth` says; n may vary."""
        if self._encoder is None:
            raise ValueError(f"{self.path}: use the PictureWriter in a with block.")
        if rows.ndim != 3 or rows.shape[1:] != self.shape[1:] or rows.dtype != self.dtype:
            raise ValueError(
                f"{self.path}: rows must be {self.dtype} [n, {self.shape[1]}, {self.shape[2]}], "
                f"got {rows.dtype} {list(rows.shape)}."
            )
        if self._written + len(rows) > self.shape[0]:
            raise ValueError(f"{self.path}: more than {self.shape[0]} rows were given.")
        self._encoder.write(rows)
        self._written += len(rows)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        encoder, self._encoder = self._encoder, None
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            if self._written < self.shape[0]:
                raise ValueError(
                    f"{self.path}: only {self._written} of {self.shape[0]} rows were given."
                )
            assert encoder is not None
            encoder.close()
