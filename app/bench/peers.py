"""What people use today, each called as its makers advise. None of it is needed by Fieldfit.

Those that take only 8 bits are given 8 bits. Where a setting must be chosen for the noise, it
follows from sigma by a fixed rule; an `-oracle` takes the best of a few for the clean picture,
which nobody has: it bounds what tuning could bring.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image

from .problems import Problem, Values, box

BACK_PROJECTIONS = 10
TV_RULE = 0.8  # times sigma: the weight of total variation
NLM_RULES = {"nlm": 0.8, "nlm-fast": 0.6}  # times sigma: skimage's example, slow and fast
OPENCV_RULES = {1: 1.0, 3: 0.6}  # times sigma: its h, by channels

Restore = Callable[[Problem], np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Peer:
    """A method from elsewhere.

    Attributes:
        run: from a problem to its restored picture, [h, w, c] of values in [0, 1].
        module: that must be there, or an attribute of one.
        install: the package that brings it.
    """

    name: str
    run: Restore
    module: str
    install: str

    def missing(self) -> bool:
        """Whether it cannot be run here."""
        return not _there(self.module)


@cache
def _there(name: str) -> bool:
    module, _, attribute = name.partition(":")
    try:
        found = import_module(module)
    except (ImportError, OSError):  # a library that lacks a library of its own is an OSError
        return False
    return not attribute or hasattr(found, attribute)


def _opencv() -> Any:
    return import_module("cv2")


def _inpaint_opencv(flag: str) -> Restore:
    def run(problem: Problem) -> np.ndarray[Any, Any]:
        cv2, hole = _opencv(), _hole(problem)
        return cv2.inpaint(_flat(problem.bytes()), hole, 3, getattr(cv2, flag)) / 255

    return run


def _fsr(problem: Problem) -> np.ndarray[Any, Any]:
    cv2, pixels = _opencv(), _flat(problem.bytes())
    out = np.zeros_like(pixels)
    cv2.xphoto.inpaint(pixels, 255 - _hole(problem), out, cv2.xphoto.INPAINT_FSR_FAST)
    return out / 255


def _biharmonic(problem: Problem) -> np.ndarray[Any, Any]:
    from skimage.restoration import inpaint_biharmonic

    return inpaint_biharmonic(problem.given, problem.missing, channel_axis=-1)


def _hole(problem: Problem) -> np.ndarray[Any, Any]:
    assert problem.missing is not None
    return problem.missing.astype(np.uint8) * 255


def _nlm(name: str) -> Restore:
    """Buades et al. 2005 with patches of 5 and a reach of 6, as in scikit-image's example."""

    def run(problem: Problem) -> np.ndarray[Any, Any]:
        from skimage.restoration import denoise_nl_means

        return denoise_nl_means(
            problem.given, patch_size=5, patch_distance=6, h=NLM_RULES[name] * problem.sigma,
            sigma=problem.sigma, fast_mode=name == "nlm-fast", channel_axis=-1,
        )

    return run


def _nlm_opencv(problem: Problem, rule: float = 1.0) -> np.ndarray[Any, Any]:
    """Patches of 7 and a reach of 10, its defaults; h as a multiple of the rule's."""
    cv2, pixels = _opencv(), _flat(problem.bytes())
    h = rule * OPENCV_RULES[problem.truth.shape[2]] * problem.sigma * 255
    if pixels.ndim == 2:
        return cv2.fastNlMeansDenoising(pixels, None, h, 7, 21) / 255
    bgr = cv2.fastNlMeansDenoisingColored(pixels[..., ::-1].copy(), None, h, h, 7, 21)
    return bgr[..., ::-1] / 255


def _tv(problem: Problem, rule: float = TV_RULE) -> np.ndarray[Any, Any]:
    """Chambolle 2004: the weight as a multiple of sigma."""
    from skimage.restoration import denoise_tv_chambolle

    return denoise_tv_chambolle(problem.given, weight=rule * problem.sigma, channel_axis=-1)


