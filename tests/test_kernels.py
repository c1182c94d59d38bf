"""Every fused kernel against its reference in torch: values, gradients, threads, edges."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fields.kernels import adam, backends, grid, threads
from fields.kernels.grid import GridLayout, grid_layout

pytest.importorskip("numba")

from numba import njit

from fields.kernels import numba_adam, numba_grid, numba_mlp, numba_tiles

KINDS = [(1, 2), (2, 1), (2, 2), (2, 4), (2, 8), (3, 2), (4, 2)]  # dimension, features
SIZES = [0, 1, 63, 64, 65, 1000]
KERNELS_OF_A_FIT = [numba_mlp._fused, numba_grid._table_gradient, numba_adam._sparse_adam]
KNOBS = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.99, "eps": 1e-15}


def small(dim: int, features: int, **knobs) -> GridLayout:
    """A layout whose coarse levels are dense and whose fine levels are hashed."""
    chosen = {"levels": 5, "log2_size": 9, "coarsest": 3, "growth": 1.6} | knobs
    return grid_layout(dim, features=features, **chosen)


def points(n: int, dim: int, rng: torch.Generator) -> Tensor:
    """Points in the unit cube, its corners, and some far outside."""
    x = torch.rand(n, dim, generator=rng)
    x[::7] = x[::7] * 8 - 4
    x[1::11] = 1.0
    x[3::13] = 0.0
    x[5::17] *= 1e6
    return x


def table_of(layout: GridLayout, rng: torch.Generator) -> Tensor:
    return torch.randn(layout.offsets[-1], layout.features, generator=rng).requires_grad_()


def assert_close(got: Tensor | None, expected: Tensor | None, tolerance: float = 2e-6):
    """Equal to float32's rounding, measured against the largest value."""
    assert got is not None
    assert expected is not None
    assert got.shape == expected.shape
    if len(expected.view(-1)):
        largest = expected.abs().max().item()
        difference = (got - expected).abs().max().item()
        assert difference <= tolerance * max(largest, 1e-3), f"off by {difference} of {largest}"


# --- the grid encoding ---------------------------------------------------------------------------


def published_rows(x: np.ndarray, scale: float, resolution: int, size: int | None) -> np.ndarray:
    """tiny-cuda-nn's `pos_fract` and `grid_index`, straightforwardly: [2^d, n], counted in a level.

    Args:
        size: 2^log2_size of a hashed level, else None.
    """
    position = (x.astype(np.float64) * np.float64(scale) + 0.5).astype(np.float32)
    cell = np.floor(position).astype(np.int64).astype(np.uint32)
    rows = []
    for corner in product((0, 1), repeat=x.shape[1]):
        index, stride = np.zeros(len(x), np.uint32), np.uint32(1)
        for axis, upper in enumerate(reversed(corner)):
            vertex = cell[:, axis] + np.uint32(upper)
            if size is None:
                index = index + vertex * stride
                stride = np.uint32(int(stride) * resolution % 2**32)
            else:
                index = index ^ (vertex * np.uint32(grid.PRIMES[axis]))
        entries = size or -(-(resolution ** x.shape[1]) // 8) * 8
        rows.append(index % np.uint32(entries))
    return np.stack(rows)


@njit
def rows_of(x, levels, level):
    tile = numba_tiles.new_tile(x.shape[0])
    numba_tiles.place(tile, x, 0, levels, level)
    return tile.row


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
@pytest.mark.parametrize(("coarsest", "log2_size"), [(8, 12), (5, None), (9, 3)])
def test_rows_are_the_published_ones(dim, coarsest, log2_size, rng):
    layout = small(dim, 2, levels=3, coarsest=coarsest, log2_size=log2_size)
    x = points(numba_tiles.TILE, dim, rng)
    levels, *_ = numba_tiles.plan_of(layout)
    for level in range(layout.levels):
        size = 2**log2_size if log2_size and layout.hashed[level] else None
        scale, resolution = layout.scales[level], layout.resolutions[level]
        expected = published_rows(x.numpy(), scale, resolution, size)
        got = rows_of(numba_tiles.by_axis(x), levels, level)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("coarsest", "hashed"), [(8, False), (9, True)])
