"""The benchmarks run and say what they must; how fast they are is not tested."""

import json

import pytest

from app.cli import main
from data import Picture, write_picture


@pytest.fixture
def folder(tmp_path, waves):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "ab":
        write_picture(folder / f"{name}.png", Picture.from_tensor(waves(16, 16)))
    return folder


def test_bench_image(folder, monkeypatch, capfd):
    monkeypatch.setattr("app.bench.image.SAMPLES", 256)
    monkeypatch.setattr("app.bench.image.ROUNDS", 1)
    assert main(["bench", "image", str(folder / "a.png"), "--seconds", "0.05", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["bench"] == "image"
    rows = found["rows"]
    assert rows[0]["gflops"] > 0
    assert {r["backend"] for r in rows if r["what"] == "step"} >= {"pytorch", "torch"}
    methods = [r for r in rows if r["what"] == "method"]
    assert {r["method"] for r in methods} >= {"plain", "hash"}
    assert all("to_40_db" in r for r in methods)


def test_bench_encodings_goes_on_where_it_was(folder, tmp_path, monkeypatch, capfd):
    out = tmp_path / "out"
    args = ["bench", "encodings", str(folder), "--steps", "3", "--batch", "32", "--out", str(out)]
    assert main([*args, "--pictures", "1", "--json"]) == 0
    first = json.loads(capfd.readouterr().out)["rows"]
    done = [r["picture"] for r in first if r["picture"] != "mean"]
    assert done == ["a.png"] * 4
    monkeypatch.setattr("app.bench.encodings.pictures", lambda o: [folder / "a.png"])
    monkeypatch.setattr("app.bench.encodings.run", None)  # nothing is left to fit
    assert main([*args, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["rows"] == first


def test_bench_encodings_does_not_mix_settings(folder, tmp_path, capfd):
    out = tmp_path / "out"
    args = ["bench", "encodings", str(folder), "--pictures", "1", "--batch", "32",
            "--out", str(out)]
    assert main([*args, "--steps", "2"]) == 0
    assert main([*args, "--steps", "3"]) == 2
    assert "other settings; choose another --out" in capfd.readouterr().err
