"""The parallel PhaseDNN: each band of the spectrum shifted down, and fitted by itself."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..encodings.identity import IdentityEncoding
from ..field import Field
from ..grid import pixel_centres
from ..networks.phase import Modulated
from ..samplers import strided
from ..spec import knob
from ..tasks import ImageTask, SignalTask, Task
from .base import Solver, Step

UNEVEN = 1e-3  # of the distance of two samples: what rounding in a file makes of equal ones
MOST_VALUES = 2**26  # values of all bands together: 256 MB
LEFT = 1e-3  # share of the learning rate at the end
QUIET = 1e-3  # share of the loudest band's size that a silent one is taken to have
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


@dataclass(frozen=True, kw_only=True)
class Bands(Solver):
    """Fits the networks of `Phase`, each to its own band of the data's spectrum.

    Every frequency k belongs to the carrier w next to it. A band's part of the data, shifted down
    by its carrier, is T_w(x) = sum over its k of c_k exp(i pi (k - w) x), which has low frequencies
    alone, and the data is 2 Re sum over w of exp(i pi w x) T_w(x). So A_w is fitted to 2 Re T_w and
    B_w to -2 Im T_w, without a word from the others [Cai, Li & Liu 2020, arXiv:1909.11759, sec. 2].
    The samples must be evenly spaced, and go on as if they came around.
    """

    iterations: int = knob(2000, "steps of Adam, of all networks at once", low=1, high=10**7)
    lr: float = knob(5e-3, "its learning rate, which falls along a cosine", low=0, high=10)
    batch: int = knob(512, "samples a step", low=1, high=2**24)
    seed: int = knob(0, "seed of the draws of samples", low=0, high=2**63 - 1)

    def check(self, task: Task, field: Field) -> None:
        network = field.network
        if not isinstance(network, Modulated) or not isinstance(field.encoding, IdentityEncoding):
            raise ValueError("Bands fits a Phase network of bare coordinates; choose Descent.")
        if isinstance(network.carriers, torch.nn.Parameter):
            raise ValueError("Bands keeps the carriers where they are; set Phase.trainable to off.")
        if field.output != "linear":
            raise ValueError("Bands fits fields whose output is linear, got a sigmoid.")
        values = math.prod(samples_of(task).values.shape) * 2 * len(network.carriers)
        if values > MOST_VALUES:
            raise ValueError(
                f"the bands would hold {values:,} values, more than {MOST_VALUES:,}; take fewer "
                "carriers or fewer samples."
            )

    def solve(self, task: Task, field: Field, frequency: float) -> Iterator[Step]:
        self.check(task, field)
        network = field.network
        assert isinstance(network, Modulated)
        samples = samples_of(task)
        with torch.no_grad():
            task.prepare(field)
            values = (samples.values - field.shift) / field.scale
            parts = bands(values, samples, network.carriers.double()) / network.share
            turns = math.pi * network.carriers.double() @ samples.x.double().T
            waves = torch.cat([turns.cos(), turns.sin()])[..., None].to(field.shift.dtype)
        x, parts = samples.x.to(field.shift.dtype), parts.to(field.shift.dtype)
        size = parts.square().mean((1, 2), keepdim=True).sqrt()  # [2 count, 1, 1]
        size = size.clamp(min=QUIET * float(size.max()) or 1.0)
        descent = _Descent(network, size)
        rng = torch.Generator(x.device).manual_seed(self.seed)
        draws = strided(self.batch, len(x), rng)
        for i in range(self.iterations + 1):
            index = next(draws)
            with torch.enable_grad():
                error = network.bank(network.stretch * x[index]) - parts[:, index]
                loss = (error / size).square().mean((1, 2)).sum()
                gradients = torch.autograd.grad(loss, descent.parameters)
            left = network.share * (waves[:, index] * error.detach()).sum(0)
            yield Step(i / self.iterations, float(field.scale**2 * left.square().mean()))
            fall = (1 + math.cos(math.pi * i / self.iterations)) / 2
            descent.step(gradients, self.lr * (LEFT + (1 - LEFT) * fall))


class Samples(NamedTuple):
    """Evenly spaced data: places [n, d], values float64 [n, c], the numbers of samples along the
    axes and their distance along all of them, the last axis of `shape` being the first of x."""

    x: Tensor
    values: Tensor
    shape: tuple[int, ...]
    pitch: float


def samples_of(task: Task) -> Samples:
    """The data of a signal or of a whole picture.

    Raises:
        ValueError: it is of another kind, or not evenly spaced.
    """
    if isinstance(task, SignalTask) and not task.sobolev:
        gaps = task.x.diff(dim=0)
        if len(gaps) < 1 or float(gaps.max() - gaps.min()) > UNEVEN * float(gaps.mean()):
            raise ValueError("Bands wants evenly spaced samples; resample them, or use Descent.")
        return Samples(task.x, task.values, (len(task.x),), float(gaps.mean()))
    if type(task) is ImageTask and task.known is None:
        h, w = task.size
        x = pixel_centres(h, w, device=task.pixels.device)
        values = task.values(torch.arange(h * w, device=x.device)).double()
        return Samples(x, values, (h, w), 2 / max(h, w))
    raise ValueError("Bands fits a signal's values or a whole picture; use Descent.")


def bands(values: Tensor, samples: Samples, carriers: Tensor) -> Tensor:
    """What each network of a `Modulated` is to be at the samples, times its `share`.

    Args:
        values: float64 [n, c], in place of `samples.values`.
        carriers: float64 [count, d] in cycles a side.

    Returns:
        float64 [2 count, n, c]: 2 Re T of each carrier, then -2 Im T. Times the carriers' cosines
        and sines, they add up to the values.
    """
    axes = tuple(range(len(samples.shape)))
    spectrum = torch.fft.fftn(values.unflatten(0, samples.shape), dim=axes)
    steps = [2 * torch.fft.fftfreq(n, samples.pitch) for n in reversed(samples.shape)]
    k = torch.stack(torch.meshgrid(*reversed(steps), indexing="ij")[::-1], dim=-1)
    k = k.flatten(0, -2).to(carriers)  # [n, d], in cycles a side
    nearest = torch.cdist(k, torch.cat([carriers, -carriers])).argmin(1).view(samples.shape)
    turns = math.pi * samples.x.to(carriers) @ carriers.T  # [n, count]
    found = []
    for m in range(len(carriers)):
        # A real signal's part at -k is the conjugate of that at k: either stands for both.
        own = _filtered(spectrum, nearest == m, axes)
        mirrored = _filtered(spectrum, nearest == m + len(carriers), axes).conj()
        found.append((own + mirrored) * torch.exp(-1j * turns[:, m, None]))
    shifted = torch.stack(found)
    return torch.cat([shifted.real, -shifted.imag])


def _filtered(spectrum: Tensor, kept: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The signal whose spectrum is the part of another that is kept: complex [n, c]."""
    part = torch.where(kept[..., None], spectrum, 0)
    return torch.fft.ifftn(part, dim=axes).flatten(0, len(axes) - 1)


class _Descent:
    """Adam on a bank whose networks' values are of very different sizes.

    The head of each starts, and moves, in units of the size of its values: as if the values were
    of size 1.
    """

    def __init__(self, network: Modulated, size: Tensor) -> None:
        bank = network.bank
        self.parameters = [*bank.weights, *bank.biases]
        heads = {id(bank.weights[-1]), id(bank.biases[-1])}
        self.units = [size if id(p) in heads else torch.ones_like(size) for p in self.parameters]
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.count = 0
        with torch.no_grad():
            for parameter, unit in zip(self.parameters, self.units, strict=True):
                parameter.mul_(unit)

    @torch.no_grad()
    def step(self, gradients: tuple[Tensor, ...], rate: float) -> None:
        self.count += 1
        first, second = 1 - BETA1**self.count, 1 - BETA2**self.count
        rows = zip(
            self.parameters, gradients, self.units, self.means, self.squares, strict=True
        )
        for parameter, gradient, unit, mean, square in rows:
            gradient = gradient * unit
            mean.lerp_(gradient, 1 - BETA1)
            square.lerp_(gradient.square(), 1 - BETA2)
            parameter.sub_(rate * unit * (mean / first) / ((square / second).sqrt() + EPS))
