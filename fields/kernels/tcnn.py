"""The grid encoding and the ReLU network behind it on tiny-cuda-nn, where a user has installed it.

Müller 2021, https://github.com/NVlabs/tiny-cuda-nn. Its modules hold one flat `params` each. Here
they are shells: every call hands in the field's own table and weights, so that parameters, seeds
and files are those of the other backends, and autograd leads to the field. What its habits would
change is undone here: only float32 encodings, rows of zeros and ones that fill a width or a batch,
half precision and its loss scale in the network.
"""

import functools
import importlib
import math
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call

from . import grid
from .backends import BackendUnavailable
from .grid import GridLayout

FEATURES = (1, 2, 4, 8)  # what its grids are compiled for, as are their dimensions
DIMENSIONS = (2, 3, 4)
MAX_VALUES = 128  # levels * features: it turns them around in blocks of 8 samples, 1024 threads
WIDTHS = (16, 32, 64, 128)
ALIGNMENT = 16  # its network's inputs and outputs are padded to whole tiles of this width
DRIFT = 1e-5  # how far its scales may lie from the layout's, as a share

# Half precision ends at 65504, and is coarse below 6e-5. A weight's gradient is a sum over the
# batch: with the errors' sum at 2^10 it has room to grow 2^6 times through layers and activations,
# and an error a 60th of the mean still has all its digits in a batch of 2^18.
ERROR_SUM = 2.0**10
ERROR = 2.0**4  # the largest one, for small batches

_calls = threading.Lock()


# --- grids ---------------------------------------------------------------------------------------


def unsupported(layout: GridLayout, smooth: bool) -> str | None:
    """Why tiny-cuda-nn cannot encode with this grid, or None. Either interpolation works."""
    if layout.dim not in DIMENSIONS:
        return f"it encodes 2 to 4 coordinates, got {layout.dim}"
    if layout.features not in FEATURES:
        return f"features must be 1, 2, 4 or 8, got {layout.features}"
    if layout.levels * layout.features > MAX_VALUES:
        got = f"{layout.levels} * {layout.features}"
        return f"levels * features must be at most {MAX_VALUES}, got {got}"
    try:
        _configuration(layout, smooth)
    except ValueError as error:
        return str(error)
    return None


@functools.lru_cache(maxsize=64)
def _configuration(layout: GridLayout, smooth: bool) -> dict[str, Any]:
    """The JSON that makes tiny-cuda-nn lay its grid out as `layout` does.

    Raises:
        ValueError: there is none.
    """
    rows = [stop - start for start, stop in pairwise(layout.offsets)]
    sizes = {size for size, hashed in zip(rows, layout.hashed, strict=True) if hashed}
    if len(sizes) > 1 or any(size & (size - 1) for size in sizes):
        raise ValueError(f"hashed levels must share one power of two of rows, got {sorted(sizes)}")
    coarsest = round(layout.scales[0] + 1)
    config: dict[str, Any] = {
        "otype": "Grid",
        "type": "Hash" if sizes else "Dense",
        "n_levels": layout.levels,
        "n_features_per_level": layout.features,
        "base_resolution": coarsest,
        "per_level_scale": _growth(layout, coarsest),
        "interpolation": "Smoothstep" if smooth else "Linear",
        "hash": "CoherentPrime",
    }
    if sizes:
        config["log2_hashmap_size"] = sizes.pop().bit_length() - 1
    return config


def _growth(layout: GridLayout, coarsest: int) -> float:
    """The float32 factor between levels from which tiny-cuda-nn finds the layout's levels.

    It takes the logarithm of this factor in float32, and not every float32 is one: a scale may
    differ from the layout's in its last digits, which moves a point by a millionth of the cells.
    What must not differ is a dense level's number of vertices, its stride. Where a scale is so
    near a whole number that rounding could decide, a neighbouring factor keeps clear of it.
    """
    top = math.log2((layout.scales[-1] + 1) / coarsest) / max(layout.levels - 1, 1)
    nearest = int(np.float32(2**top).view(np.int32))
    factors = np.arange(nearest - 16, nearest + 17, dtype=np.int32).view(np.float32)
    best, least = 0.0, DRIFT
    for factor in factors.tolist():
        scales, slack = _scales(factor, coarsest, layout.levels)
        drift = float((np.abs(scales - layout.scales) / (np.array(layout.scales) + 1)).max())
        if drift < least and _same_vertices(scales, slack, layout):
            best, least = factor, drift
    if not best:
        raise ValueError(
            "its levels must grow by one factor, with scales clear of whole numbers, got "
            f"scales {[round(s, 3) for s in layout.scales]}; change coarsest or finest"
        )
    return best


