"""Studies: a contract for every one that is registered, the theory's own axioms, figures, and
`fieldfit study`."""

import json
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from app import studies as registry
from app.cli import main
from app.studies import (
    GROUPS,
    STUDIES,
    Attempt,
    Heat,
    Line,
    Lines,
    Pictures,
    Scene,
    Study,
    Text,
    Verdict,
    scene_file,
    scene_html,
    scene_svg,
)
from app.studies import base as study_base
from app.studies.circle import ACTIVATIONS, angles, power_law, spectra
from app.studies.high_frequency_decay import decrease_beyond
from app.studies.jacobi import amplitudes, sweep
from app.studies.splines import interpolant, natural_cubic, piecewise_linear
from data import Signal
from fields.spec import Spec, knob, knobs

pytestmark = pytest.mark.usefixtures("handlers")
SVG = "{http://www.w3.org/2000/svg}"


def run(*args: str | Path) -> int:
    return main([str(a) for a in args])


def document(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


# --- every study ---


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_what_it_is(name):
    study = STUDIES[name]
    assert study.name == name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert name not in ("list", "all")
    assert study.group in GROUPS
    assert study.takes in ("nothing", "signal", "picture", "table")
    for words in (study.title, study.text, study.claim, study.source):
        assert words.strip() == words
        assert words
    assert study.claim.endswith(".")
    assert re.search(r"\d", study.claim), "a claim has its numbers"
    assert type(study.full) is type(study.quick)
    assert type(study.full).from_dict(study.full.to_dict()) == study.full


@pytest.mark.parametrize("name", STUDIES)
def test_a_quick_run_shows_its_claim(name):
    attempt = Attempt(STUDIES[name], STUDIES[name].quick)
    shares, kinds = [], set()
    for scene in attempt.scenes():
        shares.append(scene.share)
        kinds.add(tuple(type(panel) for panel in scene.panels))
        assert scene.caption
    assert shares
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] == 1
    assert len(kinds) == 1, "a live figure must not jump"
    verdict = attempt.verdict
    assert verdict is not None
    assert verdict.held, verdict.sentence
    assert verdict.figures
    assert all(math.isfinite(value) for value in verdict.figures.values())
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in verdict.figures)
    for width in (350, 720, 1080):
        check_svg(scene_svg(attempt.scene, width), width)
    check_svg(scene_file(attempt.scene), 960)


def check_svg(text: str, width: float) -> None:
    """Well-formed, of the asked width, and with nothing drawn far outside or nowhere."""
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert float(root.get("width")) >= width
    assert "nan" not in re.sub(r">[^<]*<", "><", text)
    assert not [e for e in root.iter() if e.get("id")], "a page may show a figure twice"


@pytest.mark.parametrize("name", STUDIES)
def test_a_closed_run_has_no_verdict_and_leaves_nothing(name):
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    attempt = Attempt(STUDIES[name], STUDIES[name].quick)
    scenes = attempt.scenes()
    next(scenes)
    scenes.close()
    assert attempt.verdict is None
    assert attempt.scene is not None
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32


# --- what they rest on ---


def test_scenes_come_at_a_pace_a_viewer_can_take(monkeypatch):
    now = 100.0
    monkeypatch.setattr(study_base.time, "monotonic", lambda: now)
    pace = study_base.Pace()
    seen = []
    for _ in range(1000):
        seen.append(pace.due())
        now += 0.001
    assert seen[0]
    assert sum(seen) == study_base.PER_SECOND


def test_the_kernel_of_one_frequency_lies_at_it(rng):
    """A linear network knows the waves 0 and 1 alone."""
    ACTIVATIONS["linear"] = (lambda z: z, torch.ones_like)
    try:
        *_, values = spectra("linear", 20_000, 32, rng)
    finally:
        del ACTIVATIONS["linear"]
    assert values[0] == pytest.approx(2, rel=0.05)  # E[b^2] + E[c^2]
    assert values[1] == pytest.approx(1, rel=0.05)  # E[|w|^2] / 4 + 2 E[c^2] / 4
    assert values[2:].max() < 1e-25