def test_a_level_that_just_fits_is_dense(coarsest, hashed, rng):
    layout = small(2, 2, levels=1, coarsest=coarsest, log2_size=6)
    assert layout.hashed == (hashed,)
    x, table = points(200, 2, rng), table_of(layout, rng)
    assert_close(numba_grid.encode(x, table, layout), grid.encode(x, table, layout))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(("dim", "features"), KINDS)
def test_encoding_and_its_gradients(dim, features, smooth, n, rng):
    layout = small(dim, features)
    x, table = points(n, dim, rng).requires_grad_(), table_of(layout, rng)
    change = torch.randn(n, layout.levels * features, generator=rng)
    results = []
    for encode in (numba_grid.encode, grid.encode):
        out = encode(x, table, layout, smooth=smooth)
        results.append([out, *torch.autograd.grad(out, [x, table], change)])
    for got, expected in zip(*results, strict=True):
        assert_close(got, expected)


def test_encoding_takes_views(rng):
    layout = small(2, 2)
    x, table = torch.rand(4, 100, generator=rng).T[:, 1:3], table_of(layout, rng)
    change = torch.randn(10, 100, generator=rng).T
    for encode in (numba_grid.encode, grid.encode):
        (got,) = torch.autograd.grad(encode(x, table, layout), table, change)
        (expected,) = torch.autograd.grad(
            encode(x.contiguous(), table, layout), table, change.contiguous()
        )
        assert_close(got, expected)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("dim", [1, 3])
def test_second_derivatives(dim, smooth, rng):
    """An eikonal loss needs the gradient of the gradient to x."""
    layout = small(dim, 2)
    table, mix = table_of(layout, rng), torch.randn(layout.levels * 2, 1, generator=rng)
    x = torch.rand(300, dim, generator=rng).requires_grad_()
    results = []
    for encode in (numba_grid.encode, grid.encode):
        value = torch.sin(encode(x, table, layout, smooth=smooth) @ mix)
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        loss = ((slope.norm(dim=-1) - 1) ** 2).mean() + (value**2).mean()
        results.append([slope, *torch.autograd.grad(loss, [table, x])])
    for got, expected in zip(*results, strict=True):
        assert_close(got, expected, 1e-5)


def test_third_derivatives(rng):
    layout = small(2, 2, levels=2)
    table = table_of(layout, rng)
    x = torch.rand(20, 2, generator=rng).requires_grad_()
    results = []
    for encode in (numba_grid.encode, grid.encode):
        value = torch.sin(encode(x, table, layout, smooth=True)).sum()
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        second = torch.autograd.grad((slope**2).sum(), [x, table], create_graph=True)
        total = sum((s**2).sum() for s in second)
        results.append(torch.autograd.grad(total, [table, x]))
    for got, expected in zip(*results, strict=True):
        assert_close(got, expected, 1e-5)


def test_derivatives_by_x_need_no_gradient_to_the_table(rng):
    layout = small(2, 2)
    table = table_of(layout, rng).detach()
    x = torch.rand(20, 2, generator=rng).requires_grad_()
    slopes = [
        torch.autograd.grad(encode(x, table, layout).sum(), x)[0]
        for encode in (numba_grid.encode, grid.encode)
    ]
    assert_close(*slopes)


@pytest.mark.parametrize(
    ("x", "table", "error"),
    [
        (torch.zeros(3, 2).double(), torch.zeros(8, 2), TypeError),
        (torch.zeros(3, 3), torch.zeros(8, 2), ValueError),
        (torch.zeros(3, 2), torch.zeros(8, 4), ValueError),
        (torch.zeros(3, 2), torch.zeros(7, 2), ValueError),
    ],
)
def test_wrong_tensors_do_not_reach_the_kernels(x, table, error):
    layout = small(2, 2, levels=1, coarsest=2, log2_size=3)
    with pytest.raises(error, match="must"):
        numba_grid.encode(x, table, layout)