def _scales(factor: float, coarsest: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Each level's scale by tiny-cuda-nn's formula, and how far rounding may move it; float64 [L].

    Its `log2f` and `exp2f` may be off by 1 and 2 units in the last place, and the GPU may fuse the
    product and the difference. Of powers of two, all of them are exact.
    """
    step = np.float32(math.log2(factor))
    power = np.exp2((np.arange(levels, dtype=np.float32) * step).astype(np.float64))
    power = power.astype(np.float32)
    scales = (power * np.float32(coarsest) - np.float32(1)).astype(np.float64)
    exact = math.frexp(factor)[0] == 0.5
    share = 4 * 2.0**-23 + np.arange(levels) * float(np.spacing(abs(step))) * math.log(2)
    slack = np.where(exact | (np.arange(levels) == 0), 0.0, share * (scales + 1))
    return scales, slack


def _same_vertices(scales: np.ndarray, slack: np.ndarray, layout: GridLayout) -> bool:
    """Whether dense levels have the layout's vertices, and hashed ones too many, either way."""
    fewest, most = np.ceil(scales - slack) + 1, np.ceil(scales + slack) + 1
    for level, hashed in enumerate(layout.hashed):
        rows = layout.offsets[level + 1] - layout.offsets[level]
        if hashed and int(fewest[level]) ** layout.dim <= rows:
            return False
        if not hashed and not fewest[level] == most[level] == layout.resolutions[level]:
            return False
    return True


# --- modules -------------------------------------------------------------------------------------


def _on(device: torch.device) -> AbstractContextManager[Any]:
    """Where tiny-cuda-nn computes: always on the current GPU."""
    if device.type != "cuda":
        got = f"tensors on {device}"
        raise TypeError(f"tinycudann needs an NVIDIA GPU, got {got}; choose backend auto.")
    return torch.cuda.device(device)


@functools.lru_cache(maxsize=32)
def _encoding(layout: GridLayout, smooth: bool, device: torch.device) -> nn.Module:
    problem = unsupported(layout, smooth)
    if problem is not None:
        raise ValueError(
            f"The tinycudann backend cannot take this grid: {problem}; "
            "choose backend auto or torch."
        )
    # Imported here: where there is no GPU, the import itself raises OSError.
    library: Any = importlib.import_module("tinycudann")
    # Without just-in-time fusion: there is nothing to fuse it with, and in the version read
    # (2.0) the fused second derivatives of smooth grids are wrong for 3 dimensions and more.
    module = library.Encoding(layout.dim, _configuration(layout, smooth), dtype=torch.float32)
    return _shell(module, layout.offsets[-1] * layout.features, device)


@functools.lru_cache(maxsize=32)
def _network(widths: tuple[int, ...], device: torch.device) -> nn.Module:
    problem = network_unsupported(widths)
    if problem is not None:
        raise ValueError(
            f"The tinycudann backend cannot take this network: {problem}; "
            "choose backend auto or torch."
        )
    library: Any = importlib.import_module("tinycudann")
    config = {
        "otype": "FullyFusedMLP",
        "activation": "ReLU",
        "output_activation": "None",
        "n_neurons": widths[1],
        "n_hidden_layers": len(widths) - 2,
    }
    module = library.Network(widths[0], widths[-1], config)
    if supports := getattr(library, "supports_jit_fusion", None):  # since 2.0
        module.jit_fusion = bool(supports())
    module.loss_scale = 1.0  # its own, 128, is applied after rounding to half; see `_Enlarge`
    padded = [_padded(widths[0]), *widths[1:-1], _padded(widths[-1])]
    return _shell(module, sum(a * b for a, b in pairwise(padded)), device)


def _shell(module: nn.Module, expected: int, device: torch.device) -> nn.Module:
    """The module without parameters of its own, which can be as many as the field's."""
    parameters: Any = module.params
    if parameters.numel() != expected:
        raise BackendUnavailable(
            f"the installed tinycudann lays out {parameters.numel()} parameters where {expected} "
            "were expected: build version 1.7 or 2.0 with half precision, for a GPU of compute "
            "capability 7.5 or more, or choose backend auto"
        )
    module.params = nn.Parameter(torch.empty(0, device=device), requires_grad=False)
    return module


def _call(module: nn.Module, params: Tensor, x: Tensor) -> Tensor:
    """module(x) with these parameters; the module pads the batch and cuts the result."""
    if not torch.is_grad_enabled():
        # It goes by what requires a gradient, and would prepare for one that never comes.
        params, x = params.detach(), x.detach()
    # Fits in several threads share the modules, whose parameters are in place during the call.
    with _calls:
        return functional_call(module, {"params": params}, (x,))


# --- the encoding --------------------------------------------------------------------------------


class _Whole(torch.autograd.Function):
    """The same tensor, to which every derivative comes contiguous.

    tiny-cuda-nn reads the memory of a gradient and not its strides: one expanded from a sum, or
    transposed, would be read wrongly, or beyond its end.
    """

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Whole.apply(gradients[0].contiguous())


class _Once(torch.autograd.Function):
    """The same parameters, whose gradient cannot be differentiated again.

    tiny-cuda-nn has no derivative of the gradient to its parameters, and would take it for zero.
    `watch` requires a gradient and gets none: with parameters that require none, it would take the
    second derivative to x for zero as well.
    """

    @staticmethod
    def forward(ctx: Any, params: Tensor, watch: Tensor) -> Tensor:
        return params.view_as(params)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor | None, None]:
        return gradients[0] if ctx.needs_input_grad[0] else None, None


