"""The frequency principle, phenomenon by phenomenon: runs that check their own claims.

A new study is one file and one line in `_ALL`; the command line, the page and the contract in the
tests read `STUDIES`.
"""

from typing import Any

from .adaptive_jump import AdaptiveJump
from .adaptive_smooth import AdaptiveSmooth
from .band_pass_activations import BandPassActivations
from .base import GROUPS, Data, Pace, Study, Verdict
from .complexity import Complexity
from .compression import Compression
from .derivative_loss import DerivativeLoss
from .drawing import scene_file, scene_html, scene_svg
from .early_stopping import EarlyStopping
from .filtering import Filtering
from .fourier_features import FourierFeatures
from .fourier_pinn import FourierPinn
from .gradient_flow import GradientFlow
from .heat_pinn import HeatPinn
from .helmholtz import Helmholtz
from .high_frequency_decay import HighFrequencyDecay
from .jacobi import Jacobi
from .kernel_spectrum import KernelSpectrum
from .large_initialisation import LargeInitialisation
from .mscale_fit import MscaleFit
from .mscale_poisson_boltzmann import MscalePoissonBoltzmann
from .mscale_ritz import MscaleRitz
from .mscale_scales import MscaleScales
from .multistage import Multistage, MultistageGradients
from .multistage_pinn import MultistagePinn
from .multistage_scale import MultistageScale
from .ntk_spectrum import NtkSpectrum
from .order_1d import Order1d
from .order_2d import Order2d
from .parity import Parity
from .phase_coupled import PhaseCoupled
from .phase_parallel import PhaseParallel
from .positional_encoding import PositionalEncoding
from .projection import Projection
from .running import Attempt
from .scene import Heat, Line, Lines, Panel, Pictures, Scene, Text
from .spline_limits import SplineLimits
from .wave_pinn import WavePinn

# One line a study; within a group, in the order in which they are told.
_ALL: tuple[Study[Any], ...] = (
    # order
    Order1d(),
    Order2d(),
    Filtering(),
    Projection(),
    # theory
    KernelSpectrum(),
    HighFrequencyDecay(),
    NtkSpectrum(),
    GradientFlow(),
    SplineLimits(),
    Jacobi(),
    # cures
    PhaseCoupled(),
    PhaseParallel(),
    Helmholtz(),
    AdaptiveJump(),
    AdaptiveSmooth(),
    MscaleRitz(),
    MscaleFit(),
    MscalePoissonBoltzmann(),
    MscaleScales(),
    FourierFeatures(),
    PositionalEncoding(),
    FourierPinn(),
    HeatPinn(),
    WavePinn(),
    Multistage(),
    MultistageGradients(),
    MultistageScale(),
    MultistagePinn(),
    # uses
    Compression(),
    Complexity(),
    EarlyStopping(),
    # limits
    Parity(),
    DerivativeLoss(),
    LargeInitialisation(),
    BandPassActivations(),
)
STUDIES: dict[str, Study[Any]] = {study.name: study for study in _ALL}

__all__ = [
    "GROUPS",
    "STUDIES",
    "Attempt",
    "Data",
    "Heat",
    "Line",
    "Lines",
    "Pace",
    "Panel",
    "Pictures",
    "Scene",
    "Study",
    "Text",
    "Verdict",
    "scene_file",
    "scene_html",
    "scene_svg",
]
