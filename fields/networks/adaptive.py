"""Adaptive activations: units whose slopes are trained with the weights."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..activations import Nonlinearity
from ..chain import Orders, carry, scaled
from .base import Network


class Adaptive(Network):
    """Layers f(n a (W h + b)) with trained slopes a, and a head without.

    One slope for all layers [Jagtap, Kawaguchi & Karniadakis 2020, JCP 404, arXiv:1906.01170], or
    one for each layer or each unit [the same, Proc. R. Soc. A 476, arXiv:1909.12228]. They start at
    n a = 1: as without.

    Attributes:
        slopes: one tensor [1] for all layers, or one for each layer, [1] or [width].
    """

    def __init__(
        self,
        layers: Sequence[tuple[nn.Linear, Nonlinearity]],
        head: nn.Module,
        sizes: Sequence[int],
        *,
        factor: float,
        recovery: float,
    ) -> None:
        """`sizes` are those of the slopes."""
        super().__init__()
        self.linears = nn.ModuleList(linear for linear, _ in layers)
        self.nonlinearities = nn.ModuleList(nonlinearity for _, nonlinearity in layers)
        self.head = head
        self.factor, self.recovery = factor, recovery
        self.slopes = nn.ParameterList(torch.full((size,), 1 / factor) for size in sizes)

    def slope(self, layer: int) -> Tensor:
        """n a of a layer, [1] or [width]."""
        return self.factor * self.slopes[min(layer, len(self.slopes) - 1)]

    def forward(self, x: Tensor) -> Tensor:
        for i, linear in enumerate(self.linears):
            x = self.nonlinearities[i](self.slope(i) * linear(x))
        return self.head(x)

    def carry(self, h: Orders) -> Orders:
        for i, linear in enumerate(self.linears):
            h = carry(self.nonlinearities[i], scaled(self.slope(i), carry(linear, h)))
        return carry(self.head, h)

    @property
    def first_weights(self) -> tuple[Tensor, ...]:
        return tuple(p for p in self.linears[0].parameters() if p.ndim > 1)

    def penalty(self) -> Tensor | None:
        """Slope recovery: 1 / mean over layers of exp(mean slope a), which steeper slopes lower.

        [arXiv:1909.12228, eq. 2.9.]
        """
        if not self.recovery:
            return None
        means = torch.stack([slope.mean() for slope in self.slopes])
        return self.recovery / means.exp().mean()
