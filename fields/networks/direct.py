"""No network: the features are the values."""

from dataclasses import dataclass

import torch
from torch import nn

from .base import NetworkSpec


@dataclass(frozen=True, kw_only=True)
class Direct(NetworkSpec):
    """The features themselves, with nothing to train: the encoding has one for each value."""

    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        if in_dim != out_dim:
            raise ValueError(
                f"Direct takes as many features as there are values, got {in_dim} features for "
                f"{out_dim} values; set field.encoding.features to {out_dim}."
            )
        return nn.Identity()
