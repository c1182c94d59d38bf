"""Both kernels of Adam against the reference and against torch's own."""

import pytest
import torch
from interpreted.cases import assert_close
from torch import Tensor

from fields.kernels import adam, triton_adam

KNOBS = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.99, "eps": 1e-15}
SIZES = [0, 1, 3, 4, 1023, 1024, 2050]


def state_of(param: Tensor) -> list[Tensor]:
    """Copies of the parameters, and zeros: gradient, moments and counts."""
    zeros = [torch.zeros_like(param) for _ in range(3)]
    return [param.clone(), *zeros, torch.zeros_like(param, dtype=torch.int32)]


def assert_same(states, tolerance=1e-6):
    for got, expected in zip(*states, strict=True):
        assert_close(got.float(), expected.float(), tolerance)
    assert torch.equal(states[0][4], states[1][4])


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("share", [0.05, 1.0])
def test_sparse(n, share, rng):
    param = torch.randn(n, generator=rng)
    states = [state_of(param) for _ in range(2)]
    for _ in range(3):
        touched = torch.rand(n, generator=rng) < share
        grad, before = torch.randn(n, generator=rng) * touched, states[0][0].clone()
        for state, step in zip(states, (triton_adam, adam), strict=True):
            state[1].copy_(grad)
            step.sparse_adam_(*state, **KNOBS)
        assert torch.equal(states[0][0][~touched], before[~touched])
        assert not states[0][1].any()
    assert_same(states)


@pytest.mark.parametrize("limit", [0, 8, 1024, 1500, 2048])
def test_entries_beyond_the_limit_only_lose_their_gradient(limit, rng):
    param, grad = torch.randn(1024, 2, generator=rng), torch.randn(1024, 2, generator=rng)
    states = [state_of(param) for _ in range(2)]
    for state in states:
        state[1].copy_(grad)
    bound = torch.tensor([limit], dtype=torch.int32)
    triton_adam.sparse_adam_(*states[0], **KNOBS, limit=bound)
    adam.sparse_adam_(*(t.view(-1)[:limit] for t in states[1]), **KNOBS)
    states[1][1].zero_()
    assert_same(states)


@pytest.mark.parametrize("n", [8, 7])  # the last three have a way of their own
def test_the_learning_rate_has_a_factor_on_the_device(n, rng):
    param, grad = torch.randn(n, generator=rng), torch.randn(n, generator=rng)
    states = [state_of(param) for _ in range(2)]
    for state in states:
        state[1].copy_(grad)
    triton_adam.sparse_adam_(*states[0], **KNOBS, factor=torch.tensor([0.25]))
    adam.sparse_adam_(*states[1], **KNOBS | {"lr": KNOBS["lr"] / 4})
    assert_same(states)
    assert not torch.equal(states[0][0], param)


def test_tiny_and_huge_gradients(rng):
    grad = torch.tensor([1e-30, -1e-20, 1e-12, 1e10, -1e15, 0.0, -0.0, 1.0])
    states = [state_of(torch.ones(8)) for _ in range(2)]
    for state, step in zip(states, (triton_adam, adam), strict=True):
        state[1].copy_(grad)
        step.sparse_adam_(*state, **KNOBS)
    assert_same(states)


def test_after_more_steps_than_there_are_corrections(rng):
    param, grad = torch.randn(64, generator=rng), torch.randn(64, generator=rng)
    states = [state_of(param) for _ in range(2)]
    for state, step in zip(states, (triton_adam, adam), strict=True):
        state[1].copy_(grad)
        state[4].fill_(100_000)
        step.sparse_adam_(*state, **KNOBS)
    assert_same(states)


@pytest.mark.parametrize("n", [1, 1024, 1500])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_dense_is_adam(n, weight_decay, rng):
    """Half of it decays; all of it at half the learning rate."""
    param = torch.randn(n, generator=rng)
    parts = [p.clone().requires_grad_() for p in (param[: n // 2], param[n // 2 :])]
    groups = [{"params": [parts[0]], "weight_decay": weight_decay}, {"params": [parts[1]]}]
    optimiser = torch.optim.Adam(groups, lr=5e-3, betas=(0.9, 0.99), eps=1e-15)
    decay = torch.zeros(n)
    decay[: n // 2] = weight_decay
    grad, m, v = torch.zeros(n), torch.zeros(n), torch.zeros(n)
    for step in range(1, 6):
        grad.copy_(torch.randn(n, generator=rng))
        parts[0].grad, parts[1].grad = grad[: n // 2].clone(), grad[n // 2 :].clone()
        optimiser.step()
        count, factor = torch.tensor([step], dtype=torch.int32), torch.tensor([0.5])
        given = decay if weight_decay else None
        triton_adam.dense_adam_(param, grad, m, v, given, count, factor, **KNOBS)
        assert not grad.any()
    assert_close(param, torch.cat([p.detach() for p in parts]), 1e-6)


def test_dense_after_more_steps_than_there_are_corrections(rng):
    param, grad, m, v = (torch.rand(8, generator=rng) for _ in range(4))
    expected = param - 1e-2 * (0.9 * m + 0.1 * grad) / (0.99 * v + 0.01 * grad**2).sqrt()
    late, factor = torch.tensor([10**6], dtype=torch.int32), torch.ones(1)
    triton_adam.dense_adam_(param, grad, m, v, None, late, factor, **KNOBS)
    assert_close(param, expected, 1e-6)


def test_wrong_tensors_do_not_reach_the_kernels():
    state = state_of(torch.zeros(8, 2))
    for place in range(5):
        for wrong in (state[place].double(), state[place].T.contiguous().T, state[place][:4]):
            args = [*state[:place], wrong, *state[place + 1 :]]
            with pytest.raises((TypeError, ValueError), match="must"):
                triton_adam.sparse_adam_(*args, **KNOBS)
    one, count = torch.ones(1), torch.ones(1, dtype=torch.int32)
    good = [torch.zeros(8) for _ in range(4)]
    for place in range(1, 4):
        args = [*good[:place], torch.zeros(7), *good[place + 1 :]]
        with pytest.raises(ValueError, match="must have shape"):
            triton_adam.dense_adam_(*args, None, count, one, **KNOBS)
