"""The controls of a fit: what to do, with which methods, for how long."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fields import METHODS

from . import views
from .limits import MAX_SEED, MIN_SECONDS, Limits
from .settings import DEFAULT_METHODS, HOLES, PRESETS, TASKS, Settings, read_settings
from .shell import PRIVATE, Update

CUSTOM = "Custom"


class Choices:
    """Components, and what they do by themselves.

    Attributes:
        all: their values are the arguments of `read`, in this order.
    """

    def __init__(self, limits: Limits, paints: gr.State) -> None:
        self.limits, self.paints = limits, paints
        self._build_task()
        self._build_methods()
        self._build_budget()
        self.all: list[Any] = [
            self.task, self.holes, self.methods, self.preset, self.seconds, self.seed,
            self.holdout, self.missing,
        ]
        self._wire()

    def _build_task(self) -> None:
        self.task = gr.Radio(
            list(TASKS),
            value=TASKS[0],
            label="Task",
            info="Fit learns the whole picture. Inpaint fills in a part of it.",
            elem_id="task",
        )
        self.holes = gr.Radio(
            list(HOLES),
            value=HOLES[0],
            label="What to fill",
            info="Random pixels are hidden from the fit, and show how well it fills them.",
            visible=False,
            elem_id="holes",
        )
        self.missing = gr.Slider(
            1, 99, value=50, step=1, visible=False, buttons=[], elem_id="missing",
            label="Missing, %", info="Share of the pixels to hide.",
        )  # fmt: skip

    def _build_methods(self) -> None:
        self.methods = gr.CheckboxGroup(
            list(METHODS),
            value=list(DEFAULT_METHODS),
            label="Methods to compare",
            info="They take turns, each timed by its own clock.",
            elem_id="methods",
        )
        with gr.Accordion("What are these?", open=False):
            gr.HTML(views.glossary())

    def _build_budget(self) -> None:
        named = [(f"{name} · {each:g} s", name) for name, each in PRESETS.items()]
        self.preset = gr.Radio(
            [*named, CUSTOM],
            value="Quick",
            label="Time for each method",
            info="More time brings finer detail.",
            elem_id="preset",
        )
        self.seconds = gr.Number(
            5, label="Seconds for each method", minimum=MIN_SECONDS, maximum=self.limits.seconds,
            visible=False, elem_id="seconds",
        )  # fmt: skip
        with gr.Accordion("More", open=False, elem_id="more"):
            self.holdout = gr.Slider(
                0, 95, value=0, step=1, buttons=[], elem_id="holdout", label="Held out, %",
                info="Pixels kept out of the fit, to measure what it draws between the others.",
            )  # fmt: skip
            self.seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="seed",
                info="Equal seeds give equal networks.",
            )  # fmt: skip

    def build_fit(self) -> gr.Button:
        """The one button that matters, and what it will cost."""
        button = gr.Button("Fit", variant="primary", size="lg", elem_id="fit")
        cost = gr.HTML(_cost(DEFAULT_METHODS, "Quick", 5))
        budget = [self.methods, self.preset, self.seconds]
        gr.on([c.change for c in budget], _cost, budget, cost, **PRIVATE)
        return button

    def _wire(self) -> None:
        gr.on(
            [self.task.change, self.holes.change],
            self._arrange,
            [self.task, self.holes],
            [self.holes, self.missing, self.holdout, self.paints],
            **PRIVATE,
        )
        self.preset.change(
            lambda preset: gr.update(visible=preset == CUSTOM), self.preset, self.seconds, **PRIVATE
        )

    def _arrange(self, task: str, holes: str) -> Update:
        """Show the controls that have an effect on this task."""
        paints = task == "Inpaint" and holes == HOLES[0]
        return {
            self.holes: gr.update(visible=task == "Inpaint"),
            self.missing: gr.update(visible=task == "Inpaint" and not paints),
            self.holdout: gr.update(visible=task == "Fit"),
            self.paints: paints,
        }

    def read(
        self,
        task: str,
        holes: str,
        methods: list[str],
        preset: str,
        seconds: float | None,
        seed: float | None,
        holdout: float | None,
        missing: float | None,
    ) -> Settings:
        """What the controls say, checked.

        Raises:
            ValueError: one of them is out of range.
        """
        return read_settings(
            self.limits,
            task=task,
            holes=holes,
            methods=methods,
            preset=preset,
            seconds=seconds,
            seed=seed,
            holdout=holdout,
            missing=missing,
        )

    def show(self, settings: Settings) -> Update:
        """Set the controls to what a run was made with."""
        preset = next((n for n, s in PRESETS.items() if s == settings.seconds), CUSTOM)
        inpaint = settings.masked or settings.missing is not None
        update: Update = {
            self.task: TASKS[inpaint],
            self.methods: list(settings.methods),
            self.preset: preset,
            self.seconds: settings.seconds,
            self.seed: settings.seed,
            self.holdout: round(100 * (settings.holdout or 0)),
        }
        if inpaint:
            update[self.holes] = HOLES[not settings.masked]
        if settings.missing is not None:
            update[self.missing] = round(100 * settings.missing)
        return update


def _cost(methods: Sequence[str], preset: str, seconds: float | None) -> str:
    """What the Fit button will take."""
    each, n = PRESETS.get(preset, seconds) or 0.0, len(methods)
    what = f"{n} methods, {each:g} s each: {n * each:g} s of fitting"
    if n < 2:
        what = f"1 method: {each:g} s of fitting" if n else "Choose at least one method."
    return f'<p class="ff-cost">{what}</p>'