def encode(x: Tensor, table: Tensor, layout: GridLayout, *, smooth: bool = False) -> Tensor:
    """`grid.encode` on tiny-cuda-nn: the same values and first derivatives, in float32.

    Twice differentiable where its kernels are: the gradient to x has derivatives in x, in the
    table and in the gradient it was found from. The gradient to the table has none, and raises
    RuntimeError when asked for one.

    Args:
        x: float32 [n, d] in [0, 1], on a GPU.
        table: float32 [rows, features].

    Returns:
        float32 [n, levels * features], level by level.

    Raises:
        ValueError: tiny-cuda-nn has no such grid; see `unsupported`.
    """
    _check_grid(x, table, layout)
    with _on(x.device):
        if not len(x):
            return grid.encode(x, table, layout, smooth=smooth)
        module = _encoding(layout, smooth, x.device)
        watch = torch.zeros(0, device=x.device, requires_grad=x.requires_grad)
        params = _Once.apply(table.reshape(-1), watch)
        return _Whole.apply(_call(module, params, _Whole.apply(x.contiguous())))


def _check_grid(x: Tensor, table: Tensor, layout: GridLayout) -> None:
    grid.check_grid(x, table, layout, x.device.type)
    if (len(x) + 256) * layout.levels * layout.features >= 2**32:  # it counts in uint32
        most = 2**32 // (layout.levels * layout.features) - 257
        raise ValueError(f"tinycudann encodes at most {most} points at a time, got {len(x)}.")


# --- the network ---------------------------------------------------------------------------------


def network_unsupported(widths: Sequence[int]) -> str | None:
    """Why tiny-cuda-nn cannot fuse this network, or None.

    Args:
        widths: of the inputs, every hidden layer, the outputs. There are no biases.
    """
    hidden = list(widths[1:-1])
    if not hidden:
        return "it needs a hidden layer"
    if hidden[0] not in WIDTHS or hidden != hidden[:1] * len(hidden):
        return f"hidden layers must all have width 16, 32, 64 or 128, got {hidden}"
    if widths[0] < 1 or widths[-1] < 1:
        return f"inputs and outputs must be at least 1, got {widths[0]} and {widths[-1]}"
    return None


class _Scale:
    """What the gradients inside the network are multiplied by, as found by `_Enlarge`."""

    value: Tensor


class _Enlarge(torch.autograd.Function):
    """The network's output; its gradient goes in enlarged, so that half precision can hold it.

    The gradient of a mean over 2^18 samples is near 1e-6 each, where half precision has a digit at
    most, and what is 1000 times less vanishes. Its sum over the batch, which becomes the gradient
    to the weights, must not overflow at the same time: so the sum is what sets the scale. It is
    found anew for each batch and stays on the GPU; `_Reduce` takes it out again.
    """

    @staticmethod
    def forward(ctx: Any, out: Tensor, scale: _Scale) -> Tensor:
        ctx.scale = scale
        return out.view_as(out)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor, None]:
        size = gradients[0].abs()
        least = torch.maximum(size.sum(0).amax() / ERROR_SUM, size.amax() / ERROR)
        ctx.scale.value = 1 / least.clamp_min(1e-30)  # all zeros: any scale will do
        return (gradients[0] * ctx.scale.value).contiguous(), None


