"""Specs check what they are given, and come back from JSON as they went."""

import json
from dataclasses import replace

import pytest

from fields import METHODS, FieldSpec, FitConfig
from fields.encodings import HashGrid, MultiFourier
from fields.methods import Facts
from fields.spec import knobs


@pytest.mark.parametrize("name", METHODS)
def test_a_method_survives_json(name):
    config = METHODS[name].make(Facts(side=300, samples=300 * 200))
    assert FitConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_tuples_survive_json():
    spec = MultiFourier(sigmas=(1.0, 2.5))
    assert MultiFourier.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"levels": 0}, "HashGrid.levels must be at least 1, got 0"),
        ({"levels": 33}, "HashGrid.levels must be at most 32, got 33"),
        ({"interpolation": "cubic"}, "HashGrid.interpolation must be 'linear' or 'smooth'"),
        ({"levls": 3}, "unknown knob 'levls' of HashGrid; choose from levels"),
        ({"type": "Teapot"}, "unknown HashGrid 'Teapot'"),
    ],
)
def test_a_wrong_value_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        HashGrid.from_dict(values)


@pytest.mark.parametrize("value", [True, "3", 3.0, None, [1]])
def test_an_int_knob_takes_only_ints(value):
    with pytest.raises(TypeError, match=r"HashGrid.levels must be int"):
        HashGrid.from_dict({"levels": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_float_knob_is_finite(value):
    with pytest.raises(ValueError, match=r"FitConfig.lr must be finite"):
        FitConfig(lr=value)


def test_an_int_stands_for_a_float():
    assert FitConfig(lr=1).lr == 1.0
    assert isinstance(FitConfig(lr=1).lr, float)


def test_a_nested_spec_of_the_wrong_family_is_refused():
    values = FieldSpec().to_dict() | {"encoding": {"type": "MLP"}}
    with pytest.raises(ValueError, match="unknown EncodingSpec 'MLP'; choose from"):
        FieldSpec.from_dict(values)


def test_knobs_are_dotted():
    config = replace(FitConfig(), field=FieldSpec(encoding=HashGrid(levels=7)))
    assert knobs(config)["field.encoding.levels"] == 7


def test_a_run_needs_a_bound():
    with pytest.raises(ValueError, match=r"steps or FitConfig.seconds must be given"):
        FitConfig(steps=None)
