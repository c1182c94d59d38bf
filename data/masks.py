"""Masks: bool [height, width], True where a pixel is to be filled, or hidden from the fit."""

import os
from typing import Any

import numpy as np

from .images import read_picture
from .picture import Picture

Mask = np.ndarray[Any, np.dtype[np.bool_]]

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601
_BLOCK = 1 << 24  # pixels gone through at a time
_SAME_COLOUR = 8 / 255  # what the smooth edge of a brush stroke changes its colour by


def read_mask(
    path: str | os.PathLike[str], size: tuple[int, int], *, max_megapixels: float = 100
) -> Mask:
    """The mask in a picture file, bool [height, width] = `size`, True where it says to fill.

    Two kinds are understood. A black and white picture: white, from half up, is to be filled
    (with alpha: seen on black). A painted layer, one colour on a transparent ground, whatever
    the colour: every touched pixel, alpha > 0, is to be filled. ValueError if the size differs
    from `size`, if there is nothing to fill, or nothing left to fill from.
    """
    picture = read_picture(path, max_megapixels=max_megapixels)
    if (picture.height, picture.width) != tuple(size):
        raise ValueError(
            f"{path}: the mask is {picture.width} x {picture.height} pixels but the picture is "
            f"{size[1]} x {size[0]}; give both the same size."
        )
    mask = _touched(picture) if _is_painted_layer(picture) else _white(picture)
    if not mask.any():
        raise ValueError(f"{path}: nothing to fill; paint white what is to be filled.")
    if mask.all():
        raise ValueError(f"{path}: nothing known; leave black what is to be kept.")
    return mask


def random_missing(height: int, width: int, share: float, seed: int) -> Mask:
    """Hides `share` of the pixels at random: bool [height, width], True where hidden.

    The count is share * height * width rounded, at least 1 and at most all but 1; equal seeds
    hide equal pixels. ValueError unless 0 < share < 1 and there are two pixels.
    """
    count = height * width
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, both excluded, got {share}.")
    if min(height, width) < 1 or count < 2:
        raise ValueError(f"height and width must make two pixels or more, got {height} x {width}.")
    hidden = min(max(round(share * count), 1), count - 1)
    rng = np.random.default_rng(seed)
    mask = np.zeros(count, np.bool_)
    # A choice numbers all it chooses from, in 8 bytes each: a large picture is gone through in
    # blocks, and first it is drawn how many fall into each.
    blocks = [min(_BLOCK, count - start) for start in range(0, count, _BLOCK)]
    shares = [hidden]
    if len(blocks) > 1:
        shares = rng.multivariate_hypergeometric(blocks, hidden, method="marginals").tolist()
    for number, (size, few) in enumerate(zip(blocks, shares, strict=True)):
        block = mask[number * _BLOCK : number * _BLOCK + size]
        block[rng.choice(size, few, replace=False, shuffle=False)] = True
    return mask.reshape(height, width)


def invert(mask: Mask) -> Mask:
    """Filled becomes known and known becomes filled."""
    return ~mask


def grow(mask: Mask, pixels: int) -> Mask:
    """`mask` wider by `pixels` on every side, corners included; a copy."""
    if pixels < 0:
        raise ValueError(f"pixels must be at least 0, got {pixels}.")
    return _grow_rows(_grow_rows(mask, pixels).T, pixels).T.copy()


def _grow_rows(mask: Mask, pixels: int) -> Mask:
    """Grows downwards and upwards. Shifts double, so a step of 100 takes 7 passes, not 100."""
    grown = mask.copy()
    reach = 0
    while reach < pixels:
        shift = min(reach + 1, pixels - reach)
        before = grown.copy()
        grown[shift:] |= before[:-shift]
        grown[:-shift] |= before[shift:]
        reach += shift
    return grown


def _is_painted_layer(picture: Picture) -> bool:
    if not picture.has_alpha:
        return False
    top = np.iinfo(picture.pixels.dtype).max
    alpha = picture.pixels[..., -1]
    solid = picture.pixels[alpha >= top / 2][:, :-1]
    if alpha.min() == alpha.max() or not len(solid):
        return alpha.min() != alpha.max()
    spread = solid.max(axis=0).astype(int) - solid.min(axis=0)
    return bool(spread.max() <= _SAME_COLOUR * top)


def _touched(picture: Picture) -> Mask:
    return picture.pixels[..., -1] > 0


def _white(picture: Picture) -> Mask:
    top = np.iinfo(picture.pixels.dtype).max
    mask = np.empty(picture.pixels.shape[:2], np.bool_)
    rows = max(1, _BLOCK // picture.width)
    for start in range(0, picture.height, rows):
        pixels = picture.pixels[start : start + rows]
        colours = pixels[..., :-1] if picture.has_alpha else pixels
        weights = np.array(_LUMA if colours.shape[2] == 3 else (1,), np.float32)
        seen = colours @ weights
        if picture.has_alpha:
            seen *= pixels[..., -1] / np.float32(top)
        mask[start : start + rows] = seen >= top / 2
    return mask