def test_the_spectrum_is_the_kernels_on_the_circle(rng):
    """Sums of lambda_k over all k are the mean of the kernel's diagonal (Parseval)."""
    *_, values = spectra("tanh", 2000, 64, rng)
    again = torch.Generator().manual_seed(0)
    total, t = 0.0, angles(64)
    x = torch.stack([t.cos(), t.sin()])
    for _ in range(2):
        w, b, c = torch.randn(4, 1000, generator=again, dtype=torch.float64).split([2, 1, 1])
        z = w.T @ x + b.T
        inner = c.T * (1 - torch.tanh(z) ** 2)
        total += float((torch.tanh(z) ** 2 + 2 * inner**2).mean()) / 2
    whole = values[0] + 2 * values[1:-1].sum() + values[-1]
    assert float(whole) == pytest.approx(total, rel=1e-9)


def test_a_power_has_its_slope():
    k = torch.arange(65, dtype=torch.float64)
    k[0] = 1
    slope, factor = power_law(7 * k**-3.5, 4, 64)
    assert slope == pytest.approx(-3.5)
    assert factor == pytest.approx(7)


def test_all_of_the_decrease_is_above_nothing_and_none_above_all():
    values = torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64)
    assert decrease_beyond(values, 0.0).tolist() == pytest.approx([1.5 / 2.5, 0.5 / 2.5])
    late = decrease_beyond(values, 1e3)  # only the slowest wave is left
    assert late.tolist() == pytest.approx([1, 1])


def test_a_sweep_damps_a_wave_by_its_cosine():
    n, k = 16, 3
    wave = torch.sin(math.pi * k * torch.arange(n + 1, dtype=torch.float64) / n)[None]
    left = amplitudes(sweep(wave[0]), wave)
    assert float(left) == pytest.approx(math.cos(k * math.pi / n), abs=1e-14)


def test_splines_go_through_their_points():
    x = torch.tensor([0.0, 0.4, 1.0, 1.3], dtype=torch.float64)
    y = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    for curve in (natural_cubic, piecewise_linear):
        assert torch.allclose(curve(x, y, x), y, atol=1e-14)
    line = 2 * x - 1
    at = torch.linspace(0, 1.3, 50, dtype=torch.float64)
    assert torch.allclose(natural_cubic(x, line, at), 2 * at - 1, atol=1e-14)


def test_a_cubic_spline_bends_smoothly_and_not_at_its_ends():
    x = torch.tensor([0.0, 0.4, 1.0, 1.3], dtype=torch.float64)
    y = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    h = 1e-4

    def bend(at: float) -> float:
        around = torch.tensor([at - h, at, at + h], dtype=torch.float64)
        return float(natural_cubic(x, y, around).diff().diff()) / h**2

    assert abs(bend(h)) < 0.1
    assert bend(0.4 - 2 * h) == pytest.approx(bend(0.4 + 2 * h), rel=0.01)


def test_an_interpolant_goes_through_its_points_whatever_is_added():
    x = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)
    y = torch.tensor([1.0, 0.0, 4.0], dtype=torch.float64)
    kernel = torch.exp(-((x[:, None] - x) ** 2))
    assert torch.allclose(interpolant(kernel, kernel, y), y)
    assert torch.allclose(interpolant(kernel, kernel[:1] * 0, y + 5) - 5,
                          interpolant(kernel, kernel[:1] * 0, y))  # fmt: skip


def test_a_signal_of_ones_own_is_used(monkeypatch):
    study = STUDIES["spline-limits"]
    x = torch.linspace(10, 30, 40, dtype=torch.float64)
    attempt = Attempt(study, study.quick, Signal(x, torch.sin(x)[:, None]))
    *_, last = attempt.scenes()
    assert attempt.verdict is not None
    dots = next(line for line in last.panels[0].series if line.style == "dots")
    assert len(dots.xs) == 12
    with pytest.raises(ValueError, match="not all equal"):
        next(study.run(study.quick, Signal(x, torch.ones(40, 1, dtype=torch.float64))))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("kernel-spectrum", {"high": 500}, "raise points"),
        ("kernel-spectrum", {"low": 60, "high": 61}, "at least low"),
        ("gradient-flow", {"waves": (1, 50)}, "raise points"),
        ("jacobi", {"modes": (1, 64)}, "below points"),
    ],
)
def test_knobs_that_do_not_fit_together_are_refused(name, change, said):
    study = STUDIES[name]
    with pytest.raises(ValueError, match=said):
        next(study.run(replace(study.quick, **change)))


# --- figures ---


