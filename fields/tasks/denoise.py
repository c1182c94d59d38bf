"""Fit a noisy picture, and stop before its noise is learned."""

from dataclasses import dataclass

from torch import Tensor

from .image import ImageTask


@dataclass(frozen=True)
class DenoiseTask(ImageTask):
    """Regress the pixels of a noisy picture, all but a few that tell when to stop.

    What is held out is noisy too: the error there falls while the field learns the picture, and
    rises once it learns the noise of the others, since noise is independent from pixel to pixel.

    Attributes:
        sigma: standard deviation of the noise in units of [0, 1]; None if it is not known.
        colours: how many channels are noisy, the first ones; all when None. The others (alpha) are
            fitted, but do not tell when to stop.
    """

    sigma: float | None = None
    colours: int | None = None

    @property
    def noise(self) -> float | None:
        return self.sigma

    def sample(self, heldout: bool, most: int) -> tuple[Tensor, Tensor] | None:
        found = super().sample(heldout, most)
        return None if found is None else (found[0], found[1][:, : self.colours])