# --- Adam ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 15, 16, 17, 1000, 40_000])
@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_sparse_adam(n, share, rng):
    param = torch.randn(n, generator=rng)
    zeros = torch.zeros(n), torch.zeros(n), torch.zeros(n), torch.zeros(n, dtype=torch.int32)
    states = [[param.clone(), *(z.clone() for z in zeros)] for _ in range(2)]
    for _ in range(20):
        touched = torch.rand(n, generator=rng) < share
        grad = torch.randn(n, generator=rng) * touched
        before = param.clone()
        for state, step in zip(states, (numba_adam, adam), strict=True):
            state[1].copy_(grad)
            step.sparse_adam_(*state, **KNOBS)
        param = states[0][0]
        assert torch.equal(param[~touched], before[~touched])
        assert not states[0][1].any()
    for got, expected in zip(*states, strict=True):
        assert_close(got.float(), expected.float(), 1e-5)
    assert torch.equal(states[0][4], states[1][4])


def test_sparse_adam_is_adam_where_everything_is_touched(rng):
    param = torch.randn(300, generator=rng)
    expected = param.clone().requires_grad_()
    optimiser = torch.optim.Adam([expected], lr=1e-2, betas=(0.9, 0.99), eps=1e-15)
    m, v, steps = torch.zeros(300), torch.zeros(300), torch.zeros(300, dtype=torch.int32)
    for _ in range(30):
        expected.grad = torch.randn(300, generator=rng)
        numba_adam.sparse_adam_(param, expected.grad.clone(), m, v, steps, **KNOBS)
        optimiser.step()
    assert_close(param, expected.detach(), 1e-5)


def test_corrections_end_where_they_are_one():
    """Steps beyond the table use its last entry."""
    corrections = adam.corrections(0.9, 0.99)
    assert corrections[1] == np.float32(np.sqrt(1 - 0.99) / (1 - 0.9))
    assert corrections[-1] == 1
    assert len(corrections) < 2000


# --- encoding, network and loss in one -----------------------------------------------------------


def network(layout: GridLayout, widths: tuple[int, ...], rng: torch.Generator):
    weights, biases, inputs = [], [], layout.levels * layout.features
    for width in widths:
        weight = torch.randn(width, inputs, generator=rng) / inputs**0.5
        weights.append(weight.requires_grad_())
        biases.append((torch.randn(width, generator=rng) * 0.1).requires_grad_())
        inputs = width
    return weights, biases


def unfused(x, table, layout, weights, biases):
    out = grid.encode(x, table, layout)
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        out = functional.linear(out.relu() if i else out, weight, bias)
    return out


@pytest.mark.parametrize("widths", [(3,), (64, 3), (17, 1, 130, 2), (32, 32, 1), (16,) * 8 + (4,)])
@pytest.mark.parametrize("n", [1, 63, 128, 129, 1000])
@pytest.mark.parametrize("weighted", [False, True])
def test_fused_loss(widths, n, weighted, rng):
    layout = small(2, 2)
    x, table = points(n, 2, rng), table_of(layout, rng)
    weights, biases = network(layout, widths, rng)
    target = torch.randn(n, widths[-1], generator=rng)
    share = torch.rand(n, generator=rng) if weighted else None
    out = unfused(x, table, layout, weights, biases)
    expected = ((1 if share is None else share[:, None]) * (out - target) ** 2).mean()
    got = numba_mlp.grid_mlp_loss(x, target, table, layout, weights, biases, sample_weight=share)
    assert_close(got.detach(), expected.detach())
    assert_close(numba_mlp.grid_mlp(x, table, layout, weights, biases), out.detach(), 5e-6)
    inputs = [table, *weights, *biases]
    gradients = (torch.autograd.grad(3 * loss, inputs) for loss in (got, expected))
    for found, wanted in zip(*gradients, strict=True):
        assert_close(found, wanted, 1e-5)


@pytest.mark.parametrize(("dim", "features"), [(1, 2), (3, 4)])
def test_fused_loss_in_other_dimensions(dim, features, rng):
    layout = small(dim, features)
    x, table = points(300, dim, rng), table_of(layout, rng)
    weights, biases = network(layout, (20, 2), rng)
    target = torch.randn(300, 2, generator=rng)
    expected = functional.mse_loss(unfused(x, table, layout, weights, biases), target)
    got = numba_mlp.grid_mlp_loss(x, target, table, layout, weights, biases)
    inputs = [table, *weights, *biases]
    gradients = (torch.autograd.grad(loss, inputs) for loss in (got, expected))
    for found, wanted in zip(*gradients, strict=True):
        assert_close(found, wanted, 1e-5)


