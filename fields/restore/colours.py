"""Colours turned so that they go their own ways in most pictures."""

import numpy as np

# Red, green and blue as lightness and two differences: a rotation, which leaves white noise white.
OPPONENT = np.array(
    [[1, 1, 1], [1, 0, -1], [0.5, -1, 0.5]], np.float32
) / np.sqrt(np.array([[3], [2], [1.5]], np.float32))


def opponent(values: np.ndarray) -> np.ndarray:
    """Red, green and blue [3, h, w] as opponent colours; other numbers of channels as they are."""
    return np.tensordot(OPPONENT, values, 1) if len(values) == 3 else values


def from_opponent(values: np.ndarray) -> np.ndarray:
    """The inverse of `opponent`."""
    return np.tensordot(OPPONENT.T, values, 1) if len(values) == 3 else values
