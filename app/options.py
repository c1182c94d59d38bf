"""The flags of each verb, as dataclasses. Nothing heavy is imported: `--help` must be quick."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

METHOD_HELP = (
    "plain, positional, fourier, multifourier, hash, dense, spline, siren, wire, finer, adaptive, "
    "mscale1, mscale2, phase or multistage; auto picks one for the data, and says why"
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


@dataclass(frozen=True, kw_only=True)
class PictureOptions(FitOptions):
    """Flags of every verb that fits a field to a picture."""

    psnr: Number = None
    """Stop once this PSNR in dB is reached."""
    max_megapixels: float = 100.0
    """Refuse larger pictures."""


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """Flags of the verbs that fit one field."""

    method: Annotated[
        str | None, arg(help=METHOD_HELP, metavar="NAME", help_behavior_hint="")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ImageOptions(MethodOptions, PictureOptions):
    """Reconstruct a picture: fit a field to its pixels and draw it."""

    photo: Positional[Path]
    """PNG, JPEG, WebP, TIFF or BMP."""
    holdout: Share = None
    """Share of the pixels to keep out of the fit; `heldout_psnr` is then measured on them."""
    sobolev: Annotated[float | None, arg(metavar="WEIGHT", help_behavior_hint="")] = None
    """Fit the slope too, with this weight beside the values (try 1e-4); 0 if it is left out."""


@dataclass(frozen=True, kw_only=True)
class InpaintOptions(MethodOptions, PictureOptions):
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
class DenoiseOptions(NoiseOptions, MethodOptions, PictureOptions):
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
class UpscaleOptions(EnlargeOptions, MethodOptions, PictureOptions):
    """Enlarge a picture: find the larger one that its pixels were made from.

    `psnr` and `ssim` say whether the result, shrunk again, is the picture that was given;
    `clean_psnr` and `clean_ssim`, with --reduce, how good it is.
    """

    photo: Positional[Path]
    """PNG, JPEG, WebP, TIFF or BMP."""


MeshFormat = Annotated[
    Literal["ply", "obj", "stl", "glb"] | None,
    arg(metavar="ply|obj|stl|glb", help_behavior_hint=""),
]


@dataclass(frozen=True, kw_only=True)
class MeshOptions:
    """Flags about the mesh that a shape's field is made into, and about reading shapes."""

    resolution: Whole = None
    """Cells along an edge of the box around the shape, 8 to 1024, of which the mesh is made; 256 if
    it is left out."""
    format: MeshFormat = None
    """Kind of file for the mesh; ply if it is left out. stl has no colours."""
    max_points: Whole = None
    """Refuse shapes of more points than this, 20 million if it is left out."""
    max_megabytes: Number = None
    """Refuse larger files, 2048 if it is left out."""


@dataclass(frozen=True, kw_only=True)
class CloudOptions:
    """Flags about a cloud of points."""

    flip: bool = False
    """Turn the shape inside out."""
    scanner: Annotated[str | None, arg(metavar="X,Y,Z", help_behavior_hint="")] = None
    """Where the points were seen from, in their coordinates; it tells what is outside."""
    trim: Annotated[float | None, arg(metavar="DIST", help_behavior_hint="")] = None
    """Leave open what is further than this from every point, in the points' unit. Closed if it is
    left out."""
    objective: Annotated[
        Literal["distances", "derivatives"] | None,
        arg(metavar="distances|derivatives", help_behavior_hint=""),
    ] = None
    """What is asked of the field: its distances, the default; or by exact derivatives that it is 0
    on the points, rises along their normals, and has slope 1, as SIREN and DiGS do. Slow."""


@dataclass(frozen=True, kw_only=True)
class PointsOptions(CloudOptions, MeshOptions, MethodOptions, FitOptions):
    """Make a watertight mesh of a cloud of points: fit a signed distance field to it."""

    cloud: Positional[Path]
    """PLY, OBJ, XYZ, PCD, NPY and others; of a mesh its vertices."""
    holdout: Share = None
    """Share of the points to keep out of the fit; `heldout_chamfer` and others are then measured on
    them."""


@dataclass(frozen=True, kw_only=True)
class MeshVerbOptions(MeshOptions, MethodOptions, FitOptions):
    """Fit a signed distance field to a mesh, and make a watertight mesh of it."""

    mesh: Positional[Path]
    """PLY, OBJ, STL, OFF or GLB; it may have holes."""


Columns = Annotated[
    tuple[str, ...] | None, arg(metavar="COLUMN [COLUMN ...]", help_behavior_hint="")
]


