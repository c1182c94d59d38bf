"""Runs the tests of `interpreted/`, each group in a process whose Triton interprets its kernels."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "interpreted"
# Groups that take about as long.
GROUPS = {
    "encoding": ["test_grid"],
    "network": ["test_adam", "test_draws", "test_infer", "test_mlp"],
    "fit": ["test_device_step", "test_fused"],
}
WITHOUT = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="needs triton, which has wheels for Linux on x86-64: pip install triton",
)


def test_every_file_is_in_a_group():
    listed = [f"{name}.py" for names in GROUPS.values() for name in names]
    assert sorted(listed) == sorted(path.name for path in FOLDER.glob("test_*.py"))


def run(files: list[str], folder: Path, interpret: str) -> tuple[int, str]:
    """The exit status of pytest, and what it said."""
    # What this pytest was told, by its caller or for its own workers, is not meant for that one.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    told = {"TRITON_INTERPRET": interpret, "TRITON_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env=kept | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,  # less than what stops this test, so that the other process ends first
    )
    return done.returncode, done.stdout


@WITHOUT
@pytest.mark.parametrize("group", GROUPS)
def test_interpreted_kernels(group, tmp_path):
    files = [str(FOLDER / f"{name}.py") for name in GROUPS[group]]
    status, said = run(files, tmp_path, "1")
    assert status == 0, said
    assert re.search(r"\b[1-9]\d* passed", said), said
    assert "skipped" not in said, said


@WITHOUT
def test_nothing_is_interpreted_unasked(tmp_path):
    """A plain pytest must not collect what only an interpreting one can run."""
    status, said = run([str(FOLDER)], tmp_path, "0")
    assert status == pytest.ExitCode.NO_TESTS_COLLECTED, said
