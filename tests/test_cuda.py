"""What only a GPU can show: every kernel and every method on it, beside the same on the CPU."""

import itertools
import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from app.cli import main
from data import Picture, load_shape_sample, write_mesh, write_picture, write_points
from fields import (
    METHODS,
    MLP,
    DenoiseTask,
    EquationTask,
    FieldSpec,
    FitConfig,
    ImageTask,
    SignalTask,
    UpscaleTask,
    fit,
    load_field,
    method_config,
    save_field,
)
from fields.encodings import HashGrid
from fields.fit import Run
from fields.kernels import adam, grid
from fields.kernels.backends import missing
from fields.kernels.draws import Pixels, Rows, in_order
from fields.kernels.grid import grid_layout
from fields.problems import helmholtz

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
CUDA = torch.device("cuda")
SPEC = FieldSpec(
    encoding=HashGrid(levels=8, log2_size=14, coarsest=8, finest=256),
    network=MLP(width=64, depth=2),
)
FAST = FitConfig(field=SPEC, steps=300, batch=2**14, lr=5e-3, table_lr=2e-2, device="cuda")


@pytest.fixture(scope="module", autouse=True)
def triton():
    if torch.cuda.is_available():
        problem = missing("triton", CUDA)
        if problem is not None:
            pytest.skip(problem)


@pytest.fixture
def gpu() -> torch.Generator:
    return torch.Generator(CUDA).manual_seed(0)


@pytest.fixture
def photo() -> Tensor:
    rng = torch.Generator().manual_seed(0)
    y, x = torch.linspace(-1, 1, 192)[:, None], torch.linspace(-1, 1, 256)
    waves = [0.5 + 0.3 * torch.sin((9 * c + 5) * x + 11 * y) for c in range(3)]
    return (torch.stack(waves, -1) + 0.02 * torch.randn(192, 256, 3, generator=rng)).clamp(0, 1)


def assert_close(got: Tensor, expected: Tensor, tolerance: float) -> None:
    assert got.shape == expected.shape
    assert bool(got.isfinite().all())
    off = float((got.double() - expected.double()).norm() / expected.double().norm())
    assert off <= tolerance, f"off by {off}"


# --- kernels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 255, 100_000])
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(("dim", "features"), [(1, 1), (2, 2), (3, 4), (4, 8)])
def test_encoding_and_its_derivatives(dim, features, smooth, n, gpu):
    from fields.kernels import triton_grid

    layout = grid_layout(dim, features=features, levels=6, log2_size=12, coarsest=4, growth=1.7)
    x = torch.rand(n, dim, generator=gpu, device=CUDA)
    x[::7] = x[::7] * 8 - 4
    x[0] = 1.0
    x.requires_grad_()
    table = torch.randn(layout.offsets[-1], features, generator=gpu, device=CUDA).requires_grad_()
    mix = torch.randn(layout.levels * features, 1, generator=gpu, device=CUDA)
    results = []
    for encode in (triton_grid.encode, grid.encode):
        out = encode(x, table, layout, smooth=smooth)
        value = torch.sin(out @ mix)
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        loss = ((slope.norm(dim=-1) - 1) ** 2).mean() + (value**2).mean()
        results.append([out, slope, *torch.autograd.grad(loss, [table, x])])
    for got, expected in zip(*results, strict=True):
        assert_close(got.detach(), expected.detach(), 1e-4)


def by_level(f: Tensor) -> Tensor:
    """Inputs [n, levels * 2] as the kernels have them, [levels, n, 2]."""
    return f.unflatten(1, (-1, 2)).transpose(0, 1).contiguous()


def reference(f, theta, net, target, shift, scale, weight, paired):
    """The loss of `triton_mlp.learn`, in doubles."""
    start, h = 0, f
    for layer, (columns, rows) in enumerate(net.layers):
        w = theta[start : start + rows * columns].view(rows, columns)
        b = theta[start + rows * columns : start + rows * (columns + 1)]
        start += rows * (columns + 1)
        h = functional.linear(h, w, b)
        h = h.relu() if layer < net.depth else h
    error = h - (target - shift) / scale
    loss = weight[:, None] * error**2
    if paired:
        apart = (error[0::2] - error[1::2]).square().repeat_interleave(2, 0)
        loss = loss + paired / 2 * weight[:, None] * apart
    return scale**2 * loss.mean()