def lines(**given) -> Lines:
    return Lines("title", [Line("a", [0, 1, 2], [1, 10, 100])], "x", "y", **given)


def paths(text: str) -> list[str]:
    return [e.get("d") for e in ET.fromstring(text).iter(f"{SVG}path") if e.find(f"{SVG}title")
            is not None]  # fmt: skip


def test_panels_lie_side_by_side_only_where_there_is_room():
    scene = Scene([lines(), lines(), lines()], 1, "caption")
    places = re.compile(r'<g transform="translate\(([\d.]+) ([\d.]+)\)">')
    for width, columns in ((350, 1), (720, 2), (1080, 3)):
        found = places.findall(scene_svg(scene, width))
        assert len({y for _, y in found}) == math.ceil(3 / columns)
        assert len({x for x, _ in found}) == columns


def test_words_from_outside_are_escaped():
    evil = "<script>&\"'"
    panels = [
        Lines(evil, [Line(evil, [0, 1], [0, 1])], evil, evil, marks=((0.5, evil),),
              levels=((0.5, evil),)),
        Heat(evil, [[0.5]], [evil], [1], evil, evil),
        Pictures(evil, [(torch.zeros(4, 4, 3, dtype=torch.uint8), evil)]),
        Text(evil, [(evil, evil)]),
    ]  # fmt: skip
    text = scene_file(Scene(panels, 1, evil))
    ET.fromstring(text)
    assert "<script>" not in text + scene_html(Scene(panels, 1, evil))


def test_what_cannot_be_drawn_is_left_out():
    line = Line("a", [0, 1, 2, 3, 4], [1.0, math.nan, -1.0, math.inf, 100.0])
    linear = scene_svg(Scene([Lines("", [line], "x", "y")], 1, "c"))
    log = scene_svg(Scene([Lines("", [line], "x", "y", y_axis="log")], 1, "c"))
    assert paths(linear)[0].count("L") == 2
    assert paths(log)[0].count("L") == 1
    for empty in (Lines("", [], "x", "y"), Lines("", [Line("", [], [])], "x", "y"),
                  Heat("", [], [], [], "x", "y"), Pictures("", []), Text("", [])):  # fmt: skip
        ET.fromstring(scene_svg(Scene([empty], 1, "c")))
    ET.fromstring(scene_svg(Scene([], 1, "c")))


def test_a_line_ends_where_it_leaves_the_axis():
    line = Line("a", [0, 1, 2, 3], [0.0, 10.0, 10.0, 0.0])
    found = paths(scene_svg(Scene([Lines("", [line], "x", "y", y_span=(-1, 5))], 1, "c"), 400))
    assert len(found) == 2
    ends = [[float(v) for v in re.findall(r"[\d.]+", path)] for path in found]
    assert ends[0][-1] == pytest.approx(ends[1][1])  # both at the upper edge
    assert ends[0][2] - ends[0][0] == pytest.approx((400 - 12 - 46) / 6, abs=0.2)  # half a step


def test_a_panel_keeps_what_it_was_given():
    xs, ys, row = [0.0, 1.0], [1.0, 2.0], [0.5, 0.1]
    line, heat = Line("a", xs, ys), Heat("", [row], ["k"], xs, "x", "y")
    for grown in (xs, ys, row):
        grown.append(9.0)
    assert line.xs == (0.0, 1.0)
    assert line.ys == (1.0, 2.0)
    assert heat.values == ((0.5, 0.1),)
    assert heat.columns == (0.0, 1.0)


def test_a_matrix_is_red_where_it_is_low_and_grey_where_it_is_not_known():
    panel = Heat("", [[0.0, 2.0, math.nan]], ["k = 1"], [1, 10, 100], "x", "y", "log",
                 crossings=[10.0])  # fmt: skip
    root = ET.fromstring(scene_svg(Scene([panel], 1, "c"), 400))
    cells = [e for e in root.iter(f"{SVG}rect") if float(e.get("height")) > 20]
    assert [c.get("fill") for c in cells] == ["#67001f", "#053061", None]
    wide = [float(c.get("width")) for c in cells]
    assert wide[1] == pytest.approx(wide[0] * 2, rel=0.05)  # a decade each way, and half of one
    assert len([e for e in root.iter(f"{SVG}path") if e.get("class") == "front"]) == 1


