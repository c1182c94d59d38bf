"""The field: a function from coordinates to values, with learnable parameters."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .encodings import Encoding, EncodingSpec, Fourier
from .fused import Fused, fuse
from .networks import MLP, NetworkSpec
from .spec import Spec, knob


class Field(nn.Module):
    """Maps points of [-1, 1]^d to c values: an encoding, a network, and the values' range.

    Attributes:
        shift: [c], added to the network's output. With `scale` it lets the network work on values
            of mean 0 and spread 1; the task that is fitted sets both from its data.
        scale: [], factor on the network's output.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self, encoding: Encoding, network: nn.Module, out_dim: int, *, output: str, bf16: bool
    ) -> None:
        super().__init__()
        self.encoding, self.network = encoding, network
        self.in_dim, self.out_dim = encoding.in_dim, out_dim
        self.output, self.bf16 = output, bf16
        self.register_buffer("shift", torch.zeros(out_dim))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """float [*batch, in_dim] -> float [*batch, out_dim]."""
        fused = self.fused
        if fused is not None and not torch.is_grad_enabled():
            values = fused.values(x.flatten(0, -2))
            return (self.shift + self.scale * values).unflatten(0, x.shape[:-1])
        features = self.encoding(x.flatten(0, -2))
        if self.bf16 and self.training:
            with torch.autocast(x.device.type, torch.bfloat16):
                values = self.network(features)
            values = values.to(features.dtype)
        else:
            values = self.network(features)
        if self.output == "sigmoid":
            values = torch.sigmoid(values)
        else:
            values = self.shift + self.scale * values
        return values.unflatten(0, x.shape[:-1])

    def squared_error(
        self, x: Tensor, target: Tensor, weight: Tensor | None = None, *, paired: float = 0.0
    ) -> Tensor:
        """Mean over points and values of e^2 = (field - target)^2, each point times its weight.

        Args:
            x: float [n, in_dim].
            target: float [n, out_dim].
            weight: float [n], or None for 1.
            paired: adds paired / 2 (e - e')^2 to each e^2, where points 2i and 2i + 1 are each
                other's partners: their difference is to be right as well.

        Returns:
            float [].
        """
        fused = self.fused
        if fused is not None and not x.requires_grad:
            aim = (target - self.shift) / self.scale
            return self.scale**2 * fused.squared_error(x, aim, weight, paired)
        error = self(x) - target
        square = error.square().mean(-1)
        if paired:
            apart = error.unflatten(0, (-1, 2)).diff(dim=1).square().mean(-1)  # [n / 2, 1]
            square = square + paired / 2 * apart.expand(-1, 2).flatten()
        return square.mean() if weight is None else (weight * square).mean()

    @property
    def fused(self) -> Fused | None:
        """The field as one kernel sees it that goes from coordinates to the loss and back."""
        if self.bf16 or self.output != "linear":
            return None
        return fuse(self.encoding, self.network)

    @property
    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


@dataclass(frozen=True, kw_only=True)
class FieldSpec(Spec):
    """Describes a field up to its numbers of coordinates and values, which the task knows."""

    encoding: EncodingSpec = Fourier()
    network: NetworkSpec = MLP()
    output: Literal["linear", "sigmoid"] = knob(
        "linear", "last map: linear, centred on the data; or a sigmoid, for values in [0, 1]"
    )

    def build(
        self,
        in_dim: int,
        out_dim: int,
        rng: torch.Generator,
        *,
        backend: str = "torch",
        bf16: bool = False,
    ) -> Field:
        """The field, initialised from `rng` alone."""
        encoding = self.encoding.build(in_dim, rng, backend=backend)
        network = self.network.build(encoding.out_dim, out_dim, rng)
        return Field(encoding, network, out_dim, output=self.output, bf16=bf16)
