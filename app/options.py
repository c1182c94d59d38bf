"""The flags of each verb, as dataclasses. Nothing heavy is imported: `--help` must be quick."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

METHOD_HELP = (
    "plain, positional, fourier, multifourier, hash, dense, spline, siren, wire or finer; "
    "auto picks one for the data, and says why"
)


# What a flag takes, as its help shows it; flags that are left out say nothing of a default.
Number = Annotated[float | None, arg(metavar="NUMBER", help_behavior_hint="")]
Whole = Annotated[int | None, arg(metavar="N", help_behavior_hint="")]
Share = Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="")]
File = Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")]
Folder = Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="")]
Names = Annotated[
    tuple[str, ...] | None, arg(metavar="NAME [NAME ...]", help_behavior_hint="")
]
Text = Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"] | None, arg(metavar="auto|cpu|cuda", help_behavior_hint="")
]
Backend = Annotated[
    Literal["auto", "torch", "numba", "triton", "tinycudann"] | None,
    arg(metavar="auto|torch|numba|triton|tinycudann", help_behavior_hint=""),
]


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Flags of every verb that fits a field."""

    seconds: Number = None
    """Seconds of fitting at most. Without a bound, the method takes its own number of steps."""
    steps: Whole = None
    """Steps at most."""
    psnr: Number = None
    """Stop once this PSNR in dB is reached."""
    seed: Whole = None
    """Seed of the initialisation and of the sampling; equal seeds give equal runs."""
    device: Device = None
    """Where to compute; auto is cuda where there is one."""
    backend: Backend = None
    """Kernels to use; auto is the fastest that works."""
    out: Folder = None
    """Directory for the results; runs/<time>-<name> by default."""
    json: bool = False
    """Print run.json's object as the only line on stdout."""
    config: File = None
    """A run.json to repeat, or its "config" alone. Flags given beside it win."""
    max_megapixels: float = 100.0
    """Refuse larger pictures."""