def test_no_line_of_a_mark_goes_through_the_name_of_another():
    marks = [(0.5, "k = 1"), (0.52, "k = 3"), (0.54, "k = 5"), (1.5, "k = 9")]
    root = ET.fromstring(scene_svg(Scene([lines(marks=marks)], 1, "c")))
    names = {e.text: e for e in root.iter(f"{SVG}text") if e.text and e.text.startswith("k =")}
    heights = [float(names[words].get("y")) for _, words in marks]
    assert heights[0] < heights[1] < heights[2] == heights[3]
    dashed = [e.get("d") for e in root.iter(f"{SVG}path") if e.get("stroke-dasharray") == "3 3"]
    tops = {float(d[1:].split()[0]): float(d.split()[1].split("L")[0]) for d in dashed}
    for name in names.values():
        left, base = float(name.get("x")), float(name.get("y"))
        crossing = [u for u, top in tops.items() if left < u < left + 30 and top < base]
        assert not crossing


# --- the command line ---


@dataclass(frozen=True, kw_only=True)
class TinyKnobs(Spec):
    """Knobs for the tests."""

    steps: int = knob(3, "how many", low=1, high=10)
    weights: tuple[float, ...] = knob((1.0, 2.0), "some numbers")
    seed: int = knob(0, "seed", low=0)


class Tiny(Study[TinyKnobs]):
    name = "tiny"
    title = "A tiny study"
    group = "order"
    text = "It counts."
    claim = "It reaches 3."
    source = "nobody, 2026"
    takes = "signal"
    full = TinyKnobs()
    quick = TinyKnobs(steps=2)

    def run(self, knobs, data=None):
        for i in range(knobs.steps):
            panel = Text("counted", [("so far", str(i + 1))])
            yield Scene([panel], (i + 1) / knobs.steps, "It counts.")
        used = 0 if data is None else len(data.x)
        figures = {"reached": knobs.steps, "seed": knobs.seed, "used": used}
        figures |= {f"weight_{i}": w for i, w in enumerate(knobs.weights)}
        return Verdict(knobs.steps >= 3, f"It reached {knobs.steps}.", figures)


class Broken(Tiny):
    name = "broken"

    def run(self, knobs, data=None):
        yield Scene([], 0.5, "so far")
        raise RuntimeError("it broke")


@pytest.fixture
def tiny(monkeypatch):
    """A registry with three small studies: one that fails between two that do not."""
    for name in list(STUDIES):
        monkeypatch.delitem(registry.STUDIES, name)
    for study in (Tiny(), Broken(), STUDIES_OF_ALL["jacobi"]):
        monkeypatch.setitem(registry.STUDIES, study.name, study)


STUDIES_OF_ALL = dict(STUDIES)


def test_the_list_names_every_study(capsys):
    assert run("study", "list") == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^  {name} ", said, re.M) for name in STUDIES)
    assert run("study") == 0
    assert capsys.readouterr().out == said
    assert run("study", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)["studies"]
    assert [s["name"] for s in listed] == list(STUDIES)
    assert listed[0]["knobs"] == json.loads(json.dumps(knobs(STUDIES[listed[0]["name"]].full)))


