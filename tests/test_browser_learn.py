"""The Learn tab as people meet it: served by the real command, in a real browser."""

from urllib.parse import parse_qs, urlparse

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def url(served) -> str:
    return served.url


def visit(page, url: str, query: str = "") -> None:
    page.goto(f"{url}/{query}", wait_until="domcontentloaded")
    if not query:
        page.get_by_role("tab", name="Learn", exact=True).click()
    page.locator("[data-story=order]").wait_for()


def expect_state(page, state: str) -> None:
    page.locator(f"#learn-log [data-state='{state}']").wait_for()


def setting(page, name: str) -> list[str] | None:
    return parse_qs(urlparse(page.url).query).get(name)


def expect_in_address(page, text: str) -> None:
    page.wait_for_function("(text) => location.search.includes(text)", arg=text)


def type_into(page, knob: str, text: str) -> None:
    box = page.locator(f"{knob} input:not([type=range])")
    box.fill(text)
    box.press("Tab")


COUNT_FIGURES = """
window.figures = new Set();
new MutationObserver(() => {
  const figure = document.querySelector('#learn-figure [data-share]');
  if (figure) window.figures.add(figure.dataset.share);
}).observe(document.querySelector('#learn-figure'), {subtree: true, childList: true});
"""


def test_a_walk_shows_a_network_that_learns(page, url):
    visit(page, url)
    page.evaluate(COUNT_FIGURES)
    page.locator("[data-story=order]").click()
    page.wait_for_function("window.figures.size >= 4")
    assert "Three waves" in page.locator("#story-text").inner_text()
    expect_in_address(page, "learn=story&story=order&step=1")

    # The next step takes its place; a reload stays there.
    page.locator("#story-next").click()
    expect_in_address(page, "step=2")
    expect_state(page, "running")
    page.reload()
    page.get_by_text("It is the frequency, not the size").wait_for()
    page.locator("#learn-figure svg.chart").wait_for()


def test_a_race_is_held_and_taken_step_by_step(page, url):
    visit(page, url, "?learn=race&signal=chirp&methods=network&seconds=50")
    page.locator("#lab-race").click()
    page.locator("#learn-figure svg.chart").wait_for()
    page.locator("#learn-step").click()
    expect_state(page, "paused")
    share = page.locator("#learn-figure [data-share]").get_attribute("data-share")
    page.locator("#learn-step").click()
    page.locator(f"#learn-figure [data-share]:not([data-share='{share}'])").wait_for()
    expect_state(page, "paused")
    page.locator("#learn-pause").click()
    expect_state(page, "running")
    page.locator("#learn-stop").click()
    expect_state(page, "stopped")
    page.locator("#learn-told .ff-told").wait_for()


def test_two_methods_race_on_a_signal_and_a_reload_keeps_all(page, url):
    visit(page, url)
    page.locator("#learn-mode").get_by_text("Lab", exact=True).click()
    page.locator("#lab-signal").get_by_text("Formula", exact=True).click()
    formula = "#lab-built [data-name=formula]"
    type_into(page, formula, "sin(x")
    problem = page.locator("#lab-preview .ff-problem")
    problem.wait_for()
    assert "formula" in problem.inner_text()
    assert "\n" not in problem.inner_text()
    type_into(page, formula, "sin(2*x) + sin(7*x)")
    page.locator("#lab-preview svg.chart").wait_for()
    type_into(page, "#lab-net [data-name=sigma]", "4")
    type_into(page, "#lab-seconds", "1")
    expect_in_address(page, "seconds=1&net.sigma=4")

    page.locator("#lab-race").click()
    page.locator("#learn-told .ff-told").nth(1).wait_for()
    expect_state(page, "done")
    told = page.locator("#learn-told").inner_text()
    assert "network" in told and "fourier" in told  # noqa: PT018
    assert setting(page, "signal.formula") == ["sin(2*x) + sin(7*x)"]
    assert "net.sigma" in page.url
    page.reload()
    page.locator("#learn-told .ff-told").nth(1).wait_for()
    assert page.locator("#learn-told").inner_text() == told
    box = page.locator(f"{formula} input")
    assert box.input_value() == "sin(2*x) + sin(7*x)"
    page.get_by_role("tab", name="Image", exact=True).click()
    page.wait_for_function("() => !location.search")


def test_a_study_from_a_link_runs_to_its_verdict(page, url):
    visit(page, url, "?learn=study&study=jacobi&form=quick&points=32&modes=1%2C+4")
    page.locator("#study-run").wait_for()
    page.locator("#study-settings button").first.click()
    assert page.locator("#study-knobs [data-name=points] [type=number]").input_value() == "32"
    page.locator("#study-run").click()
    page.locator("#learn-told [data-held=yes]").wait_for()
    assert "--points 32" in page.locator("#learn-command").inner_text()
    assert setting(page, "points") == ["32"]
