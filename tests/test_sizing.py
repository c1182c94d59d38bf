"""Fields of a given number of parameters."""

from dataclasses import replace

import pytest
import torch

from fields import METHODS, ImageTask, SignalTask, method_config
from fields.sizing import sized

TASK = ImageTask(torch.zeros(96, 128, 3))


def count(spec):
    return spec.build(2, 3, torch.Generator().manual_seed(0)).parameter_count


@pytest.mark.parametrize("name", METHODS)
def test_every_method_comes_near_and_stays_below(name):
    spec = method_config(name, TASK)[0].field
    found = count(sized(spec, TASK, 20_000))
    assert 0.45 * 20_000 < found <= 20_000
    assert count(sized(spec, TASK, 40_000)) > found


def test_too_few_parameters_are_refused():
    spec = method_config("plain", TASK)[0].field
    with pytest.raises(ValueError, match="at least 13 parameters"):
        sized(spec, TASK, 10)


def test_widths_of_layers_keep_their_proportions():
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
    task = SignalTask(x, x)
    spec = method_config("multistage", task)[0].field
    network = replace(spec.network, widths=(20, 10))
    found = sized(replace(spec, network=network, stages=1), task, 3000).network
    assert found.widths[0] == pytest.approx(2 * found.widths[1], abs=1)
