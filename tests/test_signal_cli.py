"""The command line on signals, from end to end: fit, compare, draw, export."""

import json
import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import torch

from app.cli import main
from app.signal_preparing import Units, centres, is_file
from data import Signal, read_signal, write_signal
from fields import load_field, save_field

SHORT = ("--method", "plain", "--steps", "8", "--field.network.width", "16")


@pytest.fixture(autouse=True)
def _signals(handlers):
    pass


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "log.csv"
    x = np.linspace(100, 110, 60)
    rows = np.stack([x, np.sin(x), np.cos(3 * x)], axis=1)
    np.savetxt(path, rows, delimiter=",", header="hour,warm,wet", comments="")
    return path


@pytest.fixture
def run(capsys):
    def call(*args, status: int = 0) -> dict:
        assert main([*map(str, args), "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def refused(capsys):
    def call(*args) -> str:
        assert main([*map(str, args)]) == 2
        line = capsys.readouterr().err.strip().splitlines()[-1]
        assert line.startswith("fieldfit: ")
        return line

    return call


def test_a_formula_is_fitted_and_leaves_its_files(tmp_path, run):
    out = tmp_path / "out"
    document = run(
        "signal", "sin(3*x)", "--domain", "-pi,pi", "--samples", 64, "--out", out, *SHORT
    )
    for name in document["files"].values():
        assert (out / name).exists()
    assert document["verb"] == "signal"
    assert document["input"] == "sin(3*x)"
    assert document["signal"]["formula"] == "sin(3*x)"
    assert document["signal"]["samples"] == 64
    assert document["peaks"]["frequency"] == pytest.approx([3])
    assert len(document["peaks"]["error"]) == len(document["history"])
    assert {"psnr", "rel_l2", "max_error"} == set(document["metrics"])
    assert {"entropy", "total_variation"} <= set(document["history"][-1])
    header, *rows = (out / "result.csv").read_text().splitlines()
    assert header == "x,value,fitted"
    x, value, fitted = np.array([row.split(",") for row in rows], float).T
    assert x[0] == pytest.approx(-math.pi + math.pi / 64)
    assert value == pytest.approx(np.sin(3 * x))
    error = np.linalg.norm(fitted - value) / np.linalg.norm(value)
    assert document["metrics"]["rel_l2"] == pytest.approx(error, rel=1e-4)


def test_the_report_and_the_looks_are_whole(tmp_path, run):
    out = tmp_path / "out"
    run("signal", "sines", "--out", out, *SHORT)
    frames = sorted((out / "progress").iterdir())
    assert len(frames) >= 2
    for frame in frames:
        assert frame.suffix == ".svg"
        assert ElementTree.fromstring(frame.read_text()).tag.endswith("svg")
    page = (out / "report.html").read_text()
    assert len(re.findall(r"data:image/svg\+xml;base64,", page)) >= 4
    assert "Its spectrum" in page
    assert "From simple to complex" in page
    assert "<title>" in page
    assert "plain: error of each frequency over time" in page


def test_a_sound_becomes_a_sound(tmp_path, run):
    t = torch.arange(400).double() / 8000
    wave = 0.5 * torch.sin(2 * math.pi * torch.tensor([200.0, 300.0]) * t[:, None]).double()
    write_signal(tmp_path / "a.wav", Signal(t, wave, ("left", "right"), 8000))
    out = tmp_path / "out"
    document = run("signal", tmp_path / "a.wav", "--out", out, *SHORT)
    heard = read_signal(out / document["files"]["sound"])
    assert heard.rate == 8000
    assert heard.values.shape == (400, 2)
    header = (out / "result.csv").read_text().partition("\n")[0]
    assert header == "x,left,right,fitted left,fitted right"
    again = run("render", out / "field.safetensors", "--out", tmp_path / "b.wav")
    assert again["samples"] == 400
    assert torch.equal(read_signal(tmp_path / "b.wav").values, heard.values)


def test_held_out_samples_are_measured(table, tmp_path, run):
    out = tmp_path / "out"
    chosen = ("--columns", "hour", "warm", "--holdout", 0.25)
    document = run("signal", table, *chosen, "--out", out, *SHORT)
    assert document["signal"]["heldout"] == 15
    assert {"heldout_rel_l2", "heldout_psnr"} <= set(document["metrics"])
    assert len((out / "result.csv").read_text().splitlines()) == 61


def test_equal_seeds_give_equal_fits(table, tmp_path, run):
    outs = [tmp_path / name for name in "abc"]
    given = (table, "--columns", "hour", "wet", "--holdout", 0.2, *SHORT)
    run("signal", *given, "--seed", 5, "--out", outs[0])
    run("signal", *given, "--config", outs[0] / "run.json", "--out", outs[1])
    run("signal", *given, "--seed", 6, "--out", outs[2])
    first, second, third = ((out / "result.csv").read_text() for out in outs)
    assert first == second != third


def test_a_saved_field_has_its_samples_in_the_persons_unit(table, tmp_path, run):
    out = tmp_path / "out"
    run("signal", table, "--columns", "hour", "warm", "--out", out, *SHORT)
    field = out / "field.safetensors"
    run("render", field)
    drawn, fitted = read_signal(out / "render.csv"), read_signal(out / "result.csv")
    assert drawn.names == ("warm",)
    assert torch.allclose(drawn.x, fitted.x, atol=1e-9)
    assert torch.allclose(drawn.values[:, 0], fitted.values[:, 1], atol=1e-6)
    run("export", field, "--to", "numpy", "--samples", 7)
    with np.load(out / "export.npz") as arrays:
        assert arrays["x"].shape == (7,)
        assert arrays["values"].shape == (7, 1)
        assert 100 < arrays["x"].min() < arrays["x"].max() < 110.1
    assert load_field(field).info["kind"] == "signal"


def test_methods_are_compared_on_a_formula_and_on_a_table(table, tmp_path, run):
    out = tmp_path / "out"
    given = ("--methods", "plain", "siren", "--steps", 5)
    document = run("compare", "sin(x) + x/9", *given, "--out", out)
    assert [r["method"] for r in document["runs"]] == ["plain", "siren"]
    assert document["signal"]["formula"] == "sin(x) + x/9"
    best = min(document["runs"], key=lambda r: r["metrics"]["rel_l2"])
    assert (out / "result.csv").read_text() == (out / best["method"] / "result.csv").read_text()
    three = run("compare", table, "--task", "signal", *given, "--out", tmp_path / "b")
    assert three["signal"]["names"] == ["warm", "wet"]
    table.write_text("1,2\n2,3\n" + "".join(f"{n},{n % 5}\n" for n in range(3, 30)))
    two = run("compare", table, *given, "--out", tmp_path / "c")  # too few columns for a shape
    assert two["signal"]["samples"] == 29


def test_the_derivative_may_be_fitted_too(tmp_path, run):
    out = tmp_path / "out"
    document = run("signal", "sin(x)", "--sobolev", 0.1, "--samples", 64, "--out", out, *SHORT)
    assert document["options"]["sobolev"] == 0.1


def test_a_constant_has_no_frequencies(tmp_path, run):
    out = tmp_path / "out"
    document = run("signal", "0*x + 2", "--samples", 20, "--out", out, *SHORT)
    assert document["peaks"]["frequency"] == []
    assert "Its spectrum" not in (out / "report.html").read_text()


def test_a_formula_may_begin_with_a_minus(tmp_path, run):
    document = run("signal", "-x^2", "--out", tmp_path / "out", *SHORT)
    assert document["signal"]["formula"] == "(-x^2)"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("2x",), r"write 2\*x"),
        (("nothing.csv",), r"nothing.csv: does not exist"),
        (("song.mp3",), r"convert it to .wav"),
        (("sin(x)", "--samples", 3), r"--samples must be from 8 to 1,000,000, got 3"),
        (("sin(x)", "--domain", "2,1"), r"from a number to a larger one"),
        (("log(x)",), r"no finite value at x = -3"),
        (("sin(x)", "--columns", "a"), r"--columns is for files"),
        (("sin(x)", "--holdout", 1.5), r"--holdout must be between 0 and 1"),
        (("sin(x)", "--holdout", "nan"), r"--holdout must be between 0 and 1"),
        (("",), r"a formula must have something in it"),
        (("sin(x)", "--sobolev", -1), r"--sobolev must be 0 or more"),
        (("sin(x)", "--method", "none"), r"unknown method 'none'"),
        (("{table}", "--domain", "0,1"), r"--domain is for formulas"),
        (("{table}", "--samples", 0), r"--samples is for formulas"),
        (("{table}", "--columns", "cold"), r"no column 'cold'; choose from hour, warm, wet"),
    ],
)
def test_what_cannot_be_fitted_is_one_line(table, refused, args, says):
    assert re.search(says, refused("signal", *(str(a).format(table=table) for a in args)))