class _Reduce(torch.autograd.Function):
    """What enters the network; its gradient comes out as if nothing had been enlarged."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, scale: _Scale) -> Tensor:
        ctx.scale = scale
        return tensor.view_as(tensor)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor, None]:
        return gradients[0] / ctx.scale.value, None


def _padded(width: int) -> int:
    return -(-width // ALIGNMENT) * ALIGNMENT


def _pack(weights: Sequence[Tensor]) -> Tensor:
    """The weights end to end as tiny-cuda-nn keeps them, row-major [out, in].

    It fills its inputs up with ones; zeros in the first layer leave them without effect.
    """
    first, *hidden, last = weights
    first = nn.functional.pad(first, (0, _padded(first.shape[1]) - first.shape[1]))
    last = nn.functional.pad(last, (0, 0, 0, _padded(last.shape[0]) - last.shape[0]))
    return torch.cat([weight.reshape(-1) for weight in (first, *hidden, last)])


def grid_mlp(x: Tensor, table: Tensor, layout: GridLayout, weights: Sequence[Tensor]) -> Tensor:
    """mlp(encode(x)), differentiable once, in x, table and weights.

    The network is linear layers without biases, with ReLU between them; it computes in half
    precision, to about 3 digits.

    Args:
        x: float32 [n, d] in [0, 1], on a GPU.
        table: float32 [rows, features].
        weights: float32 [out, in] of each layer.

    Returns:
        float32 [n, c].

    Raises:
        ValueError: tiny-cuda-nn has no such grid or network; see `unsupported` and
            `network_unsupported`.
    """
    widths = _check_weights(x, layout, weights)
    features = encode(x, table, layout)
    with _on(x.device):
        if not len(x):
            for weight in weights[:-1]:
                features = torch.relu(features @ weight.T)
            return features @ weights[-1].T
        module = _network(widths, x.device)
        scale = _Scale()
        params = _Reduce.apply(_pack(weights), scale)
        out = _call(module, params, _Reduce.apply(features, scale))
        return _Enlarge.apply(out.float(), scale)


def grid_mlp_loss(
    x: Tensor,
    target: Tensor,
    table: Tensor,
    layout: GridLayout,
    weights: Sequence[Tensor],
    *,
    sample_weight: Tensor | None = None,
    paired: float = 0.0,
) -> Tensor:
    """mean(sample_weight * (grid_mlp(x) - target)^2), differentiable once.

    With `paired` the errors e of samples 2i and 2i + 1 are also to be alike: for each of them
    sample_weight * paired / 2 * (e - e')^2 is added before the mean is taken.

    Args:
        x: float32 [n, d] in [0, 1], on a GPU.
        target: float32 [n, c].
        table: float32 [rows, features].
        weights: float32 [out, in] of each layer.
        sample_weight: float32 [n].
        paired: if not 0, n must be even.

    Returns:
        float32 [].
    """
    widths = _check_weights(x, layout, weights)
    _check_shape("target", target, [len(x), widths[-1]])
    if sample_weight is not None:
        _check_shape("sample_weight", sample_weight, [len(x)])
    if paired and len(x) % 2:
        raise ValueError(f"paired samples must be even in number, got {len(x)}.")
    error = grid_mlp(x, table, layout, weights) - target
    squares = error.square()
    if paired:
        couples = error.view(-1, 2, widths[-1])
        squares = squares + paired / 2 * (couples - couples.flip(1)).view_as(error).square()
    if sample_weight is not None:
        squares = squares * sample_weight[:, None]
    return squares.mean()


def _check_weights(x: Tensor, layout: GridLayout, weights: Sequence[Tensor]) -> tuple[int, ...]:
    """The network's widths, if its layers fit the grid and each other."""
    widths = [layout.levels * layout.features]
    for weight in weights:
        if weight.dtype != torch.float32 or weight.device != x.device:
            got = f"{weight.dtype} on {weight.device}"
            raise TypeError(f"the network must be float32 on {x.device}, got {got}.")
        if weight.ndim != 2 or weight.shape[1] != widths[-1]:
            got = list(weight.shape)
            raise ValueError(f"weight must have shape [out, {widths[-1]}], got {got}.")
        widths.append(weight.shape[0])
    return tuple(widths)


def _check_shape(name: str, tensor: Tensor, shape: list[int]) -> None:
    if tensor.dtype != torch.float32 or list(tensor.shape) != shape:
        got = f"{tensor.dtype} {list(tensor.shape)}"
        raise ValueError(f"{name} must be float32 {shape}, got {got}.")
