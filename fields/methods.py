"""Methods: named, tuned ways to fit a field, that a person picks by name.

A method is an encoding, a network and the learning rate, schedule, batch and number of steps that
go with them, fitted to the size of the data.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from .activations import Finer, Gabor, Sine, Tanh
from .encodings import (
    DenseGrid,
    EncodingSpec,
    Fourier,
    HashGrid,
    Identity,
    MultiFourier,
    Positional,
    Spline,
)
from .field import FieldSpec
from .fit import FitConfig
from .networks import MLP, Direct, Mscale1, Mscale2, NetworkSpec, Phase
from .restore import PatchGroups
from .solvers import LevenbergMarquardt
from .tasks import (
    DenoiseTask,
    Derivatives,
    EquationTask,
    ImageTask,
    ShapeTask,
    TableTask,
    Task,
    UpscaleTask,
)

MAX_LOG2_SIZE = 19  # 8 MB a level: larger tables leave the processor's cache for good
MAX_DENSE_SIDE = 2048
MAX_LOG2_SOLID = 18  # of a grid in space: Adam goes through every entry in every step
MAX_SOLID_SIDE = 128  # cells of a grid in space that keeps every vertex
MAX_GRID_DIM = 4
FEWEST_STEPS = 500  # of a signal: few samples are soon seen
SMALL = 20_000  # samples of a signal that small networks are fitted to all at once
MAX_LATTICE = 320_000_000  # values of a restored picture: 1.3 GB, and a picture of 100 megapixels


@dataclass(frozen=True)
class Facts:
    """What a method's settings depend on.

    Attributes:
        side: samples along the longest side of the data.
        samples: number of samples in all.
        known: share of them that is fitted.
        size: (height, width) of a picture.
        channels: values of a sample.
        dims: coordinates of a sample.
    """

    side: int
    samples: int
    known: float = 1.0
    size: tuple[int, int] = (0, 0)
    channels: int = 3
    dims: int = 2

    def __post_init__(self) -> None:
        if self.size == (0, 0):  # not told: the longest side is the width
            object.__setattr__(self, "size", (max(1, self.samples // self.side), self.side))


@dataclass(frozen=True)
class Method:
    """A named way to fit a field.

    Attributes:
        summary: one line for a person who chooses.
        source: the paper it comes from.
        make: its settings for given data.
    """

    name: str
    summary: str
    source: str
    make: Callable[[Facts], FitConfig]


def facts(task: Task) -> Facts:
    """What the methods ask of a task."""
    if isinstance(task, ShapeTask):
        side = max(8, round(2 / task.detail))
        return Facts(side, task.cells, channels=1, dims=3)
    if isinstance(task, EquationTask):
        side = math.ceil(4 * task.problem.waves)
        return Facts(side, side**task.in_dim, channels=1, dims=task.in_dim)
    if isinstance(task, TableTask):
        count = len(task.x)
        side = max(2, round(count ** (1 / task.in_dim)))
        return Facts(side, count, channels=task.out_dim, dims=task.in_dim)
    if not isinstance(task, ImageTask):
        raise TypeError(f"no methods are known for {type(task).__name__}.")
    samples = task.size[0] * task.size[1]
    known = 1.0 if task.known is None else int(task.known.sum()) / samples
    return Facts(max(task.size), samples, known, task.size, task.out_dim)


def method_config(name: str, task: Task) -> tuple[FitConfig, str]:
    """A method's settings for a task, and in one sentence what was chosen and why.

    Raises:
        ValueError: there is no such method.
    """
    if name != "auto" and name not in METHODS:
        raise ValueError(f"unknown method {name!r}; choose from auto, {', '.join(METHODS)}.")
    found = facts(task)
    if isinstance(task, ImageTask) and _restores(name, task, found):
        return _restore(task), _why(name, task, found)
    if isinstance(task, DenoiseTask):
        chosen = "hash" if name == "auto" else name
        why = "hash, since it sheds the noise soonest" if name == "auto" else f"{name}, as asked"
        return _denoise(METHODS[chosen].make(found)), f"{why}."
    if isinstance(task, ShapeTask) and isinstance(task.objective, Derivatives):
        return _derived(name, found)
    if name != "auto":
        return METHODS[name].make(found), f"{name}, as asked."
    if isinstance(task, TableTask | EquationTask):
        return _of_table(task, found)
    if isinstance(task, ShapeTask):
        return METHODS["hash"].make(found), (
            "hash: a grid of trained features as fine as the points can tell fits a shape soonest."
        )
    if isinstance(task, UpscaleTask) or found.known < 1:
        return METHODS["hash"].make(found), (
            "hash: patch groups would hold every pixel in memory, and there are too many."
        )
    return METHODS["hash"].make(found), (
        "hash, since every sample is known and a grid of trained features fits them soonest."
    )


def _of_table(task: TableTask | EquationTask, found: Facts) -> tuple[FitConfig, str]:
    """What `auto` takes for samples that lie anywhere."""
    if isinstance(task, EquationTask) or task.in_dim > MAX_GRID_DIM:
        return METHODS["siren"].make(found), (
            "siren: smooth in every derivative, and in any number of dimensions."
        )
    return METHODS["spline"].make(found), (
        "spline: smooth between the samples, and as fine as they lie."
    )


def _derived(name: str, found: Facts) -> tuple[FitConfig, str]:
    """A method whose derivatives are fitted: of splines only torch has them twice."""
    why = "siren, whose derivatives are smooth." if name == "auto" else f"{name}, as asked."
    config = METHODS["siren" if name == "auto" else name].make(found)
    backend = "torch" if isinstance(config.field.encoding, Spline) else config.backend
    return replace(config, backend=backend, lr=min(config.lr, 1e-4)), why


def _restores(name: str, task: ImageTask, found: Facts) -> bool:
    """Whether a method on a task is the spline that patch groups draw."""
    spoiled = found.known < 1 or isinstance(task, DenoiseTask | UpscaleTask)
    if name == "auto" and math.prod(task.drawn) * task.out_dim > MAX_LATTICE:
        return False
    return spoiled and name in ("auto", "spline")


def _restore(task: ImageTask) -> FitConfig:
    """A spline with a coefficient for each pixel that is to be drawn."""
    h, w = task.drawn
    encoding = Spline(cells=(w, h), levels=1, features=task.out_dim)
    field = FieldSpec(encoding=encoding, network=Direct())
    return FitConfig(field=field, solver=PatchGroups(), steps=None)


def _why(name: str, task: ImageTask, found: Facts) -> str:
    if name != "auto":
        return f"{name}, as asked."
    what = f"{1 - found.known:.1%} of the pixels are missing"
    if found.known > 0.999:
        what = "some pixels are missing"
    if isinstance(task, DenoiseTask):
        what = "the picture is noisy"
    elif isinstance(task, UpscaleTask):
        what = "the picture is to be enlarged"
    return (
        f"spline with patch groups: {what}, and what similar patches have in common says more of a "
        "pixel than any network does."
    )


def _denoise(config: FitConfig) -> FitConfig:
    """A method to be stopped early, at a rate that does not fall: nobody knows for how long.

    The mean over the last tenth of the run takes the place of a falling rate. Small batches of
    noisy values drive a network of waves about at its usual rate: on Set12's house at sigma 25,
    siren comes to 28.6 dB at 0.3 of it and to 29.7 at 0.1, finer to 28.0 and 28.8. Networks of
    ReLUs and tables hold still enough.
    """
    network = config.field.network
    activation = network.activation if isinstance(network, MLP) else None
    calm = {Sine: 0.1, Finer: 0.1, Gabor: 0.3}.get(type(activation), 1.0)
    return replace(
        config,
        lr=config.lr * calm,
        schedule="constant",
        average=0.1,
        stop="heldout",
    )


def _plain(found: Facts) -> FitConfig:
    return _network(Identity(), FitConfig(), width=256, depth=3)


def _positional(found: Facts) -> FitConfig:
    octaves = max(1, math.ceil(math.log2(_reach(found))))
    encoding = Positional(frequencies=2 * octaves + 1, octaves=float(octaves))
    return _network(encoding, FitConfig(), width=256, depth=2)


def _fourier(found: Facts) -> FitConfig:
    return _network(Fourier(frequencies=128, sigma=max(1.0, _reach(found) / 12)), FitConfig())


def _multifourier(found: Facts) -> FitConfig:
    reach = _reach(found)
    sigmas = tuple(max(1.0, reach / part) for part in (128, 25, 6))
    return _network(MultiFourier(frequencies=128, sigmas=sigmas), FitConfig())


def _reach(found: Facts) -> float:
    """The highest frequency that the known samples carry along the longest side: Nyquist's."""
    return max(2.0, found.side / 2 * math.sqrt(found.known))


