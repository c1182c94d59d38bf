"""A step of descent that never leaves the GPU: recorded once as a CUDA graph, and then replayed.

A step is a few launches: the encoding, the network with its loss and gradients, the scatter to the
table, Adam for both, and beside it the next step's draw. What changes from step to step (its
number, the learning rate, how many rows learn) is read from the device, so that nothing need be
launched anew.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .config import FitConfig
from .field import Field
from .fused import Fused
from .fused.cuda import TritonFused
from .kernels.draws import Rows, Source
from .tasks import Task


def device_step(field: Field, task: Task, config: FitConfig) -> "DeviceStep | None":
    """The whole step on the device, where the kernels know all of it; else None."""
    fused = field.fused
    if not isinstance(fused, TritonFused) or field.earlier is not None:
        return None
    if config.balance or config.solver.descent is not None or field.penalty is not None:
        return None
    source = task.source()
    return None if source is None else DeviceStep(field, fused, source, config)


class DeviceStep:
    """Steps of Adam on draws of a task's data.

    Attributes:
        taken: steps since the losses were last cleared.
        eager: why the step is not replayed as a graph, or None.
    """

    def __init__(
        self, field: Field, fused: TritonFused, source: Source, config: FitConfig
    ) -> None:
        from .kernels import triton_draws, triton_mlp

        self.field, self.fused, self.source, self.config = field, fused, source, config
        self.net, self.layout = fused.net, fused.grid.layout
        self.table = fused.grid.table
        self.device = self.table.device
        self.count = draws_of(source, config.batch)
        self.batch = triton_draws.space_for(source, self.count, self.device)
        samples = len(self.batch.x)
        self.space = triton_mlp.Space.of(self.net, samples, fused.operands, self.device)
        self.features = torch.empty_like(self.space.change)
        self.theta, self.decay = joined(fused, config.weight_decay)
        self.theta_state = torch.zeros_like(self.theta), torch.zeros_like(self.theta)
        self.table.grad = torch.zeros_like(self.table)
        self.table_state = torch.zeros_like(self.table), torch.zeros_like(self.table)
        self.table_steps = torch.zeros_like(self.table, dtype=torch.int32)
        self.step_number = torch.zeros(1, dtype=torch.int32, device=self.device)
        self.drawn = torch.zeros_like(self.step_number)  # draws that were made
        on_gpu = self.device.type == "cuda"
        self.beside = torch.cuda.Stream(self.device) if on_gpu else None
        self.factor = torch.zeros(1, device=self.device)
        self.square = (field.scale**2).reshape(1)
        self.rows = len(self.table)
        self.limit = torch.full(
            (1,), self.table.numel(), dtype=torch.int32, device=self.device
        )
        self.taken = 0
        self.eager: str | None = None
        self.replay: Callable[[], None] | None = None

    def launch(self) -> None:
        """All of a step; it reads nothing from the host, and allocates nothing."""
        self.learn()
        beside = self.beside
        if beside is None:
            self.draw()
            self.update()
            return
        here = torch.cuda.current_stream(self.device)
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            self.draw()
        self.update()
        here.wait_stream(beside)

    def draw(self) -> None:
        """The samples of the next step. Nothing else needs them while Adam has its turn."""
        from .kernels import triton_draws

        source, number = self.source, self.drawn
        triton_draws.draw(source, number, self.count, self.config.seed, self.batch)
        number += 1

    def learn(self) -> None:
        """The gradients on the samples that were drawn."""
        from .kernels import triton_grid, triton_mlp

        batch, space = self.batch, self.space
        assert self.table.grad is not None
        self.fused.features(batch.x, self.features)
        paired = self.source.paired if isinstance(self.source, Rows) else 0.0
        factor = triton_mlp.learn(
            self.net, self.features, batch.y, self.theta, self.field.shift, self.field.scale, space,
            sample_weight=batch.weight, paired=paired,
        )  # fmt: skip
        triton_grid.table_gradient(
            batch.x, space.change, self.layout, centred=True, planes=True,
            factors=(self.square, factor), into=self.table.grad,
        )  # fmt: skip

    def update(self) -> None:
        """Adam's step with them."""
        from .kernels import triton_adam

        c, table = self.config, self.table
        assert table.grad is not None
        self.step_number += 1
        knobs = {"beta1": c.beta1, "beta2": c.beta2, "eps": c.eps}
        triton_adam.sparse_adam_(
            table.detach(), table.grad, *self.table_state, self.table_steps,
            lr=c.table_lr, factor=self.factor, limit=self.limit, **knobs,
        )  # fmt: skip
        triton_adam.dense_adam_(
            self.theta, self.space.gradient, *self.theta_state, self.decay, self.step_number,
            self.factor, lr=c.lr, **knobs,
        )  # fmt: skip

    @torch.no_grad()
    def prepare(self) -> None:
        """Compile every kernel, by a step that changes nothing, and record the step."""
        self.draw()
        self.launch()
        for tensor in (
            *self.theta_state, *self.table_state, self.table_steps, self.step_number, self.drawn,
            self.space.loss,
        ):  # fmt: skip
            tensor.zero_()
        self.draw()
        self.replay = self.record()

    def record(self) -> Callable[[], None]:
        """The step as one call; launch by launch where it cannot be replayed."""
        if self.device.type != "cuda":
            return self.launch
        try:
            graph = torch.cuda.CUDAGraph()
            # Of this thread alone: others may be fitting too.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self.launch()
        except RuntimeError as error:
            torch.cuda.synchronize(self.device)
            self.eager = str(error).splitlines()[0]
            return self.launch
        return graph.replay

    @torch.no_grad()
    def step(self, factor: float, rows: int) -> None:
        """Take a step, at `factor` times the learning rates, on the table's first `rows`."""
        if self.replay is None:
            self.prepare()
        assert self.replay is not None
        self.factor.fill_(factor)
        if rows != self.rows:
            self.rows = rows
            self.limit.fill_(rows * self.table.shape[1])
        self.replay()
        self.taken += 1

    def mean_loss(self) -> float:
        """Over the steps since the last `clear`; waits for them."""
        return float(self.space.loss) / max(1, self.taken)

    def clear(self) -> None:
        """Begin a new mean."""
        self.space.loss.zero_()
        self.taken = 0


def draws_of(source: Source, batch: int) -> int:
    """How many pixels or rows make a batch of so many samples."""
    if isinstance(source, Rows):
        return min(max(1, batch // source.x.shape[1]), len(source.x))
    return min(batch, len(source.values) if source.among is None else len(source.among))


@torch.no_grad()
def joined(fused: Fused, weight_decay: float) -> tuple[Tensor, Tensor | None]:
    """The network's parameters as views of one array, and the weight of each one's L2 penalty."""
    parameters = fused.parameters
    theta = torch.cat([p.reshape(-1) for p in parameters])
    parts = theta.split([p.numel() for p in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.data = part.view_as(parameter)
    if not weight_decay:
        return theta, None
    decay = [torch.full_like(part, weight_decay * (p.ndim > 1))
             for p, part in zip(parameters, parts, strict=True)]
    return theta, torch.cat(decay)
