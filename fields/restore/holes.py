"""Fill the holes of a small picture: bend a sheet into them, then draw from similar patches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..kernels.groups import Core, Patches, fill
from .bending import Data, Sheet
from .colours import from_opponent, opponent

DEPTH = 3  # pixels from the nearest known one, along either axis: beyond, a hole is deep
SOFT = 0.02  # weight of what a coarser picture says of a deep pixel, beside a known one's
DEEP = Patches(size=11, stride=4, search=14, count=96, estimate=16)
DEEP_PASSES, DEEP_SPREAD = 3, (0.03, 0.008)


@dataclass(frozen=True)
class Recipe:
    """How a hole is filled.

    Attributes:
        bend: weight of the sheet's energy beside the data.
        slope: of the energy's part of first order.
        contrast: change from pixel to pixel at which the sheet begins to give way.
        passes: through the groups of similar patches.
        patches: how the groups are formed; `size` 0 is chosen by the number of colours.
        spread: how far a group is trusted, as the deviation added to it, at first and at last.
    """

    bend: float
    slope: float
    contrast: float
    passes: int
    patches: Patches
    spread: tuple[float, float] = (0.02, 0.002)


def deep(known: np.ndarray, depth: int = DEPTH) -> np.ndarray:
    """Of a mask [h, w] of known pixels, those with none in the square of `depth` around them."""
    near = known
    for axis in (0, 1):
        grown = near.copy()
        for shift in range(1, depth + 1):
            ahead, behind = [slice(None)] * 2, [slice(None)] * 2
            ahead[axis], behind[axis] = slice(shift, None), slice(None, -shift)
            grown[tuple(ahead)] |= near[tuple(behind)]
            grown[tuple(behind)] |= near[tuple(ahead)]
        near = grown
    return ~near


def relax(
    values: np.ndarray, known: np.ndarray, guess: np.ndarray | None, recipe: Recipe
) -> Iterator[np.ndarray]:
    """A sheet bent into the holes, `SETTLED` times.

    Args:
        values: float32 [c, h, w].
        known: bool [h, w].
        guess: [c, h, w], what a coarser picture says; it counts where a hole is deep.

    Yields:
        float32 [c, h, w], equal to `values` where they are known.
    """
    weight = known.astype(np.float32)
    told = known
    if guess is not None and (inside := deep(known)).any():
        weight += SOFT * inside
        told, values = known | inside, np.where(known, values, guess)
    level = values[:, told].mean(1)[:, None, None] if told.any() else 0.5
    u = target = np.where(told, values, level).astype(np.float32)
    weight /= max(float(known.mean()), 1e-3)
    sheet = Sheet(Data(target, weight), recipe.bend, recipe.slope)
    for settled in sheet.settle(u, recipe.contrast):
        yield np.where(known, values, settled)


def draw(
    u: np.ndarray, known: np.ndarray, recipe: Recipe, core: Core | None = None
) -> Iterator[np.ndarray]:
    """Pass after pass through the groups of similar patches; `passes` says how many.

    Args:
        u: float32 [c, h, w], the known values and a first guess of the others.
        core: the part that is wanted; all when None.
    """
    inside = deep(known)
    if inside.any():
        for spread in np.geomspace(*DEEP_SPREAD, DEEP_PASSES):
            u = _pass(u, known, DEEP, spread, core, apart=True)
            yield u
    settled = known | inside  # small patches know nothing of what is far from all known pixels
    for spread in np.geomspace(*recipe.spread, recipe.passes) if recipe.passes else ():
        u = _pass(u, settled, recipe.patches, spread, core, apart=False)
        yield u


def passes(known: np.ndarray, recipe: Recipe) -> int:
    """How many results `draw` yields."""
    return recipe.passes + (DEEP_PASSES if deep(known).any() else 0)


def _pass(
    u: np.ndarray,
    known: np.ndarray,
    patches: Patches,
    spread: float,
    core: Core | None,
    *,
    apart: bool,
) -> np.ndarray:
    """One pass through the groups; colours together, or each of the opponent ones apart."""
    colours = 3 if len(u) in (3, 4) else 1
    if not patches.size:
        patches = replace(patches, size=5, stride=3, estimate=12) if colours == 3 else replace(
            patches, size=7)
    side = min(u.shape[1:])
    patches = replace(patches, size=min(patches.size, side), stride=min(patches.stride, side))
    groups = [u[:3], *u[3:, None]] if colours == 3 else list(u[:, None])
    if not apart:
        return np.concatenate([fill(g, known, patches, spread=spread, core=core) for g in groups])
    done = []
    for group in groups:
        parts = opponent(group)[:, None]
        found = [fill(part, known, patches, spread=spread, core=core) for part in parts]
        done.append(from_opponent(np.concatenate(found)))
    return np.where(known, u, np.concatenate(done))
