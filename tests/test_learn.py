"""The Learn tab without a page: signals, forms, addresses, races, runs, and what is shown."""

import base64
import json
import shlex
import threading
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest
import torch

from app.studies import STUDIES
from app.ui import learn_figures, learn_views
from app.ui.learn_asked import MOST_RACERS, RaceAsked, StudyAsked, read_query, read_race, read_study
from app.ui.learn_form import changed, differences, values_of, written
from app.ui.learn_network import Net, rates, untrained
from app.ui.learn_run import SceneRun
from app.ui.learn_server import LearnServer
from app.ui.learn_signals import DRAWN, LEVELS, SIGNALS, SOURCES, Sines, drawing
from app.ui.learn_stories import STORIES
from app.ui.learn_story_panel import read_place
from app.ui.limits import Limits
from app.ui.runs import Runs
from app.ui.server import Server
from data import write_signal

LIMITS = Limits(megapixels=1, seconds=60)
PATIENCE = 60.0  # seconds after which a test gives up on a busy machine
SHORT = RaceAsked(methods=("network",), seconds=0.3)
LONG = RaceAsked(methods=("network",), seconds=50)
STEPS = [(story, i) for story in STORIES.values() for i in range(len(story.steps))]


@pytest.fixture
def server(tmp_path):
    runs = Runs(warm_up=lambda: None)
    (tmp_path / "cache").mkdir()
    runs.start()
    yield LearnServer(Server(tmp_path / "runs", tmp_path / "cache", LIMITS, runs))
    runs.close()


def wait_for(run: SceneRun, *states: str) -> None:
    reached, version = threading.Event(), -1
    timer = threading.Timer(PATIENCE, reached.set)
    timer.start()
    while run.state not in states and not reached.is_set():
        version = run.wait(version, 0.5)
    timer.cancel()
    assert run.state in states, (run.state, run.problem)


# --- signals ---


@pytest.mark.parametrize("name", SIGNALS)
def test_every_signal_is_made_of_its_knobs(name):
    signal = SIGNALS[name].make()
    assert signal.values.shape == (SIGNALS[name].samples, 1)
    assert signal.even
    assert float(signal.values.std()) > 0
    assert len(replace(SIGNALS[name], samples=50).make().x) == 50


def test_a_sum_of_sines_has_the_frequencies_that_it_is_given():
    built = Sines(frequencies=(2, 7), amplitudes=(1.0, -0.5), samples=64)
    assert built.text == "sin(2*x) - 0.5*sin(7*x)"
    power = torch.fft.rfft(built.make().values[:, 0]).abs() / 32
    assert power.round(decimals=9).nonzero()[:, 0].tolist() == [2, 7]
    with pytest.raises(ValueError, match="as many"):
        Sines(frequencies=(1, 2))
    with pytest.raises(ValueError, match="more than 202"):
        Sines(frequencies=(1, 3, 101))


def packed(values: torch.Tensor) -> str:
    """A line of values from -1 to 1 as the page sends it: two letters a value."""
    levels = ((values + 1) / 2 * LEVELS).round().int().tolist()
    return "".join(
        base64.urlsafe_b64encode((level << 12).to_bytes(3, "big")).decode()[:2] for level in levels
    )


def test_a_drawing_comes_back_from_its_letters():
    values = torch.sin(torch.linspace(0, 9, 96, dtype=torch.float64))
    found = drawing(packed(values))
    assert torch.allclose(found.values[:, 0], values, atol=1e-3)
    for damaged in ("", "a", "!!" * 96, "ab" * 95):
        with pytest.raises(ValueError, match=r"line|drawing"):
            drawing(damaged)


# --- the form ---


