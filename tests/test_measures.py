"""Which of two figures is better, and how they are said."""

import math

import pytest

from app.measures import CHAMFER, MEANINGS, MEASURES, PSNR, SHAPE, during, first_of


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_what_is_no_number_is_the_worst(measure):
    values = [math.nan, 0.5, 20.0]
    best = max(values, key=measure.rank)
    assert best == (20.0 if measure.better == "higher" else 0.5)
    assert min(values, key=measure.rank) is values[0]
    assert measure.behind(math.nan, best)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_nothing_is_behind_itself(measure):
    assert not measure.behind(3.0, 3.0)
    assert measure.gap(3.0, 3.0)
    assert measure.behind(*((1.0, 9.0) if measure.better == "higher" else (9.0, 1.0)))


def test_figures_are_said_with_what_they_are():
    assert PSNR.said(31.24) == "31.2 dB"
    assert CHAMFER.said(0.2134) == "chamfer 0.213 %"
    assert CHAMFER.told(0.2134) == "a Chamfer distance of 0.213 %"
    assert CHAMFER.said(math.nan) == "–"


def test_a_fit_is_followed_by_what_can_be_seen_of_it():
    assert during(CHAMFER).key == "distance_error"
    assert during(PSNR) is PSNR


def test_the_first_measure_that_is_there_ranks():
    assert first_of(SHAPE.ranked, {"chamfer": 2.0}) == -2.0
    assert first_of(SHAPE.ranked, {"chamfer": 2.0, "heldout_chamfer": 3.0}) == -3.0
    assert first_of(SHAPE.ranked, {}) == -math.inf


def test_every_column_of_a_shape_is_explained():
    shown = [key for key, _ in SHAPE.columns if not key.startswith("heldout_")]
    assert set(shown) <= set(MEANINGS)
