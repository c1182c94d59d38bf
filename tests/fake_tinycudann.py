"""A stand-in for the package tinycudann, on the CPU, for tests of what is handed to the real one.

It has the classes, arguments and habits of version 2.0's Python side, and derives everything from
the JSON by that library's formulas, not by ours: batches padded to 256, parameters and gradients
of a network rounded to half, its inputs filled up with ones, memory read without regard to
strides, no gradients for what does not require any. Where the library would read wrong memory,
this one raises.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from fields.kernels import grid
from fields.kernels.grid import GridLayout

GRANULARITY = 256
calls: list[str] = []  # "forward", "inference", ... in order, for tests to look at
jit = True  # what `supports_jit_fusion` says
shift = 0  # parameters more than expected, as a build of another layout would have


def supports_jit_fusion() -> bool:
    return jit


def _memory(tensor: Tensor, rows: int, dtype: torch.dtype) -> Tensor:
    """What a kernel finds at the tensor's address."""
    assert tensor.dtype == dtype, f"expected {dtype}, got {tensor.dtype}"
    assert tensor.is_contiguous(), f"a kernel would misread strides {tensor.stride()}"
    assert len(tensor) == rows
    return tensor.detach()


def _single(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float32)


class _Grid:
    precision = torch.float32

    def __init__(self, dim: int, config: dict) -> None:
        config = dict(config)
        assert config.pop("otype") == "Grid"
        assert config.pop("hash") == "CoherentPrime"
        kind, smooth = config.pop("type"), config.pop("interpolation")
        levels, features = config.pop("n_levels"), config.pop("n_features_per_level")
        base, growth = config.pop("base_resolution"), config.pop("per_level_scale")
        size = 2 ** config.pop("log2_hashmap_size") if kind == "Hash" else None
        assert not config, f"unknown keys {config}"
        assert kind in ("Hash", "Dense")
        assert smooth in ("Linear", "Smoothstep")
        assert dim in (2, 3, 4)
        assert features in (1, 2, 4, 8)
        assert levels * features * 8 <= 1024, "too many threads to turn the features around"
        assert isinstance(base, int)
        assert base > 0
        assert growth == _single(growth).item(), "JSON's doubles are cast to float"
        self.inputs, self.outputs = dim, levels * features
        self.layout = self.lay_out(dim, levels, features, base, growth, size)
        self.smooth = smooth == "Smoothstep"
        self.parameters = self.layout.offsets[-1] * features

    @staticmethod
    def lay_out(
        dim: int, levels: int, features: int, base: int, growth: float, size: int | None
    ) -> GridLayout:
        """`grid_scale`, `grid_resolution` and the offsets of grid.h; `math` for libm's floats."""
        log2 = _single(math.log2(growth))
        scales, resolutions, offsets, hashed = [], [], [0], []
        for level in range(levels):
            power = _single(2.0 ** (_single(level) * log2).item())
            scale = (power * _single(base) - _single(1)).item()
            resolution = math.ceil(scale) + 1
            rows = min(resolution**dim, 2**31 - 1)
            rows += -rows % 8
            scales.append(scale)
            resolutions.append(resolution)
            hashed.append(size is not None and size < resolution**dim)
            offsets.append(offsets[-1] + (rows if size is None else min(rows, size)))
        return GridLayout(
            dim, features, tuple(scales), tuple(resolutions), tuple(offsets), tuple(hashed)
        )

    def encode(self, x: Tensor, params: Tensor) -> Tensor:
        table = params.view(-1, self.layout.features)
        return grid.encode(x, table, self.layout, smooth=self.smooth)

    def run(self, x: Tensor, params: Tensor) -> Tensor:
        return self.encode(x, params)

    def back(self, x: Tensor, params: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x, params = x.detach().requires_grad_(), params.detach().requires_grad_()
            to_x, to_params = torch.autograd.grad(self.encode(x, params), [x, params], change)
        return to_x, to_params

    def back_again(self, x: Tensor, params: Tensor, change: Tensor, second: Tensor):
        with torch.enable_grad():
            inputs = [tensor.detach().requires_grad_() for tensor in (change, params, x)]
            change, params, x = inputs
            out = self.encode(x, params)
            (to_x,) = torch.autograd.grad(out, x, change, create_graph=True)
            return torch.autograd.grad(to_x, inputs, second, materialize_grads=True)


class _Mlp:
    precision = torch.float16

    def __init__(self, inputs: int, outputs: int, config: dict) -> None:
        config = dict(config)
        assert config.pop("otype") == "FullyFusedMLP"
        assert config.pop("activation") == "ReLU"
        assert config.pop("output_activation") == "None"
        width, layers = config.pop("n_neurons"), config.pop("n_hidden_layers")
        assert not config, f"unknown keys {config}"
        assert width in (16, 32, 64, 128)
        assert layers >= 1
        self.inputs, self.outputs = inputs, outputs + -outputs % 16
        widths = [inputs + -inputs % 16, *[width] * layers, self.outputs]
        self.shapes = [(b, a) for a, b in pairwise(widths)]
        self.parameters = sum(a * b for a, b in self.shapes)

    def forward(self, x: Tensor, params: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The matrices, and what enters each and leaves the last; all half."""
        values = [nn.functional.pad(x.half(), (0, -self.inputs % 16), value=1.0)]
        matrices = []
        for rows, columns in self.shapes:
            matrices.append(params[: rows * columns].view(rows, columns))
            params = params[rows * columns :]
            out = (values[-1].float() @ matrices[-1].float().T).half()
            values.append(out if not len(params) else out.relu())
        return matrices, values

    def run(self, x: Tensor, params: Tensor) -> Tensor:
        return self.forward(x, params)[1][-1]

    def back(self, x: Tensor, params: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        matrices, values = self.forward(x, params)
        found = []
        for matrix, value in zip(matrices[::-1], values[-2::-1], strict=True):
            found.append((change.float().T @ value.float()).half().view(-1))
            change = (change.float() @ matrix.float()).half()
            if len(found) < len(matrices):
                change = change * (value > 0)
        return change[:, : self.inputs].float(), torch.cat(found[::-1])

    def back_again(self, *_: Tensor):
        raise RuntimeError("does not support double backward")


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx, native, x, params, loss_scale):
        assert len(x) % GRANULARITY == 0
        assert len(x) > 0
        assert x.shape[1] == native.inputs
        x_memory = _memory(x, len(x), torch.float32)
        params_memory = _memory(params, native.parameters, native.precision)
        ctx.trained = x.requires_grad or params.requires_grad
        calls.append("forward" if ctx.trained else "inference")
        ctx.save_for_backward(x, params)
        ctx.native, ctx.loss_scale = native, loss_scale
        return native.run(x_memory, params_memory)

    @staticmethod
    def backward(ctx, *gradients):
        to_x, to_params = _Back.apply(ctx, gradients[0], *ctx.saved_tensors)
        return None, to_x if to_x.ndim else None, to_params if to_params.ndim else None, None


class _Back(torch.autograd.Function):
    @staticmethod
    def forward(ctx, run, change, x, params):
        assert run.trained, "the forward pass ran for inference"
        calls.append("backward")
        ctx.run = run
        ctx.save_for_backward(change, x, params)
        change = _memory(change * run.loss_scale, len(x), run.native.precision)
        to_x, to_params = run.native.back(x.detach(), params.detach(), change)
        return (
            to_x / run.loss_scale if x.requires_grad else x.new_zeros(()),
            to_params / run.loss_scale if params.requires_grad else params.new_zeros(()),
        )

    @staticmethod
    def backward(ctx, *seconds):
        change, x, params = ctx.saved_tensors
        calls.append("double backward")
        second = _memory(seconds[0], len(x), torch.float32)  # and nothing for seconds[1]
        if not change.requires_grad and not params.requires_grad:
            return None, None, torch.zeros_like(x), None  # as the bindings do
        found = ctx.run.native.back_again(x, params, _memory(change, len(x), x.dtype), second)
        return None, found[0], found[2], found[1]


class _Module(nn.Module):
    def __init__(self, native: _Grid | _Mlp, seed: int) -> None:
        super().__init__()
        self.native_tcnn_module = native
        self.jit_fusion = False
        self.loss_scale = 128.0 if native.precision == torch.float16 else 1.0
        rng = torch.Generator().manual_seed(seed)
        values = torch.rand(native.parameters + shift, generator=rng)
        self.params = nn.Parameter(values, requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        native = self.native_tcnn_module
        missing = -len(x) % GRANULARITY
        padded = nn.functional.pad(x, [0, 0, 0, missing]) if missing else x
        params = self.params.to(native.precision).contiguous()
        out = _Run.apply(native, padded.to(torch.float).contiguous(), params, self.loss_scale)
        return out[: len(x), : self.n_output_dims]


class Encoding(_Module):
    def __init__(self, n_input_dims: int, encoding_config: dict, seed=1337, dtype=None) -> None:
        assert dtype == torch.float32, "half precision by default"
        super().__init__(_Grid(n_input_dims, encoding_config), seed)
        self.n_output_dims = self.native_tcnn_module.outputs


class Network(_Module):
    def __init__(
        self, n_input_dims: int, n_output_dims: int, network_config: dict, seed=1337
    ) -> None:
        super().__init__(_Mlp(n_input_dims, n_output_dims, network_config), seed)
        self.n_output_dims = n_output_dims
