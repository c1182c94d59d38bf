"""How the parameters of a field are found: what each way of solving has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from ..field import Field
from ..spec import Spec
from ..tasks import Task


@dataclass(frozen=True)
class Step:
    """A step of a solver that is not descent.

    Attributes:
        share: of the work that is done, 0 to 1.
        change: mean squared change of the values that the step was about; or where a loss is
            minimised, the loss.
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

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the CPU alone."""
        return False

    @property
    def descent(self) -> int | None:
        """Steps of Adam on draws of the data that come first, in every stage; None: no others."""
        return 0

    @property
    def minimises(self) -> bool:
        """Whether it goes on from the field as it is, to lessen the task's loss."""
        return False

    @abstractmethod
    def solve(self, task: Task, field: Field, frequency: float) -> Iterator[Step]:
        """The steps, after each of which the field is as good as it gets so far; the first is what
        it starts from, and they end by themselves.

        Args:
            frequency: of what is to be learned, in cycles a side: data that is a formula is seen as
                finely as that wants.

        Raises:
            ValueError: as `check` does.
        """


@dataclass(frozen=True, kw_only=True)
class Descent(Solver):
    """Adam on draws of the task's samples."""

    @property
    def descent(self) -> int | None:
        return None

    @property
    def minimises(self) -> bool:
        return True

    def solve(self, task: Task, field: Field, frequency: float) -> Iterator[Step]:
        return iter(())
