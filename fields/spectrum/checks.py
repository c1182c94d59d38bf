"""What must hold of the values and points that a spectrum is taken of."""

import torch
from torch import Tensor


def rows(values: Tensor, what: str) -> Tensor:
    """The values as float64 [n, c] on the CPU, without gradients.

    Raises:
        ValueError: unless they are real and finite, one row a sample, and at least one of them;
            it names `what`.
    """
    if values.ndim != 2 or values.is_complex():
        raise ValueError(
            f"{what} must be real [n, c], got {values.dtype} {list(values.shape)}; "
            "give one row a sample, with [:, None] if each has one value."
        )
    if not values.numel():
        raise ValueError(f"{what} must not be empty, got {list(values.shape)}; give some samples.")
    values = values.detach().cpu().double()
    if not torch.isfinite(values).all():
        raise ValueError(
            f"{what} must be finite, got nan or infinity; leave such samples out, "
            "or lower the learning rate if a fit gave them."
        )
    return values


def pair(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both as `rows`, of one shape."""
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction and target must have one shape, got {list(prediction.shape)} and "
            f"{list(target.shape)}; take both at the same samples."
        )
    return rows(prediction, "prediction"), rows(target, "target")


def located(x: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Points [n, d] and what is known there [n, c], both as `rows`."""
    if len(x) != len(values):
        raise ValueError(
            f"x and values must have as many rows, got {len(x)} and {len(values)}; "
            "give one row of each for every sample."
        )
    return rows(x, "x"), rows(values, "values")