@pytest.mark.parametrize(("operands", "tolerance"), [("fp16", 5e-3), ("bf16", 4e-2)])
@pytest.mark.parametrize(
    ("inputs", "width", "depth", "channels", "paired"),
    [(32, 64, 2, 3, 0.0), (24, 20, 1, 1, 2.0), (32, 32, 2, 1, 16.0), (32, 128, 2, 3, 0.0),
     (16, 64, 3, 4, 0.0), (64, 128, 4, 16, 0.0)],
)  # fmt: skip
def test_a_networks_loss_and_gradients(
    inputs, width, depth, channels, paired, operands, tolerance, gpu
):
    from fields.kernels import triton_mlp
    from fields.kernels.triton_net import Net

    n, net = 10_002, Net(inputs, width, depth, channels, 2)
    kind = {"fp16": torch.float16, "bf16": torch.bfloat16}[operands]
    theta = torch.cat([
        torch.cat([
            torch.randn(i * o, generator=gpu, device=CUDA) * (2 / i) ** 0.5,
            torch.randn(o, generator=gpu, device=CUDA) * 0.1,
        ])
        for i, o in net.layers
    ])  # fmt: skip
    f = torch.randn(n, inputs, generator=gpu, device=CUDA).to(kind)
    target = torch.rand(n, channels, generator=gpu, device=CUDA)
    shift, scale = target.mean(0), torch.tensor(0.3, device=CUDA)
    weight = torch.rand(n, generator=gpu, device=CUDA)
    space = triton_mlp.Space.of(net, n, kind, CUDA)
    space.change.fill_(float("nan"))
    factor = triton_mlp.learn(
        net, by_level(f), target, theta, shift, scale, space, sample_weight=weight, paired=paired
    )
    fd, td = f.double().requires_grad_(), theta.double().requires_grad_()
    args = [t.double() for t in (target, shift, scale, weight)]
    loss = reference(fd, td, net, *args, paired)
    loss.backward()
    assert fd.grad is not None
    assert td.grad is not None
    assert_close(space.loss[0], loss.detach(), tolerance)
    assert_close(space.gradient, td.grad, 4 * tolerance)
    change = space.change.double() * factor * float(scale) ** 2
    assert_close(change, by_level(fd.grad), 8 * tolerance)


@pytest.mark.parametrize("operands", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("dim", "width"), [(2, 64), (3, 32)])
def test_inference(dim, width, operands, gpu):
    from fields.kernels import triton_infer
    from fields.kernels.triton_net import Net

    layout = grid_layout(dim, features=2, levels=10, log2_size=12, coarsest=4, growth=1.5)
    net = Net(20, width, 2, 3)
    table = torch.randn(layout.offsets[-1], 2, generator=gpu, device=CUDA)
    theta = torch.randn(net.size, generator=gpu, device=CUDA) / width**0.5
    x = torch.rand(30_001, dim, generator=gpu, device=CUDA) * 2 - 1
    shift, scale = torch.rand(3, device=CUDA), torch.tensor(0.5, device=CUDA)
    got = triton_infer.infer(net, x, table, layout, theta, shift, scale, operands)
    h, start = grid.encode((x + 1) / 2, table, layout).double(), 0
    for layer, (i, o) in enumerate(net.layers):
        w, b = theta[start : start + i * o].view(o, i), theta[start + i * o : start + i * o + o]
        start += o * (i + 1)
        h = functional.linear(h, w.double(), b.double())
        h = h.relu() if layer < net.depth else h
    tolerance = {torch.float32: 1e-5, torch.float16: 3e-3, torch.bfloat16: 2e-2}[operands]
    assert_close(got, shift + scale * h, tolerance)


