"""Fixtures that many tests share: private randomness and tiny pictures."""

import os
import signal

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch

from fields import ImageTask

torch.set_num_threads(1)  # as the command line does: the engine shares work out by itself


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def make_waves(height: int, width: int, channels: int = 3) -> torch.Tensor:
    """A smooth picture with a different wave in each channel, float32 [h, w, c] in [0, 1]."""
    y = torch.linspace(-1, 1, height)[:, None]
    x = torch.linspace(-1, 1, width)
    planes = [0.5 + 0.4 * torch.sin((c + 2) * x + (c + 1) * y) for c in range(channels)]
    return torch.stack(planes, dim=-1)


@pytest.fixture(name="waves")
def waves_fixture():
    return make_waves


@pytest.fixture
def picture() -> torch.Tensor:
    return make_waves(24, 32)


@pytest.fixture
def task(picture: torch.Tensor) -> ImageTask:
    return ImageTask(picture)


@pytest.fixture
def handlers():
    """`main` takes over the signals; give them back."""
    kept = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
