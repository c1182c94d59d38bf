"""The controls of a shape's fit: with which methods, for how long, and what of it is wanted."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ..shape_result import LEAST
from ..verbs import COMPARE_SECONDS
from . import views
from .limits import MAX_RESOLUTION, MAX_SEED, MIN_SECONDS, Limits
from .settings import AUTO, CHOICES, CUSTOM, PRESETS, UNBOUND, each_takes
from .shape_settings import RESOLUTION, USES, ShapeSettings, read_shape_settings
from .shell import PRIVATE, Update

NAMES = (
    "methods", "preset", "seconds", "seed", "resolution", "use", "flip", "trim", "holdout",
    "scanner",
)  # fmt: skip


class ShapeChoices:
    """Components, and what they do by themselves.

    Args:
        is_mesh: whether the shape has faces.

    Attributes:
        all: their values are the arguments of `read`, in this order.
    """

    def __init__(self, limits: Limits, is_mesh: gr.State) -> None:
        self.limits = limits
        self._build_use()
        self._build_methods()
        self._build_budget()
        self._build_mesh()
        self.all: list[Any] = [getattr(self, name) for name in NAMES]
        self._wire(is_mesh)

    def _build_use(self) -> None:
        self.use = gr.Radio(
            list(USES), value=USES[0], label="Of the mesh", visible=False, elem_id="shape-use",
            info="Its surface gives exact distances; of its points alone a surface is found.",
        )  # fmt: skip

    def _build_methods(self) -> None:
        self.methods = gr.CheckboxGroup(
            list(CHOICES),
            value=[AUTO],
            label="Methods",
            info="auto picks one, and says why. Several take turns, each timed by its own clock.",
            elem_id="shape-methods",
        )
        with gr.Accordion("What are these?", open=False):
            gr.HTML(views.glossary())

    def _build_budget(self) -> None:
        named = [(f"{name} · {each:g} s", name) for name, each in PRESETS.items()]
        self.preset = gr.Radio(
            [*named, UNBOUND, CUSTOM],
            value=UNBOUND,
            label="Time for each method",
            info=f"More brings finer detail. {UNBOUND}: one method takes its own number of steps; "
            f"several get {COMPARE_SECONDS:g} s each.",
            elem_id="shape-preset",
        )
        self.seconds = gr.Number(
            5, label="Seconds for each method", minimum=MIN_SECONDS, maximum=self.limits.seconds,
            visible=False, elem_id="shape-seconds",
        )  # fmt: skip

    def _build_mesh(self) -> None:
        self.resolution = gr.Slider(
            LEAST, MAX_RESOLUTION, value=RESOLUTION, step=8, buttons=[], label="Resolution",
            info="Cells along an edge of the box, of which the mesh is made.",
            elem_id="shape-resolution",
        )  # fmt: skip
        with gr.Accordion("More", open=False, elem_id="shape-more"):
            with gr.Column(elem_classes="ff-plain", elem_id="shape-cloud") as self.of_clouds:
                self.flip = gr.Checkbox(
                    False, label="Turn inside out", elem_id="shape-flip-choice",
                    info="Should outside and inside be the wrong way round.",
                )  # fmt: skip
                self.trim = gr.Number(
                    0, label="Leave open beyond", minimum=0, elem_id="shape-trim",
                    info="Distance from the nearest point, in the points' unit, beyond which there "
                    "is no surface. 0 closes all holes.",
                )  # fmt: skip
                self.holdout = gr.Slider(
                    0, 95, value=0, step=1, buttons=[], label="Held out, %",
                    elem_id="shape-holdout",
                    info="Points kept out of the fit, to measure how near the surface comes.",
                )  # fmt: skip
                self.scanner = gr.Textbox(
                    "", label="Scanner at", placeholder="x, y, z", elem_id="shape-scanner",
                    info="Where the points were seen from, if known: it tells what is outside.",
                )  # fmt: skip
            self.seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="shape-seed",
                info="Equal seeds give equal networks.",
            )  # fmt: skip

    def build_fit(self) -> gr.Button:
        """The one button that matters, and what it will cost."""
        button = gr.Button("Fit", variant="primary", size="lg", elem_id="shape-fit")
        cost = gr.HTML(self._cost([AUTO], UNBOUND, 5))
        budget = [self.methods, self.preset, self.seconds]
        gr.on([c.change for c in budget], self._cost, budget, cost, **PRIVATE)
        return button

    def _cost(self, methods: Sequence[str], preset: str, seconds: float | None) -> str:
        """What the Fit button will take."""
        return views.cost(len(methods), each_takes(len(methods), preset, seconds, self.limits))

    def _wire(self, is_mesh: gr.State) -> None:
        gr.on(
            [is_mesh.change, self.use.change],
            lambda mesh, use: (
                gr.update(visible=mesh), gr.update(visible=not mesh or use == USES[1])
            ),
            [is_mesh, self.use],
            [self.use, self.of_clouds],
            **PRIVATE,
        )  # fmt: skip
        self.preset.change(
            lambda preset: gr.update(visible=preset == CUSTOM), self.preset, self.seconds, **PRIVATE
        )

    def read(self, *values: Any) -> ShapeSettings:
        """What the controls say, checked; the values of `all`.

        Raises:
            ValueError: one of them is out of range.
        """
        return read_shape_settings(self.limits, **dict(zip(NAMES, values, strict=True)))

    def show(self, settings: ShapeSettings) -> Update:
        """Set the controls to what a run was made with."""
        seconds, scanner = settings.seconds, settings.scanner
        preset = next((n for n, s in PRESETS.items() if s == seconds), CUSTOM)
        update: Update = {
            self.methods: list(settings.methods),
            self.preset: UNBOUND if seconds is None else preset,
            self.seed: settings.seed,
            self.resolution: settings.resolution,
            self.use: USES[not settings.surface],
            self.flip: settings.flip,
            self.trim: settings.trim or 0,
            self.holdout: round(100 * (settings.holdout or 0)),
            self.scanner: "" if scanner is None else ", ".join(f"{x:g}" for x in scanner),
        }
        return update if seconds is None else update | {self.seconds: seconds}
