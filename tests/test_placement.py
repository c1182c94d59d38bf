"""Where shapes lie in the box, and that they come back to their place."""

import numpy as np
import pytest
import torch

from app.placement import Placement
from data import Shape
from fields.space import SIDE


@pytest.fixture
def shape():
    rng = np.random.default_rng(0)
    return Shape(rng.uniform(-1, 1, (100, 3)) * [3, 1, 0.2] + [431_000.0, 5_600_000.0, 88.0])


def test_the_longest_side_spans_the_box_but_for_its_margin(shape):
    placed = Placement.of(shape).into(shape.points)
    assert placed.dtype == torch.float32
    low, high = placed.aminmax(dim=0)
    torch.testing.assert_close(low, -high)
    assert float((high - low).max()) == pytest.approx(SIDE)


def test_shapes_far_away_come_back_to_their_place(shape):
    placement = Placement.of(shape)
    back = placement.out_of(placement.into(shape.points))
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, shape.points, rtol=0, atol=1e-6)


def test_lengths_go_forth_and_back(shape):
    placement = Placement.of(shape)
    assert placement.shrunk(shape.side) == pytest.approx(SIDE)
    assert placement.grown(placement.shrunk(0.3)) == pytest.approx(0.3)


def test_it_survives_as_json_values(shape):
    placement = Placement.of(shape)
    assert Placement.of_info(placement.info()) == placement


@pytest.mark.parametrize(
    "info", [{}, {"centre": [0, 0], "scale": 1}, {"centre": [0, 0, 0], "scale": -1},
             {"centre": [0, 0, float("nan")], "scale": 1}, {"centre": "abc", "scale": 1}],
)
def test_what_makes_no_sense_is_refused(info):
    with pytest.raises(ValueError, match="where its shape lies"):
        Placement.of_info(info)
