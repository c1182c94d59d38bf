"""What a task is: everything that `fit` must know about the thing being fitted."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import Tensor

from ..field import Field


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
