"""Restoration by patch groups: holes filled, noise removed, pictures enlarged.

Every one of them ends as a continuous field: the spline through what was found.
"""

from .groups import PatchGroups

__all__ = ["PatchGroups"]
