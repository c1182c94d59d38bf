"""What one method did with one input: what reports, charts and the page are drawn from."""

import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fields import FitConfig, Snapshot
from fields.kernels import threads


@dataclass
class Trace:
    """One fit of a picture, while it runs and after.

    Attributes:
        why: in one sentence, what was chosen and why.
        edges: of the frequency bands, cycles over the longest side, [bands + 1].
        power: of the target in each band, [bands].
        snapshots: coarse to fine, oldest first.
        metrics: of the final field over the whole picture; empty until then.
    """

    method: str
    why: str
    config: FitConfig
    edges: Tensor
    power: Tensor
    snapshots: list[Snapshot] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    backend: str = ""
    parameters: int = 0
    steps: int = 0
    seconds: float = 0.0
    end: str = ""

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
