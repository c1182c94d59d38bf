"""The step that never leaves the device, against the same steps one by one in torch; and fits."""

from dataclasses import replace

import pytest
import torch
from interpreted.cases import assert_close
from torch import Tensor

from fields import MLP, FieldSpec, FitConfig, ImageTask, fit
from fields.device_step import DeviceStep
from fields.encodings import HashGrid
from fields.export import load_field, save_field
from fields.field import Field
from fields.fit import Progress, Run
from fields.fused.cuda import TritonFused
from fields.kernels.draws import Pixels, Rows, Source
from fields.optimisers import optimisers

SPEC = FieldSpec(
    encoding=HashGrid(levels=2, log2_size=6, coarsest=4, finest=11), network=MLP(width=16, depth=1)
)
# Where a gradient is a sum of almost nothing, its rounding must not decide on a whole step.
CONFIG = FitConfig(
    field=SPEC, device="cpu", backend="triton", precision="fp32", batch=32, steps=4, eps=1e-5,
    lr=1e-2, table_lr=3e-2, weight_decay=0.1, seed=5, report=10**6,
)  # fmt: skip
FACTORS = [1.0, 0.5, 0.25, 0.0]


def rng_of(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixels() -> Pixels:
    return Pixels(torch.rand(12 * 15, 3, generator=rng_of(1)), (12, 15))


def some_pixels() -> Pixels:
    values = torch.randint(256, (12 * 15, 3), generator=rng_of(1)).byte()
    return Pixels(values, (12, 15), torch.arange(0, 180, 2, dtype=torch.int32))


def rows() -> Rows:
    rng = rng_of(1)
    x, y = torch.rand(60, 2, 2, generator=rng) * 2 - 1, torch.rand(60, 2, 3, generator=rng)
    return Rows(x, y, torch.rand(60, 2, generator=rng), paired=1.5)


def fields() -> tuple[Field, Field]:
    """One with the kernels behind it, and the same in torch."""
    made = [SPEC.build(2, 3, rng_of(2), backend=backend) for backend in ("triton", "torch")]
    with torch.no_grad():
        made[0].encoding.tables[0].normal_(std=0.3, generator=rng_of(3))
        made[0].shift.fill_(0.5)
        made[0].scale.fill_(0.3)
    made[1].load_state_dict(made[0].state_dict())
    return made[0], made[1]


def whole_of(field: Field, source: Source, config: FitConfig = CONFIG) -> DeviceStep:
    assert isinstance(field.fused, TritonFused)
    return DeviceStep(field, field.fused, source, config)


def by_hand(field: Field, source: Source, n: int, factors, config: FitConfig = CONFIG) -> list:
    """The same steps by autograd and torch's Adam; their losses."""
    paired, losses = getattr(source, "paired", 0.0), []
    both = optimisers(field, config, "torch")
    for step, factor in enumerate(factors):
        batch = source.draw(step, n, config.seed)
        loss = field.squared_error(batch.x, batch.y, batch.weight, paired=paired)
        loss.backward()
        for optimiser in both:
            optimiser.step(factor)
        losses.append(loss.item())
    return losses


def assert_same_state(field: Field, other: Field, tolerance=1e-4):
    for name, tensor in other.state_dict().items():
        assert_close(field.state_dict()[name], tensor, tolerance)


@pytest.mark.parametrize(
    ("source", "n"), [(pixels, 32), (some_pixels, 32), (rows, 16)], ids=["pixels", "some", "rows"]
)
def test_steps_are_those_of_torch(source, n):
    field, other = fields()
    whole = whole_of(field, source())
    for factor in FACTORS:
        whole.step(factor, len(whole.table))
    losses = by_hand(other, source(), n, FACTORS)
    assert_same_state(field, other)
    assert whole.taken == len(losses)
    assert whole.mean_loss() == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_to_prepare_changes_nothing():
    field, other = fields()
    whole = whole_of(field, pixels())
    whole.prepare()
    assert_same_state(field, other, 0)
    assert whole.mean_loss() == 0
    for tensor in (whole.table.grad, whole.space.gradient, whole.table_steps, whole.step_number):
        assert not tensor.any()


def test_levels_that_are_locked_do_not_learn():
    """And once they are not, they begin as if nothing had been."""
    field, _ = fields()
    whole = whole_of(field, pixels())
    before, first = whole.table.detach().clone(), field.encoding.levels[0]
    whole.step(1.0, first)
    assert torch.equal(whole.table[first:], before[first:])
    assert not torch.equal(whole.table[:first], before[:first])
    assert not whole.table.grad.any()
    assert not whole.table_steps[first:].any()
    whole.step(1.0, len(before))
    assert not torch.equal(whole.table[first:], before[first:])


def test_losses_can_be_cleared():
    field, _ = fields()
    whole = whole_of(field, pixels())
    whole.step(0.0, len(whole.table))
    whole.clear()
    assert (whole.taken, whole.mean_loss()) == (0, 0.0)
    whole.step(0.0, len(whole.table))
    batch = pixels().draw(1, 32, CONFIG.seed)
    with torch.no_grad():
        expected = (field(batch.x) - batch.y).square().mean().item()
    assert whole.mean_loss() == pytest.approx(expected, rel=1e-4)


# --- fits ----------------------------------------------------------------------------------------


def task_of(source: Pixels) -> ImageTask:
    return ImageTask(source.values.view(*source.size, 3))


def fitted(task: ImageTask, config: FitConfig = CONFIG) -> Progress:
    *_, last = fit(task, config)
    return last


def state(field: Field) -> list[Tensor]:
    return [p.detach().clone() for p in field.parameters()]


@pytest.fixture(scope="module")
def done() -> Progress:
    return fitted(task_of(pixels()))


def test_a_fit_is_the_steps_of_torch_on_the_same_draws(done):
    assert (done.end, done.step, done.backend) == ("steps", 4, "triton")
    run = Run(task_of(pixels()), replace(CONFIG, backend="torch"))
    factors = [CONFIG.rate(step / 4) for step in range(4)]
    losses = by_hand(run.field, run.task.source(), 32, factors)
    assert_same_state(done.field, run.field)
    assert done.loss == pytest.approx(sum(losses) / 4, rel=1e-4)


def test_a_field_is_everyones(done, tmp_path):
    """It is read by torch's fields, and from a file."""
    other = SPEC.build(2, 3, rng_of(9))
    other.load_state_dict(done.field.state_dict())
    save_field(tmp_path / "field.safetensors", done.field, SPEC, {})
    loaded = load_field(tmp_path / "field.safetensors", backend="torch").field
    x = torch.rand(50, 2, generator=rng_of(0)) * 2 - 1
    with torch.no_grad():
        for each in (other, loaded):
            assert_close(done.field(x), each(x), 1e-5)


def test_half_precision_learns_as_much(done):
    run = Run(task_of(pixels()), replace(CONFIG, precision="auto"))
    assert run.operands == torch.float16
    while run.advance() is None:
        pass
    assert run.report("steps").loss == pytest.approx(done.loss, rel=2e-3)


def test_equal_configs_give_equal_fits_and_other_seeds_others(done):
    config = replace(CONFIG, steps=1)
    states = [state(fitted(task_of(pixels()), replace(config, seed=s)).field) for s in (1, 1, 2)]
    assert all(torch.equal(a, b) for a, b in zip(*states[:2], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(*states[1:], strict=True))


def test_unknown_pixels_are_not_learned():
    """However wrong they are."""
    right = task_of(pixels()).pixels
    known = torch.rand(12, 15, generator=rng_of(4)) < 0.5
    wrong = torch.where(known[..., None], right, 1e6)
    config = replace(CONFIG, steps=2)
    states = [state(fitted(ImageTask(p, known), config).field) for p in (right, wrong)]
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_the_mean_of_the_states_is_shown():
    run = Run(task_of(pixels()), replace(CONFIG, steps=3, average=1.0))
    states = []
    for _ in range(3):
        run.advance()
        states.append(state(run.field))
    for got, *each in zip(state(run.shown), *states, strict=True):
        assert_close(got, torch.stack(each).mean(0), 1e-5)


def test_a_batch_of_more_than_all_pixels_is_all_of_them(picture):
    run = Run(ImageTask(picture[:4, :5]), replace(CONFIG, batch=1000))
    assert run.whole is not None
    assert len(run.whole.batch.x) == 20


def test_a_second_stage_goes_on_step_by_step(picture):
    config = replace(CONFIG, field=replace(SPEC, stages=2), steps=2)
    run = Run(ImageTask(picture[:6, :6]), config)
    assert run.whole is not None
    while run.advance() is None:
        pass
    assert run.stage == 1
    assert run.whole is None
    assert torch.isfinite(torch.stack(run.losses)).all()


def test_slopes_are_fitted_step_by_step(picture):
    run = Run(ImageTask(picture, sobolev=0.1), replace(CONFIG, steps=2))
    before = state(run.field)
    run.advance()
    assert run.whole is None
    assert run.field.fused is not None
    assert not any(torch.equal(a, b) for a, b in zip(before, state(run.field), strict=True))
