"""What the Learn tab looks like: pure functions from studies, stories and runs to HTML."""

from collections.abc import Sequence
from html import escape
from typing import Any

from ..charts import colour
from ..figures import duration, number
from ..studies import GROUPS, STUDIES, Line, Lines, Scene, Study, Verdict, scene_svg
from . import views
from .learn_run import RaceRun, SceneRun, StudyRun
from .learn_stories import STORIES, Story

NARROW, WIDE = 300.0, 1400.0  # pixels that a figure may be wide
PREVIEW = 340.0  # pixels of a figure among the controls

INTRO = (
    '<p class="ff-intro">A network does not learn everything at once: <b>it learns slow waves '
    "first, and fast ones late or never.</b> Take one of the three walks, change what you like in "
    "the lab, or run an experiment that checks a claim of the literature.</p>"
)
EMPTY = """
<div class="ff-empty">
  <svg viewBox="0 0 96 40" width="192" height="80" aria-hidden="true" fill="none"
       stroke="currentColor" stroke-width="1.6" stroke-linecap="round">
    <path d="M4 20 C 20 2, 32 2, 48 20 S 76 38, 92 20" opacity=".9"/>
    <path d="M4 20 C 12 6, 18 6, 26 20 S 40 34, 48 20 S 62 6, 70 20 S 84 34, 92 20" opacity=".45"/>
  </svg>
  <h2>Nothing runs yet</h2>
  <p>Begin with the first walk above: its figure appears here, and moves while the network learns.
  </p>
</div>
"""


def figure(scene: Scene, width: float) -> str:
    """A scene as it is seen, with its caption."""
    drawn = scene_svg(scene, min(WIDE, max(NARROW, width)))
    return (
        f'<figure class="ff-scene" data-share="{scene.share:.4f}">'
        f'<div class="ff-bar"><i style="width:{100 * scene.share:.1f}%"></i></div>{drawn}'
        f"<figcaption>{escape(scene.caption)}</figcaption></figure>"
    )


def small(scene: Scene) -> str:
    """A figure among the controls."""
    return (
        f'<figure class="ff-scene ff-small">{scene_svg(scene, PREVIEW)}'
        f"<figcaption>{escape(scene.caption)}</figcaption></figure>"
    )


def signal_preview(xs: Sequence[float], ys: Sequence[float], said: str) -> str:
    """The signal that is raced on."""
    lines = Lines("The target", [Line("", xs, ys, "currentColor")], "x", "value")
    return small(Scene((lines,), 1.0, said))


def problem(text: str) -> str:
    """What is wrong with what was typed, in a line."""
    return f'<p class="ff-problem" role="alert">{escape(text)}</p>' if text else ""


def note(text: str) -> str:
    return f'<p class="ff-note">{escape(text)}</p>' if text else ""


# --- stories ---


def story_cards(now: str) -> str:
    """The three walks; the one that is taken is marked."""
    cards = "".join(
        f'<button type="button" data-story="{story.name}" aria-pressed="{_yes(story.name == now)}">'
        f"<b>{escape(story.title)}</b><span>{escape(story.line)}</span>"
        f"<small>{len(story.steps)} steps</small></button>"
        for story in STORIES.values()
    )
    return f'<div class="ff-stories" role="group" aria-label="Guided walks">{cards}</div>'


def story_step(story: Story, number: int) -> str:
    """What is told at a step, and where it is among the others."""
    step = story.steps[number]
    dots = "".join(
        f'<button type="button" data-step="{i}" aria-label="Step {i + 1}: {escape(s.title)}" '
        f'aria-current="{_yes(i == number)}"></button>'
        for i, s in enumerate(story.steps)
    )
    text = "".join(f"<p>{escape(part)}</p>" for part in step.text)
    return (
        f'<article class="ff-step" data-step="{number}"><small>{escape(story.title)} · step '
        f'{number + 1} of {len(story.steps)}</small><h2>{escape(step.title)}</h2>{text}'
        f'<p class="ff-look"><b>Look at</b> {escape(step.look)}</p>'
        f'<nav class="ff-dots">{dots}</nav></article>'
    )


def _yes(held: bool) -> str:
    return "true" if held else "false"


# --- studies ---


def study_list() -> str:
    """All studies by group, each with its claim and its source."""
    groups = []
    for group, title in GROUPS.items():
        rows = "".join(_entry(s) for s in STUDIES.values() if s.group == group)
        if rows:
            groups.append(f"<section><h3>{escape(title)}</h3><ul>{rows}</ul></section>")
    return f'<div class="ff-studies">{"".join(groups)}</div>'


def _entry(study: Study[Any]) -> str:
    return (
        f'<li><button type="button" data-study="{study.name}"><b>{escape(study.title)}</b>'
        f"<span>{escape(study.claim)}</span><small>{escape(study.source)}</small></button></li>"
    )


def study_text(study: Study[Any]) -> str:
    """A study in words."""
    return (
        f'<article class="ff-step"><small>{escape(GROUPS[study.group])} · '
        f"{escape(study.name)}</small><h2>{escape(study.title)}</h2><p>{escape(study.text)}</p>"
        f'<p class="ff-look"><b>Claim</b> {escape(study.claim)}</p>'
        f"<small>{escape(study.source)}</small></article>"
    )


# --- runs ---


def log(run: SceneRun, before: int) -> str:
    """One line on how a run is going; `before` is the number of runs ahead of it."""
    word = "Running" if run.state == "running" else views.WORDS[run.state]
    return (
        f'<div class="ff-log" data-state="{run.state}">'
        f'<span class="ff-state" role="status">{word}</span>'
        f'<span class="ff-news">{escape(_news(run, before))}</span></div>'
    )


def _news(run: SceneRun, before: int) -> str:
    if run.state in ("queued", "warming up", "preparing", "failed"):
        return views.news(run, before)
    parts = []
    steps = sum(m.step for m in run.now)
    if isinstance(run, RaceRun):
        parts.append(f"{steps:,} steps in all")
    parts.append(duration(run.seconds))
    if not run.over and run.scene is not None:
        parts.append(f"{run.scene.share:.0%}")
    if run.over:
        parts.append(f"saved in {run.folder.path}")
    return " · ".join(parts)


def told(run: SceneRun) -> str:
    """What a run has shown, once it is over."""
    body = "".join(f'<p class="ff-note">{escape(one)}</p>' for one in run.notes)
    if isinstance(run, StudyRun) and run.over:
        body += _verdict(run.attempt.verdict, run.state)
    elif isinstance(run, RaceRun):
        body += "".join(
            f'<p class="ff-told" style="--paint:{colour(method)}"><span class="ff-dot">'
            f"</span><span><b>{escape(method)}</b> {escape(said)}</span></p>"
            for method, said in zip(run.methods, run.told, strict=False)
        )
    return body


def _verdict(verdict: Verdict | None, state: str) -> str:
    if verdict is None:
        if state == "failed":
            return ""
        return '<p class="ff-verdict" data-held="none"><b>no verdict</b> It was stopped.</p>'
    held, word = ("yes", "claim holds") if verdict.held else ("no", "claim does not hold")
    rows = "".join(
        f"<div><dt>{escape(name.replace('_', ' '))}</dt><dd>{number(value)}</dd></div>"
        for name, value in verdict.figures.items()
    )
    return (
        f'<p class="ff-verdict" data-held="{held}"><b>{word}</b> {escape(verdict.sentence)}</p>'
        f'<details><summary>Figures</summary><dl class="ff-facts">{rows}</dl></details>'
    )


def commands(run: SceneRun) -> str:
    """What a person types to do the same."""
    return "".join(views.command(text) for text in run.commands)
