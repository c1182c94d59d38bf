import base64
import hashlib
import math
import re
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import torch

from app.charts import (
    band_names,
    colour,
    curves,
    duration,
    heat_map,
    number,
    ramp,
    spectrum,
    time_span,
)
from app.measures import SHAPE
from app.report import ranked, report_html
from app.story import headline
from app.trace import Trace
from fields import METHODS, FitConfig, PatchGroups, Snapshot
from fields.spectrum import band_power, bands

SIZE = 32, 48
EDGES = bands(*SIZE)
BANDS = len(EDGES) - 1


def frame(channels=3, size=SIZE, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (*size, channels), generator=rng, dtype=torch.uint8)


def snapshot(seconds, psnr, errors, channels=3, size=SIZE):
    return Snapshot(int(100 * seconds), seconds, 0.1, frame(channels, size), {"psnr": psnr}, errors)


def climbing(reach):
    """Relative errors of a fit that has learned the bands below `reach`."""
    return tuple(0.05 if i < reach else 0.95 for i in range(BANDS))


def trace(method="plain", psnr=21.3, *, reach=2, seconds=5.0, looks=9, channels=3, size=SIZE):
    edges = bands(*size)
    power = band_power(frame(channels, size).float() / 255, edges)
    made = Trace(method, f"{method}, as asked.", FitConfig(), edges, power)
    for i in range(looks):
        share = i / max(1, looks - 1)
        errors = climbing(round(reach * share))
        errors = (errors + errors)[: len(edges) - 1]
        now = snapshot(seconds * share**3, 10 + (psnr - 10) * share, errors, channels, size)
        made.snapshots.append(now)
    made.metrics = {"psnr": psnr, "ssim": 0.5}
    made.backend, made.parameters, made.steps = "torch", 123_456, 777
    made.seconds, made.end = seconds, "seconds"
    return made


def page(traces, **changes):
    given = {
        "title": "photo.png",
        "verb": "compare",
        "command": "fieldfit compare photo.png --seconds 5",
        "target": frame(),
        "traces": traces,
        "machine": {"cpu": "abacus", "cores": 2, "gpu": None},
        "notes": ["Seen through every second pixel."],
    }
    return report_html(**(given | changes))


class Elements(HTMLParser):
    """The elements of a page, and whether they are closed in order."""

    VOID = frozenset({"meta", "img", "input", "br", "rect", "path", "circle"})

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def of(self, tag):
        return [attrs for name, attrs in self.found if name == tag]


def words(html):
    html = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html)))


def shape_trace(method, chamfer, errors):
    """A fit of a shape: how near its mesh is in percent, and the errors along the way."""
    made = replace(trace(method), subject=SHAPE, snapshots=[], metrics={"chamfer": chamfer})
    for i, error in enumerate(errors):
        now = snapshot(0.1 * 3**i, math.nan, climbing(i))
        made.snapshots.append(replace(now, metrics={"distance_error": error}))
    return made


# --- the page ---


def test_the_page_holds_what_a_reader_looks_for():
    html = page([trace("plain"), trace("hash", 41.2, reach=BANDS)])
    text = words(html)
    for part in (
        "hash reached 41.2 dB in 5.0 s; plain stopped at 21.3 dB",
        METHODS["hash"].summary,
        METHODS["plain"].source,
        "photo.png",
        "fieldfit compare photo.png --seconds 5",
        "abacus",
        "Seen through every second pixel.",
        "123 k",
        "777",
        "time was up",
        "field.encoding",
        "cycles per picture",
        "PSNR in dB",
    ):
        assert part in text
    assert "None" not in text.split("To repeat it")[1]
    assert Elements(html).open == []


def test_methods_come_best_first():
    traces = [trace("plain", 20.0), trace("hash", 40.0), trace("siren", 30.0)]
    assert [t.method for t in ranked(traces)] == ["hash", "siren", "plain"]
    rows = re.findall(r'<th scope="row"><b[^>]*>(\w+)', page(traces))
    assert rows == ["hash", "siren", "plain"]