@dataclass(frozen=True, kw_only=True)
class SignalOptions:
    """Flags about a signal."""

    domain: Annotated[str | None, arg(metavar="LOW,HIGH", help_behavior_hint="")] = None
    """Of a formula: where x runs, such as -1,1; -pi,pi if it is left out."""
    samples: Whole = None
    """Of a formula: how many values are taken, evenly; 1024 if it is left out."""
    columns: Columns = None
    """Of a file: the columns to read, by name or number from 1. The first is x, if there are two or
    more; of sound, which has its time, they are the channels."""
    sobolev: Annotated[float | None, arg(metavar="WEIGHT", help_behavior_hint="")] = None
    """Fit the derivative too, with this weight beside the values; 0 if it is left out."""


@dataclass(frozen=True, kw_only=True)
class SignalVerbOptions(SignalOptions, MethodOptions, FitOptions):
    """Fit a one-dimensional signal: a file of numbers, a sound, or a formula of x."""

    input: Annotated[Positional[str], arg(metavar="FILE|FORMULA")]
    """CSV, TSV, TXT, WAV, NPY or NPZ; a formula such as "sin(3*x) + x^2"; or a sample: sines,
    square, chirp, steps, jump, noisy or voices."""
    psnr: Number = None
    """Stop once this PSNR in dB, beside the signal's range, is reached."""
    holdout: Share = None
    """Share of the samples to keep out of the fit; `heldout_rel_l2` is then measured on them."""


