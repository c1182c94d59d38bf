"""Patch groups: holes filled, noise removed and pictures enlarged, into the field of a spline."""

import functools
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from fields import (
    MLP,
    DenoiseTask,
    Direct,
    FieldSpec,
    FitConfig,
    ImageTask,
    UpscaleTask,
    fit,
    load_field,
    method_config,
    save_field,
)
from fields import picture as draw
from fields.encodings import Spline
from fields.fit import check
from fields.grid import pixel_centres
from fields.metrics import psnr
from fields.render import evaluate
from fields.restore import PatchGroups
from fields.restore.canvas import Canvas
from fields.restore.windows import around, cover, tiles
from fields.shrink import Shrink


def hidden(size, share, seed=0):
    """A mask of known pixels, of which this share is missing."""
    return torch.rand(size, generator=torch.Generator().manual_seed(seed)) >= share


def config_for(task, **changes):
    return replace(method_config("auto", task)[0], device="cpu", report=1, **changes)


def run(task, **changes):
    """All reports of a fit, and what its field draws at last."""
    reports = list(fit(task, config_for(task, **changes)))
    return reports, draw(reports[-1].field, task.size, out=task.drawn)


def result(task, **changes):
    return run(task, **changes)[1]


def spline_field(size, channels, rng, levels=1):
    encoding = Spline(cells=(size[1], size[0]), levels=levels, features=channels)
    return FieldSpec(encoding=encoding, network=Direct()).build(2, channels, rng)


def disc(side, channels=1):
    """Discs of several sizes with soft edges, float32 [side, side, c]."""
    y, x = np.mgrid[:side, :side].astype(np.float32) + 0.5
    planes = []
    for c in range(channels):
        away = np.hypot(y - side * (0.5 + 0.05 * c), x - side * 0.45)
        planes.append(np.clip(side * 0.3 - away + 0.5, 0, 1) * 0.6 + 0.2)
    return torch.from_numpy(np.stack(planes, -1))


def shrunk(picture, size, blur="box"):
    """A picture as `UpscaleTask.blur` makes it smaller."""
    parts = Shrink(size, tuple(picture.shape[:2]), blur).add(0, picture)
    return torch.cat([rows for _, rows in parts])


def bicubic(picture):
    """Twice as large."""
    planes = picture.movedim(-1, 0)[None]
    found = torch.nn.functional.interpolate(planes, scale_factor=2, mode="bicubic")
    return found[0].movedim(0, -1)


# --- windows ---

MASKS = {
    "none": lambda y, x: 0 * y > 0,
    "all": lambda y, x: 0 * y == 0,
    "corners": lambda y, x: (y % 199 == 0) & (x % 299 == 0),
    "dots": lambda y, x: (y * 31 + x * 17) % 997 == 0,
    "diagonal": lambda y, x: abs(y - x) < 3,
    "hole": lambda y, x: (abs(y - 90) < 30) & (abs(x - 150) < 40),
}


@pytest.mark.parametrize("margin", [0, 9, 40])
@pytest.mark.parametrize("largest", [17, 64, 1000])
@pytest.mark.parametrize("mask", MASKS)
def test_windows_hold_all_that_is_needed(mask, largest, margin):
    need = MASKS[mask](*np.mgrid[:200, :300])
    held = np.zeros(need.shape, int)
    for window in cover(need, margin=margin, largest=largest):
        top, left, bottom, right = window.inner
        assert top < bottom <= top + largest
        assert left < right <= left + largest
        held[top:bottom, left:right] += 1
        assert window == around(window.inner, need.shape, margin)
        y0, x0, y1, x1 = window.outer
        assert 0 <= y0 <= top < bottom <= y1 <= 200
        assert 0 <= x0 <= left < right <= x1 <= 300
        looked = need[window.looked]
        assert looked.size == window.area
        assert np.array_equal(looked[window.within], need[top:bottom, left:right])
        a, b, c, d = window.core
        assert np.array_equal(looked[a:c, b:d], need[top:bottom, left:right])
        assert need[top:bottom, left:right].any()
    assert held.max() <= 1
    assert held[need].all()


def test_holes_far_apart_have_windows_of_their_own():
    need = np.zeros((400, 300), bool)
    need[10:20, 10:20] = need[370:380, 280:285] = True
    inner = {window.inner for window in cover(need, margin=10, largest=1000)}
    assert inner == {(10, 10, 20, 20), (370, 280, 380, 285)}


