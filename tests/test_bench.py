"""The benchmarks run and say what they must; how fast they are is not tested."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.bench import compiled, parts_cpu, published, steps, timing
from app.bench import encodings as module
from app.bench.floors import Work, touched_by, works
from app.bench.headway import Headway
from app.bench.ledger import Ledger
from app.bench.published import KINDS, StaxReLU, UnitSquare
from app.bench.race import race_to_psnr
from app.bench.rates import Rates, sectors
from app.bench.sets import PictureSet, picture_sets
from app.cli import main
from app.options import BenchOptions
from data import Picture, write_picture
from fields import ImageTask
from fields.grid import centres_of
from fields.kernels.backends import missing
from fields.kernels.draws import in_order
from fields.kernels.grid import encode, grid_layout
from fields.networks import MLP


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
    args = ["bench", "image", str(folder / "a.png"), "--seconds", "0.05", "--device", "cpu"]
    assert main([*args, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["bench"] == "image"
    rows = found["rows"]
    assert rows[0]["gflops"] > 0
    assert {r["backend"] for r in rows if r["what"] == "step"} >= {"pytorch", "torch"}
    methods = [r for r in rows if r["what"] == "method"]
    assert {r["method"] for r in methods} >= {"plain", "hash"}
    assert all("to_40_db" in r for r in methods)


@pytest.fixture
def small(monkeypatch):
    """Everything that `bench kernels` measures, on next to nothing and once."""
    sizes = {"SAMPLES": 256, "LOG2_SIZE": 9, "SIDE": 32, "COPIED": 2**12, "MATRIX": 32}
    for name, value in sizes.items():
        monkeypatch.setattr(parts_cpu, name, value)
    for name, value in {"REPEATS": 1, "FEW": 1, "LEAST_MS": 0.0}.items():
        monkeypatch.setattr(timing, name, value)


def test_bench_kernels_measures_each_beside_its_floor_and_torch(small, capfd):
    assert main(["bench", "kernels", "--device", "cpu", "--json"]) == 0
    found = capfd.readouterr()
    rows = json.loads(found.out)["rows"]
    assert "The kernels, 256 samples" in found.err
    of = {what: [r for r in rows if r["what"] == what] for what in ("rate", "kernel", "step")}
    assert all(len({tuple(r) for r in group}) == 1 for group in of.values())  # a table each
    assert {r["name"] for r in of["rate"]} == {"copy", "products", "gather"}
    assert all(r["rate"] > 0 for r in of["rate"])
    names = {"encode", "encode+network", "scatter", "adam_table", "infer"}
    for backend in backends("cpu"):
        assert {r["name"] for r in of["kernel"] if r["backend"] == backend} == names
    for row in of["kernel"]:
        assert row["floor_share"] == pytest.approx(row["floor_ms"] / row["ms"])
        assert (row["samples"], row["log2_size"]) == (256, 9)
    assert [r["backend"] for r in of["step"]] == list(backends("cpu"))
    for row in of["step"]:
        assert row["samples_per_second"] == pytest.approx(256e3 / row["ms"])


def test_bench_kernels_prints_a_heading_for_each_table(small, capfd):
    assert main(["bench", "kernels", "--device", "cpu"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("what")] == [
        "name", "name", "backend"
    ]  # fmt: skip


def test_bench_kernels_ends_with_the_rows_so_far(small, monkeypatch, capfd):
    monkeypatch.setattr("app.signals.asked", lambda: True)
    assert main(["bench", "kernels", "--device", "cpu", "--json"]) == 130
    assert [r["name"] for r in json.loads(capfd.readouterr().out)["rows"]] == ["copy"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["kernels", "a.png"], "bench kernels takes no input, got a.png"),
        (["image", "--methods", "hash", "hush"], "no method 'hush'; choose from plain"),
    ],
)
def test_bench_refuses_what_it_cannot_measure(args, said, capfd):
    assert main(["bench", *args, "--device", "cpu"]) == 2
    assert said in capfd.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("kind", ["kernels", "image"])
def test_cuda_is_refused_by_the_benchmarks_where_there_is_none(kind, capfd):
    assert main(["bench", kind, "--device", "cuda"]) == 2
    found = capfd.readouterr()
    assert "finds no GPU; use --device cpu" in found.err
    assert not found.out


def test_a_race_says_when_each_psnr_was_first_seen(waves):
    row = race_to_psnr("hash", ImageTask(waves(16, 16)), 0.5, torch.device("cpu"))
    assert (row["method"], row["device"]) == ("hash", "cpu")
    times = [row[f"to_{level}_db"] for level in (30, 35, 40)]
    assert times[0] is not None
    reached = [t for t in times if t is not None]
    assert reached == sorted(reached) == times[: len(reached)]
    assert 0 < reached[0] <= reached[-1] <= row["seconds"]
    assert row["psnr"] > 30


def test_a_race_that_is_not_won_has_no_time(picture):
    noise = torch.rand(picture.shape, generator=torch.Generator().manual_seed(0))
    row = race_to_psnr("plain", ImageTask(noise), 0.01, torch.device("cpu"))
    assert [row[f"to_{level}_db"] for level in (30, 35, 40)] == [None] * 3
    assert 0 < row["psnr"] < 30


def layout_of(log2_size=8):
    return grid_layout(2, levels=4, features=2, log2_size=log2_size, coarsest=5, growth=1.9)


def test_what_is_compiled_is_the_encoding(rng):
    layout = layout_of()
    assert set(layout.hashed) == {True, False}
    corners = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1], [0.5, 0.5]])
    x = torch.cat([torch.rand(500, 2, generator=rng), corners])
    table = torch.randn(layout.offsets[-1], 2, generator=rng)
    found = compiled.encoded(x, table, compiled.Levels(layout))
    torch.testing.assert_close(found, encode(x, table, layout), atol=1e-4, rtol=0)


@pytest.mark.parametrize("full", [1, 255, 65535])
def test_the_step_that_is_compiled_learns_new_samples_each_time(waves, full):
    config = steps.config_of(200, 7, torch.device("cpu"), "torch")
    kind = {1: torch.float32, 255: torch.uint8, 65535: torch.uint16}[full]
    task = ImageTask((waves(30, 20) * full).to(kind))
    plain = compiled.Plain(task, config, compile=False)
    found = [float(plain.step()) for _ in range(40)]
    assert sum(found[-5:]) < sum(found[:5]) / 2
    assert len(set(found)) == 40


def test_sectors_are_counted_once_for_samples_that_ask_together(rng):
    layout = layout_of()
    one = torch.full((64, 2), 0.3)
    assert sectors(layout, one[:1]) == 4 * layout.levels
    assert sectors(layout, one) == 2 * 4 * layout.levels  # two groups of 32
    x = torch.rand(1024, 2, generator=rng)
    ordered = x[in_order(2 * x - 1)]
    assert sectors(layout, ordered) < sectors(layout, x) <= 1024 * 4 * layout.levels


def test_a_floor_is_that_of_the_scarcest():
    gather, atomic = {"random": 1.0, "curve": 4.0}, {"random": 0.5, "curve": 2.0}
    rates = Rates(copy=2.0, products=4.0, gather=gather, atomic=atomic)
    assert Work(copied=2e6).ms(rates, "random") == 1
    work = Work(copied=2e6, operations=8e6, gathered=1e6, added=1e6)
    assert work.ms(rates, "random") == work.ms(rates, "curve") == 2
    assert Work(gathered=4e6, added=2e6).ms(rates, "random") == 4
    assert Work(gathered=4e6, added=2e6).ms(rates, "curve") == 1
    layout = layout_of()
    found = works(layout, [(8, 64), (64, 3)], 100, asked=7, touched=0)
    assert found["adam_table"].copied == 4 * 2 * layout.offsets[-1]
    assert found["network"].operations == 6 * 100 * (8 * 64 + 64 * 16)
    assert (found["encode"].gathered, found["scatter"].added) == (7, 7)


def test_adam_reads_four_entries_for_each_that_is_touched():
    gradient = torch.zeros(8, 2)
    assert touched_by(gradient) == 0
    gradient[0, 0] = gradient[1, 1] = gradient[7, 0] = 1.0
    assert touched_by(gradient) == 8


INTERPRETED = """
import torch
from app.bench import parts, rates, steps, timing
timing.REPEATS = timing.FEW = 1
timing.LEAST_MS, steps.LEVELS, parts.SETS, parts.GRADIENTS = 0.0, 2, 1, 1
rates.COPIED, rates.SIDE, rates.POINTS, rates.READ, rates.LOG2_ROWS = 2**12, 16, 32, 32, 6
cpu, found = torch.device("cpu"), rates.Rates()
task = steps.picture(8)
config = steps.config_of(32, 5, cpu, "triton")
rows = [*rates.measure(found, cpu), *parts.Parts(task, config).rows(found)]
rows += steps.rows(task, 32, 5, cpu, compile=False)
print(__import__("json").dumps(rows))
"""


def test_what_a_gpu_would_measure_runs_in_the_interpreter():
    pytest.importorskip("triton")
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED], capture_output=True, text=True,
        env=os.environ | {"TRITON_INTERPRET": "1"}, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    kernels = {(r["name"], r["order"]) for r in rows if r["what"] == "kernel"}
    curve = "draw", "encode", "network", "scatter", "adam_table", "adam_network", "infer"
    assert kernels == {(n, "curve") for n in curve} | {(n, "random") for n in ("encode", "scatter")}
    assert {r["order"] for r in rows if r.get("name") == "atomic"} == {"random", "curve", "hot"}
    found = [r["backend"] for r in rows if r["what"] == "step"]
    assert found == ["triton", "triton replay", "triton eager", "torch"], done.stderr
    assert all(r.get("ms", 1) > 0 and r.get("rate", 1) > 0 for r in rows)


def backends(device):
    return [b for b in ("numba", "torch") if missing(b, torch.device(device)) is None]


def encodings(*args, steps=2, batch=16):
    return ["bench", "encodings", *map(str, args), "--steps", str(steps), "--batch", str(batch),
            "--device", "cpu"]  # fmt: skip


@pytest.fixture
def sets(folder, tmp_path):
    """Two folders of a picture each, one of text by its name; and one that holds none."""
    root = tmp_path / "sets"
    for name in ("ffn_div2k", "ffn_text"):
        (root / name).mkdir(parents=True)
        shutil.copy(folder / "a.png", root / name / "00.png")
    (root / "notes").mkdir()
    return root


def test_bench_encodings_goes_on_where_it_was(folder, tmp_path, monkeypatch, capfd):
    args = [*encodings(folder), "--pictures", "1", "--out", str(tmp_path / "out"), "--json"]
    assert main(args) == 0
    first = json.loads(capfd.readouterr().out)["rows"]
    assert [r["picture"] for r in first] == ["a.png"] * 4 + ["mean"] * 4
    monkeypatch.setattr("app.bench.encodings.run", None)  # nothing is left to fit
    assert main(args) == 0
    assert json.loads(capfd.readouterr().out)["rows"] == first


@pytest.mark.parametrize("stop", ["killed", "asked"])
def test_bench_encodings_keeps_what_is_done_when_it_is_stopped(
    folder, tmp_path, monkeypatch, capfd, stop, handlers
):
    whole = [*encodings(folder), "--out", str(tmp_path / "out"), "--json"]
    fits, run = [], module.run

    def stopped(path, *more):
        if len(fits) == 5:
            if stop == "killed":
                raise SystemError("as if the power had failed")
            os.kill(os.getpid(), signal.SIGINT)
        fits.append(path.name)
        return run(path, *more)

    monkeypatch.setattr(module, "run", stopped)
    if stop == "killed":
        with pytest.raises(SystemError):
            main(whole)
    else:
        assert main(whole) == 130
        assert "stopped after 5 of 8 fits; the same command goes on" in capfd.readouterr().err
        fits.pop()  # the one that was stopped
    monkeypatch.setattr(module, "run", lambda path, *more: fits.append("") or run(path, *more))
    capfd.readouterr()
    assert main(whole) == 0
    rows = json.loads(capfd.readouterr().out)["rows"]
    assert len(fits) == 8
    assert len(rows) == 8 + 4


def test_bench_encodings_does_not_mix_settings(folder, tmp_path, capfd):
    out = ["--pictures", "1", "--out", str(tmp_path / "out")]
    assert main([*encodings(folder), *out]) == 0
    assert main([*encodings(folder, steps=3), "--sigma", "2", *out]) == 2
    error = capfd.readouterr().err
    assert "steps was 2 and is 3, sigma was not given and is 2.0" in error
    assert "other settings; choose another --out" in error


def test_what_is_kept_survives_a_write_that_fails(tmp_path, monkeypatch):
    def ledger():
        return Ledger(tmp_path, "rows", ("name",), {"steps": 1})

    ledger().add({"name": "a", "psnr": 1.0})

    def full(*args):
        raise OSError(28, "the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("data.atomic.os.replace", full)
        with pytest.raises(OSError, match="full"):
            ledger().add({"name": "b", "psnr": 2.0})
    assert ledger().get("a") == {"name": "a", "psnr": 1.0}
    assert ledger().get("b") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"settings": 1, "rows": []}', '{"rows": []}'])
def test_what_is_no_ledger_is_refused_by_its_name(tmp_path, text):
    (tmp_path / "rows.json").write_text(text)
    with pytest.raises(ValueError, match=r"rows\.json: cannot go on from it.*another --out"):
        Ledger(tmp_path, "rows", ("name",), {"steps": 1})


def test_each_folder_is_a_set_with_the_settings_of_its_kind(sets, capfd):
    assert main([*encodings(sets), "--json"]) == 0
    found = capfd.readouterr()
    document = json.loads(found.out)
    photos, text = document["sets"]
    assert photos == {"set": "ffn_div2k", "kind": "photos", "pictures": 1, "sigma": 10.0,
                      "octaves": 6.0, "plain_lr": 1e-2}  # fmt: skip
    assert text == {"set": "ffn_text", "kind": "text", "pictures": 1, "sigma": 14.0,
                    "octaves": 5.0, "plain_lr": 1e-3}  # fmt: skip
    rates = {(r["set"], r["encoding"]): r["lr"] for r in document["rows"] if "lr" in r}
    assert rates["ffn_div2k", "basic"] == 1e-2
    assert rates["ffn_text", "basic"] == rates["ffn_text", "gaussian"] == 1e-3
    means = [(r["set"], r["encoding"]) for r in document["rows"] if r["picture"] == "mean"]
    assert len(set(means)) == len(means) == 8
    assert "taken for text: sigma 14" in found.err


def test_flags_win_over_the_settings_of_a_kind(sets):
    asked = BenchOptions(kind="encodings", inputs=(sets,), sigma=3.0, octaves=2.0, plain_lr=0.5)
    for group in picture_sets(asked):
        assert (group.sigma, group.octaves, group.plain_lr) == (3.0, 2.0, 0.5)
        assert group.contenders["gaussian"][0].sigma == 3.0
        assert group.contenders["positional"][0].octaves == 2.0
        assert group.contenders["none"][1] == 0.5


@pytest.mark.parametrize("wrong", ["none", "empty", "file", "twice", "pictures"])
def test_folders_that_make_no_sets_are_refused(sets, wrong, tmp_path, capfd):
    given = {
        "none": [], "empty": [sets / "notes"], "file": [sets / "ffn_text" / "00.png"],
        "twice": [sets, sets / "ffn_text"], "pictures": [sets, "--pictures", "0"],
    }[wrong]  # fmt: skip
    assert main([*encodings(*given), "--out", str(tmp_path / "out")]) == 2
    said = {
        "none": "got none", "empty": "holds no pictures", "file": "00.png",
        "twice": "two folders are called ffn_text", "pictures": "--pictures must be",
    }[wrong]  # fmt: skip
    assert said in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_is_refused_where_there_is_none(folder, tmp_path, capfd):
    args = encodings(folder)[:-1]
    assert main([*args, "cuda", "--out", str(tmp_path / "out")]) == 2
    assert "finds no GPU; use --device cpu" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_means_stand_beside_the_published_ones_of_the_same_set_alone():
    def asked(**changes):
        return BenchOptions(kind="encodings", **changes)

    def group(name, **changes):
        kind = KINDS[published.kind_of(name)]
        usual = {"sigma": kind.sigma, "octaves": kind.octaves, "plain_lr": kind.plain_lr}
        return PictureSet(name, published.kind_of(name), [], **usual | changes)

    def row_of(name, options, n=16, size="512x512", **changes):
        rows = [{"encoding": "gaussian", "heldout_psnr": 20.0 + i, "size": size} for i in range(n)]
        return module.mean(group(name, **changes), rows, options)

    row = row_of("ffn_text", asked())
    assert (row["published"], row["published_spread"]) == (30.47, 2.11)
    assert (row["heldout_psnr"], row["pictures"]) == (27.5, 16)
    assert row["spread"] == pytest.approx(math.sqrt((16**2 - 1) / 12))
    assert row_of("DIV2K", asked())["published"] == 25.57
    for other in (
        row_of("photos", asked()), row_of("ffn_text", asked(steps=1000)),
        row_of("ffn_text", asked(batch=4096)), row_of("ffn_text", asked(), n=3),
        row_of("ffn_text", asked(), size="256x256"), row_of("ffn_text", asked(), sigma=9.0),
    ):  # fmt: skip
        assert "published" not in other


def test_a_mean_of_runs_that_diverged_is_no_number():
    rows = [{"encoding": "none", "heldout_psnr": psnr, "size": "8x8"} for psnr in (20.0, None)]
    group = PictureSet("x", "photos", [], 10.0, 6.0, 1e-2)
    assert math.isnan(module.mean(group, rows, BenchOptions(kind="encodings"))["heldout_psnr"])


def test_every_second_pixel_is_in_every_step_unless_fewer_are_asked_for(folder, monkeypatch):
    configs = []

    def fit(task, config):
        configs.append((int(task.known.sum()), config))
        return module_fit(task, replace(config, steps=1))

    module_fit = module.fit
    monkeypatch.setattr(module, "fit", fit)
    for batch in (None, 5):
        options = BenchOptions(kind="encodings", batch=batch, device="cpu")
        module.run(folder / "a.png", UnitSquare(), 1e-3, options, lambda share, seconds: None)
    (known, full), (_, part) = configs
    assert (known, full.batch, full.steps, part.batch) == (64, 64, 2000, 5)
    assert (full.precision, full.device, full.eps) == ("fp32", "cpu", 2e-8)


# The notebook's coordinates of the pixels of a picture of 512: [0, 1) by corners, and its features.
CORNERS = torch.tensor([[0, 0], [1, 0], [37, 200], [300, 5], [511, 511]], dtype=torch.float64) / 512
OURS = centres_of(torch.tensor([0, 1, 200 * 512 + 37, 5 * 512 + 300, 512**2 - 1]), 512, 512)


def kernel(features):
    """Products of the features of all pairs of points: the same if phases alone differ."""
    return (features.double() @ features.double().T).numpy()


def notebook_kernel(b):
    phase = 2 * math.pi * CORNERS @ b.double().T
    return kernel(torch.cat([phase.sin(), phase.cos()], dim=-1))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", ["basic", "positional", "gaussian"])
def test_the_encodings_are_the_notebooks_but_for_a_phase(kind, name, rng):
    spec, _ = published.contenders(kind.sigma, kind.octaves, kind.plain_lr)[name]
    encoding = spec.build(2, rng)
    assert encoding.out_dim == (4 if name == "basic" else 512)
    if name == "gaussian":
        b = encoding.B.T
        assert b.std().item() == pytest.approx(kind.sigma, rel=0.1)
    elif name == "basic":
        b = torch.eye(2)
    else:
        f = 2 ** torch.linspace(0, kind.octaves, 128) - 1
        b = torch.stack([f, torch.zeros_like(f)], -1)
        b = torch.cat([b, b.roll(1, -1)])
    ours = kernel(encoding(OURS))
    assert ours == pytest.approx(notebook_kernel(b), abs=1e-3 * len(b))


def test_a_bare_network_sees_the_notebooks_coordinates(rng):
    seen = UnitSquare().build(2, rng)(OURS).double()
    assert (seen - CORNERS - 0.5 / 512).abs().max() < 1e-6


def test_the_network_starts_as_stax_does(rng):
    network = MLP(width=256, depth=3, activation=StaxReLU()).build(512, 3, rng)
    weights = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in weights] == [
        (512, 256), (256, 256), (256, 256), (256, 3)
    ]  # fmt: skip
    for m in weights:
        usual = math.sqrt(2 / (m.in_features + m.out_features))
        assert m.weight.std().item() == pytest.approx(usual, rel=0.1)
    biases = torch.cat([m.bias for m in weights])
    assert biases.std().item() == pytest.approx(0.01, rel=0.1)


def test_the_time_left_counts_what_each_fit_costs():
    headway = Headway(10.0, kept=True)
    assert headway.left(0.5, 1.0, 2.0) is None  # too early to tell
    assert headway.left(0.5, 10.0, 2.0) == pytest.approx(90)
    headway.over(20.0, 2.0)
    assert headway.left(0.0, 0.0, 1.0) == pytest.approx(80)
    assert headway.left(1.0, 10.0, 8.0) == 0


def test_long_work_that_is_not_kept_is_said_once(capfd):
    headway = Headway(100.0, kept=False)
    for seconds in (10.0, 20.0):
        headway.show("a fit", 0.5, seconds, 1.0)
    assert capfd.readouterr().err.count("give --out DIR to be able to go on later") == 1
    Headway(100.0, kept=True).show("a fit", 0.5, 10.0, 1.0)
    assert not capfd.readouterr().err
