"""What shapes of networks the GPU's kernels take, and how they are cut up for them."""

from dataclasses import dataclass
from itertools import pairwise

import torch

from .triton_tools import INTERPRETED

MAX_WIDTH = 128
MAX_CHANNELS = 16
MAX_DEPTH = 4
KEPT_WIDTH = 64  # up to which, and
KEPT_DEPTH = 2  # hidden layers up to which, the sums of the gradients stay on the chip
NARROW = 16  # the least that the tensor cores multiply
# Bytes of shared memory for two layers on 32 features, for each more feature and each more layer;
# by whether layers are wider than `KEPT_WIDTH`, and by `Chip.warpgroups`.
ROOM = {
    (False, False): (53_248, 342, 8_192),
    (False, True): (40_960, 256, 8_192),
    (True, False): (122_880, 512, 65_536),
    (True, True): (77_824, 256, 32_768),
}


@dataclass(frozen=True)
class Net:
    """A perceptron of equally wide hidden layers; its numbers lie in one flat array.

    Layer by layer: the weight [out, in], then the bias [out].

    Attributes:
        features: how many of its inputs come from one level.
    """

    inputs: int
    width: int
    depth: int
    channels: int
    features: int = 1

    @property
    def size(self) -> int:
        inner = (self.depth - 1) * (self.width + 1) * self.width
        return (self.inputs + 1) * self.width + inner + (self.width + 1) * self.channels

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(in, out) of each."""
        widths = [self.inputs, *[self.width] * self.depth, self.channels]
        return list(pairwise(widths))

    def planes(self, n: int) -> tuple[int, int, int]:
        """The shape of n inputs, level by level."""
        return self.inputs // self.features, n, self.features

    @property
    def kept(self) -> bool:
        """Whether the gradients are summed on the chip."""
        return self.width <= KEPT_WIDTH and self.depth <= KEPT_DEPTH

    @property
    def tile(self) -> int:
        """Samples that go through the network together."""
        return 64 if self.width <= KEPT_WIDTH else 128

    @property
    def warps(self) -> int:
        return 4 if self.kept else 8

    @property
    def constants(self) -> dict[str, int]:
        return {
            "INPUTS": self.inputs,
            "WIDTH": self.width,
            "CHANNELS": self.channels,
            "DEPTH": self.depth,
            "H": padded(self.width),
            "OUT": padded(self.channels),
        }


def padded(n: int) -> int:
    """The next size that the tensor cores multiply."""
    return max(NARROW, 1 << (n - 1).bit_length())


@dataclass(frozen=True)
class Chip:
    """What of a GPU decides whether a network fits on it.

    Attributes:
        room: bytes of shared memory that a program may have.
        warpgroups: whether four warps multiply together, out of shared memory: less is copied.
    """

    room: int = 2**30
    warpgroups: bool = True

    @classmethod
    def of(cls, device: torch.device) -> "Chip":
        """Of a device; where it is no GPU there is room for anything."""
        if device.type != "cuda":
            return cls()
        found = torch.cuda.get_device_properties(device)
        room = getattr(found, "shared_memory_per_block_optin", 99 * 1024)
        return cls(room, found.major == 9)


def unsupported(
    inputs: int, hidden: tuple[int, ...], channels: int, operands: torch.dtype, chip: Chip
) -> str | None:
    """Why the kernels cannot follow a network, or None."""
    if operands == torch.float32 and not INTERPRETED:
        return "its kernels multiply in half precision"
    if not 1 <= len(hidden) <= MAX_DEPTH:
        return f"its kernels take 1 to {MAX_DEPTH} hidden layers, not {len(hidden)}"
    if len(set(hidden)) > 1:
        return f"its kernels take layers of one width, not {', '.join(map(str, hidden))}"
    if hidden[0] > MAX_WIDTH:
        return f"its kernels take up to {MAX_WIDTH} units a layer, not {hidden[0]}"
    if inputs > MAX_WIDTH:
        return f"its kernels take up to {MAX_WIDTH} features, not {inputs}"
    if channels > MAX_CHANNELS:
        return f"its kernels take up to {MAX_CHANNELS} values, not {channels}"
    if room_for(inputs, hidden[0], len(hidden), chip.warpgroups) > chip.room:
        shape = f"{len(hidden)} layers of {hidden[0]} units on {inputs} features"
        return f"its kernels find no room for {shape} on this GPU"
    return None


def room_for(inputs: int, width: int, depth: int, warpgroups: bool) -> int:
    """Bytes of shared memory that a step takes at most, as the compiler reports them."""
    base, per_input, per_layer = ROOM[padded(width) > KEPT_WIDTH, warpgroups]
    return base + per_input * (padded(inputs) - 32) + per_layer * (depth - 2)


def precision_of(operands: torch.dtype) -> str:
    """How float32 operands are multiplied: as three products of TF32, which tensor cores do."""
    return "tf32x3" if operands == torch.float32 else "tf32"
