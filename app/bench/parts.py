"""The kernels of a fit's step on the GPU, one by one, on inputs as a fit has them."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from fields import FitConfig, ImageTask
from fields.device_step import DeviceStep
from fields.fit import Run
from fields.kernels.draws import Batch

from .floors import touched_by, works
from .rates import Rates, sectors
from .timing import Call, of_kernel

SETS = 3  # of inputs, taken in turn
GRADIENTS = 8  # of the table, which Adam clears


class Parts:
    """The inputs of each kernel, and what it is called with.

    Args:
        task, config: a fit whose whole step the kernels know.
    """

    def __init__(self, task: ImageTask, config: FitConfig) -> None:
        from fields.kernels import triton_draws

        run = Run(task, config)
        assert run.whole is not None
        self.step: DeviceStep = run.whole
        self.config, self.step.table.requires_grad = config, False
        s = self.step
        s.table.uniform_(-1, 1)
        self.numbers = [torch.full_like(s.step_number, 1 + i) for i in range(SETS)]
        spaces = [triton_draws.space_for(s.source, s.count, s.device) for _ in range(SETS)]
        for number, space in zip(self.numbers, spaces, strict=True):
            triton_draws.draw(s.source, number, s.count, config.seed, space)
        self.batches: dict[str, list[Batch]] = {"curve": spaces, "random": self._shuffled(spaces)}
        self.features: list[Tensor] = []
        self.changes: list[Tensor] = []
        self.factor = 1.0
        for batch in spaces:
            self._learn(batch)

    def _shuffled(self, batches: list[Batch]) -> list[Batch]:
        rng = torch.Generator(self.step.device).manual_seed(0)
        found = []
        for batch in batches:
            order = torch.randperm(len(batch.x), generator=rng, device=batch.x.device)
            found.append(Batch(batch.x[order].contiguous(), batch.y[order].contiguous(), None))
        return found

    def _learn(self, batch: Batch) -> None:
        """Note what the network sees of a batch, and what comes back to it."""
        from fields.kernels import triton_mlp

        s = self.step
        s.fused.features(batch.x, s.features)
        self.features.append(s.features.clone())
        self.factor = triton_mlp.learn(
            s.net, s.features, batch.y, s.theta, s.field.shift, s.field.scale, s.space
        )
        self.changes.append(s.space.change.clone())

    def rows(self, rates: Rates) -> Iterator[dict[str, Any]]:
        """For each kernel what it takes, and its floor."""
        s, c = self.step, self.config
        gradients = self._gradients()
        touched = touched_by(gradients[-1])
        for order, batches in self.batches.items():
            asked = sectors(s.layout, (batches[0].x + 1) / 2)
            floors = works(s.layout, s.net.layers, s.count, asked, touched)
            for name, runs in self.calls(order, gradients).items():
                before = self._refill(gradients) if name == "adam_table" else None
                ms = of_kernel(runs, s.device, before=before)
                floor = floors[name].ms(rates, order)
                yield {
                    "what": "kernel", "name": name, "backend": "triton", "order": order,
                    "samples": s.count, "log2_size": getattr(c.field.encoding, "log2_size", None),
                    "ms": ms, "floor_ms": floor, "floor_share": floor / ms,
                }  # fmt: skip

    def calls(self, order: str, gradients: list[Tensor]) -> dict[str, list[Call]]:
        """Each kernel on several inputs; where samples are in no order, those that mind it."""
        batches = self.batches[order]
        found = {"encode": self._encode(batches), "scatter": self._scatter(batches)}
        if order == "random":
            return found
        return {
            "draw": self._draw(batches), "encode": found["encode"],
            "network": self._network(batches), "scatter": found["scatter"],
            "adam_table": [self._adam_table(g) for g in gradients[:-1]],
            "adam_network": [self._adam_network], "infer": self._infer(batches),
        }  # fmt: skip

    def _draw(self, batches: list[Batch]) -> list[Call]:
        from fields.kernels import triton_draws as t

        s, seed = self.step, self.config.seed
        return [
            lambda i=i: t.draw(s.source, self.numbers[i], s.count, seed, batches[i])
            for i in range(SETS)
        ]

    def _encode(self, batches: list[Batch]) -> list[Call]:
        s = self.step
        out = torch.empty_like(s.features)  # of its own: the network's inputs stay as they are
        return [lambda b=b: s.fused.features(b.x, out) for b in batches]

    def _network(self, batches: list[Batch]) -> list[Call]:
        from fields.kernels import triton_mlp as t

        s = self.step
        return [
            lambda f=f, b=b: t.learn(s.net, f, b.y, s.theta, s.field.shift, s.field.scale, s.space)
            for f, b in zip(self.features, batches, strict=True)
        ]

    def _scatter(self, batches: list[Batch]) -> list[Call]:
        assert self.step.table.grad is not None
        into = self.step.table.grad
        return [
            lambda c=c, b=b: self._add(b, c, into)
            for c, b in zip(self.changes, batches, strict=True)
        ]

    def _add(self, batch: Batch, change: Tensor, into: Tensor) -> None:
        from fields.kernels import triton_grid

        s = self.step
        triton_grid.table_gradient(
            batch.x, change, s.layout, centred=True, planes=True,
            factors=(s.square, self.factor), into=into,
        )  # fmt: skip

    def _infer(self, batches: list[Batch]) -> list[Call]:
        """In float32, as a field is drawn."""
        from fields.kernels import triton_infer

        s = self.step
        after = s.theta, s.field.shift, s.field.scale, torch.float32
        return [
            lambda b=b: triton_infer.infer(s.net, b.x, s.table, s.layout, *after) for b in batches
        ]

    def _adam_table(self, gradient: Tensor) -> Call:
        from fields.kernels import triton_adam

        s, knobs = self.step, self._knobs
        return lambda: triton_adam.sparse_adam_(
            s.table, gradient, *s.table_state, s.table_steps, lr=1e-4, factor=s.factor,
            limit=s.limit, **knobs,
        )  # fmt: skip

    def _adam_network(self) -> None:
        from fields.kernels import triton_adam

        s = self.step
        triton_adam.dense_adam_(
            s.theta,
            s.space.gradient,
            *s.theta_state,
            s.decay,
            self.numbers[0],
            s.factor,
            lr=1e-4,
            **self._knobs,
        )

    @property
    def _knobs(self) -> dict[str, float]:
        c = self.config
        return {"beta1": c.beta1, "beta2": c.beta2, "eps": c.eps}

    def _gradients(self) -> list[Tensor]:
        """One of the table as a fit has it; the last one is kept, the others are used up."""
        whole = torch.zeros_like(self.step.table)
        self._add(self.batches["curve"][0], self.changes[0], whole)
        return [whole.clone() for _ in range(GRADIENTS)] + [whole]

    def _refill(self, gradients: list[Tensor]) -> Call:
        *used, whole = gradients

        def refill() -> None:
            for gradient in used:
                gradient.copy_(whole)

        return refill
