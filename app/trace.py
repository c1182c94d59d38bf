"""What one method did with one input: what reports, charts and the page are drawn from."""

import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fields import FitConfig, Snapshot
from fields.kernels import threads
from fields.stopping import Stopping

from .measures import PICTURE, Subject


@dataclass
class Trace:
    """One fit, while it runs and after.

    Attributes:
        why: in one sentence, what was chosen and why.
        edges: of the frequency bands, cycles over the longest side, [bands + 1].
        power: of the target in each band, [bands].
        snapshots: coarse to fine, oldest first.
        metrics: of the final field over all of the data; empty until then.
        how: in a sentence, what computes the fit, and why nothing faster does.
        subject: what was fitted.
        result: more of run.json, on what was made of the field.
        stop: the stopping rule with what it saw, if the fit has one.
        clean: (step, seconds, PSNR in dB) of the fit against a clean picture, if one is known.
    """

    method: str
    why: str
    config: FitConfig
    edges: Tensor
    power: Tensor
    snapshots: list[Snapshot] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    device: str = "cpu"
    backend: str = ""
    how: str = ""
    parameters: int = 0
    steps: int = 0
    seconds: float = 0.0
    end: str = ""
    stop: Stopping | None = None
    clean: list[tuple[int, float, float]] = field(default_factory=list)
    subject: Subject = PICTURE
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def stopping(self) -> dict[str, Any] | None:
        """What run.json says of the stop: the rule, the step chosen, and the curve."""
        rule = self.stop
        if rule is None or rule.chosen is None:
            return None
        found: dict[str, Any] = {
            "rule": rule.name,
            "step": rule.chosen.step,
            "seconds": rule.chosen.seconds,
            "limit": rule.limit,
            "curve": {
                "step": [p.step for p in rule.points],
                "seconds": [p.seconds for p in rule.points],
                "value": [p.value for p in rule.points],
            },
        }
        if self.clean:
            step, _, psnr = self.oracle
            found["oracle"] = {"step": step, "clean_psnr": psnr}
            found["clean"] = {
                "step": [step for step, _, _ in self.clean],
                "clean_psnr": [psnr for _, _, psnr in self.clean],
            }
        return found

    @property
    def oracle(self) -> tuple[int, float, float]:
        """The point of `clean` that is nearest to the clean picture: where to stop in hindsight."""
        return max(self.clean, key=lambda point: point[2])

    @property
    def frame(self) -> Tensor | None:
        """The last picture seen, uint8 [h, w, c]."""
        return self.snapshots[-1].frame if self.snapshots else None


def machine() -> dict[str, Any]:
    """What the figures of a run depend on: processor, cores, and versions of what computes."""
    return {
        "cpu": _processor(),
        "cores": threads.COUNT,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.release()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