def _network(encoding: EncodingSpec, config: FitConfig, width: int = 256, depth: int = 2
             ) -> FitConfig:
    """Small batches and a high rate: at equal cost, 2,048 points a step at 3e-3 end 5 dB above
    8,192 at 1e-3 on a 512x512 picture."""
    field = FieldSpec(encoding=encoding, network=MLP(width=width, depth=depth))
    return replace(config, field=field, steps=4000, batch=2**11, lr=3e-3, beta2=0.99, eps=1e-8)


def _hash(found: Facts) -> FitConfig:
    """The finest grid has a vertex a pixel; what its table cannot hold is hashed."""
    if found.dims == 3:
        log2_size = min(MAX_LOG2_SOLID, max(12, math.ceil(math.log2(4 * found.samples))))
        finest = max(16, min(found.side, MAX_DENSE_SIDE))
        encoding = HashGrid(
            levels=8, features=4, log2_size=log2_size, coarsest=16, finest=finest
        )
        return _solid(encoding)
    finest = max(4, _finest(found))
    log2_size = min(MAX_LOG2_SIZE, max(10, math.ceil(math.log2(1.1 * found.samples))))
    encoding = HashGrid(
        levels=8, features=4, log2_size=log2_size, coarsest=min(16, finest), finest=finest
    )
    return _grid(encoding, found)


