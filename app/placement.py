"""Where a shape lies in the box that fields know, and back, in the person's own units."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from data import Shape
from fields.space import SIDE

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Placement:
    """User coordinates are `centre` + x * `scale`, x in the box; in double precision, so that a
    shape far from the origin comes back to its place.

    Attributes:
        centre: of the bounding box, in the user's units.
        scale: of a unit of the box, in the user's units.
    """

    centre: tuple[float, float, float]
    scale: float

    @classmethod
    def of(cls, shape: Shape) -> Self:
        """The longest side from -0.9 to 0.9, the others in the middle."""
        x, y, z = ((shape.low + shape.high) / 2).tolist()
        return cls((x, y, z), shape.side / SIDE)

    @classmethod
    def of_info(cls, info: dict[str, Any]) -> Self:
        """What `info` has noted in a field's file.

        Raises:
            ValueError: it is not there, or makes no sense.
        """
        try:
            x, y, z = (float(v) for v in info["centre"])
            scale = float(info["scale"])
        except (KeyError, TypeError, ValueError):
            raise ValueError("the field does not say where its shape lies.") from None
        if not (scale > 0 and all(map(math.isfinite, (x, y, z, scale)))):
            raise ValueError("the field does not say where its shape lies.")
        return cls((x, y, z), scale)

    def info(self) -> dict[str, Any]:
        """As JSON values."""
        return {"centre": list(self.centre), "scale": self.scale}

    def into(self, points: Array) -> Tensor:
        """User coordinates [n, 3] in the box, float32."""
        placed = (np.asarray(points, np.float64) - self.centre) / self.scale
        return torch.from_numpy(placed.astype(np.float32))

    def out_of(self, points: Tensor) -> Array:
        """Places in the box in user coordinates, float64 [n, 3]."""
        return points.double().cpu().numpy() * self.scale + np.asarray(self.centre)

    def shrunk(self, length: float) -> float:
        """A length in the user's units as one in the box."""
        return length / self.scale

    def grown(self, length: float) -> float:
        """A length in the box as one in the user's units."""
        return length * self.scale