@pytest.mark.parametrize("share", [0.01, 1.0])
def test_sparse_adam(share, gpu):
    from fields.kernels import triton_adam

    n = 100_003
    param = torch.randn(n, generator=gpu, device=CUDA)
    zeros = [torch.zeros(n, device=CUDA) for _ in range(3)]
    counts = torch.zeros(n, dtype=torch.int32, device=CUDA)
    states = [[param.clone(), *(z.clone() for z in zeros), counts.clone()] for _ in range(2)]
    for _ in range(5):
        touched = torch.rand(n, generator=gpu, device=CUDA) < share
        gradient = torch.randn(n, generator=gpu, device=CUDA) * touched
        for state, step in zip(states, (triton_adam, adam), strict=True):
            state[1].copy_(gradient)
            step.sparse_adam_(*state, lr=1e-2, beta1=0.9, beta2=0.99, eps=1e-15)
        assert not states[0][1].any()
    assert_close(states[0][0], states[1][0], 1e-6)
    assert torch.equal(states[0][4], states[1][4])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32])
@pytest.mark.parametrize("some", [False, True])
def test_draws_are_those_of_the_reference(dtype, some):
    from fields.grid import centres_of
    from fields.kernels import triton_draws

    h, w, n = 301, 417, 50_001
    values = torch.rand(h * w, 3)
    if dtype != torch.float32:
        values = (values * (255 if dtype == torch.uint8 else 65535)).int().to(dtype)
    index = torch.arange(0, h * w, 3)
    among = index[in_order(centres_of(index, h, w))].int().to(CUDA) if some else None
    sources = [
        Pixels(values.to(CUDA), (h, w), among),
        Rows(torch.rand(60_000, 2, 3, device=CUDA), torch.rand(60_000, 2, 1, device=CUDA),
             torch.rand(60_000, 2, device=CUDA), 2.0),
    ]  # fmt: skip
    for source, step in itertools.product(sources, (0, 7, 123_456)):
        space = triton_draws.space_for(source, n, CUDA)
        number = torch.tensor([step], dtype=torch.int32, device=CUDA)
        triton_draws.draw(source, number, n, 2**62 - 1, space)
        for got, expected in zip(space, source.draw(step, n, 2**62 - 1), strict=True):
            if expected is not None:
                torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-7)


# --- fits ----------------------------------------------------------------------------------------


def last(task, config):
    *_, end = fit(task, config)
    return end


