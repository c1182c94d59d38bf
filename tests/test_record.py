"""The history of a fit, and what is learned first."""

from dataclasses import replace

import pytest
import torch

from data import zone_plate
from fields import METHODS, FitConfig, ImageTask, Recorder, fit
from fields.methods import Facts


def watch(task, config):
    recorder = Recorder(task)
    for _ in recorder.watch(fit(task, config)):
        pass
    return recorder


@pytest.fixture
def config():
    made = METHODS["hash"].make(Facts(side=32, samples=768))
    return replace(made, steps=60, report=5, batch=768, device="cpu")


def test_snapshots_hold_the_whole_story(task, config):
    snapshots = watch(task, config).snapshots
    assert snapshots[0].step == 0
    assert snapshots[-1].step == 60
    assert snapshots[-1].metrics["psnr"] > snapshots[0].metrics["psnr"] + 10
    assert snapshots[-1].frame.shape == (24, 32, 3)
    assert snapshots[-1].frame.dtype == torch.uint8


def test_its_psnr_is_the_task_s(task, config):
    recorder = Recorder(task)
    for progress, snapshot in recorder.watch(fit(task, config)):
        if snapshot:
            assert snapshot.metrics["psnr"] == pytest.approx(task.evaluate(progress.field)["psnr"])


def test_held_out_pixels_are_followed_too(picture, config):
    known = torch.rand(24, 32) < 0.5
    task = ImageTask(picture, known=known, heldout=~known)
    assert "heldout_psnr" in watch(task, config).snapshots[-1].metrics


def test_a_large_picture_is_seen_in_part(monkeypatch, config, waves):
    monkeypatch.setattr("fields.record.FRAME_PIXELS", 200)
    monkeypatch.setattr("fields.record.WINDOW_SIDE", 16)
    snapshot = watch(ImageTask(waves(30, 50)), config).snapshots[-1]
    assert snapshot.frame.shape[0] * snapshot.frame.shape[1] <= 200
    assert snapshot.metrics["psnr"] > 20


def test_a_plain_network_learns_low_frequencies_first():
    """The frequency principle itself [arXiv:1901.06523]: the project exists to show it."""
    x = torch.arange(48) / 48
    sum_of_waves = sum(torch.cos(2 * torch.pi * k * x) for k in (1, 5, 12))
    plane = 0.5 + 0.07 * (sum_of_waves[:, None] + sum_of_waves)
    task = ImageTask(plane[..., None])
    made = METHODS["plain"].make(Facts(side=48, samples=48 * 48))
    config = replace(made, steps=150, report=10, batch=48 * 48, device="cpu")
    recorder = watch(task, config)
    band = torch.bucketize(torch.tensor([1.0, 5.0, 12.0]), recorder.edges, right=True) - 1
    errors = torch.tensor([s.band_error for s in recorder.snapshots[1:]])[:, band]
    low, middle, high = errors.mean(0)  # over time
    assert low < middle < high
    assert errors[-1, 0] < 0.3
    assert errors[-1, 2] > 0.8


def test_a_hash_grid_learns_all_bands():
    task = ImageTask(zone_plate(48))
    made = METHODS["hash"].make(Facts(side=48, samples=48 * 48))
    config = replace(made, steps=200, report=20, batch=48 * 48, device="cpu")
    last = torch.tensor(watch(task, config).snapshots[-1].band_error)
    assert last.nan_to_num().max() < 0.3


def test_the_best_state_is_remembered(task, config):
    recorder = Recorder(task)
    for progress, _ in recorder.watch(fit(task, replace(config, schedule="constant"))):
        last = progress
    assert recorder.best is not None
    last.field.load_state_dict(recorder.best[1])
    assert task.evaluate(last.field)["psnr"] == pytest.approx(recorder.best[0])


def test_looking_changes_nothing(task, config):
    *_, alone = fit(task, config)
    recorder = Recorder(task)
    for progress, _ in recorder.watch(fit(task, config)):
        watched = progress
    pairs = zip(alone.field.parameters(), watched.field.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_methods_know_their_config():
    assert all(isinstance(m.make(Facts(64, 4096)), FitConfig) for m in METHODS.values())