def test_holes_close_together_share_a_window():
    need = np.zeros((100, 100), bool)
    need[10:20, 10:20] = need[30:40, 30:35] = True
    assert [w.inner for w in cover(need, margin=40, largest=1000)] == [(10, 10, 40, 35)]


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (64, 64), (65, 129)])
def test_tiles_cover_a_picture_once(size):
    held = np.zeros(size, int)
    windows = tiles(size, margin=5, largest=32)
    for window in windows:
        top, left, bottom, right = window.inner
        held[top:bottom, left:right] += 1
        assert 0 < bottom - top <= 32
        assert 0 < right - left <= 32
        assert window == around(window.inner, size, 5)
    assert (held == 1).all()
    assert len(windows) == math.ceil(size[0] / 32) * math.ceil(size[1] / 32)


# --- the canvas ---


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 2), (30, 41), (300, 7)])
def test_the_field_takes_the_values_it_is_given(size, levels, rng):
    field = spline_field(size, 2, rng, levels)
    field.encoding.table.data.normal_(generator=rng)
    field.shift.fill_(3)
    field.scale.fill_(0.1)
    values = torch.rand(*size, 2, generator=rng)
    planes = values.movedim(-1, 0).numpy()
    canvas = Canvas(field, size)
    canvas.fill(lambda top, bottom: planes[:, top:bottom])
    torch.testing.assert_close(draw(field, size), values, rtol=0, atol=1e-5)
    at = evaluate(field, pixel_centres(*size)).view(*size, 2)
    torch.testing.assert_close(at, values, rtol=0, atol=1e-5)
    got = canvas.values(0, 0, *size)
    torch.testing.assert_close(got, values, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "box", [(0, 0, 60, 70), (0, 0, 1, 1), (59, 69, 60, 70), (20, 30, 33, 31), (0, 40, 60, 45),
            (3, 2, 50, 60), (40, 0, 60, 70)]
)  # fmt: skip
def test_putting_a_part_is_filling_the_whole(box, rng):
    size, (top, left, bottom, right) = (60, 70), box
    before = torch.rand(3, *size, generator=rng).numpy()
    part = torch.rand(3, bottom - top, right - left, generator=rng).numpy()
    after = before.copy()
    after[:, top:bottom, left:right] = part
    fields = [spline_field(size, 3, rng) for _ in range(2)]
    canvases = [Canvas(field, size) for field in fields]
    for canvas, values in zip(canvases, (before, after), strict=True):
        canvas.fill(lambda a, b, values=values: values[:, a:b])
    canvases[0].put(top, left, part)
    a, b = (field.encoding.table for field in fields)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    shown = draw(fields[0], size, out=(121, 95)), draw(fields[1], size, out=(121, 95))
    torch.testing.assert_close(*shown, rtol=0, atol=1e-5)


def test_errors_do_not_add_up_over_many_puts(rng):
    field = spline_field((40, 40), 1, rng)
    canvas = Canvas(field, (40, 40))
    values = torch.rand(1, 40, 40, generator=rng).numpy()
    for i in range(100):
        top, left = i * 7 % 30, i * 11 % 30
        canvas.put(top, left, values[:, top : top + 10, left : left + 10])
    found = canvas.values(0, 0, 40, 40)[..., 0].numpy()
    seen = np.zeros((40, 40), bool)
    for i in range(100):
        top, left = i * 7 % 30, i * 11 % 30
        seen[top : top + 10, left : left + 10] = True
    assert np.abs(found - values[0])[seen].max() < 1e-5
    assert np.abs(found)[~seen].max() < 1e-5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoding": Spline(cells=(8, 8), features=3)}, "set field.encoding.cells to 9 8"),
        ({"encoding": Spline(cells=(8, 9), features=3)}, "set field.encoding.cells to 9 8"),
        ({"network": MLP(width=16, depth=1)}, "a spline alone"),
        ({"output": "sigmoid"}, "a spline alone"),
        ({"encoding": Spline(cells=(9, 8), features=3, merge="concat", levels=1)}, "spline alone"),
    ],
)
def test_fields_of_another_kind_are_refused(changes, words, waves):
    task = ImageTask(waves(8, 9), hidden((8, 9), 0.3))
    config = config_for(task)
    config = replace(config, field=replace(config.field, **changes))
    for try_it in (lambda: check(task, config), lambda: next(fit(task, config))):
        with pytest.raises(ValueError, match=words):
            try_it()


