"""What is asked for in the Learn tab: a study or a race with all its settings, as an address and as
a command too."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data import SAMPLES
from fields import METHODS
from fields.spec import Spec, knobs
from fields.tasks import Task

from ..knobs import as_flags
from ..plans import SHARED
from ..race import Plan, plan
from ..studies import STUDIES, Study
from .learn_form import as_text, changed, differences
from .learn_network import NAME, Net
from .learn_signals import SIGNALS, SOURCES, Built
from .limits import MAX_SEED, MIN_SECONDS, Limits
from .settings import between, one_of, plans_within

FORMS = ("quick", "full")
RACERS = (NAME, *METHODS)
MOST_RACERS = 4  # whose maps can still be told apart
MOST_FORMULA = 500  # letters
PHOTOS = tuple(SAMPLES)
MOST_SECONDS = 60.0  # for each method of a race on the page


@dataclass(frozen=True)
class StudyAsked:
    """A study to be run.

    Attributes:
        form: whose knobs it begins with.
        formula: of a person's own, to run on; "" for none.
        file: the id of what a person has brought, to run on; "" for none.
    """

    study: str
    form: str
    knobs: Spec
    formula: str = ""
    file: str = ""

    @property
    def found(self) -> Study[Any]:
        return STUDIES[self.study]

    @property
    def base(self) -> Spec:
        """The knobs of the form."""
        return form_of(self.found, self.form)

    def query(self) -> dict[str, str]:
        """What stands in the address."""
        chosen = {"learn": "study", "study": self.study, "form": self.form}
        chosen |= differences(self.knobs, self.base)
        return chosen | {k: v for k in ("formula", "file") if (v := getattr(self, k))}

    def command(self, source: Path | None) -> str:
        """What a person types to do the same; `source` is the file that it runs on."""
        words = ["fieldfit", "study", self.study]
        if source is not None or self.formula:
            words.append(str(source) if source is not None else self.formula)
        words += ["--quick"] if self.form == FORMS[0] else []
        return shlex.join([*words, *as_flags(self.knobs, self.base)])


@dataclass(frozen=True)
class RaceAsked:
    """A race to be run.

    Attributes:
        source: where the signal comes from, one of `SOURCES`.
        built: its knobs, if it is built of some; otherwise those of a sum of sines.
        drawn: what was drawn by hand, as `drawing` reads it.
        file: the id of what was brought; "" for none.
        photo: a sample, where none was brought.
        methods: that race, `network` among them or not.
        seconds: for each.
    """

    source: str = "sines"
    built: Built = field(default_factory=lambda: SIGNALS["sines"])
    drawn: str = ""
    file: str = ""
    photo: str = "camera"
    methods: tuple[str, ...] = (NAME, "fourier")
    net: Net = Net()
    seconds: float = 5.0
    seed: int = 0

    def query(self) -> dict[str, str]:
        """What stands in the address."""
        chosen = {"learn": "race", "signal": self.source}
        if self.source in SIGNALS:
            found = differences(self.built, SIGNALS[self.source])
            chosen |= {f"signal.{name}": text for name, text in found.items()}
        if self.source == "drawn":
            chosen["drawn"] = self.drawn
        if self.source in ("file", "photo") and self.file:
            chosen["file"] = self.file
        elif self.source == "photo":
            chosen["photo"] = self.photo
        chosen |= {"methods": ",".join(self.methods), "seconds": as_text(self.seconds)}
        chosen |= {f"net.{name}": text for name, text in differences(self.net, Net()).items()}
        return chosen | {"seed": str(self.seed)}

    def plans(self, task: Task, limit: float) -> list[Plan]:
        """Of each method."""
        named = [name for name in self.methods if name != NAME]
        made = {p.method: p for p in plans_within(limit, named, self.seconds, self.seed, task)}
        made[NAME] = Plan(NAME, self.net.config(self.seconds, self.seed), "built on the page.")
        return [made[name] for name in self.methods]

    def commands(self, source: Path | None, task: Task) -> list[str]:
        """What a person types to do the same: for the methods together, and for the network.

        Args:
            source: the file that is fitted; None for a formula.
        """
        verb = "image" if self.source == "photo" else "signal"
        words = [str(source)] if source is not None else [self.built.text]
        if source is None:
            words += ["--domain", self.built.domain, "--samples", str(self.built.samples)]
        words += ["--seconds", as_text(self.seconds), "--seed", str(self.seed)]
        named = [name for name in self.methods if name != NAME]
        found = []
        if len(named) == 1:
            found.append(shlex.join(["fieldfit", verb, *words, "--method", *named]))
        elif named:
            found.append(shlex.join(["fieldfit", "compare", *words, "--methods", *named]))
        if NAME in self.methods:
            flags = self._flags(task)
            found.append(shlex.join(["fieldfit", verb, *words, "--method", "plain", *flags]))
        return found

    def _flags(self, task: Task) -> list[str]:
        """The flags that make the method `plain` the network of one's own."""
        base, own = plan("plain", task).config, self.net.config(self.seconds, self.seed)
        same = {name: getattr(base, name) for name in (*SHARED, "report")}
        return as_flags(replace(own, **same), base)


