"""The report of a study, or of all of them: the text, the figure, the claim and the verdict."""

import json
from collections.abc import Sequence
from dataclasses import fields
from html import escape
from typing import Any

from fields.spec import knobs

from .figures import duration, number
from .report import repeat, section
from .report_page import page
from .studies import Attempt, scene_html

_STYLE = (
    "<style>.scene figcaption{margin-top:10px;max-width:46em;font-size:14px}"
    ".verdict b{padding:2px 9px;border-radius:4px;margin-right:.5em;white-space:nowrap;"
    "color:#fff;background:#00754f}.verdict.not b{background:#b34700}"
    ".figures td{text-align:right}.settings td:nth-child(2){padding-right:28px;white-space:nowrap}"
    ".summary a{color:inherit}.summary small{max-width:none}"
    ".settings td:nth-child(3){font-family:var(--sans);color:var(--soft)}</style>"
)


def study_html(attempt: Attempt, command: str, machine: dict[str, Any]) -> str:
    """The report of one study."""
    study = attempt.study
    body = [
        _STYLE,
        _header("study", study.name, study.title, study.text),
        section("What is seen", "", _figure(attempt)),
        section("Claim and verdict", escape(study.claim), _verdict(attempt) + _figures(attempt)),
        section("Settings", f"After {escape(study.source)}.", _knobs(attempt)),
        repeat(command, machine),
    ]
    return page(study.title, "".join(body))


def all_html(
    attempts: Sequence[Attempt], parts: Sequence[str], command: str, machine: dict[str, Any]
) -> str:
    """One report of several studies: a table, and then the part of each, as of `part_html`."""
    held = sum(a.held for a in attempts)
    title = f"{held} of {len(attempts)} claims about the frequency principle hold"
    dek = "Each study is a run that checks its own claim on this machine."
    body = [_STYLE, _header("study", "all", title, dek), section("Verdicts", "", _table(attempts))]
    return page(title, "".join([*body, *parts, repeat(command, machine)]))


def part_html(attempt: Attempt) -> str:
    """What the report of several studies has of one."""
    study = attempt.study
    return (
        f'<section id="{escape(study.name)}"><h2>{escape(study.title)}</h2>'
        f'<p class="guide">{escape(study.text)}</p>{_figure(attempt)}'
        f"<p><b>Claim.</b> {escape(study.claim)}</p>{_verdict(attempt)}"
        f'<details><summary>Figures and settings</summary><p class="source">'
        f"{escape(study.source)}</p>{_figures(attempt)}{_knobs(attempt)}</details></section>"
    )


def _header(kind: str, name: str, title: str, dek: str) -> str:
    return (
        f'<header><p class="kicker"><b>Fieldfit</b> {kind} <span>{escape(name)}</span></p>'
        f'<h1>{escape(title)}</h1><p class="dek">{escape(dek)}</p></header>'
    )


def _figure(attempt: Attempt) -> str:
    return "" if attempt.scene is None else scene_html(attempt.scene)


def _verdict(attempt: Attempt) -> str:
    verdict = attempt.verdict
    if verdict is None:
        told = attempt.error or "It was interrupted."
        return f'<p class="verdict not"><b>no verdict</b>{escape(told)}</p>'
    look, word = ("", "held") if verdict.held else (" not", "not held")
    return f'<p class="verdict{look}"><b>{word}</b>{escape(verdict.sentence)}</p>'


def _figures(attempt: Attempt) -> str:
    if attempt.verdict is None:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{number(value)}</td></tr>"
        for name, value in attempt.verdict.figures.items()
    )
    return f'<table class="knobs figures">{rows}</table>'


def _knobs(attempt: Attempt) -> str:
    help = {f.name: f.metadata.get("help", "") for f in fields(attempt.knobs)}
    rows = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{escape(_value(value))}</td>"
        f"<td>{escape(help.get(name, ''))}</td></tr>"
        for name, value in knobs(attempt.knobs).items()
    )
    return f'<div class="wide"><table class="knobs settings">{rows}</table></div>'


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(attempts: Sequence[Attempt]) -> str:
    rows = "".join(
        f'<tr><th scope=row><a href="#{escape(a.study.name)}">{escape(a.study.name)}</a>'
        f"<small>{escape(a.study.title)}</small></th>"
        f'<td data-head="verdict">{_word(a)}</td>'
        f'<td data-head="time">{duration(a.seconds)}</td></tr>'
        for a in attempts
    )
    return (
        '<table class="summary"><thead><tr><th>study<th>verdict<th>time</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _word(attempt: Attempt) -> str:
    if attempt.verdict is None:
        return "failed" if attempt.error else "interrupted"
    return "held" if attempt.verdict.held else "not held"