# --- the configuration ---


def tasks(waves):
    pixels = waves(12, 16)
    return {
        "fill": ImageTask(pixels, hidden((12, 16), 0.5)),
        "clean": DenoiseTask(pixels, sigma=0.1),
        "enlarge": UpscaleTask(pixels, scale=1.5),
    }


KINDS = ["fill", "clean", "enlarge"]


@pytest.mark.parametrize("name", ["auto", "spline"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_spoiled_is_restored(kind, name, waves):
    task = tasks(waves)[kind]
    config, why = method_config(name, task)
    assert config.solver == PatchGroups()
    h, w = task.drawn
    assert config.field.encoding.cells == (w, h)
    assert "patch groups" in why or name == "spline"
    assert FitConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    check(task, config)


def test_what_is_whole_is_not(picture):
    for mask in (None, torch.ones(24, 32, dtype=torch.bool)):
        config, _ = method_config("auto", ImageTask(picture, mask))
        assert not isinstance(config.solver, PatchGroups)


@pytest.mark.parametrize("kind", KINDS)
def test_other_methods_descend(kind, waves):
    config, _ = method_config("hash", tasks(waves)[kind])
    assert not isinstance(config.solver, PatchGroups)


@pytest.mark.parametrize("rule", ["heldout", "variance", "discrepancy"])
def test_stopping_rules_are_for_descents(rule, waves):
    task = replace(tasks(waves)["clean"], heldout=~hidden((12, 16), 0.1))
    with pytest.raises(ValueError, match="ends a descent"):
        check(task, config_for(task, stop=rule))


@pytest.mark.parametrize(
    "knobs",
    [{"bend": -1}, {"contrast": 0}, {"passes": -1}, {"size": 17}, {"count": 1}, {"search": 0},
     {"slope": math.inf}],
)  # fmt: skip
def test_knobs_have_ranges(knobs):
    with pytest.raises(ValueError, match=f"PatchGroups.{next(iter(knobs))}"):
        PatchGroups(**knobs)


# --- what any run keeps to ---


@pytest.mark.parametrize("kind", KINDS)
def test_shares_rise_to_one_and_it_ends_by_itself(kind, waves):
    task = tasks(waves)[kind]
    reports, found = run(task)
    shares = [r.share for r in reports]
    assert shares[0] == 0
    assert all(a < b for a, b in itertools.pairwise(shares))
    assert shares[-1] == pytest.approx(1)
    assert [r.end for r in reports] == [None] * (len(reports) - 1) + ["steps"]
    assert [r.step for r in reports] == list(range(len(reports)))
    assert all(math.isfinite(r.loss) for r in reports[1:])
    assert found.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_equal_configs_give_equal_fields(kind, waves):
    task = tasks(waves)[kind]
    a, b = (run(task, seed=seed)[0][-1].field for seed in (0, 1))
    assert torch.equal(a.encoding.table, b.encoding.table)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_and_seconds_end_it(kind, waves):
    task = tasks(waves)[kind]
    reports, found = run(task, steps=3)
    assert (reports[-1].step, reports[-1].end, reports[-1].share) == (3, "steps", 1)
    assert found.isfinite().all()
    reports, found = run(task, seconds=0.0)
    assert (reports[-1].step, reports[-1].end) == (1, "seconds")
    assert found.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_closed_early_it_leaves_a_field_of_use(kind, waves):
    task = tasks(waves)[kind]
    going = fit(task, config_for(task))
    report = next(itertools.islice(going, 2, None))
    going.close()
    found = draw(report.field, task.size, out=task.drawn)
    assert found.isfinite().all()
    assert psnr(found, draw(run(task)[0][-1].field, task.size, out=task.drawn)) > 15
    if kind == "fill":
        torch.testing.assert_close(found[task.known], task.pixels[task.known], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_report_is_what_it_starts_from(kind, waves):
    task = tasks(waves)[kind]
    first = next(fit(task, config_for(task)))
    assert (first.step, first.share) == (0, 0)
    assert math.isnan(first.loss)
    assert draw(first.field, task.size, out=task.drawn).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_whole_numbers_stand_for_their_fractions(kind, dtype, waves):
    task = tasks(waves)[kind]
    most = 255 if dtype == torch.uint8 else 65535
    whole = (task.pixels * most).round()
    a = result(replace(task, pixels=whole.to(torch.int32).to(dtype)))
    b = result(replace(task, pixels=whole / most))
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_number_of_channels_will_do(kind, channels, waves):
    task = replace(tasks(waves)[kind], pixels=waves(12, 16, channels))
    found = result(task)
    assert found.shape == (*task.drawn, channels)
    near = found if kind != "enlarge" else shrunk(found, task.size)
    assert psnr(near, task.pixels) > 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(2, 2), (3, 40), (1, 10), (10, 1), (5, 5)])
def test_tiny_pictures_will_do(kind, size, waves):
    known = torch.ones(size, dtype=torch.bool)
    known[0, 0] = known[-1, -1] = False
    pixels = waves(*size)
    task = replace(tasks(waves)[kind], pixels=pixels, known=known if kind == "fill" else None)
    found = result(task)
    assert found.shape == (*task.drawn, 3)
    assert found.isfinite().all()
    assert found.min() > pixels.min() - 0.3
    assert found.max() < pixels.max() + 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_pixel_is_drawn(kind, waves):
    task = replace(tasks(waves)[kind], pixels=torch.full((1, 1, 3), 0.3), known=None)
    config = config_for(tasks(waves)[kind])
    cells = Spline(cells=task.drawn[::-1], levels=1, features=3)
    config = replace(config, field=replace(config.field, encoding=cells))
    *_, end = fit(task, config)
    assert draw(end.field, (1, 1), out=task.drawn).sub(0.3).abs().max() < 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.0, 0.7])
