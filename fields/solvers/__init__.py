"""Solvers. To add one: write it in a file of its own, then list it here.

`PatchGroups`, which is for pictures alone, is in `fields.restore`.
"""

from .bands import Bands
from .base import Descent, Solver, Step
from .lbfgs import LBFGS
from .levenberg import LevenbergMarquardt
from .residual import balanced

SOLVERS: dict[str, type[Solver]] = {
    s.__name__: s for s in (Descent, LBFGS, LevenbergMarquardt, Bands)
}

__all__ = [
    "LBFGS",
    "SOLVERS",
    "Bands",
    "Descent",
    "LevenbergMarquardt",
    "Solver",
    "Step",
    "balanced",
]