@pytest.mark.parametrize("study", STUDIES.values(), ids=lambda s: s.name)
def test_a_form_holds_every_knob_of_a_study(study):
    for spec in (study.full, study.quick):
        assert changed(study.full, values_of(written(spec))) == spec
        assert changed(study.full, differences(spec, study.full)) == spec


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"width": "many"}, "width must be a whole number, got 'many'"),
        ({"width": "3.5"}, "whole number"),
        ({"width": "100000"}, "^width must be at most"),
        ({"sigma": "nan"}, "finite"),
        ({"activation": "magic"}, "'tanh'"),
        ({"wings": "2"}, "no knob 'wings'"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(values, problem):
    with pytest.raises(ValueError, match=problem) as told:
        changed(Net(), values)
    assert "\n" not in str(told.value)


def test_a_damaged_form_is_refused():
    for damaged in ("", "{", "[1]", '[{"name": "width"}]', None):
        with pytest.raises(ValueError, match="damaged"):
            values_of(damaged)


# --- the network ---


def test_what_the_sliders_show_follows_theory():
    """A large gain, waves and stretched copies all let fast waves be learned sooner."""
    frequency, usual = rates(Net())
    at = frequency.index(5.0)
    for net in (Net(gain=4), Net(sigma=8), Net(scales=6, activation="sine")):
        assert rates(net)[1][at] > 10 * usual[at]
    assert untrained(Net(), 0) != untrained(Net(), 1)


# --- addresses ---


@pytest.mark.parametrize(
    "asked",
    [
        RaceAsked(),
        RaceAsked("chirp", SIGNALS["chirp"], methods=("hash", "network"), seconds=2.5, seed=7),
        RaceAsked("sines", Sines(frequencies=(1, 9), amplitudes=(1.0, 0.25)), net=Net(sigma=3.5)),
        RaceAsked("drawn", drawn=packed(torch.full((DRAWN,), 0.5))),
        RaceAsked("photo", photo="cat", methods=("plain",)),
        RaceAsked("file", file="an id & more"),
        read_study("jacobi", "quick", {"points": "128", "modes": "1, 2"}),
        read_study("order-1d", "full", {}, "sin(x) + x"),
    ],
)
def test_a_link_brings_every_setting_back(asked):
    address = urlencode(asked.query())
    assert read_query(dict(parse_qsl(address)), LIMITS) == asked


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"learn": "study", "study": "magic"}, "study must be one of"),
        ({"learn": "study", "study": "jacobi", "points": "x"}, "whole number"),
        ({"learn": "race", "signal": "noise"}, "signal must be one of"),
        ({"learn": "race", "methods": "plain,magic"}, "magic"),
        ({"learn": "race", "seconds": "1e9"}, "Seconds"),
        ({"learn": "race", "seconds": "soon"}, "Seconds"),
        ({"learn": "race", "seed": "-1"}, "seed"),
        ({"learn": "race", "net.gain": "1000"}, "gain"),
        ({"learn": "race", "signal": "photo", "photo": "../secret"}, "photo"),
    ],
)
def test_a_link_that_is_wrong_is_refused_in_words(query, problem):
    with pytest.raises(ValueError, match=problem):
        read_query(query, LIMITS)


def test_too_many_methods_are_refused():
    usual = RaceAsked()
    with pytest.raises(ValueError, match=f"1 to {MOST_RACERS}"):
        read_race(
            LIMITS, source="sines", built={}, drawn="", file="", photo=usual.photo,
            methods=["plain", "hash", "siren", "wire", "finer"], net={}, seconds=1, seed=0,
        )  # fmt: skip


@pytest.mark.parametrize(("story", "number"), STEPS, ids=lambda v: getattr(v, "name", str(v)))
def test_every_step_of_a_walk_has_something_to_run(story, number):
    step = story.steps[number]
    asked = read_query(step.query, LIMITS)
    assert isinstance(asked, RaceAsked | StudyAsked)
    assert step.title in learn_views.story_step(story, number)
    assert read_place(story.name, number + 1, first=1) == (story.name, number)


def test_there_is_no_step_beyond_the_last():
    for wrong in (("order", 99), ("order", -1), ("order", "x"), ("magic", 0), (None, None)):
        with pytest.raises(ValueError, match="walk"):
            read_place(*wrong)


# --- runs ---


def test_a_race_is_run_and_tells_when_each_wave_was_learned(server):
    run = server.begin(replace(SHORT, methods=("network", "fourier")))
    wait_for(run, "done")
    assert run.scene is not None
    assert run.scene.share == 1.0
    assert len(run.told) == 2
    assert "cycles a side" in run.told[0]
    document = json.loads((run.folder.path / "run.json").read_text())
    assert list(document["methods"]) == ["network", "fourier"]
    assert list(document["methods"]["fourier"]["learned"]) == ["1", "3", "5"]
    assert dict(document["asked"]) == run.asked.query()
    shown = learn_views.figure(run.scene, 700)
    assert "network: error of each frequency" in shown
    assert "Total variation" in shown
    assert all(shlex.split(c)[0] == "fieldfit" for c in run.commands)


