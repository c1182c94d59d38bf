"""`fieldfit study`: lists the studies, runs one or all, and says whether their claims held."""

import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from fields import __version__
from fields.spec import Spec, knobs

from . import signals
from .figures import duration, number
from .folder import RunFolder, default_folder, to_json
from .knobs import parse_knobs
from .options import StudyOptions
from .studies import GROUPS, STUDIES, Attempt, Scene, Study, scene_file
from .studies.inputs import read_input
from .study_report import all_html, part_html, study_html
from .trace import machine

SAY_SECONDS = 2.0  # between two lines of progress


def study(options: StudyOptions, flags: list[str], command: str) -> dict[str, Any]:
    if options.name == "list":
        return _list(options)
    if options.name == "all":
        return _all(options, flags, command)
    return _one(named(options.name), options, flags, command)


def named(name: str) -> Study[Any]:
    """The study of this name.

    Raises:
        ValueError: there is none.
    """
    if name not in STUDIES:
        raise ValueError(f"unknown study {name!r}; choose from {', '.join(STUDIES)}, list or all.")
    return STUDIES[name]


def explain(name: str) -> None:
    """What `fieldfit study NAME --help` says: the study in words, and its knobs."""
    found = named(name)
    print(f"{found.name}: {found.title}\n\n{found.text}\n\nClaim: {found.claim}")
    print(f"Source: {found.source}.")
    if found.takes != "nothing":
        print(f"It also runs on a {found.takes} of your own: fieldfit study {name} INPUT.")
    parse_knobs(found.full, ["--help"], program=f"fieldfit study {name}", without=frozenset())


# --- one ---


def _one(
    found: Study[Any], options: StudyOptions, flags: list[str], command: str
) -> dict[str, Any]:
    chosen = _knobs(found, options, flags)
    data = None
    if options.input is not None:
        data = read_input(found, options.input, domain=options.domain, samples=options.samples)
    attempt = Attempt(found, chosen, data)
    scenes = attempt.scenes()
    first = next(scenes)  # data that the study cannot use is refused before there is a folder
    folder = RunFolder(options.out or default_folder(f"study-{found.name}"))
    _follow(attempt, chain([first], scenes))
    document = _document(attempt, options.input, command)
    if attempt.scene is not None:
        folder.write("figure", "figure.svg", scene_file(attempt.scene))
    folder.write("report", "report.html", study_html(attempt, command, machine()))
    folder.files["run"] = "run.json"
    document["files"] = folder.files
    folder.write("run", "run.json", to_json(document, indent=2) + "\n")
    print(to_json(document) if options.json else _told(attempt, folder.path), flush=True)
    return document


def _knobs(found: Study[Any], options: StudyOptions, flags: list[str]) -> Spec:
    base = found.quick if options.quick else found.full
    known = [name.replace("_", "-") for name in knobs(base)]
    for flag in flags:
        name = flag.partition("=")[0].removeprefix("--").replace("_", "-")
        if flag.startswith("--") and name not in known:
            raise ValueError(
                f"unknown knob --{name} of {found.name}; choose from {', '.join(known)}."
            )
    if options.seed is not None:
        if "seed" not in known:
            raise ValueError(f"{found.name} draws nothing at random; leave --seed out.")
        flags = ["--seed", str(options.seed), *flags]
    if options.input is None:
        flags = [*_own_flags(found, options, known), *flags]
    return parse_knobs(base, flags, program=f"fieldfit study {found.name}", without=frozenset())


def _own_flags(found: Study[Any], options: StudyOptions, known: list[str]) -> list[str]:
    """Flags of a formula that are a study's own knobs where there is none.

    Raises:
        ValueError: one is given and is no knob either.
    """
    given = {"domain": options.domain, "samples": options.samples}
    own: list[str] = []
    for name, value in given.items():
        if value is None:
            continue
        if name not in known:
            raise ValueError(
                f"--{name} is of a formula; give {found.name} one, or leave the flag out."
            )
        own += [f"--{name}", str(value)]
    return own


def _follow(attempt: Attempt, scenes: Iterable[Scene]) -> None:
    """Runs a study to its verdict, or until it is to stop, with a line on stderr now and then."""
    said = time.monotonic()
    for scene in scenes:
        if signals.asked():
            return
        now = time.monotonic()
        if now - said >= SAY_SECONDS:
            said = now
            spent = duration(attempt.seconds)
            print(
                f"{attempt.study.name}: {scene.share:.0%} in {spent}", file=sys.stderr, flush=True
            )


def _document(attempt: Attempt, input: str | None, command: str) -> dict[str, Any]:
    found, verdict = attempt.study, attempt.verdict
    return {
        "fieldfit": __version__,
        "verb": "study",
        "name": found.name,
        "title": found.title,
        "input": input,
        "claim": found.claim,
        "held": None if verdict is None else verdict.held,
        "verdict": "interrupted" if verdict is None else verdict.sentence,
        "figures": {} if verdict is None else verdict.figures,
        "config": attempt.knobs.to_dict(),
        "seconds": attempt.seconds,
        "command": command,
        "machine": machine(),
        "files": {},
    }


