"""The field: a function from coordinates to values, with learnable parameters."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from .encodings import Encoding, EncodingSpec, Fourier, Identity
from .fused import Fused, fuse, unfusable
from .networks import MLP, Network, NetworkSpec
from .spec import Spec, knob


class Field(nn.Module):
    """Maps points of [-1, 1]^d to c values: an encoding, a network, and the values' range.

    A field may stand on earlier stages, which are added to it and learn no more: what it fits then
    is what they left over [multi-stage networks, Wang & Lai 2024, arXiv:2307.08934].

    Attributes:
        earlier: the stages before this one, as one field; None if it is the first.
        shift: [c], added to the network's output. With `scale` it lets the network work on values
            of mean 0 and spread 1; the task that is fitted sets both from its data.
        scale: [], factor on the network's output.
        operands: what the network multiplies while it is fitted; sums are float32 all the same.
            What is drawn or measured is computed in the precision of the parameters.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        encoding: Encoding,
        network: nn.Module,
        out_dim: int,
        *,
        output: str,
        operands: torch.dtype,
        earlier: "Field | None" = None,
    ) -> None:
        super().__init__()
        self.earlier = earlier
        self.encoding, self.network = encoding, network
        self.in_dim, self.out_dim = encoding.in_dim, out_dim
        self.output, self.operands = output, operands
        self.register_buffer("shift", torch.zeros(out_dim))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """float [*batch, in_dim] -> float [*batch, out_dim]."""
        own = self.own(x)
        return own if self.earlier is None else self.earlier(x) + own

    def own(self, x: Tensor) -> Tensor:
        """What this stage alone adds: as `forward`."""
        x = x.to(self.shift.dtype)
        fused = self.fused
        if fused is not None and not torch.is_grad_enabled():
            return fused.values(x.flatten(0, -2), self.shift, self.scale).unflatten(0, x.shape[:-1])
        features = self.encoding(x.flatten(0, -2))
        # What torch.compile made of the network is for batches that it learns from.
        network = self.network if torch.is_grad_enabled() else self.network.forward
        if self.operands != torch.float32 and self.training:
            # In float16 gradients would vanish: only the kernels keep them from it.
            half = torch.bfloat16 if self.operands == torch.float16 else self.operands
            with torch.autocast(x.device.type, half):
                values = network(features)
            values = values.to(features.dtype)
        else:
            values = network(features)
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
        x, target = x.to(self.shift.dtype), target.to(self.shift.dtype)
        if self.earlier is not None:
            with torch.no_grad():
                target = target - self.earlier(x)
        fused = self.fused
        if fused is not None and not x.requires_grad:
            return fused.squared_error(x, target, weight, paired, self.shift, self.scale)
        error = self.own(x) - target
        square = error.square().mean(-1)
        if paired:
            apart = error.unflatten(0, (-1, 2)).diff(dim=1).square().mean(-1)  # [n / 2, 1]
            square = square + paired / 2 * apart.expand(-1, 2).flatten()
        return square.mean() if weight is None else (weight * square).mean()

    @property
    def fused(self) -> Fused | None:
        """The field as one kernel sees it that goes from coordinates to the loss and back."""
        if self.output != "linear":
            return None
        return fuse(self.encoding, self.network, self.operands)

    @property
    def why_not_fused(self) -> str | None:
        """Why no kernel can follow the field whole, or None."""
        if self.output != "linear":
            return "the kernels have no sigmoid"
        return unfusable(self.encoding, self.network, self.operands)

    @property
    def penalty(self) -> Tensor | None:
        """What the network adds to the loss of its own, []; None for nothing."""
        return self.network.penalty() if isinstance(self.network, Network) else None

    @property
    def parameter_count(self) -> int:
        """Of all stages."""
        return sum(p.numel() for p in self.parameters())

    @property
    def stages(self) -> int:
        return 1 if self.earlier is None else 1 + self.earlier.stages


MAX_STAGES = 16


@dataclass(frozen=True, kw_only=True)
class FieldSpec(Spec):
    """Describes a field up to its numbers of coordinates and values, which the task knows."""

    encoding: EncodingSpec = Fourier()
    network: NetworkSpec = MLP()
    output: Literal["linear", "sigmoid"] = knob(
        "linear", "last map: linear, centred on the data; or a sigmoid, for values in [0, 1]"
    )
    stages: int = knob(
        1, "networks fitted one after the other, each to what is left over", low=1, high=MAX_STAGES
    )
    deepen: int = knob(
        0, "hidden layers that a perceptron has more with every second stage", low=0, high=8
    )

    def build(
        self,
        in_dim: int,
        out_dim: int,
        rng: torch.Generator,
        *,
        backend: str = "torch",
        operands: torch.dtype = torch.float32,
    ) -> Field:
        """The field with all its stages, initialised from `rng` alone."""
        field = self._stage(None, in_dim, out_dim, rng, backend=backend, operands=operands)
        for _ in range(self.stages - 1):
            field = self.grow(field, rng, backend=backend, operands=operands)
        return field

    def grow(
        self,
        field: Field,
        rng: torch.Generator,
        *,
        backend: str = "torch",
        operands: torch.dtype = torch.float32,
    ) -> Field:
        """A field with one more stage, the earlier ones frozen. Its parameters are float32's."""
        field.requires_grad_(False)
        return self.later(field.stages)._stage(
            field, field.in_dim, field.out_dim, rng, backend=backend, operands=operands
        )

    def _stage(
        self,
        earlier: Field | None,
        in_dim: int,
        out_dim: int,
        rng: torch.Generator,
        *,
        backend: str,
        operands: torch.dtype,
    ) -> Field:
        encoding = self.encoding.build(in_dim, rng, backend=backend)
        network = self.network.build(encoding.out_dim, out_dim, rng)
        return Field(
            encoding, network, out_dim, output=self.output, operands=operands, earlier=earlier
        )

    def later(self, earlier: int) -> "FieldSpec":
        """How a stage is built that stands on so many.

        Behind bare coordinates its first layer is of sines, whose weights `fit` scales to the
        frequency of what is left over [Wang & Lai 2024, sec. 3], and it may be deeper, since that
        comes and goes quicker from stage to stage (their code widens its networks instead).
        """
        network = self.network
        if isinstance(network, MLP):
            more = network.hidden[-1:] * (self.deepen * (earlier // 2))
            network = replace(network, widths=(*network.hidden, *more))
            if self.bare:
                network = replace(network, first="sine")
        return replace(self, network=network, output="linear")

    @property
    def bare(self) -> bool:
        """Whether a multilayer perceptron sees the coordinates themselves."""
        return isinstance(self.network, MLP) and isinstance(self.encoding, Identity)
