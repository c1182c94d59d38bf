"""Files of shapes, one module a format, each with `parse(path) -> Shape`; run them in the sandbox.

The arrays that come out have the right type and size; what is in them nobody has checked.
"""

from importlib import import_module
from pathlib import Path

from ..shape import Shape

PARSERS = {
    ".ply": "ply",
    ".obj": "obj",
    ".stl": "stl",
    ".off": "off",
    ".glb": "glb",
    ".xyz": "table",
    ".txt": "table",
    ".csv": "table",
    ".pcd": "pcd",
    ".npy": "arrays",
    ".npz": "arrays",
    ".conf": "scans",
}


def parse(path: Path, suffix: str) -> Shape:
    """What the file holds, read as `suffix`, a key of `PARSERS`, says.

    Unreadable where the file says what is wrong with it; any other exception where it is damaged.
    """
    module = import_module(f".{PARSERS[suffix]}", __name__)  # one format's libraries, not all
    return module.parse(path)