def test_fused_loss_of_pairs(rng):
    layout = grid_layout(3, levels=3, features=2, log2_size=8, coarsest=3, growth=2.0)
    table = torch.randn(layout.offsets[-1], 2, generator=rng)
    weights = [torch.randn(8, 6, generator=rng), torch.randn(1, 8, generator=rng)]
    biases = [torch.randn(8, generator=rng), torch.randn(1, generator=rng)]
    x, target = torch.rand(778, 3, generator=rng), torch.randn(778, 1, generator=rng)
    share = torch.rand(778, generator=rng)
    parameters = [table, *weights, *biases]
    for p in parameters:
        p.requires_grad_()
    error = unfused(x, table, layout, weights, biases) - target
    apart = (error[0::2] - error[1::2]).square().repeat_interleave(2, dim=0)
    expected = (share[:, None] * (error.square() + 1.5 * apart)).mean()
    got = numba_mlp.grid_mlp_loss(
        x, target, table, layout, weights, biases, sample_weight=share, paired=3.0
    )
    torch.testing.assert_close(got, expected)
    found = torch.autograd.grad(got, parameters)
    wanted = torch.autograd.grad(expected, parameters)
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="even"):
        numba_mlp.grid_mlp_loss(x[1:], target[1:], table, layout, weights, biases, paired=1.0)


def test_fused_inference_of_nothing(rng):
    layout = small(2, 2)
    weights, biases = network(layout, (8, 3), rng)
    out = numba_mlp.grid_mlp(torch.zeros(0, 2), table_of(layout, rng), layout, weights, biases)
    assert out.shape == (0, 3)


def test_the_tables_gradient_can_be_added_in_place(rng):
    layout = small(2, 2)
    x, table = points(500, 2, rng), table_of(layout, rng)
    weights, biases = network(layout, (16, 3), rng)
    target = torch.randn(500, 3, generator=rng)
    args = x, target, table, layout, weights, biases
    numba_mlp.grid_mlp_loss(*args).backward()
    assert table.grad is not None
    once = table.grad.clone()
    numba_mlp.grid_mlp_loss(*args, table_grad=table.grad).backward()
    assert_close(table.grad, 2 * once)


def test_wrong_networks_do_not_reach_the_kernels(rng):
    layout = small(2, 2)
    x, table = points(5, 2, rng), table_of(layout, rng)
    weights, biases = network(layout, (16, 3), rng)
    with pytest.raises(ValueError, match="weight must have shape"):
        numba_mlp.grid_mlp(x, table, layout, weights[1:], biases[1:])
    with pytest.raises(ValueError, match="target must be"):
        numba_mlp.grid_mlp_loss(x, torch.zeros(5, 2), table, layout, weights, biases)
    with pytest.raises(ValueError, match="x must not require"):
        numba_mlp.grid_mlp_loss(
            x.requires_grad_(), torch.zeros(5, 3), table, layout, weights, biases
        )


def test_warming_up_compiles_what_a_fit_needs(rng):
    numba_mlp.warm_up(2, 2)
    compiled = [len(k.signatures) for k in KERNELS_OF_A_FIT]
    layout = small(2, 2)
    x, table = points(500, 2, rng), table_of(layout, rng)
    weights, biases = network(layout, (16, 3), rng)
    table.grad = torch.zeros_like(table)
    args = x, torch.zeros(500, 3), table, layout, weights, biases
    numba_mlp.grid_mlp_loss(*args, table_grad=table.grad).backward()
    state = [torch.zeros_like(table) for _ in range(2)]
    steps = torch.zeros(table.shape, dtype=torch.int32)
    numba_adam.sparse_adam_(table.detach(), table.grad, *state, steps, **KNOBS)
    assert [len(k.signatures) for k in KERNELS_OF_A_FIT] == compiled


# --- threads -------------------------------------------------------------------------------------


