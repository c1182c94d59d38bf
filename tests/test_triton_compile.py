"""What the Triton compiler makes of the kernels for GPUs that are not there: that they compile at
all, that registers suffice, and that the instructions are those that the design counts on."""

import os
from typing import Any

import pytest
import torch

pytest.importorskip("triton", reason="needs triton, whose wheels are for Linux: pip install triton")

import triton
import triton.language as tl
from offline import BIN, Built, build

from fields.kernels import triton_adam, triton_draws, triton_grid, triton_infer, triton_mlp
from fields.kernels.triton_net import Chip, Net, padded, room_for, unsupported

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("TRITON_INTERPRET") == "1", reason="TRITON_INTERPRET=1: nothing is compiled"
    ),
    pytest.mark.skipif(
        not (BIN / "ptxas").exists(), reason="this triton comes without NVIDIA's assembler"
    ),
]
BOTH = pytest.mark.parametrize("capability", [90, 80])
# The names of instructions, and what is kept in registers, are each compiler's own affair.
KNOWN = triton.__version__.startswith(("3.6.", "3.7."))


def types(**names: str) -> dict[str, str]:
    """A type's arguments, by the type: `f4`, a pointer to float32, is `*fp32`."""
    written = {"f4": "*fp32", "i4": "*i32", "half": "*fp16"}
    return {name: written.get(kind, kind) for kind, each in names.items() for name in each.split()}


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """`build`, which writes nothing outside the test's folder."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))

    def compiled(
        kernel: Any, given: dict, constants: dict, capability: int, *, warps=4, stages=1
    ) -> Built:
        constants = {name: constants[name] for name in kernel.arg_names if name in constants}
        given = {name: given[name] for name in kernel.arg_names if name not in constants}
        knobs = {"num_warps": warps, "num_stages": stages, "capability": capability}
        return build(kernel, given, constants, tmp_path, **knobs)

    return compiled


def assert_fits(built: Built, *needed: str, most: int = 0):
    """No register is spilled beyond `most` bytes, and there are these instructions, where the
    compiler is known."""
    if not KNOWN:
        pytest.skip(f"it compiles; what triton {triton.__version__} makes of it is not known")
    assert built.spilled <= most
    for name in needed:
        assert built.count(name), f"no {name} among {sorted(built.instructions)}"


# --- the grid ------------------------------------------------------------------------------------


def grid_constants(dim: int, features: int, *, along=False, smooth=False) -> dict:
    return {
        "DIM": dim, "LEVELS": 16, "FEATURES": features, "CENTRED": True, "SMOOTH": smooth,
        "ALONG": along, "PLANES": not along, "TILE": triton_grid.TILE,
    }  # fmt: skip


def windows(dim: int) -> dict[str, int]:
    return dict(zip(("SMALL", "LARGE"), triton_grid.SIDES[dim], strict=True))


GRID = types(
    f4="x_ptr table_ptr direction_ptr into_ptr factor_ptr", i4="plan_ptr", i32="samples",
    fp32="factor",
)  # fmt: skip


@pytest.mark.parametrize(("dim", "features", "capability"), [(2, 2, 90), (4, 8, 80)])
def test_features(compiled, dim, features, capability):
    """All features of a corner are read at once."""
    given, constants = GRID | types(half="out_ptr"), grid_constants(dim, features)
    built = compiled(triton_grid._features, given, constants, capability)
    assert_fits(built, "LDG.E.64" if features == 2 else "LDG.E.128")


@pytest.mark.parametrize("features", [2, 4])
def test_a_corners_gradient_is_one_instruction(compiled, features):
    """Of two features, an edge's is one where both ends are neighbours."""
    names = ["REDG.E.ADD.F32x4"] if features == 4 else ["REDG.E.ADD.F32x2", "REDG.E.ADD.F32x4"]
    given, constants = GRID | types(half="gradient_ptr"), grid_constants(2, features) | windows(2)
    assert_fits(compiled(triton_grid._table_gradient, given, constants, 90), *names)


def test_the_gradient_to_the_table_on_older_gpus(compiled):
    given, constants = GRID | types(half="gradient_ptr"), grid_constants(3, 2) | windows(3)
    assert_fits(compiled(triton_grid._table_gradient, given, constants, 80), "RED")


@pytest.mark.parametrize(("dim", "capability"), [(3, 90)])
def test_second_derivatives(compiled, dim, capability):
    given = GRID | types(f4="gradient_ptr out_ptr")
    constants = grid_constants(dim, 2, along=True, smooth=True)
    assert_fits(compiled(triton_grid._position_gradient, given, constants, capability))


# --- Adam and the draws --------------------------------------------------------------------------

ADAM = types(
    f4="param_ptr grad_ptr m_ptr v_ptr decay_ptr corrections_ptr factor_ptr",
    i4="steps_ptr step_ptr limit_ptr", fp32="lr beta1 beta2 eps", i32="entries last",
)  # fmt: skip


@BOTH
def test_adam_of_a_table(compiled, capability):
    """Four entries are read at once, so that those without a gradient cost little."""
    constants = {"BLOCK": triton_adam.BLOCK}
    assert_fits(compiled(triton_adam._sparse, ADAM, constants, capability), "LDG.E.128")


