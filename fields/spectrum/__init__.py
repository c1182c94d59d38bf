"""What a field has learned, frequency by frequency: pure functions from tensors to arrays.

`bands` for regular grids, `dft` for equally spaced samples, `projection`, `dominant` and
`filtering` for scattered points of any number of coordinates, `information` and `complexity` for
the output as a whole, and `kernel` for what a field will learn first.
"""

from .bands import band_error, band_power, bands, radial_power, radii
from .complexity import bandwidth, sign_changes, total_variation, turning_points
from .dft import dft, peaks, relative_error
from .dominant import dominant_frequency
from .filtering import Filter
from .information import entropy, information_plane, mutual_information
from .kernel import eigenmodes, jacobian, kernel_spectrum, mode_power, ntk
from .projection import (
    nudft,
    principal_direction,
    project,
    projection_error,
    projection_peaks,
)
from .slope import power_slope

__all__ = [
    "Filter",
    "band_error",
    "band_power",
    "bands",
    "bandwidth",
    "dft",
    "dominant_frequency",
    "eigenmodes",
    "entropy",
    "information_plane",
    "jacobian",
    "kernel_spectrum",
    "mode_power",
    "mutual_information",
    "ntk",
    "nudft",
    "peaks",
    "power_slope",
    "principal_direction",
    "project",
    "projection_error",
    "projection_peaks",
    "radial_power",
    "radii",
    "relative_error",
    "sign_changes",
    "total_variation",
    "turning_points",
]
