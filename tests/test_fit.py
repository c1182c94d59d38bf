"""The loop: it learns, repeats itself, stops when told, and leaks nothing."""

import math
import sys
from contextlib import closing
from dataclasses import replace

import pytest
import torch

from fields import METHODS, BackendUnavailable, FieldSpec, FitConfig, ImageTask, fit, method_config
from fields.encodings import DenseGrid, Fourier, HashGrid, Identity
from fields.fit import Dense, Run
from fields.kernels.backends import missing
from fields.networks import MLP

CPU = torch.device("cpu")
BACKENDS = [b for b in ("torch", "numba") if missing(b, CPU) is None]
SMALL = FitConfig(
    field=FieldSpec(encoding=Fourier(frequencies=16, sigma=2.0), network=MLP(width=16, depth=1)),
    steps=40,
    batch=256,
    lr=1e-2,
    report=10,
    device="cpu",
    backend="torch",
)
GRID = replace(
    SMALL,
    field=FieldSpec(
        encoding=HashGrid(levels=4, log2_size=8, coarsest=4, finest=16), network=MLP(width=16)
    ),
)


def last(task, config):
    *_, progress = fit(task, config)
    return progress


RUNS = [pytest.param(SMALL, "torch", id="fourier")]
RUNS += [pytest.param(GRID, backend, id=f"hash-{backend}") for backend in BACKENDS]


@pytest.mark.parametrize(("config", "backend"), RUNS)
def test_it_learns(task, config, backend):
    end = last(task, replace(config, backend=backend, steps=150))
    assert end.backend == backend
    assert task.evaluate(end.field)["psnr"] > 25


@pytest.mark.parametrize(("config", "backend"), RUNS)
def test_equal_configs_give_equal_runs(task, config, backend):
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)  # the global generator must not matter
        runs.append(last(task, replace(config, backend=backend)))
    for a, b in zip(*(r.field.parameters() for r in runs), strict=True):
        assert torch.equal(a, b)


def test_reports_do_not_change_the_run(task):
    a, b = (last(task, replace(SMALL, report=n)) for n in (1, 25))
    pairs = zip(a.field.parameters(), b.field.parameters(), strict=True)
    assert all(torch.equal(p, q) for p, q in pairs)


def test_other_seeds_give_other_runs(task):
    a, b = (last(task, replace(SMALL, seed=s)) for s in (0, 1))
    assert a.loss != b.loss


def test_reports_come_as_asked(task):
    steps = [p.step for p in fit(task, replace(SMALL, steps=25))]
    assert steps == [0, 10, 20, 25]


def test_the_first_report_is_of_the_untouched_field(task):
    with closing(fit(task, SMALL)) as run:
        first = next(run)
        assert math.isnan(first.loss)
        # The field starts at the data's mean, near enough.
        assert task.evaluate(first.field)["psnr"] > 5


def test_it_stops_after_its_seconds(task):
    end = last(task, replace(SMALL, steps=None, seconds=0.05))
    assert end.end == "seconds"
    assert end.share == 1
    assert end.step >= 1


def test_it_stops_at_a_psnr(task):
    end = last(task, replace(SMALL, steps=5000, psnr=22.0))
    assert end.end == "psnr"
    assert end.step < 5000
    assert task.evaluate(end.field)["psnr"] >= 22


def test_it_says_when_it_diverges(task, monkeypatch):
    end = last(
        task,
        replace(
            SMALL,
            lr=10.0,
            steps=3000,
            schedule="constant",
            field=FieldSpec(encoding=Identity(), network=MLP(depth=8)),
        ),
    )
    assert end.end in ("diverged", "steps")
    broken = ImageTask(task.pixels)  # NaN is refused when a task is made: put it in afterwards
    object.__setattr__(broken, "pixels", task.pixels * math.nan)
    monkeypatch.setattr(ImageTask, "to", lambda self, device: self)
    assert last(broken, replace(SMALL, steps=500)).end == "diverged"