def test_flags_of_other_inputs_are_refused(table, tmp_path, run, refused):
    assert "--sigma is not for signals" in refused("compare", "sin(x)", "--sigma", 5)
    assert "--flip is not for signals" in refused("compare", "sin(x)", "--flip")
    out = tmp_path / "out"
    run("signal", "sin(x)", "--out", out, *SHORT)
    field = out / "field.safetensors"
    assert "--size is for pictures and shapes" in refused("render", field, "--size", "5x5")
    assert "holds a signal" in refused("render", field, "--out", tmp_path / "a.png")
    assert "use --to numpy" in refused("export", field, "--to", "png")
    assert "--samples must be from 1" in refused("render", field, "--samples", 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"samples": None}, "does not say what signal"),
        ({"samples": 10**13}, "which no signal has"),
        ({"names": 3}, "does not say what signal"),
        ({"rate": "fast"}, "does not say what signal"),
        ({"low": None}, "does not say where its x lie"),
    ],
)
def test_a_strangers_field_is_refused_in_one_line(change, says, tmp_path, run, refused):
    run("signal", "sin(x)", "--out", tmp_path / "out", *SHORT)
    saved = load_field(tmp_path / "out" / "field.safetensors")
    save_field(tmp_path / "a.safetensors", saved.field, saved.spec, saved.info | change)
    assert says in refused("render", tmp_path / "a.safetensors")
    assert not (tmp_path / "render.csv").exists()


def test_a_formula_may_be_longer_than_a_files_name(tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = run("signal", "+".join(["sin(0.5*x)"] * 40), *SHORT)
    assert len(document["signal"]["formula"]) > 255
    assert "sin-0.5-x" in next(Path("runs").iterdir()).name  # cut at no point


def test_equally_spaced_samples_are_the_centres_of_parts_of_the_side():
    x = torch.linspace(3, 8, 26, dtype=torch.float64)
    units = Units.of(Signal(x, torch.zeros(26, 1).double()))
    assert torch.allclose(units.into(x), centres(26))
    assert torch.allclose(units.out_of(units.into(x)), x)
    assert Units.of_info(units.info()) == units
    with pytest.raises(ValueError, match="which is no range"):
        Units.of_info({"low": 2, "high": 1})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.csv", True),
        ("b/photo.jpg", True),
        ("sin(x)/x", False),
        ("x*.5", False),
        ("chirp", False),
    ],
)
def test_names_of_files_are_told_from_formulas(text, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_file(text) == expected
    Path("chirp").touch()
    assert is_file("chirp")
