"""Pictures as tasks: masks, bytes, and honest numbers."""

import math

import pytest
import torch

from fields import MLP, FieldSpec, ImageTask, UpscaleTask
from fields import picture as draw
from fields.encodings import Fourier, Identity
from fields.render import strips


@pytest.fixture
def field(rng):
    return FieldSpec(encoding=Fourier(frequencies=8)).build(2, 3, rng)


def test_bytes_stand_for_their_share_of_255(picture):
    levels = (picture * 255).round().to(torch.uint8)
    index = torch.tensor([0, 5, 700])
    exact = ImageTask(levels.float() / 255)
    assert torch.equal(ImageTask(levels).values(index), exact.values(index))


def test_deep_pixels_stand_for_their_share_of_65535(picture, rng):
    levels = (picture * 65535).round()
    exact, deep = ImageTask(levels / 65535), ImageTask(levels.int().to(torch.uint16))
    index = torch.tensor([0, 5, 700])
    assert torch.equal(deep.values(index), exact.values(index))
    assert torch.equal(deep.values(slice(3, 9)), exact.values(slice(3, 9)))
    assert deep.values(slice(0, 24)).max() > 0.5  # the upper half of the range is not negative
    draws = [next(t.batches(99, torch.Generator().manual_seed(0))) for t in (deep, exact)]
    assert all(map(torch.equal, *draws))


def test_masks_are_gone_through_in_parts(picture, rng, monkeypatch):
    known = torch.rand(24, 32, generator=rng) < 0.7
    whole = ImageTask(picture, known=known).pool
    monkeypatch.setattr("fields.tasks.image.MASK_PART", 100)
    parts = ImageTask(picture, known=known).pool
    assert parts.dtype == torch.int32
    assert torch.equal(parts, whole)
    assert torch.equal(parts.long(), known.flatten().nonzero().flatten())


def test_only_known_pixels_count(picture, field):
    known = torch.zeros(24, 32, dtype=torch.bool)
    known[:, ::2] = True
    spoiled = torch.where(known[..., None], picture, 123.0)
    a, b = (ImageTask(p, known=known) for p in (picture, spoiled))
    a.prepare(field)
    shift = field.shift.clone()
    b.prepare(field)
    assert torch.equal(shift, field.shift)
    draws = [next(t.batches(99, torch.Generator().manual_seed(0))) for t in (a, b)]
    assert a.loss(field, draws[0]) == b.loss(field, draws[1])
    assert a.evaluate(field)["psnr"] == b.evaluate(field)["psnr"]


def test_held_out_pixels_are_measured_and_named(picture, field):
    known = torch.rand(24, 32) < 0.5
    found = ImageTask(picture, known=known, heldout=~known).evaluate(field)
    assert set(found) == {"psnr", "ssim", "heldout_psnr", "heldout_ssim"}
    assert set(ImageTask(picture).evaluate(field)) == {"psnr", "ssim"}


def test_a_field_starts_centred_on_the_data(picture, field):
    task = ImageTask(picture)
    task.prepare(field)
    torch.testing.assert_close(field.shift, picture.mean((0, 1)))
    assert 0.05 < field.scale < 0.5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"pixels": torch.zeros(3, 4)}, "pixels must be"),
        ({"pixels": torch.zeros(0, 4, 3)}, "not empty"),
        ({"pixels": torch.full((2, 2, 1), torch.nan)}, "pixels must be finite"),
        ({"known": torch.ones(3, 3, dtype=torch.bool)}, "known must be bool"),
        ({"known": torch.ones(24, 32)}, "known must be bool"),
        ({"known": torch.zeros(24, 32, dtype=torch.bool)}, "known must mark at least one pixel"),
    ],
)
def test_what_cannot_be_fitted_is_refused(picture, kwargs, message):
    with pytest.raises(ValueError, match=message):
        ImageTask(**{"pixels": picture} | kwargs)


def test_a_drawing_at_the_size_of_the_picture_is_the_field_at_its_pixels(field):
    from fields.grid import pixel_centres

    with torch.no_grad():
        wanted = field(pixel_centres(6, 9)).view(6, 9, 3)
    torch.testing.assert_close(draw(field, (6, 9)), wanted)


def test_a_region_is_part_of_the_whole(field):
    whole = draw(field, (8, 10))
    part = draw(field, (8, 10), region=(2, 1, 7, 5), out=(4, 5))
    torch.testing.assert_close(part, whole[1:5, 2:7])


def test_strips_cover_the_drawing_in_order(field, monkeypatch):
    monkeypatch.setattr("fields.render.TILE", 50)
    parts = list(strips(field, (7, 20)))
    assert [top for top, _ in parts] == [0, 2, 4, 6]
    torch.testing.assert_close(torch.cat([v for _, v in parts]), draw(field, (7, 20)))


def test_drawing_leaves_a_field_in_training(field):
    field.train()
    draw(field, (3, 3))
    assert field.training


def test_slopes_are_fitted_where_they_count():
    """A derivative weighs a wave k by k^2: noise of one pixel costs what its slopes are worth."""
    pixels = torch.rand(6, 9, 3, generator=torch.Generator().manual_seed(0))
    task = ImageTask(pixels, sobolev=0.01)
    x, values = next(task.batches(2 * 54, torch.Generator().manual_seed(1)))
    assert len(x) == 2 * 54
    apart = (x[::2] - x[1::2]).abs()
    assert torch.allclose(apart.sum(1), torch.full((54,), 2 / 9))  # neighbours along one axis
    assert {tuple((row > 0).tolist()) for row in apart} == {(True, False), (False, True)}
    field = FieldSpec(encoding=Identity(), network=MLP(depth=0)).build(2, 3, torch.Generator())
    error = field(x) - values
    slopes = (error[::2] - error[1::2]) / (2 / 9)
    wanted = (error.square().mean() + 0.01 * slopes.square().mean()).item()
    assert task.loss(field, (x, values)).item() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_weight_of_slopes_must_make_sense(bad):
    with pytest.raises(ValueError, match="sobolev"):
        ImageTask(torch.zeros(4, 4, 1), sobolev=bad)


def test_slopes_want_every_pixel():
    known = torch.ones(4, 4, dtype=torch.bool)
    known[0, 0] = False
    with pytest.raises(ValueError, match="leave sobolev out"):
        ImageTask(torch.zeros(4, 4, 1), known=known, sobolev=1.0)
    with pytest.raises(ValueError, match="leave sobolev out"):
        UpscaleTask(torch.zeros(4, 4, 1), sobolev=1.0, scale=2.0, blur="box")