def test_the_clock_stops_while_the_caller_looks(task, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(sys.modules["fields.fit"].time, "perf_counter", lambda: now[0])
    seconds = []
    for progress in fit(task, SMALL):
        now[0] += 100.0
        seconds.append(progress.seconds)
    assert set(seconds) == {0.0}


def test_closing_leaks_nothing(task):
    run = fit(task, SMALL)
    next(run)
    next(run)
    assert torch.is_grad_enabled()
    run.close()
    with pytest.raises(StopIteration):
        next(run)


def test_a_caller_without_gradients_can_fit(task):
    with torch.no_grad():
        _first, *_, end = fit(task, SMALL)
        assert not torch.is_grad_enabled()
    assert task.psnr(end.loss) > 15


@pytest.mark.parametrize("name", METHODS)
def test_every_method_learns(task, name):
    config, _ = method_config(name, task)
    _before, *_, end = fit(task, replace(config, steps=60, device="cpu"))
    found = task.evaluate(end.field)
    assert math.isfinite(end.loss)
    assert found["psnr"] > 14


@pytest.mark.parametrize("schedule", ["constant", "exponential", "cosine"])
def test_the_learning_rate_falls_to_its_share(schedule):
    config = FitConfig(schedule=schedule, decay=0.05, hold=0.25)
    assert config.rate(0.0) == config.rate(0.25) == pytest.approx(1)
    assert config.rate(1.0) == pytest.approx(1 if schedule == "constant" else 0.05)
    rates = [config.rate(s / 20) for s in range(21)]
    assert rates == sorted(rates, reverse=True)


def test_bf16_learns_and_reports_fp32(task):
    end = last(task, replace(SMALL, precision="bf16", steps=150))
    assert all(p.dtype == torch.float32 for p in end.field.parameters())
    assert task.evaluate(end.field)["psnr"] > 25


def test_a_backend_that_is_missing_is_an_error(task):
    with pytest.raises(BackendUnavailable, match="triton"):
        next(fit(task, replace(SMALL, backend="triton", device="cpu")))


@pytest.mark.skipif("numba" not in BACKENDS, reason="numba is not installed")
def test_a_backend_without_kernels_for_a_field_is_an_error(task):
    with pytest.raises(BackendUnavailable, match="kernels for grids alone"):
        next(fit(task, replace(SMALL, backend="numba")))
    assert last(task, replace(SMALL, backend="auto", steps=1)).backend == "torch"


@pytest.mark.parametrize("piece", [7, 64, 4096])
def test_gradients_in_pieces_are_those_of_the_whole(task, monkeypatch, piece):
    monkeypatch.setattr("fields.parallel.PIECE", piece)
    run = Run(task, SMALL)
    batch = next(run.batches)
    loss = run.backward(batch)
    pieces = [p.grad.clone() for p in run.parameters]
    run.field.zero_grad()
    whole = task.loss(run.field, batch)
    whole.backward()
    torch.testing.assert_close(loss, whole.detach())
    for found, wanted in zip(pieces, run.parameters, strict=True):
        torch.testing.assert_close(found, wanted.grad)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_missing_is_an_error(task):
    with pytest.raises(ValueError, match="use --device cpu"):
        next(fit(task, replace(SMALL, device="cuda")))


def test_a_grid_without_a_network_learns(task):
    field = FieldSpec(encoding=DenseGrid(levels=2, finest=16, coarsest=8), network=MLP(depth=0))
    config = replace(GRID, field=field, steps=150, table_lr=0.1)
    assert task.evaluate(last(task, config).field)["psnr"] > 25


def test_the_network_s_optimiser_is_adam(rng):
    """As torch has it, weight decay on matrices alone."""
    config = replace(SMALL, lr=0.1, beta1=0.8, beta2=0.95, weight_decay=0.01)
    ours = [torch.randn(3, 2, generator=rng), torch.randn(3, generator=rng)]
    theirs = [w.clone() for w in ours]
    adam = torch.optim.Adam(
        [{"params": theirs[:1], "weight_decay": 0.01}, {"params": theirs[1:]}],
        lr=0.1, betas=(0.8, 0.95), eps=config.eps,
    )
    dense = Dense(ours, config)
    for _ in range(5):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape, generator=rng)
            b.grad = a.grad.clone()
        dense.step(1.0)
        adam.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_levels_are_unlocked_coarse_to_fine(task: ImageTask):
    encoding = HashGrid(levels=4, features=2, log2_size=10, coarsest=2, finest=16)
    config = FitConfig(
        field=FieldSpec(encoding=encoding, network=MLP(width=8, depth=1)),
        steps=40,
        batch=64,
        unlock=0.5,
        report=1,
    )
    learned = []
    start = None
    for progress in fit(task, config):
        table = progress.field.encoding.tables[0].detach().clone()
        start = table if start is None else start
        changed = (table != start).any(1)
        ends = progress.field.encoding.levels
        first = (0, *ends[:-1])
        learned.append(sum(bool(changed[a:b].any()) for a, b in zip(first, ends, strict=True)))
    assert learned[1] == 1
    assert learned[-1] == 4
    assert learned == sorted(learned)


def test_everything_is_unlocked_at_once_unless_asked():
    assert FitConfig().unlocked(8, 0.0) == 8
    assert [FitConfig(unlock=0.5).unlocked(5, s / 8) for s in range(6)] == [1, 2, 3, 4, 5, 5]


def test_a_gpu_without_memory_is_told_of_plainly(task, monkeypatch):
    def run(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(sys.modules["fields.fit"], "Run", run)
    with pytest.raises(MemoryError, match="lower the batch"):
        next(fit(task, SMALL))


def test_every_run_says_what_computed_it(task):
    assert last(task, replace(SMALL, steps=2, backend="torch", device="cpu")).how == "torch"
    with pytest.raises(ValueError, match="precision fp16"):
        next(fit(task, replace(SMALL, precision="fp16", device="cpu")))