def _dense(found: Facts) -> FitConfig:
    if found.dims == 3:
        finest = max(16, min(found.side, MAX_SOLID_SIDE))
        levels = 1 + max(1, round(math.log2(finest / 8)))
        return _solid(DenseGrid(levels=levels, features=4, coarsest=8, finest=finest))
    finest = max(16, min(_finest(found), MAX_DENSE_SIDE))
    levels = 1 + max(1, round(math.log2(max(16, finest) / 8)))
    return _grid(DenseGrid(levels=levels, features=4, coarsest=8, finest=finest), found)


def _finest(found: Facts) -> int:
    """Cells along the longest side: one a sample, or where some are missing, one for nine known.

    A vertex between known samples only learns noise: of 24 to 181 cells on pictures of 256x256 with
    half the pixels missing, 48 to 64 fill best, and with nine of ten missing, 24 to 32.
    """
    if found.known == 1:
        return found.side
    return max(2, round(found.side * math.sqrt(found.known) / 3))


def _spline(found: Facts) -> FitConfig:
    """The finest lattice lies on the pixels' centres; the coarsest has some four points."""
    if found.dims == 2:
        cells: tuple[int, ...] = _lattice(found)
    else:
        cells = (found.side if found.dims == 1 else min(found.side, MAX_SOLID_SIDE),)
    levels = 1 + max(0, round(math.log2(max(cells) / 4)))
    encoding = Spline(cells=cells, levels=levels, features=found.channels)
    if found.dims == 3:
        return replace(_solid(encoding, network=Direct()), table_lr=0.1)
    return replace(_grid(encoding, found, network=Direct()), table_lr=0.1)


def _lattice(found: Facts) -> tuple[int, int]:
    """Points of the finest lattice along x and y: one a pixel, or as `_finest` says."""
    h, w = found.size
    share = _finest(found) / found.side
    return max(1, math.ceil(w * share)), max(1, math.ceil(h * share))


