"""How the parameters of a field are found: what each way of solving has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from .field import Field
from .spec import Spec
from .tasks import Task


@dataclass(frozen=True)
class Stage:
    """A step of a solver that is not descent.

    Attributes:
        share: of the work that is done, 0 to 1.
        change: mean squared change of the values that the step was about.
    """

    share: float
    change: float


@dataclass(frozen=True, kw_only=True)
class Solver(Spec, ABC):
    """Describes how a field's parameters are found."""

    def check(self, task: Task, field: Field) -> None:
        """That it can, without doing anything; the field may be on torch's meta device.

        Raises:
            ValueError: the solver cannot do this task, or not with this field.
        """

    @abstractmethod
    def solve(self, task: Task, field: Field) -> Iterator[Stage] | None:
        """The steps, after each of which the field is as good as it gets so far; the first is what
        it starts from, and they end by themselves. None: descent on draws of the task's data.

        Raises:
            ValueError: as `check` does.
        """


@dataclass(frozen=True, kw_only=True)
class Descent(Solver):
    """Adam on draws of the task's samples."""

    def solve(self, task: Task, field: Field) -> Iterator[Stage] | None:
        return None
