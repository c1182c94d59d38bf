"""A step as torch.compile makes it: the best that a person gets from PyTorch without own kernels.

Sampling, encoding, network and loss are one compiled function, the network multiplies in bfloat16,
Adam is torch's fused one, and the whole can be recorded as a CUDA graph. The encoding is written
for the compiler: all levels at once, and without what it would have to look up.
"""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn

from fields import FitConfig, ImageTask
from fields.encodings.grids import GridEncoding
from fields.fit import Run
from fields.grid import centres_of
from fields.kernels.grid import PRIMES, GridLayout

WARMING = 3  # steps before the recording


class Levels(nn.Module):
    """What an encoding must know of its levels, each [levels]."""

    scale: Tensor
    offset: Tensor
    rows: Tensor
    stride: Tensor
    hashed: Tensor

    def __init__(self, layout: GridLayout) -> None:
        super().__init__()
        rows = [b - a for a, b in zip(layout.offsets, layout.offsets[1:], strict=False)]
        whole = {"offset": layout.offsets[:-1], "rows": rows, "stride": layout.resolutions}
        self.register_buffer("scale", torch.tensor(layout.scales))
        self.register_buffer("hashed", torch.tensor(layout.hashed))
        for name, values in whole.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.int32))


def encoded(x: Tensor, table: Tensor, levels: Levels) -> Tensor:
    """`grid.encode` of points [n, 2] in [0, 1], for the compiler; hashed levels have 2^k rows."""
    position = x[:, :, None] * levels.scale + 0.5
    below = position.floor()
    w = position - below  # [n, 2, levels]
    cell = below.to(torch.int32)
    total: Tensor | None = None
    for corner in product((0, 1), repeat=2):
        across, down = cell[:, 0] + corner[0], cell[:, 1] + corner[1]
        dense = across + down * levels.stride
        dense = torch.where(dense >= levels.rows, dense - levels.rows, dense)
        mixed = (across ^ (down * _signed(PRIMES[1]))) & (levels.rows - 1)
        row = levels.offset + torch.where(levels.hashed, mixed, dense)
        weight = (w[:, 0] if corner[0] else 1 - w[:, 0]) * (w[:, 1] if corner[1] else 1 - w[:, 1])
        part = weight[:, :, None] * table[row]  # [n, levels, features]
        total = part if total is None else total + part
    assert total is not None
    return total.flatten(1)


def _signed(word: int) -> int:
    """32 bits as the signed number that they are in int32, in which products wrap alike."""
    return word - 2**32 if word >= 2**31 else word


class Plain:
    """A fit's step without own kernels.

    Args:
        task: of a picture that is known in full.
        config: of a hash grid and a network.
        compile: whether to compile it; else it is the same, as it stands.
    """

    def __init__(self, task: ImageTask, config: FitConfig, *, compile: bool = True) -> None:
        run = Run(task, config)
        field, device = run.field, run.device
        assert isinstance(field.encoding, GridEncoding)
        self.table, self.network, self.size = field.encoding.table, field.network, task.size
        self.shift, self.scale = field.shift, field.scale
        self.levels = Levels(field.encoding.layout).to(device)
        self.pixels, self.full = task.to(device).flat, 255
        if self.pixels.dtype != torch.uint8:
            self.pixels, self.full = task.to(device).values(torch.arange(len(self.pixels))), 1
        total, n = len(self.pixels), min(config.batch, len(self.pixels))
        edges = torch.arange(n + 1, device=device) * total // n
        self.first, self.length = edges[:-1], edges.diff()
        rng = torch.Generator(device).manual_seed(config.seed)
        self.start = torch.randint(2**31, (n,), generator=rng, device=device)
        self.number = torch.zeros(1, dtype=torch.int64, device=device)
        self.operands = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.adam = torch.optim.Adam(
            field.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-15, fused=True,
            capturable=device.type == "cuda",
        )  # fmt: skip
        self.loss: Callable[[], Tensor] = self.error
        if compile:
            self.loss = torch.compile(self.error, dynamic=False, fullgraph=True)

    def error(self) -> Tensor:
        """The mean squared error of the next batch: one pixel of each stratum, as in a fit."""
        golden = 2654435769
        index = self.first + (self.start + self.number * golden) % self.length
        target = self.pixels[index].float() / self.full
        x = (centres_of(index, *self.size) + 1) / 2
        features = encoded(x, self.table, self.levels)
        with torch.autocast(x.device.type, self.operands, self.operands != torch.float32):
            values = self.network(features)
        values = self.shift + self.scale * values.float()
        return (values - target).square().mean()

    def step(self) -> Tensor:
        self.adam.zero_grad(set_to_none=True)
        self.number += 1
        with torch.enable_grad():
            loss = self.loss()
            loss.backward()
        self.adam.step()
        return loss.detach()

    def recorded(self) -> Callable[[], object]:
        """The whole step as a CUDA graph.

        Raises:
            RuntimeError: it cannot be recorded.
        """
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARMING):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay
