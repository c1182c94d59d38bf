"""What the Learn tab's handlers share: what people bring for studies and races, and their runs."""

import math
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from data import (
    Signal,
    Table,
    load_sample,
    parse_formula,
    read_picture,
    read_signal,
    read_table,
    write_bytes,
    write_signal,
)
from fields.plot import curve, paint
from fields.tasks import ImageTask, SignalTask

from ..folder import RunFolder, default_folder
from ..race import to_uint8
from ..signal_preparing import DOMAIN, Units, sampled
from ..studies import STUDIES, Attempt, Data
from ..studies.inputs import SAMPLES
from .learn_asked import Asked, RaceAsked, StudyAsked
from .learn_race import PhotoRace, SignalRace
from .learn_run import RaceRun, SceneRun, StudyRun
from .learn_signals import MOST_SAMPLES, SIGNALS, drawing
from .originals import Originals
from .previews import flat, jpeg, preview
from .server import KINDS, Server, without_folder

MOST_NUMBERS = 2_000_000  # of a file
STUDY_SAMPLES = 20_000  # of a signal that a study runs on
FEWEST = 16  # samples that a race makes sense with
PHOTO_SIDE = 96  # pixels along the longest side of a photo that is raced on
STUDY_SIDE = 256  # and of one that a study runs on
SIGNAL_KINDS = (".csv", ".tsv", ".txt", ".wav", ".npy", ".npz")
TABLE_KINDS = (".csv", ".tsv", ".txt", ".npy", ".npz")
TAKEN = {"signal": SIGNAL_KINDS, "table": TABLE_KINDS, "picture": KINDS, "nothing": ()}
LOOK = 84, 112  # (height, width) in pixels of a run's thumbnail
INK = (0, 114, 178)


@dataclass
class Brought:
    """What a person has brought.

    Attributes:
        name: of the file, without its folder.
        source: the uploaded file.
    """

    name: str
    data: Data
    source: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def nbytes(self) -> int:
        data = self.data
        if isinstance(data, Tensor):
            return data.nbytes
        parts = (data.x, data.y) if isinstance(data, Table) else (data.x, data.values)
        return sum(part.nbytes for part in parts)

    @property
    def about(self) -> str:
        """What it is, in a line."""
        if isinstance(self.data, Tensor):
            said = f"{self.data.shape[1]} × {self.data.shape[0]} pixels are taken of it"
        else:
            said = self.data.describe()
        return f"{self.name}: {said}"


