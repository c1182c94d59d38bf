"""What is done with signals: they are fitted, and written beside what the field makes of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data import Signal, write_columns, write_signal, write_text
from fields import Field, Snapshot
from fields.record_signal import Sight, SignalSnapshot
from fields.tasks import SignalTask
from fields.tasks.table import evaluated

from .charts import colour
from .clean import Clean
from .folder import RunFolder
from .jobs import AbstractJob
from .measures import SIGNAL, Subject
from .race import Entrant, Plan, to_uint8
from .signal_charts import signal_sections
from .signal_drawing import SignalDrawing
from .signal_preparing import PreparedSignal
from .trace import Trace


@dataclass
class SignalJob(AbstractJob[SignalTask]):
    """A signal, and what is to be done with it.

    Attributes:
        verb: `signal` or `compare`.
    """

    verb: str
    prepared: PreparedSignal
    plans: list[Plan]
    command: str
    options: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    clean: Clean | None = None
    subject: Subject = SIGNAL

    def __post_init__(self) -> None:
        self.name, self.task = self.prepared.name, self.prepared.task
        self.notes = [*self.prepared.notes, *self.notes]

    @property
    def title(self) -> str:
        return self.prepared.title

    @property
    def points(self) -> float:
        return float(len(self.prepared.signal.x))

    @property
    def word(self) -> str:
        return ""

    @cached_property
    def sight(self) -> Sight:
        """Where all the fits are looked at."""
        return Sight(self.task)

    @property
    def drawing(self) -> SignalDrawing:
        return self._drawing

    @cached_property
    def _drawing(self) -> SignalDrawing:
        sound = self.prepared.signal.rate is not None
        return SignalDrawing(self.sight, self.prepared.units, "seconds" if sound else "x")

    def charts(self, order: Sequence[Trace]) -> list[str]:
        return signal_sections(order, self.sight)

    def target(self, entrant: Entrant) -> Tensor:
        return to_uint8(entrant.recorder.target())

    def info(self, trace: Trace) -> dict[str, Any]:
        signal = self.prepared.signal
        return {
            "kind": "signal",
            **self.prepared.units.info(),
            "samples": len(signal.x),
            "names": list(signal.names),
            "rate": signal.rate,
        }

    def facts(self, trace: Trace) -> dict[str, Any]:
        signal, formula, sight = self.prepared.signal, self.prepared.formula, self.sight
        heldout = self.task.heldout_x
        about = {
            "samples": len(signal.x),
            "heldout": 0 if heldout is None else len(heldout),
            "names": list(signal.names),
            "low": float(signal.x[0]),
            "high": float(signal.x[-1]),
            "even": signal.even,
            "rate": signal.rate,
            "formula": None if formula is None else formula.text,
            "note": signal.note,
            "entropy": sight.entropy,
            "total_variation": sight.variation,
        }
        looks = [s for s in trace.snapshots if isinstance(s, SignalSnapshot)]
        errors = [list(s.peak_error) for s in looks]
        frequencies = (sight.peaks * sight.cycles).tolist()
        return {"signal": about, "peaks": {"frequency": frequencies, "error": errors}}

    def seconds(self, fit: float, export: float, since: float) -> dict[str, float]:
        loading = self.prepared.loading
        return {"load": loading, "fit": fit, "export": export, "total": loading + since}

    def make_result(self, folder: RunFolder, entrant: Entrant, made: Callable[[], None]) -> None:
        """The samples with what the field gives at each, and of a sound, how that sounds."""
        signal, model = self.prepared.signal, entrant.field
        fitted = field_values(model, self.prepared.units.into(signal.x))
        names = [f"fitted {name}" for name in signal.names] if len(signal.names) > 1 else ["fitted"]
        rows = torch.cat([signal.x[:, None], signal.values, fitted], dim=1)
        write_columns(folder.add("result", "result.csv"), ("x", *signal.names, *names), rows)
        if signal.rate is not None:
            heard = Signal(signal.x, fitted.nan_to_num(), signal.names, signal.rate)
            write_signal(folder.add("sound", "result.wav"), heard)
        entrant.trace.metrics = self.task.to(model.shift.device).evaluate(model)

    def keep_look(self, path: Path, trace: Trace, snapshot: Snapshot) -> None:
        assert isinstance(snapshot, SignalSnapshot)
        drawn = self.drawing.svg(snapshot.values, colour(trace.method))
        write_text(path.with_suffix(".svg"), drawn)


def field_values(model: Field, x: Tensor) -> Tensor:
    """What a field gives at the engine's x [n], float64 [n, c], wherever the field is."""
    return evaluated(model, x[:, None].to(model.shift.device)).cpu()
