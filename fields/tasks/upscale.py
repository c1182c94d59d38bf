"""Fit a picture that is to be drawn larger than it is."""

from dataclasses import dataclass
from typing import Literal

from .image import ImageTask

Blur = Literal["box", "gaussian", "none"]
BLURS: tuple[Blur, ...] = ("box", "gaussian", "none")
MAX_SCALE = 16.0


@dataclass(frozen=True)
class UpscaleTask(ImageTask):
    """Find the larger picture that the pixels were made from.

    A field of whatever method may be drawn between the pixels; the solver of patch groups undoes
    the blur as well.

    Attributes:
        scale: pixels of the larger picture along a pixel of this one.
        blur: how this one's pixels were made from the larger one's: means over their squares
            (`box`), under a Gaussian as wide (`gaussian`, of half a pixel's deviation), or the
            values at their centres (`none`).
    """

    scale: float = 2.0
    blur: Blur = "box"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.scale <= MAX_SCALE:
            raise ValueError(f"scale must be from 1 to {MAX_SCALE:g}, got {self.scale:g}.")
        if self.blur not in BLURS:
            raise ValueError(f"blur must be one of {', '.join(BLURS)}, got {self.blur!r}.")

    @property
    def drawn(self) -> tuple[int, int]:
        """(height, width) of the larger picture."""
        return max(1, round(self.size[0] * self.scale)), max(1, round(self.size[1] * self.scale))
