"""Whatever the process does that parses a stranger's file, this one gets one line."""

import os
import struct
import subprocess
import sys
import zipfile

import pytest

from data import read_shape, sandbox


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.abort()", "made the program that reads it stop"),
        ("import ctypes; ctypes.string_at(0)", "made the program that reads it stop"),
        ("while True: pass", "not read within 1 s"),
        ("open('refusal', 'w').write('two\\nlines\\x1b[0m')", "two lines"),
        ("pass", "could not be read"),
        ("open('points.npy', 'wb').write(b'\\x93NUMPY')", "could not be read"),
        ("import pickle; pickle.dump(print, open('points.npy', 'wb'))", "could not be read"),
    ],
)
def test_whatever_the_process_does_there_is_one_line(program, words, tmp_path, monkeypatch):
    (tmp_path / "hostile.py").write_text(program)
    (tmp_path / "x.ply").write_bytes(b"ply")
    limits = sandbox.Limits(1, 1 << 30, 1 << 20)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sandbox, "_MODULE", "hostile")
    monkeypatch.setattr(sandbox.Limits, "for_size", lambda size: limits)
    with pytest.raises(ValueError, match=words) as refusal:
        read_shape(tmp_path / "x.ply")
    assert str(refusal.value).isprintable()
    assert str(refusal.value).startswith(str(tmp_path))


def test_a_bomb_meets_the_limit_on_memory(tmp_path):
    pytest.importorskip("resource")
    header = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118)
    shape = b"{'descr': '<f8', 'fortran_order': False, 'shape': (150000000, 3), }"
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("points.npy", header + shape.ljust(117) + b"\n" + bytes(1 << 20))
    with pytest.raises(ValueError, match="needs too much memory"):
        read_shape(tmp_path / "x.npz")


def test_the_limits_hold_in_the_process(tmp_path):
    resource = pytest.importorskip("resource")
    code = (
        "import resource; from data.sandbox import Limits, _limit; _limit(Limits(7, 3 << 30, 5));"
        "print([resource.getrlimit(k)[1] for k in (resource.RLIMIT_CPU, resource.RLIMIT_AS,"
        "resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)])"
    )
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    memory = 3 << 30 if most == resource.RLIM_INFINITY else min(most, 3 << 30)
    assert _output(code) == f"[7, {memory}, 5, 0]"


def test_the_process_imports_no_heavy_library():
    heavy = "torch numba open3d scipy skimage trimesh PIL"
    code = f"import sys, data.sandbox; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert _output(code) == "[]"


def _output(code: str) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_a_module_beside_the_file_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit")
    (tmp_path / "x.xyz").write_text("\n".join(f"{n} {n * n} 0" for n in range(60)))
    monkeypatch.chdir(tmp_path)
    assert len(read_shape("x.xyz").points) == 60
