"""The points of a cloud that are nearest to given places."""

from torch import Tensor

from .kernels import neighbours
from .kernels.backends import choose
from .space import check_points


class Neighbours:
    """A cloud made ready to be searched, as often as wanted.

    Args:
        points: float32 [n, 3], finite; not copied where the reference runs, so leave them be.
        backend: "torch" measures every distance, "numba" searches a tree; "auto" takes the faster.
    """

    def __init__(self, points: Tensor, *, backend: str = "auto") -> None:
        check_points(points, "a cloud")
        self.points = points.detach()
        if not len(points):
            raise ValueError("a cloud without points has no nearest one; give at least one point.")
        self._cloud = None
        if choose(backend, points.device)[0] == "numba":
            from .kernels import numba_neighbours

            self._cloud = numba_neighbours.cloud_of(points)

    def nearest(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The k nearest points to each query, nearest first; a point is its own nearest one.

        Args:
            queries: float32 [m, 3], finite, on the cloud's device.

        Returns:
            Distances float32 [m, k], and the points' numbers int64 [m, k]. Which of equally near
            points come first is not defined.
        """
        if not 1 <= k <= len(self.points):
            raise ValueError(
                f"a cloud of {len(self.points)} points has 1 to as many neighbours, not {k}."
            )
        check_points(queries, "queries")
        if self._cloud is None:
            return neighbours.nearest(self.points, queries.detach(), k)
        from .kernels import numba_neighbours

        return numba_neighbours.nearest(self._cloud, queries, k)
