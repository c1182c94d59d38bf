"""What a study shows at a moment: panels of numbers, without a word on how they are drawn.

A panel keeps its own copy of what it is given, so that a run may go on adding to its lists while
a viewer draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor


@dataclass(frozen=True)
class Line:
    """Values over positions, with a name for the legend.

    Attributes:
        colour: `#rrggbb`, "currentColor" for what the others are measured against, or the next of
            the palette when it is "".
        style: "thin" is for what lies behind the others, such as noisy data.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: str = ""
    style: Literal["line", "dashed", "dots", "thin"] = "line"

    def __post_init__(self) -> None:
        xs, ys = tuple(self.xs), tuple(self.ys)
        assert len(xs) == len(ys), f"line {self.name!r} has {len(xs)} xs and {len(ys)} ys"
        object.__setattr__(self, "xs", xs)
        object.__setattr__(self, "ys", ys)


@dataclass(frozen=True)
class Lines:
    """A chart of lines.

    What is not finite is left out, and so is what a log axis has no place for; a log axis ends
    sixteen decades below its highest value.

    Attributes:
        marks: positions with a dashed line from top to bottom, and what they are.
        levels: values with a dashed line from left to right, and what they are.
        x_span, y_span: of the axes; those of the data when None.
    """

    title: str
    series: Sequence[Line]
    x_label: str
    y_label: str
    x_axis: Literal["linear", "log"] = "linear"
    y_axis: Literal["linear", "log"] = "linear"
    marks: Sequence[tuple[float, str]] = ()
    levels: Sequence[tuple[float, str]] = ()
    x_span: tuple[float, float] | None = None
    y_span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Heat:
    """A matrix in colours, such as the error of each frequency over the epochs.

    The colours are those of the papers (RdBu): red at `low`, blue at `high`, beyond as at the ends.

    Attributes:
        values: [rows][columns], the first row at the bottom; nan is hatched.
        rows: what each row is.
        columns: where each column lies on the x axis, ascending.
        crossings: for each row, the position from which on it counts as learned, or None; a line
            goes through them.
        x_span: of the x axis; that of the columns when None.
    """

    title: str
    values: Sequence[Sequence[float]]
    rows: Sequence[str]
    columns: Sequence[float]
    x_label: str
    y_label: str
    x_axis: Literal["linear", "log"] = "linear"
    low: float = 0.1
    high: float = 1.0
    crossings: Sequence[float | None] = ()
    x_span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        values = tuple(tuple(row) for row in self.values)
        columns = tuple(self.columns)
        assert len(values) == len(self.rows), f"{len(values)} rows, {len(self.rows)} names"
        assert {len(row) for row in values} <= {len(columns)}, "a row and the columns differ"
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "columns", columns)


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side, uint8 [h, w, 1 or 3] each, with their captions."""

    title: str
    pictures: Sequence[tuple[Tensor, str]]


@dataclass(frozen=True)
class Text:
    """Figures or words in rows: what each is, and its value."""

    title: str
    rows: Sequence[tuple[str, str]]


Panel = Lines | Heat | Pictures | Text


@dataclass(frozen=True)
class Scene:
    """What is seen at one moment of a study.

    Attributes:
        panels: from left to right and from top to bottom.
        share: of the run that is done, 0 to 1.
        caption: what is to be seen here, in a sentence.
    """

    panels: Sequence[Panel]
    share: float
    caption: str