def test_what_was_not_shown_decides_when_it_is_known():
    traces = [trace("hash", 50.0), trace("fourier", 40.0)]
    traces[0].metrics["heldout_psnr"], traces[1].metrics["heldout_psnr"] = 20.0, 25.0
    assert [t.method for t in ranked(traces)] == ["fourier", "hash"]
    text = words(page(traces))
    assert "fourier reached 25.0 dB in 5.0 s on pixels that it never saw" in text
    heads = re.findall(r'<th scope="col">([^<]*)', page(traces))
    assert heads[1] == "held-out PSNR, dB"


def test_every_string_given_is_escaped():
    evil = "<script>alert('&')</script>"
    bad = trace(evil)
    bad.why = bad.backend = bad.end = evil
    html = page([bad, trace("hash", 40.0)], title=evil, verb=evil, command=evil, notes=[evil],
                machine={evil: evil})  # fmt: skip
    assert "<script>alert" not in html
    assert html.count("<script") == 1
    assert evil in words(html)
    assert Elements(html).open == []


def test_a_name_that_is_no_text_can_still_be_written():
    assert "caf?.png" in page([trace()], title="caf\udce9.png")
    assert page([trace()], command="fieldfit image caf\udce9.png").encode()


def test_a_picture_with_holes_is_not_called_the_original():
    assert "as given" in words(page([trace()], verb="inpaint"))
    assert "original" in words(page([trace()], verb="image"))


def test_nothing_comes_from_outside():
    html = page([trace(), trace("hash", 40.0)])
    elements = Elements(html)
    linked = [v for _, a in elements.found for k, v in a.items() if k in ("src", "href", "srcset")]
    assert linked
    assert all(v.startswith("data:image/") for v in linked)
    assert not re.search(r"https?:|@import|url\(|<link|<iframe", html)


def test_the_browser_is_told_to_run_only_the_script_of_the_page():
    html = page([trace()])
    script = re.search(r"<script>(.*?)</script>", html, re.S)
    policy = next(a["content"] for a in Elements(html).of("meta") if "http-equiv" in a)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pictures_of_every_kind_are_embedded(channels):
    html = page([trace(channels=channels)], target=frame(channels))
    images = Elements(html).of("img")
    assert len(images) > 6
    assert all(i["alt"] for i in images)
    assert all(base64.b64decode(i["src"].partition(",")[2]) for i in images)


def test_small_pictures_are_shown_pixel_by_pixel():
    mains = [i for i in Elements(page([trace()])).of("img") if "main" in i["class"]]
    assert len(mains) == 2
    assert all("crisp" in i["class"] and "/png;" in i["src"] for i in mains)


def test_rows_share_their_moments():
    html = page([trace("plain"), trace("hash", 40.0, seconds=1.0)])
    strips = re.findall(r'<div class="strip".*?</div>', html, re.S)
    assert len(strips) == 2
    assert len({len(re.findall("<figure(?![^>]*hidden)", s)) for s in strips}) == 1
    assert "ended after 1.0 s" in strips[0] + strips[1]


def test_a_comparison_of_photos_stays_small():
    size = 512, 768
    photo = cloud(*size)
    traces = []
    for method in ("plain", "positional", "fourier", "hash", "siren", "wire"):
        made = trace(method, 30.0, looks=0, size=size)
        for i in range(14):
            now = snapshot(0.01 * 2**i, 10.0 + i, (0.5,) * (len(made.edges) - 1), 1, (1, 1))
            made.snapshots.append(Snapshot(**(vars(now) | {"frame": photo})))
        traces.append(made)
    start = time.perf_counter()
    html = page(traces, target=photo)
    assert len(html) < 4_000_000
    assert time.perf_counter() - start < 30


def cloud(height, width):
    """A picture with the spectrum of a photo, amplitudes falling as 1/f, uint8 [h, w, 3]."""
    rng = torch.Generator().manual_seed(0)
    waves = torch.fft.rfft2(torch.randn(3, height, width, generator=rng))
    fy, fx = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    values = torch.fft.irfft2(waves / torch.hypot(fy, fx).clamp_min(1 / width), s=(height, width))
    values = values[:1] + 0.2 * values  # colours differ less than light does
    values = 0.5 + 0.18 * values / values.std()
    return (values.clamp(0, 1) * 255).to(torch.uint8).movedim(0, -1)