def test_a_study_is_run_to_its_verdict(server):
    run = server.begin(read_study("jacobi", "quick", {"points": "32", "modes": "1, 4"}))
    wait_for(run, "done")
    assert "claim holds" in learn_views.told(run)
    words = shlex.split(run.command)
    assert words[:4] == ["fieldfit", "study", "jacobi", "--quick"]
    assert "32" in words
    assert run.report is not None
    assert "Jacobi" in run.report.read_text()


def test_a_run_is_held_taken_step_by_step_and_stopped(server):
    run = server.begin(LONG)
    wait_for(run, "running")
    while run.scene is None:
        run.wait(run.version, 1)
    run.step()
    wait_for(run, "paused")
    seen = run.scene
    run.step()
    while run.scene is seen:
        run.wait(run.version, 1)
    wait_for(run, "paused")
    run.pause(False)
    wait_for(run, "running")
    run.stop()
    wait_for(run, "stopped")
    assert (run.folder.path / "figure.svg").is_file()


def test_the_next_run_takes_the_place_of_the_last(server):
    first = server.begin(LONG)
    wait_for(first, "running")
    second = server.begin(SHORT, first.id)
    wait_for(second, "done")
    assert first.state == "stopped"


def test_a_run_ends_at_the_limit_of_the_page(server):
    run = server.begin(SHORT)
    run.limit = 0.0
    wait_for(run, "stopped", "done")
    assert run.state == "stopped"
    assert "longest" in learn_views.told(run)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (replace(SHORT, source="file"), "Bring a file"),
        (replace(SHORT, source="file", file="gone"), "no longer has this file"),
        (replace(SHORT, source="drawn"), "Draw a line"),
        (replace(SHORT, built=replace(SIGNALS["formula"], formula="import os"), source="formula"),
         "formula"),
        (StudyAsked("order-1d", "quick", STUDIES["order-1d"].quick, formula="/etc/passwd"),
         "formula"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_said(server, asked, problem):
    with pytest.raises(ValueError, match=problem) as told:
        server.begin(asked)
    assert "\n" not in str(told.value)


def test_a_file_of_ones_own_is_raced_on(server, tmp_path):
    path = tmp_path / "mine.csv"
    write_signal(path, Sines(frequencies=(2,), amplitudes=(1.0,)).make())
    brought = server.take(str(path), "signal")
    run = server.begin(replace(SHORT, source="file", file=brought.id))
    wait_for(run, "done")
    assert run.name == "mine.csv"
    document = json.loads((run.folder.path / "run.json").read_text())
    assert list(document["methods"]["network"]["learned"]) == ["2"]
    with pytest.raises(ValueError, match="no picture"):
        server.begin(replace(SHORT, source="photo", file=brought.id))
    with pytest.raises(ValueError, match=r"^mine.csv: ") as told:
        server.take(str(path), "picture")
    assert str(tmp_path) not in str(told.value)


def test_a_photo_is_raced_on(server):
    run = server.begin(replace(SHORT, source="photo", methods=("plain",)))
    wait_for(run, "done")
    assert "dB" in run.told[0]
    assert "What each has learned" in learn_views.figure(run.scene, 400)


def test_a_frame_is_measured_once(monkeypatch):
    """Each scene asks for all frames so far, ten times a second."""
    asked, real = [], learn_figures.entropy
    monkeypatch.setattr(
        learn_figures, "entropy", lambda *known: asked.append(known) or real(*known)
    )
    frames = learn_figures.Frames(torch.zeros(4, 4, 3, dtype=torch.uint8))
    half = frames.target.clone()
    half[:2] = 255
    for _ in range(3):
        assert frames.entropy(frames.target) == 0
        assert frames.entropy(half) == pytest.approx(1)  # two values, equally often: one bit
        assert frames.variation(half) == pytest.approx(1 / 6)  # one step of three down, none across
    assert len(asked) == 2


def test_what_people_type_is_escaped():
    assert "<script" not in learn_views.problem("<script>alert(1)</script>")
    assert "<b>" not in learn_views.note("<b>bold</b>")


def test_every_source_has_a_place():
    assert set(SIGNALS) < set(SOURCES)
    assert learn_views.study_list().count("data-study=") == len(STUDIES)
    assert learn_views.story_cards("order").count('aria-pressed="true"') == 1