def _oracle(run: Callable[[Problem, float], np.ndarray[Any, Any]], rules: Iterable[float]
            ) -> Restore:
    """The best of several settings for the clean picture."""

    def best(problem: Problem) -> np.ndarray[Any, Any]:
        def error(found: np.ndarray[Any, Any]) -> float:
            return float(np.square(shaped(found, problem) - problem.truth).mean())

        return min((run(problem, rule) for rule in rules), key=error)

    return best


def _bm3d(problem: Problem) -> np.ndarray[Any, Any]:
    """Dabov et al. 2007, the authors' own package, told sigma."""
    bm3d = import_module("bm3d")
    if problem.given.shape[2] == 3:
        return bm3d.bm3d_rgb(problem.given, problem.sigma)
    return bm3d.bm3d(problem.given[..., 0], problem.sigma)


def _enlarge(values: Values, scale: int, filter: Image.Resampling) -> Values:
    h, w, channels = values.shape
    planes = [Image.fromarray(np.ascontiguousarray(values[..., c])) for c in range(channels)]
    drawn = [np.asarray(p.resize((w * scale, h * scale), filter)) for p in planes]
    return np.stack(drawn, axis=-1)


def _resampled(filter: Image.Resampling) -> Restore:
    return lambda problem: _enlarge(problem.given, problem.scale, filter)


def _back_projected(problem: Problem) -> Values:
    """Bicubic, then what its boxes lack is added, enlarged likewise, ten times over."""
    bicubic, scale = Image.Resampling.BICUBIC, problem.scale
    drawn = _enlarge(problem.given, scale, bicubic)
    for _ in range(BACK_PROJECTIONS):
        drawn = drawn + _enlarge(problem.given - box(drawn, scale), scale, bicubic)
    return drawn


def shaped(found: np.ndarray[Any, Any], problem: Problem) -> Values:
    """A method's picture like the truth, clipped to [0, 1]."""
    return np.asarray(found, np.float32).reshape(problem.truth.shape).clip(0, 1)


def _flat(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


OPENCV, CONTRIB = "opencv-python-headless", "opencv-contrib-python-headless"
PEERS: dict[str, tuple[Peer, ...]] = {
    "inpaint": (
        Peer("telea", _inpaint_opencv("INPAINT_TELEA"), "cv2", OPENCV),
        Peer("navier-stokes", _inpaint_opencv("INPAINT_NS"), "cv2", OPENCV),
        Peer("fsr", _fsr, "cv2:xphoto", CONTRIB),
        Peer("biharmonic", _biharmonic, "skimage", "scikit-image"),
    ),
    "denoise": (
        Peer("nlm", _nlm("nlm"), "skimage", "scikit-image"),
        Peer("nlm-fast", _nlm("nlm-fast"), "skimage", "scikit-image"),
        Peer("nlm-opencv", _nlm_opencv, "cv2", OPENCV),
        Peer("nlm-opencv-oracle", _oracle(_nlm_opencv, (0.6, 0.8, 1.0, 1.2)), "cv2", OPENCV),
        Peer("tv", _tv, "skimage", "scikit-image"),
        Peer("tv-oracle", _oracle(_tv, (0.5, 0.6, 0.8, 1.0, 1.2)), "skimage", "scikit-image"),
        Peer("bm3d", _bm3d, "bm3d", "bm3d"),
    ),
    "upscale": (
        Peer("bicubic", _resampled(Image.Resampling.BICUBIC), "PIL", "pillow"),
        Peer("lanczos", _resampled(Image.Resampling.LANCZOS), "PIL", "pillow"),
        Peer("back-projection", _back_projected, "PIL", "pillow"),
    ),
}
REFERENCES = {"inpaint": "biharmonic", "denoise": "nlm-fast", "upscale": "back-projection"}
