"""Neural fields: fit functions from coordinates to values, and see what they learn first."""

from . import kernels as kernels  # isort: skip  (first: it sets threads up before torch starts them)

from .activations import ACTIVATIONS
from .encodings import ENCODINGS
from .export import SavedField, load_field, save_field
from .field import Field, FieldSpec
from .fit import FitConfig, Progress, fit
from .kernels.backends import BackendUnavailable
from .mesh import Mesh
from .methods import METHODS, method_config
from .networks import MLP, NETWORKS, Direct
from .noise import noise_level
from .problems import PROBLEMS
from .raycast import Camera, shade
from .record import Recorder, Snapshot
from .record_shape import ShapeRecorder, recorder
from .render import picture
from .restore import PatchGroups
from .shapes import mesh_task, points_task
from .solvers import LBFGS, SOLVERS, Descent, LevenbergMarquardt, Solver
from .surface import extract
from .tasks import (
    TASKS,
    DenoiseTask,
    Derivatives,
    EquationTask,
    ImageTask,
    ShapeTask,
    SignalTask,
    TableTask,
    UpscaleTask,
)

__version__ = "0.1.0"

__all__ = [
    "ACTIVATIONS",
    "ENCODINGS",
    "LBFGS",
    "METHODS",
    "MLP",
    "NETWORKS",
    "PROBLEMS",
    "SOLVERS",
    "TASKS",
    "BackendUnavailable",
    "Camera",
    "DenoiseTask",
    "Derivatives",
    "Descent",
    "Direct",
    "EquationTask",
    "Field",
    "FieldSpec",
    "FitConfig",
    "ImageTask",
    "LevenbergMarquardt",
    "Mesh",
    "PatchGroups",
    "Progress",
    "Recorder",
    "SavedField",
    "ShapeRecorder",
    "ShapeTask",
    "SignalTask",
    "Snapshot",
    "Solver",
    "TableTask",
    "UpscaleTask",
    "extract",
    "fit",
    "load_field",
    "mesh_task",
    "method_config",
    "noise_level",
    "picture",
    "points_task",
    "recorder",
    "save_field",
    "shade",
]
