"""What a task is: everything that `fit` must know about the thing being fitted."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ..field import Field
from ..kernels.draws import Source
from ..spectrum import dominant_frequency

LEFT_POINTS = 2**13  # at which what a field leaves over is looked at


@dataclass(frozen=True)
class Term:
    """A part of a loss: `weight` times the mean over points of the squares of a residual.

    Attributes:
        name: what it asks for, e.g. `data` or `boundary`.
        points: tensors [n, ...], all that the residual needs of a point.
        residual: (field, *points) -> [n], of each point by itself.
    """

    name: str
    weight: float
    points: tuple[Tensor, ...]
    residual: Callable[..., Tensor]


@dataclass(frozen=True)
class Leftover:
    """What a field has not learned: what the next stage of it is to fit.

    Attributes:
        size: root mean square, in the field's values.
        frequency: where it is largest, in cycles a side.
    """

    size: float
    frequency: float


def total(field: Field, terms: list[Term], factors: dict[str, float]) -> Tensor:
    """The loss that terms make, each times the factor of its name, 1 if there is none: []."""
    parts = [
        factors.get(t.name, 1.0) * t.weight * t.residual(field, *t.points).square().mean()
        for t in terms
    ]
    return torch.stack(parts).sum()


class Task(ABC):
    """Data plus objective. Holds tensors; no parameters and no optimiser."""

    @property
    @abstractmethod
    def in_dim(self) -> int:
        """Number of coordinates."""

    @property
    @abstractmethod
    def out_dim(self) -> int:
        """Number of values."""

    @abstractmethod
    def to(self, device: torch.device) -> Self:
        """The task with its tensors on a device."""

    @abstractmethod
    def prepare(self, field: Field) -> None:
        """Set a new field's `shift` and `scale` from the data."""

    @abstractmethod
    def batches(self, n: int, rng: torch.Generator) -> Iterator[Any]:
        """Endless draws of n points of the data, made with `rng`, as `loss` takes them."""

    def source(self) -> Source | None:
        """What a kernel draws its batches from by itself, where `loss` is `Field.squared_error` of
        them; None where it is not."""
        return None

    @property
    def derived(self) -> bool:
        """Whether `loss` takes derivatives of the field in its coordinates."""
        return False

    @abstractmethod
    def loss(self, field: Field, batch: Any) -> Tensor:
        """The scalar to minimise, on one draw."""

    @abstractmethod
    def evaluate(self, field: Field) -> dict[str, float]:
        """Metrics by name, over the whole of the data."""

    def psnr(self, loss: float) -> float | None:
        """The PSNR in dB that a loss stands for; None where the loss is no squared error."""
        return None

    @property
    def noise(self) -> float | None:
        """The standard deviation of the noise in the data's values; None if it is not known."""
        return None

    def sample(self, heldout: bool, most: int) -> tuple[Tensor, Tensor] | None:
        """Points [n, d] and their values [n, c], c or fewer of the field's: always the same ones.

        Args:
            heldout: points that are not fitted, or ones that are.
            most: of them.

        Returns:
            None if there are none.
        """
        return None

    @property
    def in_pieces(self) -> bool:
        """Whether `loss` is a mean over the points of a draw, so that threads may share it out."""
        return True

    def whole(self, frequency: float) -> Any:
        """All of the data, or as much as tells waves of so many cycles a side; as `loss` takes it.

        Raises:
            ValueError: there is no such thing, or it would be too much.
        """
        raise ValueError(f"{type(self).__name__} is fitted by draws alone; use Descent.")

    def terms(self, field: Field, batch: Any) -> list[Term]:
        """The loss on a draw as a sum of mean squares, of `field.own` where there are stages.

        Raises:
            ValueError: it is none.
        """
        raise ValueError(
            f"the loss of {type(self).__name__} cannot be taken apart into squares; use Descent, "
            "with balance at 0."
        )

    def leftover(self, field: Field) -> Leftover:
        """What the field has not learned, at points that are fitted.

        Raises:
            ValueError: it cannot be told, since the task's values are not given.
        """
        found = self.sample(False, LEFT_POINTS)
        if found is None:
            raise ValueError(f"{type(self).__name__} cannot be fitted in stages.")
        x, values = found
        with torch.no_grad():
            left = (values - field(x)[:, : values.shape[1]]).double()
        frequency = dominant_frequency(x.double(), left)
        return Leftover(float(left.square().mean().sqrt()), float(frequency))
