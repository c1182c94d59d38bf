"""Fixtures that many tests share: private randomness, tiny pictures, and a browser."""

import os
import shutil
import signal
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch

from fields import ImageTask

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader",  # WebGL without a graphics card
]  # fmt: skip

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


@pytest.fixture(scope="module")
def chromium():
    """A browser, or the reason why there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
