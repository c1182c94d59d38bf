"""Masks from files, at random, and by hand."""

import numpy as np
import pytest

from data import Picture, grow, invert, random_missing, read_mask, write_picture


def saved(tmp_path, pixels):
    """A PNG of these pixels."""
    path = tmp_path / "mask.png"
    write_picture(path, Picture(pixels))
    return path


def hole(height=6, width=8):
    """bool [height, width] with a small hole off the centre."""
    mask = np.zeros((height, width), bool)
    mask[1:3, 2:6] = True
    return mask


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("dtype", "half"), [(np.uint8, 128), (np.uint16, 32768)])
def test_white_from_half_up_is_to_be_filled(tmp_path, channels, dtype, half):
    pixels = np.where(hole(), half, half - 1).astype(dtype)[..., None].repeat(channels, 2)
    assert (read_mask(saved(tmp_path, pixels), (6, 8)) == hole()).all()


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 0, 0), (255, 255, 255)])
def test_a_painted_layer_counts_whatever_its_colour(tmp_path, colour):
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[hole()] = (*colour, 255)
    pixels[1, 2, 3] = 1  # the soft edge of a brush
    assert (read_mask(saved(tmp_path, pixels), (6, 8)) == hole()).all()


def test_the_soft_edge_may_change_its_colour(tmp_path):
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[hole()] = (250, 3, 0, 255)
    pixels[1, 2] = (255, 0, 0, 200)
    pixels[1, 3] = (128, 60, 60, 2)
    assert (read_mask(saved(tmp_path, pixels), (6, 8)) == hole()).all()


def test_black_and_white_with_alpha_is_seen_on_black(tmp_path):
    pixels = np.full((6, 8, 2), 255, np.uint8)
    pixels[..., 0] = np.where(hole(), 255, 0)
    pixels[0, 0] = (255, 10)
    assert (read_mask(saved(tmp_path, pixels), (6, 8)) == hole()).all()


def test_an_opaque_alpha_says_nothing(tmp_path):
    pixels = np.full((6, 8, 4), 255, np.uint8)
    pixels[..., :3] = np.where(hole(), 255, 0)[..., None]
    assert (read_mask(saved(tmp_path, pixels), (6, 8)) == hole()).all()


def test_sizes_must_agree(tmp_path):
    path = saved(tmp_path, np.zeros((6, 8, 1), np.uint8))
    with pytest.raises(ValueError, match=r"mask\.png: the mask is 8 x 6 .* picture is 9 x 6"):
        read_mask(path, (6, 9))


@pytest.mark.parametrize(("value", "words"), [(0, "nothing to fill"), (255, "nothing known")])
@pytest.mark.parametrize("channels", [1, 4])
def test_masks_of_one_kind_are_refused(tmp_path, value, words, channels):
    path = saved(tmp_path, np.full((6, 8, channels), value, np.uint8))
    with pytest.raises(ValueError, match=rf"mask\.png: {words}"):
        read_mask(path, (6, 8))


@pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.9, 0.999])
def test_random_missing_hides_the_exact_share(share):
    mask = random_missing(40, 50, share, seed=1)
    assert mask.shape == (40, 50)
    assert mask.dtype == bool
    assert mask.sum() == round(share * 2000)


def test_random_missing_always_hides_and_keeps_something():
    assert random_missing(1, 2, 0.0001, 0).sum() == 1
    assert random_missing(1, 2, 0.9999, 0).sum() == 1


def test_random_missing_follows_its_seed():
    first, again, other = (random_missing(20, 20, 0.5, seed) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("share", [0.001, 0.5, 0.9])
def test_random_missing_of_a_large_picture_goes_through_blocks(share, monkeypatch):
    monkeypatch.setattr("data.masks._BLOCK", 300)
    mask = random_missing(40, 50, share, seed=1)
    assert mask.sum() == round(share * 2000)
    assert (mask == random_missing(40, 50, share, seed=1)).all()
    mean = np.mean([random_missing(40, 50, share, seed).flatten() for seed in range(200)], axis=0)
    blocks = [part.mean() for part in np.split(mean, range(300, 2000, 300))]
    assert blocks == pytest.approx([share] * 7, rel=0.25 if share < 0.1 else 0.03)


def test_a_large_mask_is_read_in_bands(tmp_path, monkeypatch):
    monkeypatch.setattr("data.masks._BLOCK", 20)
    pixels = np.where(hole(), 255, 0).astype(np.uint8)[..., None].repeat(3, 2)
    assert (read_mask(saved(tmp_path, pixels), (6, 8)) == hole()).all()


def test_random_missing_has_no_favourite_place():
    mask = np.mean([random_missing(8, 8, 0.5, seed) for seed in range(400)], axis=0)
    assert np.abs(mask - 0.5).max() < 0.15  # six standard deviations


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_the_share_is_checked(share):
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        random_missing(4, 4, share, 0)


@pytest.mark.parametrize("size", [(1, 1), (0, 5), (-2, -2)])
def test_there_must_be_pixels_to_hide(size):
    with pytest.raises(ValueError, match="two pixels or more"):
        random_missing(*size, 0.5, 0)


def test_inverting_twice_changes_nothing():
    assert (invert(hole()) != hole()).all()
    assert (invert(invert(hole())) == hole()).all()


@pytest.mark.parametrize("pixels", [0, 1, 2, 3, 5, 8, 100])
def test_grow_reaches_every_neighbour(pixels):
    mask = np.random.default_rng(0).random((20, 33)) < 0.01
    expected = np.zeros_like(mask)
    for y, x in np.argwhere(mask):
        rows = slice(max(0, y - pixels), y + pixels + 1)
        expected[rows, max(0, x - pixels) : x + pixels + 1] = True
    assert (grow(mask, pixels) == expected).all()


def test_growing_changes_no_original():
    mask = hole()
    grow(mask, 2)
    assert (mask == hole()).all()


def test_growing_backwards_is_an_error():
    with pytest.raises(ValueError, match="pixels must be at least 0, got -1"):
        grow(hole(), -1)