# --- what it says ---


def test_a_single_fit_says_what_it_lacks():
    assert headline([trace("plain", 21.3, reach=2)]) == (
        "plain reached 21.3 dB in 5.0 s; it still has only the lowest frequencies, "
        "up to 2 cycles per picture."
    )
    assert headline([trace("hash", 41.2, reach=BANDS)]).endswith("learned every frequency band.")
    assert headline([trace("siren", 30.0, reach=BANDS - 2)]).endswith(
        "it lacks what is finer than 16 cycles per picture."
    )


def test_patch_groups_are_not_said_to_lack_frequencies():
    """Their error is against what is spoiled, or against what they were given."""
    restored = trace("auto", 20.3, reach=2)
    restored.config = FitConfig(solver=PatchGroups())
    assert headline([restored]) == "auto restored the picture in 5.0 s."


def test_fits_that_end_level_are_called_so():
    assert headline([trace("hash", 40.0), trace("dense", 39.5)]) == (
        "Both end within 0.5 dB of each other: hash reached 40.0 dB in 5.0 s, dense 39.5 dB."
    )


def test_lost_and_interrupted_fits_are_called_so():
    lost, stopped = trace("wire", math.nan), trace("hash", 33.0)
    lost.end, stopped.end = "diverged", "interrupted"
    assert headline([lost, stopped]) == (
        "hash was interrupted at 33.0 dB after 5.0 s; wire diverged."
    )
    assert headline([lost]).startswith("wire diverged")


def test_equal_pictures_are_infinitely_near():
    html = page([trace("hash", math.inf), trace("plain", 20.0)])
    assert "hash matched the picture exactly in 5.0 s" in words(html)
    assert "∞" in html
    assert "inf" not in words(html).replace("information", "").split()


@pytest.mark.parametrize("looks", [0, 1, 2, 3, 7, 40])
@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_runs_cut_short_have_reports(looks, seconds):
    cut = trace("hash", 25.0, looks=looks, seconds=seconds)
    cut.metrics, cut.end = {}, "interrupted"
    for traces in ([cut], [cut, trace("plain")]):
        html = page(traces)
        assert Elements(html).open == []
        assert "interrupted" in words(html)


def test_no_fit_at_all_still_makes_a_page():
    assert "Nothing was fitted." in words(page([]))


def test_nan_everywhere_still_makes_a_page():
    made = trace("wire", math.nan)
    made.snapshots = [
        Snapshot(s.step, s.seconds, math.nan, s.frame, {"psnr": math.nan}, (math.nan,) * BANDS)
        for s in made.snapshots
    ]
    made.end = "diverged"
    text = words(page([made, trace("hash", 40.0)]))
    assert "wire diverged" in text
    assert not re.search(r"\bnan\b", text)


# --- charts ---