def test_a_level_picture_stays_level(kind, value, waves):
    task = replace(tasks(waves)[kind], pixels=torch.full((12, 16, 3), value))
    assert result(task).sub(value).abs().max() < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_a_turned_picture_is_restored_likewise(kind, waves):
    """Rows and columns are treated alike, but for where the grid of patches ends."""
    task = tasks(waves)[kind]
    turned = replace(
        task,
        pixels=task.pixels.movedim(0, 1).contiguous(),
        known=None if task.known is None else task.known.T.contiguous(),
    )
    a, b = result(task), result(turned).movedim(0, 1)
    torch.testing.assert_close(a, b, rtol=0, atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_negative_is_restored_likewise(kind, waves):
    task = tasks(waves)[kind]
    negative = result(replace(task, pixels=1 - task.pixels))
    torch.testing.assert_close(1 - negative, result(task), rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_survives_its_file(kind, waves, tmp_path):
    task = tasks(waves)[kind]
    config = config_for(task)
    *_, end = fit(task, config)
    save_field(tmp_path / "f.safetensors", end.field, config.field, {})
    loaded = load_field(tmp_path / "f.safetensors").field
    pictures = (draw(field, task.size, out=(31, 29)) for field in (end.field, loaded))
    assert torch.equal(*pictures)


# --- holes ---


def fill_score(task, found):
    truth, gone = task.pixels, ~task.known
    level = truth[task.known].mean(0)
    return [psnr(v[gone], truth[gone]) for v in (level.expand_as(truth), found)]


def test_missing_pixels_are_found(waves):
    pixels = waves(48, 40)
    task = ImageTask(pixels, hidden((48, 40), 0.5))
    found = result(task)
    plain, ours = fill_score(task, found)
    assert ours > plain + 25
    torch.testing.assert_close(found[task.known], pixels[task.known], rtol=0, atol=1e-5)


def test_a_deep_hole_is_filled(waves):
    known = torch.ones(64, 56, dtype=torch.bool)
    known[20:40, 18:38] = False
    task = ImageTask(waves(64, 56), known)
    found = result(task)
    plain, ours = fill_score(task, found)
    assert ours > plain + 15
    torch.testing.assert_close(found[known], task.pixels[known], rtol=0, atol=1e-5)


def test_a_hole_at_the_corner_is_filled(waves):
    known = torch.ones(48, 48, dtype=torch.bool)
    known[:16, -16:] = False
    task = ImageTask(waves(48, 48, 1), known)
    plain, ours = fill_score(task, result(task))
    assert ours > plain + 8


def test_an_edge_goes_on_through_a_hole():
    pixels = torch.full((48, 48, 1), 0.2)
    pixels[:, 24:] = 0.8
    known = torch.ones(48, 48, dtype=torch.bool)
    known[18:30, 18:30] = False
    found = result(ImageTask(pixels, known))
    assert (found - pixels).abs().max() < 0.15


def test_what_is_under_the_mask_counts_for_nothing(waves):
    task = tasks(waves)["fill"]
    other = replace(task, pixels=torch.where(task.known[..., None], task.pixels, 0.9))
    assert torch.equal(result(task), result(other))


@pytest.mark.parametrize("size", [(9, 9), (40, 40), (6, 900)])
def test_of_one_known_pixel_all_are_made(size):
    known = torch.zeros(size, dtype=torch.bool)
    known[size[0] // 2, 3] = True
    found = result(ImageTask(torch.full((*size, 1), 0.1), known))
    assert found.sub(0.1).abs().max() < 1e-3


def test_far_from_all_that_is_known_there_is_no_third_value():
    """Of a long strip whose ends are known, the middle lies between them."""
    pixels = torch.full((8, 900, 1), 0.1)
    pixels[:, 450:] = 0.2
    known = torch.zeros(8, 900, dtype=torch.bool)
    known[:, :5] = known[:, -5:] = True
    found = result(ImageTask(pixels, known))
    assert found.min() > 0.05
    assert found.max() < 0.25


@pytest.mark.parametrize("mask", [None, torch.ones(24, 32, dtype=torch.bool)])
def test_where_nothing_is_missing_it_interpolates_at_once(mask, picture):
    task = ImageTask(picture, mask)
    spec = FieldSpec(encoding=Spline(cells=(32, 24), levels=1, features=3), network=Direct())
    config = FitConfig(field=spec, solver=PatchGroups(), steps=None, device="cpu")
    reports = list(fit(task, config))
    assert (reports[-1].step, reports[-1].end, reports[-1].share) == (0, "steps", 1)
    torch.testing.assert_close(draw(reports[-1].field, (24, 32)), picture, rtol=0, atol=2e-6)


def test_without_passes_the_sheet_alone_fills(waves):
    task = tasks(waves)["fill"]
    found = result(task, solver=PatchGroups(passes=0))
    plain, ours = fill_score(task, found)
    assert ours > plain + 12


@pytest.mark.parametrize("knobs", [{"size": 16}, {"size": 1}, {"count": 2}, {"search": 1}])
def test_knobs_at_their_ends_will_do(knobs, waves):
    task = tasks(waves)["fill"]
    found = result(task, solver=PatchGroups(**knobs))
    assert found.isfinite().all()
    plain, ours = fill_score(task, found)
    assert ours > plain + 3


# --- seams ---


def test_holes_filled_by_parts_leave_no_seam(waves, monkeypatch):
    known = hidden((36, 44), 0.5)
    known[12:24, 14:26] = False
    task = ImageTask(waves(36, 44, 1), known)
    whole = result(task)
    few = functools.partial(cover, largest=24, margin=20)
    monkeypatch.setattr("fields.restore.filling.cover", few)
    assert len(few(~known.numpy())) == 4
    parts = result(task)
    assert psnr(parts, whole) > 40
    assert abs(psnr(parts, task.pixels) - psnr(whole, task.pixels)) < 3


def test_noise_removed_by_parts_leaves_no_seam(waves, monkeypatch, rng):
    pixels = waves(60, 64, 1)
    task = DenoiseTask(pixels + 0.1 * torch.randn(pixels.shape, generator=rng), sigma=0.1)
    whole = result(task)
    monkeypatch.setattr("fields.restore.cleaning.LARGEST", 32)
    monkeypatch.setattr("fields.restore.cleaning.MARGIN", 20)
    parts = result(task)
    assert not torch.equal(parts, whole)
    assert psnr(parts, whole) > psnr(whole, pixels)
    assert abs(psnr(parts, pixels) - psnr(whole, pixels)) < 1


@pytest.mark.parametrize("scale", [2.0, 1.5])
def test_a_picture_enlarged_by_parts_has_no_seam(scale, waves, monkeypatch):
    task = UpscaleTask(waves(20, 50, 1), scale=scale)
    whole = result(task)
    monkeypatch.setattr("fields.restore.enlarging.LARGEST", 16)
    parts = result(task)
    assert not torch.equal(parts, whole)
    assert (parts - whole).abs().max() < 0.01


# --- noise ---


@pytest.mark.parametrize("sigma", [0.05, 0.2])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_removed(sigma, told, channels, waves, rng):
    clean = waves(40, 48, channels)
    noisy = clean + sigma * torch.randn(clean.shape, generator=rng)
    found = result(DenoiseTask(noisy, sigma=sigma if told else None))
    assert psnr(found, clean) > psnr(noisy, clean) + 8


def test_no_noise_is_no_work(picture):
    reports, found = run(DenoiseTask(picture, sigma=0.0))
    assert reports[-1].step == 0
    torch.testing.assert_close(found, picture, rtol=0, atol=2e-6)


def test_edges_survive_the_cleaning(rng):
    clean = disc(48)
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=rng)
    found = result(DenoiseTask(noisy, sigma=0.1))
    assert psnr(found, clean) > psnr(noisy, clean) + 6


def test_alpha_stays_as_it_is(waves, rng):
    pixels = waves(20, 24, 4)
    pixels[..., :3] += 0.1 * torch.randn(20, 24, 3, generator=rng)
    found = result(DenoiseTask(pixels, sigma=0.1, colours=3))
    torch.testing.assert_close(found[..., 3], pixels[..., 3], rtol=0, atol=1e-5)
    alone = result(DenoiseTask(pixels[..., :3].contiguous(), sigma=0.1))
    torch.testing.assert_close(found[..., :3], alone, rtol=0, atol=1e-6)


def test_held_out_pixels_are_cleaned_unseen(waves, rng):
    clean = waves(40, 48, 1)
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=rng)
    known = hidden((40, 48), 0.1, seed=5)
    found = result(DenoiseTask(noisy, known, ~known, sigma=0.1))
    for part in (known, ~known):
        assert psnr(found[part], clean[part]) > psnr(noisy[part], clean[part]) + 8
    spoiled = torch.where(known[..., None], noisy, 0.5)
    assert torch.equal(result(DenoiseTask(spoiled, known, ~known, sigma=0.1)), found)


# --- larger pictures ---


@pytest.mark.parametrize(
    ("blur", "scale", "least"),
    [("box", 2.0, 45), ("box", 3.0, 45), ("box", 1.5, 45), ("box", 1.0, 45), ("gaussian", 2.0, 40),
     ("none", 2.0, 40)],
)  # fmt: skip
def test_made_small_again_it_is_what_was_given(blur, scale, least, rng):
    small = shrunk(disc(96, 3), (24, 24))
    task = UpscaleTask(small, scale=scale, blur=blur)
    found = result(task)
    assert found.shape == (round(24 * scale), round(24 * scale), 3)
    assert psnr(shrunk(found, (24, 24), blur), small) > least


@pytest.mark.parametrize(("size", "scale"), [((21, 30), 2.5), ((7, 31), 1.3), ((30, 9), 3.7)])
def test_sizes_that_are_rounded_will_do(size, scale, waves):
    task = UpscaleTask(waves(*size), scale=scale)
    found = result(task)
    assert found.shape[:2] == task.drawn
    assert psnr(shrunk(found, size), task.pixels) > 35


def test_a_step_does_not_ring():
    small = torch.full((20, 20, 1), 0.2)
    small[:, 10:] = 0.8
    found = result(UpscaleTask(small, scale=2.0))
    dark, bright = found[:, :20], found[:, 20:]
    assert max(0.2 - found.min(), found.max() - 0.8) < 0.15 * 0.6
    assert dark[:, :12].sub(0.2).abs().max() < 0.01
    assert bright[:, 8:].sub(0.8).abs().max() < 0.01


@pytest.mark.parametrize("channels", [1, 3])
def test_it_beats_bicubic(channels):
    large = shrunk(disc(192, channels), (64, 64))
    small = shrunk(large, (32, 32))
    found = result(UpscaleTask(small, scale=2.0))
    assert psnr(found, large) > psnr(bicubic(small), large) + 2


def test_the_score_is_of_the_picture_made_small(waves):
    task = UpscaleTask(waves(20, 24), scale=2.0)
    *_, end = fit(task, config_for(task))
    assert task.evaluate(end.field)["psnr"] > 45