def _grid(encoding: EncodingSpec, found: Facts, network: NetworkSpec | None = None) -> FitConfig:
    """Sixteen draws see every sample once; most is learned in some thirty such rounds.

    The moments of Adam are short: an entry is touched every few steps, and a mean over ten of its
    own steps lags behind what the network has become meanwhile. On five pictures of 512x512, 200
    steps, the decays 0.9 and 0.99 of the published code end at 39 dB on the mean, 0.7 and 0.99 at
    44 dB; 0.9 in place of 0.95 for the second brought 0.8 dB more.
    """
    known = found.samples * found.known
    batch = 2 ** min(17, max(8, round(math.log2(known / 16))))
    rounds = min(30.0, max(8.0, 30 * (known / 2**20) ** -0.4))
    return FitConfig(
        field=FieldSpec(encoding=encoding, network=network or MLP(width=32, depth=2)),
        steps=max(FEWEST_STEPS if found.dims == 1 else 1, math.ceil(rounds * known / batch)),
        batch=batch,
        lr=1e-2,
        table_lr=3e-2,
        beta1=0.75,
        beta2=0.9,
        schedule="cosine",
        decay=0.01,
        hold=0.3,
    )


def _solid(encoding: EncodingSpec, network: NetworkSpec | None = None) -> FitConfig:
    """A grid in space, unlocked coarse to fine; every place is seen some ten times.

    As Li et al. 2023 unlock them [arXiv:2306.03092, sec. 4.2], though for a part of the run alone.
    """
    return FitConfig(
        field=FieldSpec(encoding=encoding, network=network or MLP(width=32, depth=2)),
        steps=240,
        batch=2**15,
        lr=5e-3,
        table_lr=1e-2,
        beta1=0.75,
        beta2=0.9,
        schedule="cosine",
        decay=0.01,
        hold=0.3,
        unlock=0.2,
    )


def _siren(found: Facts) -> FitConfig:
    return _sine(MLP(width=256, depth=3, activation=Sine()))


def _finer(found: Facts) -> FitConfig:
    return _sine(MLP(width=256, depth=3, activation=Finer()))


def _sine(network: MLP) -> FitConfig:
    field = FieldSpec(encoding=Identity(), network=network)
    return FitConfig(field=field, steps=4000, batch=2**11, lr=1e-3, eps=1e-8)


def _wire(found: Facts) -> FitConfig:
    field = FieldSpec(encoding=Identity(), network=MLP(width=256, depth=2, activation=Gabor()))
    return FitConfig(field=field, steps=4000, batch=2**11, lr=5e-3, eps=1e-8)


def _adaptive(found: Facts) -> FitConfig:
    """Slopes of single units, which let each find its own frequencies."""
    network = MLP(width=256, depth=3, activation=Tanh(), slopes="neuron", recovery=0.0)
    return _network_of(network, lr=5e-3)


def _mscale1(found: Facts) -> FitConfig:
    scales = _scales(found)
    return _network_of(Mscale1(width=32 * len(scales), depth=3, scales=scales), lr=_pace(found))


def _mscale2(found: Facts) -> FitConfig:
    return _network_of(Mscale2(width=64, depth=3, scales=_scales(found)), lr=_pace(found))


def _pace(found: Facts) -> float:
    return 1e-3 if found.dims == 3 else 5e-3


def _scales(found: Facts) -> tuple[float, ...]:
    """1, 2, 4 ... up to where the first layer's waves are as short as the samples can tell; of a
    shape, which is smooth, up to 8."""
    reach = min(_reach(found), 8.0) if found.dims == 3 else _reach(found)
    octaves = max(1, round(math.log2(reach)))
    return tuple(2.0**i for i in range(octaves + 1))


def _phase(found: Facts) -> FitConfig:
    """Carriers as far as the samples tell: every few waves in one dimension, fewer in more."""
    bands = {1: min(64, math.ceil(_reach(found) / 5)), 2: 4}.get(found.dims, 1)
    highest = min(_reach(found), 8.0 * bands)
    return _network_of(Phase(bands=bands, highest=highest), lr=1e-2)


