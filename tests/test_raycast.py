"""Shaded pictures of signed distance fields."""

import math

import pytest
import torch
from torch import Tensor

from fields import lighting
from fields.raycast import Camera, shade

FRONT = Camera(azimuth=0, elevation=0)


def sphere(x: Tensor) -> Tensor:
    return x.norm(dim=1) - 0.7


def cube(x: Tensor) -> Tensor:
    return x.abs().amax(1) - 0.5


def lit(picture: Tensor) -> Tensor:
    return picture[..., :3].float().mean(-1)


@pytest.mark.parametrize("size", [(64, 64), (40, 71), (5, 3), (1, 1)])
def test_a_sphere_covers_a_disc(size):
    picture = shade(sphere, size, FRONT)
    assert picture.shape == (*size, 4)
    assert picture.dtype == torch.uint8
    h, w = size
    apparent = 0.7 / math.sqrt(1 - (0.7 / FRONT.distance) ** 2) / FRONT.pixel(size)
    y, x = torch.arange(h) + 0.5 - h / 2, torch.arange(w) + 0.5 - w / 2
    off = torch.hypot(y[:, None], x) - apparent
    assert (picture[off < -1][:, 3] == 255).all()
    assert (picture[off > 1] == 0).all()


def test_silhouettes_are_symmetric_and_smooth():
    opacity = shade(sphere, (64, 64), FRONT)[..., 3].int()
    assert (opacity - opacity.flip(0)).abs().float().mean() < 1
    assert (opacity - opacity.flip(1)).abs().float().mean() < 1
    assert ((opacity > 0) & (opacity < 255)).sum() > 60


def test_light_comes_from_above_on_the_left():
    picture = lit(shade(sphere, (64, 64), FRONT))
    assert picture[22, 24] > picture[32, 32] > picture[46, 44] > 0


@pytest.mark.parametrize("up", ["y", "z"])
def test_the_camera_sees_what_it_is_turned_to(up):
    """A sphere in front of the middle, seen from each side, moves the way it should."""

    def at(*centre: float):
        return lambda x: (x - torch.tensor(centre)).norm(dim=1) - 0.2

    def middle(picture: Tensor) -> tuple[float, float]:
        y, x = picture[..., 3].nonzero().float().mean(0)
        return float(x) - 31.5, float(y) - 31.5

    aside = at(0.6, 0, 0)
    above = at(0, 0.6, 0) if up == "y" else at(0, 0, 0.6)
    front = at(0, 0, 0.6) if up == "y" else at(0, -0.6, 0)

    def seen(field, azimuth, elevation):
        camera = Camera(azimuth=azimuth, elevation=elevation, up=up)
        return middle(shade(field, (64, 64), camera))

    assert seen(aside, 0, 0) == pytest.approx((16, 0), abs=1)
    assert seen(aside, 90, 0) == pytest.approx((0, 0), abs=1)
    assert seen(aside, 180, 0) == pytest.approx((-16, 0), abs=1)
    assert seen(front, 90, 0) == pytest.approx((-16, 0), abs=1)
    assert seen(above, 70, 0) == pytest.approx((0, -16), abs=1)
    assert seen(above, 0, 90) == pytest.approx((0, 0), abs=1)
    assert seen(front, 0, 90) == pytest.approx((0, 16), abs=1)


def test_axes_are_a_right_handed_frame():
    for camera in (Camera(), Camera(azimuth=200, elevation=-70), Camera(up="z")):
        axes = camera.axes
        torch.testing.assert_close(axes @ axes.T, torch.eye(3))
        assert float(torch.det(axes)) == pytest.approx(1)


def test_framed_points_fill_the_picture(rng):
    points = torch.randn(500, 3, generator=rng)
    points = 0.5 * points / points.norm(dim=1, keepdim=True)
    for size in ((60, 60), (40, 100), (100, 40)):
        camera = Camera().framing(points, size)
        opacity = shade(lambda x: x.norm(dim=1) - 0.5, size, camera)[..., 3] > 0
        extent = max(int(opacity.any(axis).sum()) for axis in (0, 1))
        assert 0.87 < extent / min(size) < 0.97


@pytest.mark.parametrize(
    "field",
    [
        lambda x: torch.ones(len(x)),
        lambda x: torch.full((len(x),), math.nan),
        lambda x: torch.full((len(x),), math.inf),
        lambda x: torch.full((len(x),), 0.02),
    ],
    ids=["far", "nan", "infinite", "creeping"],
)
def test_without_a_surface_there_is_the_background(field):
    assert (shade(field, (24, 24)) == 0).all()


def test_wild_values_still_make_a_picture(rng):
    def wild(x: Tensor) -> Tensor:
        values = 10 ** (6 * torch.randn(len(x), generator=rng))
        values *= torch.randn(len(x), generator=rng).sign()
        return torch.where(torch.rand(len(x), generator=rng) < 0.2, math.nan, values)

    assert shade(wild, (40, 40)).shape == (40, 40, 4)


def test_inside_everywhere_shows_the_box():
    inside = shade(lambda x: torch.full((len(x),), -3.0), (48, 48), Camera(zoom=0.5))
    box = shade(lambda x: x.abs().amax(1) - 1 + 1e-6, (48, 48), Camera(zoom=0.5))
    assert (inside.int() - box.int()).abs().float().mean() < 1


@pytest.mark.parametrize("slope", [0.5, 2.5])
def test_a_field_need_not_be_a_distance(slope):
    true, other = (shade(field, (96, 96)).int() for field in (sphere, lambda x: slope * sphere(x)))
    assert ((true - other).abs().amax(-1) > 20).float().mean() < 0.02


def test_colours_are_those_of_the_place():
    picture = shade(sphere, (48, 48), FRONT, colours=lambda x: (x > 0).float().expand(-1, 3))
    left, right = picture[24, 14], picture[24, 34]
    assert left[0] < right[0]
    red = shade(cube, (48, 48), FRONT, colours=lambda x: torch.tensor([[0.9, 0.1, 0.1]]) + 0 * x)
    assert red[24, 24, 0] > 2 * red[24, 24, 1]


def test_a_hollow_is_darker_than_a_plain():
    def wall(x: Tensor) -> Tensor:
        return x[:, 2]

    def pit(x: Tensor) -> Tensor:
        hole = torch.maximum(torch.hypot(x[:, 0], x[:, 1]) - 0.08, -x[:, 2] - 0.4)
        return torch.maximum(x[:, 2], -hole)

    plain, hollow = (lit(shade(field, (48, 48), FRONT)) for field in (wall, pit))
    assert hollow[23:25, 23:25].mean() < 0.9 * plain[23:25, 23:25].mean()
    assert hollow[8, 8] == plain[8, 8]


def test_few_evaluations_are_made():
    count = 0

    def counted(x: Tensor) -> Tensor:
        nonlocal count
        count += len(x)
        return sphere(x)

    shade(counted, (128, 128))
    assert count < 18 * 128**2


def test_colours_survive_the_way_through_linear_light():
    colours = torch.linspace(0, 1, 256)[:, None].expand(-1, 3)
    solid = torch.cat([lighting.decoded(colours), torch.ones(256, 1)], dim=1)
    assert torch.equal(lighting.encoded(solid)[:, 0], torch.arange(256, dtype=torch.uint8))


def test_an_empty_size_is_refused():
    with pytest.raises(ValueError, match="at least 1 × 1"):
        shade(sphere, (0, 5))
