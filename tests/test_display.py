"""What is said while it works: where it is, and how long the rest will take."""

import pytest

from app import display
from app.display import Share, status
from app.race import Entrant, plan
from fields import ImageTask


@pytest.fixture
def entrant(picture):
    task = ImageTask(picture)
    found = Entrant(task, plan("hash", task))
    for _ in range(2):
        found.advance()
    yield found
    found.close()


def test_drawing_says_how_much_is_left(entrant):
    entrant.draw(0.25, 10.0)
    assert entrant.left == pytest.approx(30)
    assert status(entrant).endswith("drawing 25%  30 s left")
    entrant.draw(1.0, 40.0)
    assert "drawing" not in status(entrant)


def test_a_long_drawing_is_announced_while_it_fits(entrant):
    assert "to draw" not in status(entrant)
    entrant.recorder.rate = 24 * 32 / 90  # points a second
    assert status(entrant).endswith(" s left, then 90 s or more to draw")


def test_a_share_is_said_now_and_then(capfd, monkeypatch):
    times = iter([0.0, 1.0, 2.0, 3.0, 8.0, 10.0])
    monkeypatch.setattr(display.time, "monotonic", lambda: next(times))
    share = Share("render")
    for part in (0.1, 0.2, 0.3, 0.8, 1.0):
        share.show(part)
    assert capfd.readouterr().err == "render: 20%  8 s left\nrender: 80%  2 s left\n"