def _multistage(found: Facts) -> FitConfig:
    """Small networks and Levenberg-Marquardt for a signal; for more, networks of sines and Adam."""
    if found.dims == 1 and found.samples <= SMALL:
        network = MLP(widths=(20, 20), activation=Tanh())
        return FitConfig(
            field=FieldSpec(encoding=Identity(), network=network, stages=3, deepen=1),
            solver=LevenbergMarquardt(iterations=250),
            steps=None,
            precision="fp64",
            backend="torch",
        )
    config = _network_of(MLP(width=192, depth=3, activation=Tanh()), lr=5e-3)
    return replace(config, field=replace(config.field, stages=3))


def _network_of(network: NetworkSpec, *, lr: float) -> FitConfig:
    """A network of bare coordinates. The rates are the best of 1e-3 to 1e-2 on a small photo."""
    field = FieldSpec(encoding=Identity(), network=network)
    return FitConfig(field=field, steps=4000, batch=2**11, lr=lr, eps=1e-8, schedule="cosine")


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method(
            "plain",
            "coordinates into a ReLU network: low frequencies first, and for long nothing else",
            "Xu et al. 2019, arXiv:1807.01251; Rahaman et al. 2019, arXiv:1806.08734",
            _plain,
        ),
        Method(
            "positional",
            "sines and cosines along each axis, an octave apart, as in NeRF",
            "Mildenhall et al. 2020, arXiv:2003.08934",
            _positional,
        ),
        Method(
            "fourier",
            "random waves of one spread of frequencies",
            "Tancik et al. 2020, arXiv:2006.10739",
            _fourier,
        ),
        Method(
            "multifourier",
            "random waves of several spreads, so that no part of the spectrum is left out",
            "Wang, Wang & Perdikaris 2021, arXiv:2012.10047",
            _multifourier,
        ),
        Method(
            "hash",
            "trained features on many grids, fine ones hashed: all frequencies at once, fastest",
            "Müller et al. 2022, arXiv:2201.05989",
            _hash,
        ),
        Method(
            "dense",
            "trained features on many grids, every vertex with its own",
            "Müller et al. 2022, arXiv:2201.05989, without the hash",
            _dense,
        ),
        Method(
            "spline",
            "smooth cubic splines on many lattices; no network: a picture's values between its "
            "pixels",
            "Unser 1999, IEEE Signal Processing Magazine 16(6); Lee, Wolberg & Shin 1997, IEEE "
            "TVCG 3(3)",
            _spline,
        ),
        Method(
            "siren",
            "a network of sines, smooth in every derivative",
            "Sitzmann et al. 2020, arXiv:2006.09661",
            _siren,
        ),
        Method(
            "wire",
            "a network of Gabor wavelets, local in space and in frequency",
            "Saragadam et al. 2023, arXiv:2301.05187",
            _wire,
        ),
        Method(
            "finer",
            "sines whose period shortens away from zero: one network spans more frequencies",
            "Liu et al. 2024, arXiv:2312.02434",
            _finer,
        ),
        Method(
            "adaptive",
            "a tanh network whose units train the slopes of their activations",
            "Jagtap, Kawaguchi & Karniadakis 2020, arXiv:1909.12228",
            _adaptive,
        ),
        Method(
            "mscale1",
            "a network of sines that sees the coordinates at several scales",
            "Liu, Cai & Xu 2020, arXiv:2007.11207",
            _mscale1,
        ),
        Method(
            "mscale2",
            "a network of sines for each scale of the coordinates, added up",
            "Liu, Cai & Xu 2020, arXiv:2007.11207",
            _mscale2,
        ),
        Method(
            "phase",
            "slow networks that modulate fast waves, one pair for each band of frequencies",
            "Cai, Li & Liu 2020, arXiv:1909.11759",
            _phase,
        ),
        Method(
            "multistage",
            "networks one after the other, each fitted to what the ones before have left over",
            "Wang & Lai 2024, arXiv:2307.08934",
            _multistage,
        ),
    )
}
