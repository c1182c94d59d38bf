"""Neural fields: fit functions from coordinates to values, and see what they learn first."""

from . import kernels as kernels  # isort: skip  (first: it sets threads up before torch starts them)

from .activations import ACTIVATIONS
from .encodings import ENCODINGS
from .export import SavedField, load_field, save_field
from .field import Field, FieldSpec
from .fit import FitConfig, Progress, fit
from .kernels.backends import BackendUnavailable
from .methods import METHODS, method_config
from .networks import MLP, NETWORKS, Direct
from .noise import noise_level
from .record import Recorder, Snapshot
from .render import picture
from .restore import PatchGroups
from .solver import Descent, Solver
from .tasks import TASKS, DenoiseTask, ImageTask, UpscaleTask

__version__ = "0.1.0"

__all__ = [
    "ACTIVATIONS",
    "ENCODINGS",
    "METHODS",
    "MLP",
    "NETWORKS",
    "TASKS",
    "BackendUnavailable",
    "DenoiseTask",
    "Descent",
    "Direct",
    "Field",
    "FieldSpec",
    "FitConfig",
    "ImageTask",
    "PatchGroups",
    "Progress",
    "Recorder",
    "SavedField",
    "Snapshot",
    "Solver",
    "UpscaleTask",
    "fit",
    "load_field",
    "method_config",
    "noise_level",
    "picture",
    "save_field",
]
