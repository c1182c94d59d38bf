"""A picture to be enlarged: by how much, and how near the result is to one that was shrunk."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from data import Picture
from fields import UpscaleTask
from fields.record import View
from fields.shrink import Shrink
from fields.tasks.upscale import MAX_SCALE, Blur

from .clean import Clean

MAX_DRAWN = 10**9  # pixels of a drawing
STRIP = 256  # rows that are shrunk at a time

WORDS = {
    "box": "means over their squares",
    "gaussian": "means under a Gaussian of half a pixel's deviation",
    "none": "the values at their centres",
}


@dataclass(frozen=True)
class Enlarged:
    """A picture to be enlarged.

    Attributes:
        source: the picture that was given.
        picture: the one that is fitted: the same, or it shrunk.
        clean: what the result should be, if that is known.
    """

    source: Picture
    picture: Picture
    task: UpscaleTask
    clean: Clean | None

    def keys(self) -> dict[str, Any]:
        """What run.json says of it."""
        high, wide = self.task.drawn
        found: dict[str, Any] = {"drawn": {"width": wide, "height": high}}
        if self.clean is not None:
            source = self.source
            found["picture"] = {
                "width": source.width,
                "height": source.height,
                "mode": source.mode,
                "depth": source.depth,
            }
            found["reduced"] = {"width": self.picture.width, "height": self.picture.height}
        return found

    def notes(self) -> list[str]:
        task, (high, wide) = self.task, self.task.drawn
        found = [
            f"Enlarged {task.scale:g} times, from {self.picture.width}×{self.picture.height} to "
            f"{wide}×{high} pixels, which are taken to be such that the pixels given are "
            f"{WORDS[task.blur]}.",
            "PSNR and SSIM say whether the enlarged picture, shrunk in that way, gives back the "
            "one that was fitted.",
        ]
        if self.clean is not None:
            found.append(
                "The picture was shrunk first, to try it out; what it was before is the clean "
                "picture that the result is measured against."
            )
        return found


def make_enlarged(
    picture: Picture, *, scale: float, blur: Blur = "box", reduce: bool = False
) -> Enlarged:
    """The task of a picture to be enlarged.

    Args:
        reduce: shrink the picture by the scale first; it is then what the result is measured
            against.

    Raises:
        ValueError: the scale is out of range, or not for this picture.
    """
    if not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"--scale must be from 1 to {MAX_SCALE:g}, got {scale:g}.")
    clean, small = None, picture
    if reduce:
        clean, small = _reduced(picture, scale, blur)
    task = UpscaleTask(torch.from_numpy(small.pixels), scale=float(scale), blur=blur)
    if math.prod(task.drawn) > MAX_DRAWN:
        raise ValueError(
            f"--scale {scale:g} makes {math.prod(task.drawn) / 1e6:,.0f} megapixels of this "
            f"picture; at most {MAX_DRAWN // 10**6:,} are drawn. Use a smaller --scale."
        )
    return Enlarged(picture, small, task, None if clean is None else Clean(clean))


def _reduced(picture: Picture, scale: float, blur: Blur) -> tuple[Picture, Picture]:
    """The part of a picture that a whole number of squares fill, and it shrunk."""
    step = int(scale)
    if step != scale or step < 2:
        raise ValueError(f"--reduce needs a whole --scale from 2 on, got {scale:g}.")
    high, wide = picture.height // step, picture.width // step
    if not high or not wide:
        raise ValueError(
            f"--scale {scale:g} is more than PHOTO, of {picture.width}x{picture.height} pixels, "
            "can be shrunk by."
        )
    kept = np.ascontiguousarray(picture.pixels[: high * step, : wide * step])
    whole = Picture(kept, picture.icc, picture.dpi, picture.kind)
    top = np.iinfo(kept.dtype).max
    pixels = np.empty((high, wide, picture.channels), kept.dtype)
    shrink = Shrink((high, wide), kept.shape[:2], blur)
    for first in range(0, len(kept), STRIP):
        strip = torch.from_numpy(kept[first : first + STRIP].astype(np.float32))
        for row, values in shrink.add(first, strip):
            pixels[row : row + len(values)] = values.clamp(0, top).round().numpy()
    return whole, Picture(pixels, picture.icc, picture.dpi, picture.kind)


def bicubic_frame(picture: Picture, task: UpscaleTask, view: View) -> Tensor:
    """What bicubic interpolation makes of a picture, where frames show it: uint8 [h, w, c]."""
    picture, (high, wide) = picture.with_depth(8), task.drawn
    parts = []
    for top in range(0, high, STRIP):
        bottom = min(high, top + STRIP)
        chosen = view.rows[(view.rows >= top) & (view.rows < bottom)] - top
        if len(chosen):
            edges = (y * picture.height / high for y in (top, bottom))
            region = 0.0, next(edges), float(picture.width), next(edges)
            strip = torch.from_numpy(bicubic(picture, (bottom - top, wide), region).copy())
            parts.append(strip[chosen][:, view.columns])
    return torch.cat(parts)


def bicubic(
    picture: Picture, size: tuple[int, int], region: tuple[float, float, float, float] | None = None
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture, or a region (x0, y0, x1, y1) of it, at another size (height, width) as Pillow
    makes it: uint8 [h, w, c]."""
    pixels = picture.with_depth(8).pixels
    image = Image.fromarray(pixels[..., 0] if picture.channels == 1 else pixels)
    drawn = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC, box=region))
    return drawn.reshape(*size, picture.channels)
