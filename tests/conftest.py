"""Fixtures that many tests share: private randomness, tiny pictures, a browser, and the page that
is served to it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch

from fields import ImageTask

ROOT = Path(__file__).parents[1]
PATIENCE = 90_000  # milliseconds: this machine may be busy with others
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


class Served:
    """`fieldfit app` in a process of its own."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
        with (folder / "stderr.txt").open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "app", "--no-open", "--port", str(port), *flags],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()  # ends with the process, should it not come up
        found = re.search(r"http://\S+", line)
        assert found, (line, self.errors)
        self.url = found[0].rstrip("/")

    @property
    def errors(self) -> str:
        return (self.folder / "stderr.txt").read_text()

    def runs(self) -> list[Path]:
        return sorted((self.folder / "runs").iterdir())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process.communicate()


@pytest.fixture(scope="session", name="serve")
def serve_fixture():
    return Served


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The page, which all tests in a browser share: to come up takes it seconds."""
    server = Served(tmp_path_factory.mktemp("served"), "--max-megapixels", "2")
    yield server
    server.stop()
    assert "Traceback" not in server.errors


@pytest.fixture
def context(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context, served):
    """A page, which must come by itself: nothing from elsewhere, and no error in it."""
    page = context.new_page()
    hosts, errors = set(), []
    page.on("request", lambda r: hosts.add(urlparse(r.url).netloc) if "://" in r.url else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    yield page
    assert {h for h in hosts if h} == {urlparse(served.url).netloc}
    assert not errors
