"""Screened Poisson reconstruction by Open3D, in a process of its own: some inputs crash it.

`python -P poisson.py IN.npz DEPTH OUT.npz` is that process [Kazhdan & Hoppe 2013]. It uses one
thread: with more, version 0.20 was seen to die.
"""

import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 300  # for one call
MEMORY = 12 << 30  # bytes of address space
Array = np.ndarray[Any, Any]


def there() -> bool:
    """Whether Open3D is installed; it is not imported."""
    return find_spec("open3d") is not None


def reconstruct(points: Array, normals: Array, depth: int) -> tuple[Array, Array, float] | None:
    """Vertices [v, 3], faces [f, 3] and the seconds of the call alone; None if it came to nothing.

    Args:
        points, normals: [n, 3], about the origin.
    """
    with tempfile.TemporaryDirectory(prefix="fieldfit-") as folder:
        given, found = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, points=points, normals=normals)
        command = [sys.executable, "-P", __file__, str(given), str(depth), str(found)]
        quiet = subprocess.DEVNULL
        try:
            subprocess.run(
                command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet,
                timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None
        if not found.exists():
            return None
        with np.load(found) as arrays:
            return arrays["vertices"], arrays["faces"], float(arrays["seconds"])


def _limit() -> None:
    try:
        import resource
    except ImportError:
        return  # Windows; the limit on time, which the parent keeps, is left
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main(given: str, depth: str, found: str) -> None:
    _limit()
    import open3d as o3d

    with np.load(given) as arrays:
        cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(arrays["points"]))
        cloud.normals = o3d.utility.Vector3dVector(arrays["normals"])
    tick = time.perf_counter()
    mesh, _ = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        cloud, depth=int(depth), n_threads=1
    )
    seconds = time.perf_counter() - tick
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.triangles)
    np.savez(found, vertices=vertices, faces=faces, seconds=seconds)


if __name__ == "__main__":
    _main(*sys.argv[1:])
