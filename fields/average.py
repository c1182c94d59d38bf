"""A field that is the mean of the states that another goes through while it is fitted."""

from copy import deepcopy

import torch

from .field import Field


class Average:
    """Follows a field: the mean of its parameters, over about the last `share` of its steps.

    Steps on small batches wander around what they seek, and their mean is nearer to it. The weight
    of step i in the mean grows as i^(1/share - 1), so that what was learned first is forgotten at
    any age of the run [polynomial-decay averaging, Shamir & Zhang 2013, arXiv:1212.1824].

    Attributes:
        field: the mean; before the first step, the field as it is.
    """

    def __init__(self, source: Field, share: float) -> None:
        self.share, self.field = share, deepcopy(source)
        self.pairs = list(zip(self.field.parameters(), source.parameters(), strict=True))

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the state after `step` steps, each in its turn."""
        power = 1 / self.share - 1
        weight = (power + 1) / (step + power)
        for mean, value in self.pairs:
            mean.lerp_(value, weight)