def everything(rng: torch.Generator) -> list[Tensor]:
    """Results of every kernel on data large enough to be shared out."""
    layout = small(2, 2)
    x, table = points(5000, 2, rng), table_of(layout, rng)
    x.requires_grad_()
    out = numba_grid.encode(x, table, layout)
    results = [out, *torch.autograd.grad((out**3).sum(), [x, table])]
    weights, biases = network(layout, (16, 3), rng)
    parameters = [table, *weights, *biases]
    target = torch.randn(5000, 3, generator=rng)
    plain = x.detach()
    loss = numba_mlp.grid_mlp_loss(plain, target, table, layout, weights, biases)
    results += [loss, *torch.autograd.grad(loss, parameters)]
    state = [torch.randn(40_000, generator=rng) for _ in range(2)]
    state += [torch.zeros(40_000), torch.zeros(40_000), torch.zeros(40_000, dtype=torch.int32)]
    numba_adam.sparse_adam_(*state, **KNOBS)
    return [r.detach() for r in (*results, *state)]


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    runs = []
    for count in (1, 2, 3, 7):
        monkeypatch.setattr(threads, "COUNT", count)
        runs.append(everything(torch.Generator().manual_seed(3)))
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))


CROWD = """
import sys, threading
import fields, torch
sys.path.insert(0, {tests!r})
from test_kernels import everything, threads
threads.COUNT = 3
expected = everything(torch.Generator().manual_seed(3))
wrong = []

def work():
    for _ in range(5):
        results = everything(torch.Generator().manual_seed(3))
        if not all(torch.equal(a, b) for a, b in zip(results, expected)):
            wrong.append(threading.current_thread())

crowd = [threading.Thread(target=work) for _ in range(4)]
for each in crowd:
    each.start()
for each in crowd:
    each.join()
assert not wrong, wrong
"""

FORKED = """
import os, signal, sys, warnings
import fields, torch
sys.path.insert(0, {tests!r})
from test_kernels import numba_grid, points, small, table_of, threads
warnings.simplefilter("ignore")
threads.COUNT = 3
torch.set_num_threads(1)
rng = torch.Generator().manual_seed(0)
layout = small(2, 2)
x, table = points(5000, 2, rng), table_of(layout, rng)
expected = numba_grid.encode(x, table, layout)
child = os.fork()
if child == 0:
    signal.alarm(30)
    same = torch.equal(numba_grid.encode(x, table, layout), expected)
    os._exit(0 if same else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("script", [CROWD, FORKED], ids=["python threads", "fork"])
def test_no_crash(script):
    """In a process of its own, so that a crash or a hang is seen."""
    run_python(script.format(tests=str(Path(__file__).parent)))


def run_python(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_error_in_a_kernel_reaches_the_caller(monkeypatch):
    monkeypatch.setattr(threads, "COUNT", 3)

    def kernel(ticket):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threads.share(kernel, parts=3)


def test_waiting_is_passive_unless_the_user_says_otherwise():
    script = "import fields.kernels.threads, os; print(os.environ['OMP_WAIT_POLICY'])"
    assert run_python(script, OMP_WAIT_POLICY="ACTIVE") == "ACTIVE\n"
    script = "import os; os.environ.pop('OMP_WAIT_POLICY', None);" + script
    assert run_python(script) == "passive\n"


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "OMP_NUM_THREADS"])
def test_fewer_threads_can_be_asked_for(name):
    script = "from fields.kernels import threads; print(threads.COUNT)"
    assert run_python(script, **{name: "1"}) == "1\n"


# --- the choice of a backend ---------------------------------------------------------------------


def test_the_backend_is_chosen_and_explained():
    assert backends.choose("auto", "cpu") == ("numba", "the fastest on the CPU")
    assert backends.choose("torch", "cpu")[0] == "torch"
    assert backends.choose("auto", "cuda")[0] == "torch"


@pytest.mark.parametrize(
    ("backend", "device"), [("numba", "cuda"), ("triton", "cpu"), ("tinycudann", "cpu")]
)
def test_a_backend_that_cannot_run_is_an_error(backend, device):
    with pytest.raises(backends.BackendUnavailable, match=backend):
        backends.choose(backend, device)


def test_an_unknown_backend_is_an_error():
    with pytest.raises(ValueError, match="choose from auto, torch"):
        backends.choose("jax", "cpu")


def test_everything_works_without_numba():
    run_python("""
import sys
sys.modules["numba"] = None
import fields, torch
from fields.kernels.backends import BackendUnavailable, choose
name, reason = choose("auto", "cpu")
assert name == "torch" and "numba" in reason, (name, reason)
try:
    choose("numba", "cpu")
except BackendUnavailable as error:
    assert "pip install numba" in str(error)
else:
    raise AssertionError
""")