@dataclass
class LearnServer:
    """The files and the runs of the Learn tab."""

    server: Server
    brought: Originals[Brought] = field(
        default_factory=lambda: Originals("file", "Bring a file of your own first")
    )

    def find(self, id: str | None) -> SceneRun | None:
        return self.server.runs.find(id, SceneRun)

    def take(self, path: str, kind: str) -> Brought:
        """Keep an uploaded signal, table or picture.

        Raises:
            ValueError: it cannot be read, in words for the person at the page.
        """
        source = Path(path)
        with without_folder(source):
            data = self._read(source, kind)
        return self.brought.add(Brought(source.name, data, source))

    def _read(self, source: Path, kind: str) -> Data:
        if kind == "signal":
            return read_signal(source, max_samples=MOST_NUMBERS)
        if kind == "table":
            return read_table(source, max_numbers=MOST_NUMBERS)
        picture = read_picture(source, max_megapixels=self.server.limits.megapixels)
        return _pixels(preview(picture, STUDY_SIDE))

    def begin(self, asked: Asked, last: str | None = None) -> SceneRun:
        """Queue a run, in place of the last one that this browser looked at.

        Raises:
            ValueError: there is nothing to run on, or the queue is full.
        """
        previous = self.find(last)
        if previous is not None and not previous.over:
            previous.stop()
        self.server.runs.check_room()
        run = self._study(asked) if isinstance(asked, StudyAsked) else self._race(asked)
        self.server.runs.submit(run)
        return run

    # --- studies ---

    def _study(self, asked: StudyAsked) -> StudyRun:
        study, source = STUDIES[asked.study], None
        data, brought = self._own(asked)
        folder = self._folder(f"study-{study.name}")
        if brought is not None:
            source = folder.add("input", f"input{brought.source.suffix.lower()}")
            write_bytes(source, _contents(brought))
        attempt = Attempt(study, asked.knobs, data)
        limit = self.server.limits.seconds
        return StudyRun(asked, attempt, [asked.command(source)], folder, _look(None), limit)

    def _own(self, asked: StudyAsked) -> tuple[Data | None, Brought | None]:
        """What a study is to run on, if it is a person's own."""
        if asked.file:
            brought = self.brought.get(asked.file)
            wanted = {"signal": Signal, "table": Table, "picture": Tensor}[asked.found.takes]
            if not isinstance(brought.data, wanted):
                raise ValueError(f"{brought.name} is no {asked.found.takes}; bring one.")
            if isinstance(brought.data, Signal):
                return _middle(brought.data, STUDY_SAMPLES), brought
            return brought.data, brought
        if asked.formula:
            formula = parse_formula(asked.formula)
            return sampled(formula, DOMAIN, SAMPLES), None
        return None, None

    # --- races ---

    def _race(self, asked: RaceAsked) -> RaceRun:
        if asked.source == "photo":
            return self._photo_race(asked)
        signal, name = self._signal(asked)
        if len(signal.x) < FEWEST:
            raise ValueError(f"{name} has {len(signal.x)} samples; {FEWEST} are needed.")
        units = Units.of(signal)
        task = SignalTask(units.into(signal.x)[:, None], signal.values[:, :1])
        plans = asked.plans(task, self.server.limits.seconds)
        folder, source = self._folder(name), None
        if asked.source not in SIGNALS:
            source = folder.add("input", "input.csv")
            write_signal(source, Signal(signal.x, signal.values[:, :1]))
        race = SignalRace(plans, task, units)
        commands = asked.commands(source, task)
        limit = self.server.limits.seconds
        return RaceRun(asked, race, name, commands, folder, _look(signal), limit)

    def _signal(self, asked: RaceAsked) -> tuple[Signal, str]:
        """What is raced on, and what it is called."""
        if asked.source == "drawn":
            return drawing(asked.drawn), "drawn by hand"
        if asked.source != "file":
            return asked.built.make(), asked.built.text
        brought = self.brought.get(asked.file)
        if not isinstance(brought.data, Signal):
            raise ValueError(f"{brought.name} is no signal; bring a CSV or a WAV file.")
        return _middle(brought.data, MOST_SAMPLES), brought.name

    def _photo_race(self, asked: RaceAsked) -> RaceRun:
        if asked.file:
            brought = self.brought.get(asked.file)
            if not isinstance(brought.data, Tensor):
                raise ValueError(f"{brought.name} is no picture; bring a photo.")
            pixels, name = brought.data, brought.name
        else:
            image = preview(load_sample(asked.photo), STUDY_SIDE)
            pixels, name = _pixels(image), asked.photo
        image = flat(to_uint8(pixels).numpy())
        image.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        task = ImageTask(_pixels(image))
        plans = asked.plans(task, self.server.limits.seconds)
        folder = self._folder(Path(name).stem)
        source = folder.add("input", "input.png")
        image.save(source, "PNG")
        race = PhotoRace(plans, task)
        before = jpeg(image, None)
        commands = asked.commands(source, task)
        limit = self.server.limits.seconds
        return RaceRun(asked, race, name, commands, folder, before, limit)

    def _folder(self, name: str) -> RunFolder:
        return RunFolder(default_folder(name, self.server.home))


def _contents(brought: Brought) -> bytes:
    try:
        return brought.source.read_bytes()
    except OSError:
        raise ValueError("The server no longer has this file; bring it once more.") from None


def _pixels(image: Image.Image) -> Tensor:
    """float32 [h, w, 1 or 3] in [0, 1]."""
    return torch.from_numpy(np.atleast_3d(np.asarray(image)).astype(np.float32) / 255)


def _middle(signal: Signal, most: int) -> Signal:
    """A signal's middle, no longer than so many samples."""
    count = len(signal.x)
    first = max(0, (count - most) // 2)
    kept = slice(first, first + most)
    return Signal(signal.x[kept], signal.values[kept], signal.names, signal.rate)


def _look(signal: Signal | None) -> bytes:
    """A small picture of a signal, as a JPEG; of none, waves that grow ever finer."""
    if signal is None:
        x = torch.linspace(0, 1, LOOK[1] * 4)
        values = torch.sin(2 * math.pi * (x + 4 * x**2))
    else:
        values = signal.values[:, 0]
    low, high = float(values.min()), float(values.max())
    room = 0.2 * (high - low) or 1.0
    drawn = paint([(curve(values, LOOK, (low - room, high + room)), INK)])
    return jpeg(flat(drawn.numpy()), None)