def test_a_study_writes_all_it_promises(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("study", "tiny", "--out", out, "--seed", "7", "--weights", "3", "4.5", "6") == 0
    said = capsys.readouterr().out
    assert "The claim holds. It reached 3." in said
    assert {p.name for p in out.iterdir()} == {"report.html", "figure.svg", "run.json"}
    found = document(out)
    assert found["held"] is True
    assert found["config"]["weights"] == [3.0, 4.5, 6.0]
    assert found["figures"]["seed"] == 7
    assert found["command"].startswith("fieldfit study tiny --out")
    ET.parse(out / "figure.svg")
    report = (out / "report.html").read_text()
    for words in ("A tiny study", "It counts.", "It reaches 3.", "It reached 3.", "nobody, 2026"):
        assert words in report


def test_a_claim_that_does_not_hold_is_said_and_is_no_error(tiny, tmp_path, capsys):
    assert run("study", "tiny", "--quick", "--json", "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert json.loads(printed)["held"] is False
    assert json.loads(printed) == document(tmp_path / "out")
    assert "not held" in (tmp_path / "out" / "report.html").read_text()


def test_ones_own_signal_comes_from_a_file_or_a_formula(tiny, tmp_path):
    (tmp_path / "own.csv").write_text("x,y\n0,1\n1,2\n2,0\n")
    assert run("study", "tiny", tmp_path / "own.csv", "--out", tmp_path / "a") == 0
    assert document(tmp_path / "a")["figures"]["used"] == 3
    args = ["sin(3*x)", "--domain", "0,1", "--samples", "11"]
    assert run("study", "tiny", *args, "--out", tmp_path / "b") == 0
    assert document(tmp_path / "b")["figures"]["used"] == 11
    assert document(tmp_path / "b")["input"] == "sin(3*x)"


def test_all_keeps_the_others_when_one_fails(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("study", "all", "--quick", "--json", "--seed", "5", "--out", out) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    found = json.loads(said.out)["studies"]
    assert [s["name"] for s in found] == ["tiny", "broken", "jacobi"]
    assert [s["held"] for s in found] == [False, False, True]
    assert found[0]["figures"]["seed"] == 5
    assert found[1]["error"] == "RuntimeError: it broke"
    assert set(found[2]) == {"name", "claim", "held", "figures", "seconds"}
    assert "it broke" in said.err
    report = (out / "report.html").read_text()
    assert report.count('class="scene"') == 3
    assert {p.name for p in (out / "figures").iterdir()} == {
        "tiny.svg", "broken.svg", "jacobi.svg"
    }  # fmt: skip
    assert len(document(out)["studies"]) == 3


def test_all_says_each_verdict_in_words(tiny, tmp_path, capsys):
    assert run("study", "all", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert re.search(r"^tiny +held ", said, re.M)
    assert re.search(r"^broken +NOT HELD ", said, re.M)
    assert "2 of 3 claims hold" in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing-like-it"], "unknown study 'nothing-like-it'; choose from "),
        (["jacobi", "--colour", "red"], "unknown knob --colour of jacobi; choose from points,"),
        (["jacobi", "--points", "1"], "points must be at least 8, got 1."),
        (["jacobi", "--seed", "1"], "draws nothing at random"),
        (["jacobi", "sin(x)"], "runs on its own data alone"),
        (["tiny", "sin(x"], "formula"),
        (["tiny", "no-such.csv"], "no-such.csv"),
        (["all", "sin(x)"], "takes no input"),
        (["all", "--points", "9"], "takes no input and no knobs"),
    ],
)
def test_bad_arguments_are_one_clear_line(tiny, tmp_path, capsys, args, said):
    assert run("study", *args, "--out", tmp_path / "out") == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("fieldfit: ")
    assert found.err.count("\n") == 1
    assert said in found.err
    assert not (tmp_path / "out").exists()


def test_help_explains_a_study_and_its_knobs(tiny, capsys):
    assert run("study", "tiny", "--help") == 0
    said = capsys.readouterr().out
    for words in ("It counts.", "It reaches 3.", "--steps", "how many, 1 to 10", "--weights"):
        assert words in said


@pytest.mark.parametrize("name", ["tiny", "all"])
def test_a_stopped_run_keeps_what_there_is(tiny, tmp_path, monkeypatch, capsys, name):
    asked = iter([False, True] if name == "tiny" else [False] * 5 + [True] * 9)
    monkeypatch.setattr("app.signals.asked", lambda: next(asked, True))
    out = tmp_path / "out"
    assert run("study", name, "--out", out) == 130
    assert (out / "report.html").exists()
    if name == "tiny":
        assert document(out)["held"] is None
        assert "interrupted" in capsys.readouterr().out
        ET.parse(out / "figure.svg")
    else:
        assert [s["name"] for s in document(out)["studies"]] == ["tiny", "broken"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["jacobi", "--samples", "5"], "--samples is of a formula"),
        (["order-1d", "--domain", "0,1"], "--domain is of a formula"),
        (["order-1d", "sines", "--samples", "50"], "sines is a sample"),
        (["order-1d", "sin(x)", "--samples", "1000000000"], "--samples must be from"),
        (["order-1d", "1 + 0*x"], "level"),
    ],
)
def test_what_a_study_cannot_use_is_refused_before_anything_is_written(
    args, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["study", *args, "--quick"]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_samples_without_a_formula_are_the_studys_own(tmp_path):
    assert main(["study", "order-1d", "--quick", "--samples", "50", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "run.json").read_text())["config"]["samples"] == 50
