"""The sample pictures: all there, without a network."""

import socket

import numpy as np
import pytest
import torch

from data import SAMPLES, load_sample, zone_plate


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a sample asked the network")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_a_picture(name):
    picture = load_sample(name)
    assert SAMPLES[name].name == name
    assert SAMPLES[name].title
    assert picture.depth == 8
    assert min(picture.height, picture.width) >= 100
    assert np.ptp(picture.pixels) > 100


def test_the_promised_samples_are_there():
    assert {"zone_plate", "text", "astronaut", "cat", "camera", "coffee"} <= set(SAMPLES)
    assert load_sample("camera").mode == "L"
    assert load_sample("coffee").mode == "RGB"


def test_an_unknown_sample_names_the_known_ones():
    with pytest.raises(ValueError, match="unknown sample 'lena'; choose from zone_plate, text"):
        load_sample("lena")


@pytest.mark.parametrize("size", [1, 2, 63, 256])
def test_the_zone_plate_fills_its_range(size):
    values = zone_plate(size)
    assert values.shape == (size, size, 1)
    assert values.dtype == torch.float32
    assert 0 <= values.min() <= values.max() <= 1
    assert torch.equal(values, values.flip(0, 1))
    assert torch.equal(values, values.transpose(0, 1))


def test_the_zone_plate_has_every_frequency_up_to_nyquist():
    row = zone_plate(512)[256, :, 0].numpy() - 0.5
    power = np.abs(np.fft.rfft(row)) ** 2
    bands = power[1:].reshape(16, -1).mean(axis=1)  # from 0 to Nyquist
    assert bands.max() < 4 * bands.min()


def test_the_zone_plate_needs_a_size():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        zone_plate(0)
