"""Adam: for weights, which all have a gradient in every step, and for tables, which rarely do."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .config import FitConfig
from .encodings import Encoding
from .field import Field
from .kernels import sparse_adam_


class Dense:
    """Adam over the network: every weight has a gradient in every step. Biases do not decay.

    Kingma & Ba 2015 (arXiv:1412.6980, algorithm 1), with the decay as an L2 penalty. Written out,
    since torch.optim imports a compiler that takes two seconds to load.
    """

    def __init__(self, weights: Sequence[Tensor], config: FitConfig) -> None:
        self.config, self.weights, self.step_count = config, list(weights), 0
        self.mean = [torch.zeros_like(w) for w in weights]
        self.square = [torch.zeros_like(w) for w in weights]

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """One step at `factor` times the learning rate; the gradients are then gone."""
        c = self.config
        self.step_count += 1
        rate = c.lr * factor / (1 - c.beta1**self.step_count)
        correction = math.sqrt(1 - c.beta2**self.step_count)
        for weight, mean, square in zip(self.weights, self.mean, self.square, strict=True):
            assert weight.grad is not None
            gradient, weight.grad = weight.grad, None
            if c.weight_decay and weight.ndim > 1:
                gradient = gradient + c.weight_decay * weight
            mean.lerp_(gradient, 1 - c.beta1)
            square.mul_(c.beta2).addcmul_(gradient, gradient, value=1 - c.beta2)
            weight.addcdiv_(mean, square.sqrt().div_(correction).add_(c.eps), value=-rate)


class Sparse:
    """Adam over the tables of a grid: entries that no sample touched stay as they are.

    As published with the multiresolution hash encoding [arXiv:2201.05989, sec. 4]: an entry with a
    gradient of exactly 0 is skipped, and its bias correction counts its own steps.
    """

    def __init__(self, encoding: Encoding, config: FitConfig, backend: str) -> None:
        self.config, self.backend, self.tables = config, backend, encoding.tables
        self.levels = encoding.levels
        self.rows = self.levels[-1]  # of each table that learn
        self.moments = [(torch.zeros_like(t), torch.zeros_like(t)) for t in self.tables]
        self.counts = [torch.zeros_like(t, dtype=torch.int32) for t in self.tables]

    def unlock(self, share: float) -> None:
        """Let as many levels learn as the config says, once `share` of the run is done."""
        self.rows = self.config.rows(self.levels, share)

    def step(self, factor: float) -> None:
        """The kernel also clears the gradient, so that the next backward adds to zeros."""
        config, rows = self.config, self.rows
        for table, (m, v), count in zip(self.tables, self.moments, self.counts, strict=True):
            assert table.grad is not None
            sparse_adam_(
                table.detach()[:rows],
                table.grad[:rows],
                m[:rows],
                v[:rows],
                count[:rows],
                backend=self.backend,
                lr=config.table_lr * factor,
                beta1=config.beta1,
                beta2=config.beta2,
                eps=config.eps,
            )
            table.grad[rows:].zero_()


def optimisers(field: Field, config: FitConfig, backend: str) -> list["Dense | Sparse"]:
    """Adam for the network's weights and for the tables, whichever there are."""
    found = dense(field, config), sparse(field, config, backend)
    return [optimiser for optimiser in found if optimiser]


def dense(field: Field, config: FitConfig) -> Dense | None:
    tables = {id(t) for t in field.encoding.tables}
    weights = [p for p in field.parameters() if p.requires_grad and id(p) not in tables]
    return Dense(weights, config) if weights else None


def sparse(field: Field, config: FitConfig, backend: str) -> Sparse | None:
    return Sparse(field.encoding, config, backend) if field.encoding.tables else None