Asked = StudyAsked | RaceAsked


def read_study(
    name: str, form: str, values: Mapping[str, str], formula: str = "", file: str = ""
) -> StudyAsked:
    """A study with the knobs that are named set to what was typed.

    Raises:
        ValueError: something is unknown or out of range, in words for the person at the page.
    """
    one_of("The study", name, tuple(STUDIES))
    one_of("The form", form, FORMS)
    study = STUDIES[name]
    if study.takes == "nothing":
        file = ""
    return StudyAsked(
        name,
        form,
        changed(form_of(study, form), values),
        _formula(formula) if study.takes == "signal" and not file else "",
        file,
    )


def form_of(study: Study[Any], form: str) -> Spec:
    """The knobs of one of the `FORMS` of a study."""
    return study.quick if form == FORMS[0] else study.full


def _formula(text: str) -> str:
    if len(text) > MOST_FORMULA:
        raise ValueError(f"The formula may have {MOST_FORMULA} letters, not {len(text)}.")
    return text.strip()


def read_race(
    limits: Limits,
    *,
    source: str,
    built: Mapping[str, str],
    drawn: str,
    file: str,
    photo: str,
    methods: Sequence[str],
    net: Mapping[str, str],
    seconds: float | str | None,
    seed: float | str | None,
) -> RaceAsked:
    """A race with the settings that were typed and chosen.

    Raises:
        ValueError: one of them is unknown or out of range, in words for the person at the page.
    """
    one_of("The signal", source, SOURCES)
    chosen = _racers(methods)
    most = min(MOST_SECONDS, limits.seconds / len(chosen))
    kind = SIGNALS.get(source)
    return RaceAsked(
        source,
        SIGNALS["sines"] if kind is None else changed(kind, built),
        drawn if source == "drawn" else "",
        file if source in ("file", "photo") else "",
        one_of("The photo", photo, PHOTOS),
        chosen,
        changed(Net(), net),
        between("Seconds for each method", _number(seconds), MIN_SECONDS, most),
        int(between("The seed", _number(seed), 0, MAX_SEED)),
    )


def _racers(names: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(names))
    for name in chosen:
        one_of("A method", name, RACERS)
    if not 1 <= len(chosen) <= MOST_RACERS:
        raise ValueError(f"Choose 1 to {MOST_RACERS} methods, not {len(chosen)}.")
    return chosen


def _number(value: float | str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def read_query(query: Mapping[str, str], limits: Limits) -> Asked | None:
    """What an address asks for; None if it is nothing of this tab.

    Raises:
        ValueError: a setting is unknown or out of range.
    """
    kind = query.get("learn")
    if kind == "study":
        form = query.get("form", FORMS[0])
        own = {"learn", "study", "form", "formula", "file"}
        known = knobs(_study(query).full)
        values = {k: v for k, v in query.items() if k not in own and k in known}
        return read_study(
            query["study"], form, values, query.get("formula", ""), query.get("file", "")
        )
    if kind != "race":
        return None
    usual = RaceAsked()
    return read_race(
        limits,
        source=query.get("signal", usual.source),
        built=_under(query, "signal."),
        drawn=query.get("drawn", ""),
        file=query.get("file", ""),
        photo=query.get("photo", usual.photo),
        methods=[name for name in query.get("methods", "").split(",") if name] or usual.methods,
        net=_under(query, "net."),
        seconds=query.get("seconds", as_text(usual.seconds)),
        seed=query.get("seed", "0"),
    )


def _study(query: Mapping[str, str]) -> Study[Any]:
    return STUDIES[one_of("The study", query.get("study", ""), tuple(STUDIES))]


def _under(query: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in query.items() if k.startswith(prefix)}
