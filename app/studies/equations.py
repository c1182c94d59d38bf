"""Differential equations in studies: where solutions are measured, and how they are shown."""

from collections.abc import Callable, Generator, Sequence

import torch
from torch import Tensor

from fields.problems import Problem
from fields.samplers import scattered

from .base import paced
from .contest import Entry, contest, errors_panel, figures, value_lines
from .scene import Line, Lines, Panel, Pictures, Scene

PROBES = 2001  # of one variable
SCATTERED = 4000  # of more, so that they do not keep step with a wave
SHOWN = 400  # probes of a chart
MAP = 96  # places along each side of a map


def probes(problem: Problem) -> Tensor:
    """Where solutions are compared: float64 [n, d], ascending where there is one variable."""
    if problem.dim == 1:
        return torch.linspace(-1, 1, PROBES, dtype=torch.float64)[:, None]
    return next(scattered(SCATTERED, problem.dim, torch.Generator().manual_seed(1)))


def exact(problem: Problem) -> Tensor:
    """The solution at the probes: float64 [n, 1]."""
    return problem.solution(problem.places(probes(problem)))[:, None]


def solutions(
    problem: Problem, entries: Sequence[Entry], low: float = -1.0, high: float = 1.0
) -> Lines:
    """Solutions of one variable over the part [low, high] of [-1, 1]."""
    x = probes(problem)
    chosen = ((x[:, 0] >= low) & (x[:, 0] <= high)).nonzero().flatten()
    chosen = chosen[:: 1 + len(chosen) // SHOWN]
    places = problem.places(x[chosen])[:, 0].tolist()
    truth = Line("exact", places, exact(problem)[chosen, 0].tolist(), "currentColor")
    return Lines("The solution", [truth, *value_lines(entries, places, chosen)], "x", "u")


def lattice(width: float) -> Tensor:
    """Places of a map of x from 0 to a share of its side, and all t: float64 [MAP^2, 2]."""
    axis = torch.linspace(-1, 1, MAP, dtype=torch.float64)
    return torch.cartesian_prod(width * (axis + 1) - 1, axis)


def maps(problem: Problem, entries: Sequence[Entry], places: Tensor) -> Pictures:
    """Solutions over x and t as pictures, x to the right and t upwards, on a `lattice`."""
    truth = problem.solution(problem.places(places))
    span = float(truth.abs().max())
    shown = [(_picture(truth, span), "exact")]
    for entry in entries:
        values = torch.zeros_like(truth) if entry.drawn is None else entry.drawn
        shown.append((_picture(values, span), entry.name))
    return Pictures("The solution, x to the right, t upwards", shown)


def solved(
    problem: Problem,
    entries: Sequence[Entry],
    view: Callable[[], Panel],
    bound: float,
    caption: str,
    shown: Tensor | None = None,
) -> Generator[Scene, None, None]:
    """Scenes of a contest on an equation, the last one with share 1.

    Args:
        view: draws the solutions.
        bound: relative error that is to be reached.
        shown: places that only the view looks at, as `contest` has them.
    """

    def scene(share: float) -> Scene:
        levels = ((bound, "bound"),)
        panels = (
            errors_panel("Error over the steps", entries, levels=levels),
            view(),
            figures(entries),
        )
        return Scene(panels, share, caption)

    yield from paced(contest(entries, probes(problem), exact(problem), shown), scene)


def _picture(values: Tensor, span: float) -> Tensor:
    """Values from -span to span as grey: uint8 [MAP, MAP, 1]."""
    grey = (127.5 * (1 + values.view(MAP, MAP) / span)).clamp(0, 255)
    return grey.T.flip(0)[..., None].round().to(torch.uint8).contiguous()
