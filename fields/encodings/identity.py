"""The coordinates themselves."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .base import Encoding, EncodingSpec


@dataclass(frozen=True, kw_only=True)
class Identity(EncodingSpec):
    """x -> x: no encoding. With ReLU or tanh it shows the frequency principle at its plainest."""

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        return IdentityEncoding(in_dim)


class IdentityEncoding(Encoding):
    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.in_dim = self.out_dim = in_dim

    def forward(self, x: Tensor) -> Tensor:
        return x