def _told(attempt: Attempt, path: Path) -> str:
    verdict = attempt.verdict
    lines = [attempt.study.title, f"claim    {attempt.study.claim}"]
    if verdict is None:
        lines.append("verdict  none: it was interrupted")
    else:
        lines.append(f"verdict  {_held(verdict.held)}. {verdict.sentence}")
        lines += [f"  {name:<24} {number(value)}" for name, value in verdict.figures.items()]
    return "\n".join([*lines, f"seconds  {attempt.seconds:.1f}", f"written  {path}"])


def _held(held: bool) -> str:
    return "The claim holds" if held else "The claim does not hold"


# --- all ---


def _all(options: StudyOptions, flags: list[str], command: str) -> dict[str, Any]:
    if flags or options.input is not None:
        given = options.input or flags[0]
        raise ValueError(f"study all takes no input and no knobs, got {given!r}.")
    folder = RunFolder(options.out or default_folder("study-all"))
    attempts: list[Attempt] = []
    parts: list[str] = []  # of the report, each drawn once
    for found in STUDIES.values():
        attempt = Attempt(found, _seeded(found, options))
        try:
            _follow(attempt, attempt.scenes())
        except Exception as error:  # one study's fault must not lose the verdicts of the others
            attempt.error = f"{type(error).__name__}: {error}"
        if signals.asked() and attempt.verdict is None and not attempt.error:
            break
        attempts.append(attempt)
        parts.append(part_html(attempt))
        print(_line(attempt), file=sys.stderr, flush=True)
        _keep(folder, attempts, parts, command)
    document = {"studies": [attempt.result() for attempt in attempts]}
    print(to_json(document) if options.json else _table(attempts, folder.path), flush=True)
    return document


def _seeded(found: Study[Any], options: StudyOptions) -> Spec:
    """A study's knobs with the seed that was asked for, if it draws anything at random."""
    base = found.quick if options.quick else found.full
    if options.seed is None or "seed" not in knobs(base):
        return base
    return replace(base, seed=options.seed)


def _keep(folder: RunFolder, attempts: list[Attempt], parts: list[str], command: str) -> None:
    """Writes what there is so far, so that whatever ends the run loses nothing."""
    last = attempts[-1]
    if last.scene is not None:
        name = last.study.name
        folder.write(name, f"figures/{name}.svg", scene_file(last.scene))
    folder.write("report", "report.html", all_html(attempts, parts, command, machine()))
    document = {
        "fieldfit": __version__,
        "verb": "study",
        "command": command,
        "machine": machine(),
        "studies": [attempt.result() | _settings(attempt) for attempt in attempts],
        "files": folder.files | {"run": "run.json"},
    }
    folder.write("run", "run.json", to_json(document, indent=2) + "\n")


def _settings(attempt: Attempt) -> dict[str, Any]:
    verdict = attempt.verdict
    sentence = attempt.error if verdict is None else verdict.sentence
    return {"verdict": sentence, "config": attempt.knobs.to_dict()}


def _line(attempt: Attempt) -> str:
    verdict = attempt.verdict
    told = f"failed, {attempt.error}" if verdict is None else _held(verdict.held).lower()
    return f"{attempt.study.name}: {told}, {duration(attempt.seconds)}"


def _table(attempts: list[Attempt], path: Path) -> str:
    width = max((len(a.study.name) for a in attempts), default=0)
    lines = [
        f"{a.study.name:<{width}}  {'held' if a.held else 'NOT HELD':<8}  "
        f"{a.seconds:6.1f} s  {a.verdict.sentence if a.verdict else a.error}"
        for a in attempts
    ]
    held = sum(a.held for a in attempts)
    return "\n".join([*lines, f"{held} of {len(attempts)} claims hold", f"written  {path}"])


# --- the list ---


def _list(options: StudyOptions) -> dict[str, Any]:
    document = {
        "studies": [
            {
                "name": s.name,
                "title": s.title,
                "group": s.group,
                "claim": s.claim,
                "source": s.source,
                "takes": s.takes,
                "knobs": knobs(s.full),
            }
            for s in STUDIES.values()
        ]
    }
    print(to_json(document) if options.json else _listed(), flush=True)
    return document


def _listed() -> str:
    width = max(map(len, STUDIES))
    lines: list[str] = []
    for group, title in GROUPS.items():
        members = [s for s in STUDIES.values() if s.group == group]
        if members:
            lines += ["", title] if lines else [title]
        lines += [f"  {s.name:<{width}}  {s.title}" for s in members]
    return "\n".join([*lines, "", "fieldfit study NAME --help explains one and lists its knobs."])