@dataclass(frozen=True, kw_only=True)
class MethodOptions(FitOptions):
    """Flags of the verbs that fit one field."""

    method: Annotated[
        str | None, arg(help=METHOD_HELP, metavar="NAME", help_behavior_hint="")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ImageOptions(MethodOptions):
    """Reconstruct a picture: fit a field to its pixels and draw it."""

    photo: Positional[Path]
    """PNG, JPEG, WebP, TIFF or BMP."""
    holdout: Share = None
    """Share of the pixels to keep out of the fit; `heldout_psnr` is then measured on them."""


@dataclass(frozen=True, kw_only=True)
class InpaintOptions(MethodOptions):
    """Fill the holes of a picture from what is around them."""

    photo: Positional[Path]
    """PNG, JPEG, WebP, TIFF or BMP."""
    mask: Positional[Path | None] = None
    """A picture of the same size, white where PHOTO is to be filled."""
    missing: Share = None
    """Instead of a mask: hide this share of the pixels at random, and measure how well they
    are filled."""


Rule = Annotated[
    Literal["heldout", "variance", "discrepancy"] | None,
    arg(metavar="heldout|variance|discrepancy", help_behavior_hint=""),
]


@dataclass(frozen=True, kw_only=True)
class NoiseOptions:
    """Flags about a picture's noise."""

    stop: Rule = None
    """When to stop. heldout, the default: the error is least on pixels that are held out.
    variance: the picture rests (for networks, not for grids). discrepancy: what is left over is as
    large as the noise."""
    sigma: Number = None
    """Standard deviation of the noise for values from 0 to 255, whatever the picture's depth:
    25 is 25/255 of the range. Estimated from the picture if it is left out."""
    clean: File = None
    """The same picture without noise, to measure against. It has no part in the fit or in the
    choice of the stop."""
    noise: Number = None
    """To try it out: add white noise of this standard deviation (of 255) to PHOTO first, and
    measure against PHOTO."""


@dataclass(frozen=True, kw_only=True)
class DenoiseOptions(NoiseOptions, MethodOptions):
    """Remove the noise of a picture: fit a field to it, and stop before the noise is learned."""

    photo: Positional[Path]
    """PNG, JPEG, WebP, TIFF or BMP."""


BlurFlag = Annotated[
    Literal["box", "gaussian", "none"] | None,
    arg(metavar="box|gaussian|none", help_behavior_hint=""),
]


@dataclass(frozen=True, kw_only=True)
class EnlargeOptions:
    """Flags about a picture's enlargement."""

    scale: Number = None
    """Factor to enlarge by, from 1 to 16, such as 2.5; 2 if it is left out."""
    blur: BlurFlag = None
    """How the pixels came from those of the larger picture: as means over their squares (box, the
    default), as means under a Gaussian of half a pixel's deviation, or as the values at their
    centres (none)."""
    reduce: bool = False
    """To try it out: shrink PHOTO by the factor first, and measure against PHOTO. The factor must
    be whole; what does not fill a square is cut off."""


@dataclass(frozen=True, kw_only=True)
class UpscaleOptions(EnlargeOptions, MethodOptions):
    """Enlarge a picture: find the larger one that its pixels were made from.

    `psnr` and `ssim` say whether the result, shrunk again, is the picture that was given;
    `clean_psnr` and `clean_ssim`, with --reduce, how good it is.
    """

    photo: Positional[Path]
    """PNG, JPEG, WebP, TIFF or BMP."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions(NoiseOptions, EnlargeOptions, FitOptions):
    """Give several methods the same budget on one picture, and draw them side by side."""

    input: Positional[Path]
    """PNG, JPEG, WebP, TIFF or BMP."""
    methods: tuple[str, ...] = ("plain", "fourier", "multifourier", "hash")
    """Methods to compare."""
    task: Annotated[
        Literal["fit", "inpaint", "denoise", "upscale"] | None,
        arg(metavar="fit|inpaint|denoise|upscale", help_behavior_hint=""),
    ] = None
    """What they are to do: denoise takes the flags about noise, upscale those about the
    enlargement. To fit, or to fill if --mask or --missing is given, if it is left out."""
    holdout: Share = None
    """Share of the pixels to keep out of the fit and to measure on."""
    mask: File = None
    """A picture of the same size, white where the input is to be filled."""
    missing: Share = None
    """Hide this share of the pixels at random, and measure how well they are filled."""


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """Draw a saved field at any size."""

    field: Positional[Path]
    """A field.safetensors."""
    size: Text = None
    """Size of the drawing as WIDTHxHEIGHT; one of both may be left out (1024x). The size of the
    picture that was fitted by default."""
    region: Text = None
    """Part to draw, x0,y0,x1,y1 in pixels of the picture that was fitted."""
    out: File = None
    """Picture to write, its kind by its ending (png or tiff); render.png beside the field by
    default."""
    depth: Annotated[Literal[8, 16] | None, arg(metavar="8|16", help_behavior_hint="")] = None
    """Bits a value; as in the picture that was fitted by default."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    backend: Literal["auto", "torch", "numba", "triton", "tinycudann"] = "auto"
    """Kernels to use."""
    json: bool = False
    """Print one JSON object on stdout."""


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Measure this machine's speed beside plain PyTorch, and quality beside what people use."""

    kind: Positional[Literal["image", "images", "encodings"]]
    """image: a training step on every backend, and the time to 30, 35 and 40 dB of every method.
    images: holes filled, noise removed and pictures enlarged, beside OpenCV, scikit-image, Pillow
    and BM3D where they are installed.
    encodings: held-out PSNR of the encodings of "Fourier Features Let Networks Learn ..."."""
    input: Positional[Path | None] = None
    """image: a picture (astronaut by default). images, encodings: a directory of pictures."""
    seconds: float = 5.0
    """image: seconds for each method."""
    pictures: Whole = None
    """images, encodings: only the first so many."""
    side: int = 256
    """images: shrink larger pictures to so many pixels on the longest side; 0 leaves them."""
    tasks: tuple[Literal["inpaint", "denoise", "upscale"], ...] = ("inpaint", "denoise", "upscale")
    """images: what is to be done with the pictures."""
    masks: tuple[str, ...] = ("random50", "random70", "random90", "text", "scratches", "blocks")
    """images: kinds of holes to fill."""
    sigmas: tuple[float, ...] = (15.0, 25.0, 50.0)
    """images: spreads of the noise to remove, for values up to 255."""
    scales: tuple[int, ...] = (2, 3, 4)
    """images: factors to enlarge by."""
    seeds: int = 3
    """images: masks of each kind, and draws of the noise."""
    methods: Names = None
    """images: only these, such as fieldfit, hash, telea, biharmonic or bm3d."""
    steps: int = 2000
    """encodings: steps of each fit."""
    batch: int = 4096
    """encodings: pixels a step; 65536 is the published full batch of a 512x512 picture."""
    sigma: float = 10.0
    """encodings: spread of the Gaussian features, 10 for photos and 14 for text as published."""
    octaves: float = 6.0
    """encodings: log2 of the highest positional frequency, 6 for photos and 5 for text."""
    plain_lr: float = 1e-2
    """encodings: learning rate of none and basic, 1e-2 for photos and 1e-3 for text."""
    out: Folder = None
    """Directory in which to keep what is done, so that a second call goes on from there."""
    json: bool = False
    """Print one JSON object on stdout."""


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """Say what is installed, which backends work, and why the others do not."""

    json: bool = False
    """Print one JSON object on stdout."""


@dataclass(frozen=True, kw_only=True)
class AppOptions:
    """Open the web page. It is served on this machine alone."""

    port: int = 7860
    """Port to serve on; the next free one is taken if it is in use."""
    host: str = "127.0.0.1"
    """Address to serve on. Others than this machine's own need --auth."""
    auth: Text = None
    """NAME:PASSWORD that the page asks for."""
    open: bool = True
    """The page opens in the browser, unless this is given."""
    runs: Path = Path("runs")
    """Directory that keeps the runs."""
    max_megapixels: float = 40.0
    """Refuse larger pictures."""
    max_seconds: float = 600.0
    """Longest budget of a run."""