# Flags of `compare` that say something of shapes alone, of signals alone, and of pictures alone.
SHAPE_FLAGS = (
    "resolution", "format", "max_points", "max_megabytes", "flip", "scanner", "trim",
    "objective",
)  # fmt: skip
SIGNAL_FLAGS = ("domain", "samples", "columns", "sobolev")
PICTURE_FLAGS = (
    "psnr", "task", "mask", "missing", "stop", "sigma", "clean", "noise", "scale", "blur", "reduce",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CompareOptions(
    SignalOptions, CloudOptions, MeshOptions, NoiseOptions, EnlargeOptions, PictureOptions
):
    """Give several methods the same budget on one picture, shape or signal, and draw them side by
    side."""

    input: Positional[Path]
    """A picture: PNG, JPEG, WebP, TIFF or BMP; a shape: PLY, OBJ, STL, GLB, XYZ and others; or a
    signal: WAV, a table of one or two columns, or a formula."""
    methods: tuple[str, ...] = ("plain", "fourier", "multifourier", "hash")
    """Methods to compare."""
    parameters: Whole = None
    """Give every method a field of at most so many parameters, its widest. Each has its own size if
    it is left out."""
    task: Annotated[
        Literal["fit", "inpaint", "denoise", "upscale", "signal"] | None,
        arg(metavar="fit|inpaint|denoise|upscale|signal", help_behavior_hint=""),
    ] = None
    """What they are to do: denoise takes the flags about noise, upscale those about the
    enlargement; signal says that a table of three columns or more is no shape. To fit, or to fill
    if --mask or --missing is given, if it is left out."""
    holdout: Share = None
    """Share of the pixels, points or samples to keep out of the fit and to measure on."""
    mask: File = None
    """A picture of the same size, white where the input is to be filled."""
    missing: Share = None
    """Hide this share of the pixels at random, and measure how well they are filled."""


Degrees = Annotated[float | None, arg(metavar="DEGREES", help_behavior_hint="")]
Up = Annotated[Literal["y", "z"] | None, arg(metavar="y|z", help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class FieldOptions:
    """Flags of the verbs that make something of a saved field."""

    field: Positional[Path]
    """A field.safetensors."""
    size: Text = None
    """Size of the drawing as WIDTHxHEIGHT; one of both may be left out (1024x). The size of the
    picture that was fitted by default; of a shape, 1024x1024."""
    azimuth: Degrees = None
    """Of a shape: from how far to the right it is seen, 30 if it is left out; 0 is its front."""
    elevation: Degrees = None
    """Of a shape: from how far above the horizon it is seen, 20 if it is left out."""
    up: Up = None
    """Of a shape: the axis that points up, y if it is left out."""
    resolution: Whole = None
    """Of a shape: cells along an edge of the box, of which a mesh is made; 256 if it is left
    out."""
    samples: Whole = None
    """Of a signal: how many samples to take, evenly; as many as were fitted if it is left out."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    backend: Literal["auto", "torch", "numba", "triton", "tinycudann"] = "auto"
    """Kernels to use."""
    json: bool = False
    """Print one JSON object on stdout."""


@dataclass(frozen=True, kw_only=True)
class RenderOptions(FieldOptions):
    """Draw a saved field at any size."""

    region: Text = None
    """Part to draw, x0,y0,x1,y1 in pixels of the picture that was fitted."""
    out: File = None
    """Picture to write, its kind by its ending (png or tiff); render.png beside the field by
    default. Of a shape also its mesh (ply, obj, stl or glb); of a signal its samples (csv, or wav
    of sound)."""
    depth: Annotated[Literal[8, 16] | None, arg(metavar="8|16", help_behavior_hint="")] = None
    """Bits a value; as in the picture that was fitted by default."""


@dataclass(frozen=True, kw_only=True)
class ExportOptions(FieldOptions):
    """Write what a saved field holds as a file for other programs."""

    to: Annotated[
        Literal["ply", "obj", "stl", "glb", "png", "tiff", "numpy", "onnx", "html"],
        arg(metavar="FORMAT"),
    ]
    """ply, obj, stl or glb: the mesh of a shape. png or tiff: a drawing, as `render` makes it.
    numpy: an .npz file, of a picture's values, of a shape's on a lattice, or of a signal's."""
    out: File = None
    """File to write; export.FORMAT beside the field by default."""


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """Run an experiment of the frequency principle, and say whether its claim holds.

    `list` names the studies, `all` runs them one after the other, and
    `fieldfit study NAME --help` explains one and lists its knobs, which are flags too.
    """

    name: Positional[str] = "list"
    """A study, or list, or all."""
    input: Positional[str | None] = None
    """A file of your own or, where a signal is taken, a formula such as "sin(3*x) + x^2"."""
    quick: bool = False
    """Run the short form, which ends in a few seconds."""
    seed: Whole = None
    """Seed of all that is drawn at random."""
    domain: Annotated[str | None, arg(metavar="LOW,HIGH", help_behavior_hint="")] = None
    """Of a formula: where x runs; -pi,pi if it is left out."""
    samples: Whole = None
    """Of a formula: how many values are taken, evenly; 201 if it is left out. Without one, the knob
    of this name."""
    out: Folder = None
    """Directory for the results; runs/<time>-study-NAME by default."""
    json: bool = False
    """Print run.json's object as the only line on stdout; of all, one verdict each."""


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Measure this machine's speed beside plain PyTorch, and quality beside what people use."""

    kind: Positional[Literal["image", "kernels", "images", "points", "encodings"]]
    """image: a training step on every backend, and the time to 30, 35 and 40 dB of every method.
    kernels: every kernel beside what the machine can do at most, and the step beside PyTorch's.
    images: holes filled, noise removed and pictures enlarged, beside OpenCV, scikit-image, Pillow
    and BM3D where they are installed.
    points: clouds made into meshes, beside screened Poisson where Open3D is installed.
    encodings: held-out PSNR of the encodings of "Fourier Features Let Networks Learn ..."."""
    inputs: Positional[tuple[Path, ...]] = ()
    """image: a picture (astronaut by default). images: a directory of pictures.
    encodings: directories of pictures, or of folders of pictures; each folder is a set.
    points: clouds or meshes (the sample shapes by default)."""
    seconds: float = 5.0
    """image: seconds for each method."""
    pictures: Whole = None
    """images, encodings: only the first so many; of each set."""
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
    """image: only these, such as hash or fourier. images: such as fieldfit, hash, telea, biharmonic
    or bm3d. points: such as fieldfit, hash, poisson or poisson-9."""
    truth: File = None
    """points: the mesh that a cloud is of, to measure against. Without it, a fifth of a cloud's
    points is held out; of a mesh, points are sampled."""
    samples: int = 50_000
    """points: how many to sample from a mesh."""
    noise: float = 0.0
    """points: standard deviation of the noise that sampled points get, in percent of the longest
    side. Clean points have normals, noisy ones none."""
    resolution: Whole = None
    """points: cells along an edge of the box, 256 if it is left out."""
    steps: int = 2000
    """encodings: steps of each fit."""
    batch: Whole = None
    """encodings: pixels a step, all that are fitted if it is left out; fewer are quicker."""
    sigma: Number = None
    """encodings: spread of the Gaussian features. As published if it is left out: 10 for photos, 14
    for a folder whose name contains "text"."""
    octaves: Number = None
    """encodings: log2 of the highest positional frequency; 6 for photos and 5 for text."""
    plain_lr: Number = None
    """encodings: learning rate of none and basic; 1e-2 for photos and 1e-3 for text."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """image, kernels, encodings: where to compute; auto is cuda where there is one."""
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