@BOTH
def test_adam_of_a_network(compiled, capability):
    constants = {"DECAY": True, "BLOCK": triton_adam.BLOCK}
    assert_fits(compiled(triton_adam._dense, ADAM, constants, capability))


PIXELS = types(
    i4="among_ptr step_ptr", f4="x_ptr y_ptr", i32="samples total height width", i64="seed length"
)


@pytest.mark.parametrize(
    ("full", "kind", "among", "capability"), [(65535, "*i16", True, 90), (255, "*u8", False, 80)]
)
def test_draws_of_pixels(compiled, full, kind, among, capability):
    constants = {"CHANNELS": 3, "OUT": 4, "AMONG": among, "FULL": full, "TILE": triton_draws.TILE}
    given = PIXELS | {"values_ptr": kind}
    assert_fits(compiled(triton_draws._pixels, given, constants, capability))


def test_draws_of_rows(compiled):
    floats = "from_x_ptr from_y_ptr from_weight_ptr x_ptr y_ptr weight_ptr"
    given = types(f4=floats, i4="step_ptr", i32="samples total", i64="seed")
    constants = {
        "ROW_X": 6, "ROW_Y": 2, "ROW": 2, "PADDED_X": 8, "PADDED_Y": 2, "PADDED": 2,
        "WEIGHTED": True, "TILE": triton_draws.TILE,
    }  # fmt: skip
    assert_fits(compiled(triton_draws._rows, given, constants, 90))


# --- the network ---------------------------------------------------------------------------------

STEP = types(
    f4="target_ptr weight_ptr shift_ptr scale_ptr theta_ptr gradient_ptr loss_ptr",
    i32="samples start", fp32="paired mean",
)  # fmt: skip


def step_of(compiled, net: Net, capability: int, operands="fp16", *, pairs=False) -> Built:
    given = STEP | {f"{name}_ptr": f"*{operands}" for name in ("features", "change", "between")}
    constants = {
        **net.constants, "E": padded(net.inputs), "TILE": net.tile, "WEIGHTED": pairs,
        "PAIRED": pairs, "FEATURES": 2, "KEPT": net.kept, "UP": triton_mlp.UP, "PRECISION": "tf32",
    }  # fmt: skip
    return compiled(triton_mlp._step, given, constants, capability, warps=net.warps)


@pytest.mark.parametrize(("width", "depth", "most"), [(64, 1, 0), (64, 2, 128), (32, 2, 0)])
def test_a_step_fits_on_the_chip(compiled, width, depth, most):
    """Two programs share a multiprocessor: of two layers of 64, some registers are spilled for it,
    and the step is 1.7 times faster than that of one program without."""
    assert_fits(step_of(compiled, Net(32, width, depth, 3), 90), "HGMMA", most=most)


def test_a_step_on_older_gpus(compiled):
    built = step_of(compiled, Net(24, 40, 2, 1), 80, "bf16", pairs=True)
    assert built.count("HMMA")


def test_the_weights_gradients_of_a_wide_network(compiled):
    given = STEP | types(half="change_ptr entered_ptr")
    constants = {"ROWS": 128, "COLUMNS": 128, "STRIDE": 128, "DOWN": 128, "ACROSS": 128,
                 "FEATURES": 0, "TILE": 64, "UP": triton_mlp.UP, "PRECISION": "tf32"}
    kernel = triton_mlp._weight_gradient
    assert_fits(compiled(kernel, given, constants, 90, warps=8, stages=2), "HGMMA")


@pytest.mark.parametrize(
    ("net", "capability"),
    [(Net(64, 128, 1, 3), 90), (Net(128, 64, 2, 16), 80)],
)
def test_a_network_is_refused_where_it_finds_no_room(compiled, net, capability):
    """Where a GPU has less on the chip than the kernel takes, it must not be tried."""
    taken, warpgroups = step_of(compiled, net, capability).shared, capability == 90
    shape = net.inputs, (net.width,) * net.depth, net.channels, torch.float16
    assert unsupported(*shape, Chip(taken - 1, warpgroups)) is not None
    assert unsupported(*shape, Chip(2 * taken, warpgroups)) is None
    assert room_for(net.inputs, net.width, net.depth, warpgroups) < 1.5 * taken


INFER = types(
    f4="x_ptr table_ptr theta_ptr shift_ptr scale_ptr out_ptr", i4="plan_ptr", i32="samples"
)


@pytest.mark.parametrize(
    ("width", "capability", "kind", "product"),
    [
        (64, 90, tl.float16, "HGMMA"),
        (128, 90, tl.float16, "HGMMA"),
        (64, 80, tl.float32, "HMMA"),
    ],
)
def test_drawing(compiled, width, capability, kind, product):
    net = Net(32, width, 2, 3)
    constants = {
        "DIM": 2, "LEVELS": 16, "FEATURES": 2, "PADDED": 16, **net.constants, "TYPE": kind,
        "TILE": triton_infer.TILE, "PRECISION": "tf32x3" if kind == tl.float32 else "tf32",
    }  # fmt: skip
    warps = 4 if width <= 64 else 8
    assert_fits(compiled(triton_infer._infer, INFER, constants, capability, warps=warps), product)
