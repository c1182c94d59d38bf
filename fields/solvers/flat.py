"""The trained parameters of a field as one vector, for solvers that see them all at once."""

import torch
from torch import Tensor, nn

from .. import parallel
from ..tasks import Task


class Flat:
    """A view of the parameters that learn, one after the other.

    Attributes:
        named: the parameters by name.
    """

    def __init__(self, field: nn.Module) -> None:
        self.named = {n: p for n, p in field.named_parameters() if p.requires_grad}

    @property
    def count(self) -> int:
        return sum(p.numel() for p in self.named.values())

    def read(self) -> Tensor:
        """A copy of the parameters, [p]."""
        return torch.cat([p.detach().flatten() for p in self.named.values()])

    @torch.no_grad()
    def write(self, vector: Tensor) -> None:
        parts = vector.split([p.numel() for p in self.named.values()])
        for parameter, part in zip(self.named.values(), parts, strict=True):
            parameter.copy_(part.view_as(parameter))


class Objective:
    """A task's loss on one set of data, as a function of the vector of parameters."""

    def __init__(self, task: Task, field: nn.Module, batch: object) -> None:
        self.task, self.field, self.batch = task, field, batch
        self.flat = Flat(field)

    def __call__(self, vector: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient [p] there; the field is left there too."""
        self.flat.write(vector)
        parameters = list(self.flat.named.values())
        if self.task.in_pieces and vector.device.type == "cpu":
            loss = parallel.backward(
                lambda points: self.task.loss(self.field, points),  # pyright: ignore
                self.batch,  # pyright: ignore
                parameters,
            )
        else:
            with torch.enable_grad():
                loss = self.task.loss(self.field, self.batch)  # pyright: ignore
                for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                    p.grad = g
        gradient = torch.cat([p.grad.flatten() for p in parameters])  # pyright: ignore
        for parameter in parameters:
            parameter.grad = None
        return float(loss.detach()), gradient