def test_the_step_is_one_graph_and_equal_to_its_launches(photo):
    runs = [Run(ImageTask(photo), FAST) for _ in range(2)]
    for run in runs:
        assert run.whole is not None
        assert run.whole.eager is None
        assert "one CUDA graph" in run.how
    runs[1].whole.replay = runs[1].whole.launch
    losses = []
    for run in runs:
        for _ in range(100):
            run.advance()
        losses.append(run.report(None).loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
    a, b = (run.field.state_dict() for run in runs)
    for name in a:
        assert_close(a[name], b[name], 0.05)


@pytest.mark.parametrize("precision", ["auto", "fp16", "bf16", "fp32"])
def test_the_gpu_comes_as_far_as_the_cpu(precision, photo):
    task = ImageTask((photo * 255).round().to(torch.uint8))
    there = last(task, replace(FAST, precision=precision))
    here = last(task, replace(FAST, device="cpu"))
    psnr = [
        task.to(field.shift.device).evaluate(field)["psnr"] for field in (there.field, here.field)
    ]
    assert psnr[0] > psnr[1] - 0.3, psnr


def test_a_field_from_the_gpu_is_the_same_on_the_cpu(photo, tmp_path):
    end = last(ImageTask(photo), FAST)
    save_field(tmp_path / "f.safetensors", end.field, SPEC, {})
    x = torch.rand(5000, 2) * 2 - 1
    end.field.eval()
    with torch.no_grad():
        there = end.field(x.to(CUDA)).cpu()
        for backend in ("torch", "numba"):
            here = load_field(tmp_path / "f.safetensors", backend=backend).field(x)
            torch.testing.assert_close(there, here, rtol=1e-4, atol=1e-5)
        again = load_field(tmp_path / "f.safetensors", device="cuda").field(x.to(CUDA)).cpu()
        torch.testing.assert_close(there, again, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_every_method(method, photo):
    task = ImageTask(photo)
    config = replace(method_config(method, task)[0], device="cuda", steps=40, seconds=None)
    reports = list(fit(task, config))
    end = reports[-1]
    assert end.device == "cuda"
    assert end.how
    assert task.to(CUDA).evaluate(end.field)["psnr"] > 10
    trained = any(True for _ in end.field.network.parameters())
    if end.backend == "torch" and trained and config.solver.descent is None:
        assert "torch.compile" in end.how, end.how


def test_a_network_that_is_too_wide_says_so(photo):
    wide = replace(FAST, field=replace(SPEC, network=MLP(width=256, depth=2)), steps=30)
    end = last(ImageTask(photo), wide)
    assert end.backend == "triton"
    assert "up to 128 units" in end.how
    assert "torch.compile" in end.how


def test_torch_by_name_is_torch_alone(photo):
    end = last(ImageTask(photo), replace(FAST, backend="torch", steps=5))
    assert (end.backend, end.how) == ("torch", "torch")


@pytest.mark.parametrize("method", ["auto", "hash", "siren"])
def test_other_tasks(method, photo):
    known = torch.rand(photo.shape[:2], generator=torch.Generator().manual_seed(0)) < 0.5
    x = torch.linspace(-1, 1, 500, dtype=torch.float64)[:, None]
    seen = torch.rand(photo.shape[:2], generator=torch.Generator().manual_seed(1)) < 0.95
    tasks = [
        ImageTask(photo, known=known, heldout=~known),
        DenoiseTask(photo, known=seen, heldout=~seen, sigma=0.02),
        UpscaleTask(photo[:64, :64], scale=2.0),
        SignalTask(x, torch.sin(9 * x)),
    ]
    for task in tasks:
        config = method_config(method, task)[0]
        end = last(task, replace(config, steps=30, seconds=None))
        assert end.device == ("cpu" if config.solver.on_cpu else "cuda")


def test_an_equation(photo):
    task = EquationTask(helmholtz(wave_number=10.0), inside=400.0)
    end = last(task, replace(method_config("siren", task)[0], steps=20, device="cuda"))
    assert end.loss == end.loss


@pytest.fixture
def scans(tmp_path):
    mesh, cloud = load_shape_sample("bracket"), load_shape_sample("torus scan")
    write_mesh(tmp_path / "bracket.ply", mesh.points, mesh.faces)
    write_points(tmp_path / "torus scan.ply", cloud.points)
    return tmp_path


def test_shapes_from_the_command_line(scans, tmp_path, capfd):
    for verb, name in (("mesh", "bracket"), ("points", "torus scan")):
        path = str(scans / f"{name}.ply")
        assert main([verb, path, "--steps", "50", "--resolution", "48", "--device", "cuda",
                     "--out", str(tmp_path / verb), "--json"]) == 0  # fmt: skip
        found = json.loads(capfd.readouterr().out)
        assert (found["device"], found["backend"]) == ("cuda", "triton")
        assert found["metrics"]["watertight"]


def test_pictures_from_the_command_line(photo, tmp_path, capfd):
    write_picture(tmp_path / "p.png", Picture.from_tensor(photo))
    path = str(tmp_path / "p.png")
    for number, args in enumerate((
        ["image", path, "--steps", "300", "--holdout", "0.2"],
        ["inpaint", path, "--missing", "0.5", "--method", "hash", "--steps", "100"],
        ["inpaint", path, "--missing", "0.5"],
        ["denoise", path, "--noise", "20", "--method", "hash", "--steps", "100"],
        ["upscale", path, "--scale", "2", "--method", "hash", "--steps", "100"],
        ["compare", path, "--methods", "hash", "siren", "--seconds", "1"],
    )):  # fmt: skip
        assert main([*args, "--out", str(tmp_path / str(number)), "--json"]) == 0
        document = json.loads(capfd.readouterr().out)
        for found in document.get("runs", [document]):
            assert found["device"] == ("cpu" if "PatchGroups" in str(found["config"]) else "cuda")


def test_derivatives_from_the_command_line(scans, tmp_path, capfd):
    """Normals and slopes of a grid, by the kernels' first and second derivatives."""
    path = str(scans / "torus scan.ply")
    assert main(["points", path, "--objective", "derivatives", "--method", "hash", "--steps",
                 "30", "--resolution", "32", "--device", "cuda", "--out", str(tmp_path / "d"),
                 "--json"]) == 0  # fmt: skip
    found = json.loads(capfd.readouterr().out)
    assert (found["device"], found["backend"]) == ("cuda", "triton")
