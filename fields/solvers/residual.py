"""A task's residuals as functions of the parameters: their Jacobian, and its traces."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from ..field import Field
from ..tasks import Term
from .flat import Flat


class Residual(nn.Module):
    """A term's residual as a module, so that its parameters can be put in place of the field's."""

    def __init__(self, field: Field, term: Term) -> None:
        super().__init__()
        self.field, self.term = field, term

    def forward(self, *points: Any) -> Tensor:
        return self.term.residual(self.field, *points)

    def jacobian(self, flat: Flat, points: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Of the residuals at n points after each parameter, [n, p], and the residuals, [n]."""
        named = {f"field.{name}": p.detach() for name, p in flat.named.items()}

        def one(parameters: dict[str, Tensor], *point: Tensor) -> Tensor:
            return functional_call(self, parameters, tuple(v[None] for v in point)).sum()

        slopes, values = vmap(grad_and_value(one), in_dims=(None, *(0 for _ in points)))(
            named, *points
        )
        return torch.cat([s.flatten(1) for s in slopes.values()], dim=1), values


def balanced(field: Field, terms: list[Term]) -> dict[str, float]:
    """Factors by which the terms of each name learn equally fast: tr K / tr K_i.

    K_i = J_i J_i^T is the neural tangent kernel of a term's residuals and tr K the sum over all
    [Wang, Yu & Perdikaris 2022, arXiv:2007.14527, eq. 6.5].
    """
    flat, traces = Flat(field), dict.fromkeys((t.name for t in terms), 0.0)
    for term in terms:
        jacobian, _ = Residual(field, term).jacobian(flat, term.points)
        traces[term.name] += float(jacobian.square().sum())
    whole = sum(traces.values())
    return {name: whole / trace if trace > 0 else 1.0 for name, trace in traces.items()}
