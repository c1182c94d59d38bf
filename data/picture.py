"""A picture in memory: its pixels exactly as the file stores them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_BLOCK = 1 << 22  # values converted at a time, so that temporaries stay small


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels with their colour profile; grey, grey + alpha, RGB or RGBA.

    `pixels` is [height, width, channels], uint8 or uint16 over its full range, not premultiplied,
    upright. `icc` is the embedded colour profile (None: sRGB is assumed); `dpi` is
    (horizontal, vertical), if known; `kind` says what file it was read from, such as 'TIFF', if
    any. ValueError if the pixels are anything else.
    """

    pixels: np.ndarray[Any, Any]
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if dtype not in (np.uint8, np.uint16):
            raise ValueError(f"Picture.pixels must be uint8 or uint16, got {dtype}.")
        if len(shape) != 3 or shape[2] not in MODES or 0 in shape:
            raise ValueError(f"Picture.pixels must be [height, width, 1 to 4], got {list(shape)}.")

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return self.pixels.shape[1]

    @property
    def channels(self) -> int:
        """Values in a pixel, 1 to 4; the last of 2 or of 4 is alpha."""
        return self.pixels.shape[2]

    @property
    def mode(self) -> str:
        """'L', 'LA', 'RGB' or 'RGBA'."""
        return MODES[self.channels]

    @property
    def depth(self) -> int:
        """Bits in a value, 8 or 16."""
        return 8 * self.pixels.dtype.itemsize

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    def tensor(self) -> Tensor:
        """The pixels as float32 in [0, 1], shape [height, width, channels]; a copy."""
        import torch

        return torch.from_numpy(self.pixels.astype(np.float32)).div_(_top(self.depth))

    @classmethod
    def from_tensor(
        cls,
        values: Tensor,
        depth: int = 8,
        icc: bytes | None = None,
        dpi: tuple[float, float] | None = None,
    ) -> Picture:
        """The picture nearest to `values` [height, width, 1 to 4], a float tensor on any device.

        Values outside [0, 1] are clamped; NaN is a ValueError.
        """
        if values.ndim != 3 or not values.is_floating_point():
            raise ValueError(
                "values must be a float tensor [height, width, channels], "
                f"got {values.dtype} {list(values.shape)}."
            )
        pixels = np.empty(tuple(values.shape), _dtype(depth))
        rows = max(1, _BLOCK // max(1, values.shape[1] * values.shape[2]))
        for top in range(0, values.shape[0], rows):
            block = values[top : top + rows].detach().float().cpu().numpy()
            pixels[top : top + rows] = _quantised(block, depth)
        return cls(pixels, icc, dpi)

    def with_depth(self, depth: int) -> Picture:
        """The same picture with 8 or 16 bits; fewer bits round to the nearest value."""
        if _dtype(depth) == self.pixels.dtype:
            return self
        if depth == 16:
            pixels = self.pixels.astype(np.uint16) * np.uint16(257)
        else:
            pixels = (self.pixels // 257 + (self.pixels % 257 > 128)).astype(np.uint8)
        return Picture(pixels, self.icc, self.dpi, self.kind)


def _dtype(depth: int) -> np.dtype[Any]:
    if depth not in (8, 16):
        raise ValueError(f"depth must be 8 or 16, got {depth}.")
    return np.dtype(np.uint8 if depth == 8 else np.uint16)


def _top(depth: int) -> int:
    return 2**depth - 1


def _quantised(values: np.ndarray[Any, Any], depth: int) -> np.ndarray[Any, Any]:
    if np.isnan(values).any():
        raise ValueError("values must be numbers, got NaN; the fit has diverged.")
    return np.rint(values.clip(0, 1) * np.float32(_top(depth)))