def luminance(paint):
    red, green, blue = (int(paint[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def linear(v):
    return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4


def test_the_ramp_gets_lighter_with_the_error_in_even_steps():
    light = [luminance(ramp(percent)) ** (1 / 3) for percent in range(101)]
    steps = [b - a for a, b in pairwise(light)]
    assert min(steps) > 0
    tens = [b - a for a, b in pairwise(light[::10])]
    assert max(tens) < 1.6 * min(tens)


def cells(svg):
    """Fill, top and left of the heat map's cells."""
    pattern = r'<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="21" fill="(#\w+)"'
    return [(paint, float(y), float(x)) for x, y, paint in re.findall(pattern, svg)]


def test_the_heat_map_is_dark_where_a_band_is_learned():
    made = trace(reach=3)
    drawn = cells(heat_map(made))
    last = {y: paint for paint, y, x in sorted(drawn, key=lambda c: c[2])}
    shades = [luminance(last[y]) for y in sorted(last, reverse=True)]  # from the bottom row
    assert len(shades) == BANDS
    assert max(shades[:3]) < 0.1
    assert min(shades[3:]) > 0.5


def test_the_heat_map_shows_what_is_beyond_its_ends_as_its_ends():
    made = trace(looks=1)
    made.snapshots = [snapshot(1.0, 20.0, (7.0,) * BANDS), snapshot(2.0, 20.0, (-0.0,) * BANDS)]
    assert {paint for paint, _, _ in cells(heat_map(made))} == {ramp(100), ramp(0)}


def test_bands_that_cannot_be_measured_are_hatched():
    made = trace(looks=1)
    errors = (0.1, math.nan, *(0.1,) * (BANDS - 2))
    made.snapshots = [snapshot(1.0, 20.0, errors), snapshot(2.0, 20.0, errors)]
    svg = heat_map(made)
    assert svg.count('class="nan"') == 1
    assert len({y for _, y, _ in cells(svg)}) == BANDS - 1
    assert "nan%" not in svg


def test_methods_of_one_report_share_a_time_axis():
    slow, fast = trace("plain", seconds=50.0), trace("hash", 40.0, seconds=2.0)
    span = time_span([slow, fast])
    axes = {re.findall(r'data-time="([^"]*)"', heat_map(t, span=span))[0] for t in (slow, fast)}
    assert len(axes) == 1
    assert span
    assert span[1] == 50.0


@pytest.mark.parametrize("looks", [0, 1, 2, 9])
def test_charts_are_well_formed(looks):
    made = trace("a<b&c", looks=looks)
    series = [("<&>", colour("x"), [0.0, 1.0, 2.0], [math.nan, 3.0, math.inf])]
    for svg in (
        heat_map(made),
        spectrum([made, trace("hash", 40.0)]),
        curves(series, x_label="<s>", y_label="&", x_log=True),
        curves([], x_label="seconds", y_label="PSNR"),
    ):
        ET.fromstring(svg)
        assert "nan" not in svg
        assert "inf" not in svg


def test_lines_end_with_their_names_and_values():
    series = [("hash", colour("hash"), [1, 2], [20.0, 41.25]), ("plain", "#d55e00", [1, 2], [1, 9])]
    svg = curves(series, x_label="seconds", y_label="PSNR in dB")
    assert "hash 41.2" in svg
    assert "plain 9.0" in svg


def test_names_at_the_ends_of_lines_do_not_lie_on_each_other():
    series = [(f"m{i}", "#123456", [1, 2], [1.0, 5 + i / 100]) for i in range(9)]
    svg = curves(series, x_label="seconds", y_label="PSNR")
    places = sorted(float(y) for y in re.findall(r'y="([\d.]+)"[^>]*font-weight="600"', svg))
    assert len(places) == 9
    assert all(b - a > 15 for a, b in pairwise(places))


def test_a_fit_that_has_nothing_lacks_all_the_power_of_the_picture():
    made = trace(looks=1)
    made.snapshots = [snapshot(1.0, 10.0, (1.0,) * BANDS)]
    paths = re.findall(r'<path d="(M[^"]*)" stroke-width="2', spectrum([made]))
    assert len(paths) == 2
    assert paths[0] == paths[1]


def test_methods_have_their_own_colours():
    assert len({colour(m) for m in METHODS}) == len(METHODS)
    assert colour("something new") == colour("something new")
    assert all(0.08 < luminance(colour(m)) < 0.6 for m in METHODS)  # seen on white and on black


def test_bands_are_named_by_their_cycles():
    assert band_names(bands(512, 768)) == [
        "mean", "1–2", "2–4", "4–8", "8–16", "16–32", "32–64", "64–128", "128–256", "256–384",
        "> 384",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.05, "0.05"), (1.25, "1.25"), (-3, "−3"), (384, "384"), (12000, "12,000"),
     (1e-6, "10⁻⁶"), (2.5e-5, "2.5·10⁻⁵"), (math.nan, "–"), (math.inf, "∞")],
)  # fmt: skip
def test_numbers_read_well(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.0042, "0.0042 s"), (0.05, "0.05 s"), (5.04, "5.0 s"), (12.2, "12 s"),
     (119.7, "2 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (math.nan, "–")],
)  # fmt: skip
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text
