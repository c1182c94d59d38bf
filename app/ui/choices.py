"""The controls of a fit: what to do, with which methods, for how long."""

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

from ..verbs import COMPARE_SECONDS
from . import views
from .limits import MAX_SCALE, MAX_SEED, MIN_SECONDS, Limits
from .settings import (
    CHOICES,
    CUSTOM,
    HOLES,
    LEVELS,
    PRESETS,
    TASKS,
    UNBOUND,
    Settings,
    default_methods,
    default_preset,
    each_takes,
    read_settings,
)
from .shell import LATEST, PRIVATE, Update

ACTIONS = {"Fit": "Fit", "Inpaint": "Fill", "Denoise": "Remove the noise", "Enlarge": "Enlarge"}
NAMES = ("holdout", "missing", "level", "sigma", "noise", "scale", "blur", "reduce")
BLURS = [("Box", "box"), ("Gaussian", "gaussian"), ("None", "none")]


class Choices:
    """Components, and what they do by themselves.

    Attributes:
        all: their values are the arguments of `read`, in this order.
    """

    def __init__(self, limits: Limits, paints: gr.State) -> None:
        self.limits, self.paints = limits, paints
        self._build_task()
        self._build_holes()
        self._build_noise()
        self._build_enlargement()
        self._build_methods()
        self._build_budget()
        self.all: list[Any] = [
            self.task, self.holes, self.methods, self.preset, self.seconds, self.seed,
            *(getattr(self, name) for name in NAMES),
        ]
        self._wire()

    def _build_task(self) -> None:
        self.task = gr.Radio(
            list(TASKS),
            value=TASKS[0],
            label="Task",
            info="Fit shows what networks learn first. The others fill in a part of the picture, "
            "take its noise away, or make it larger.",
            elem_id="task",
        )

    def _build_holes(self) -> None:
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

    def _build_noise(self) -> None:
        with gr.Column(visible=False, elem_id="about-noise") as self.about_noise:
            self.level = gr.Radio(
                list(LEVELS),
                value=LEVELS[0],
                label="How strong the noise is",
                info="From the picture alone, or as you say.",
                elem_id="level",
            )
            self.sigma = gr.Number(
                25, label="Standard deviation", minimum=0.1, maximum=255, visible=False,
                info="Of values from 0 to 255; some 5 is a good camera's, 25 is much.",
                elem_id="sigma",
            )  # fmt: skip
            self.noise = gr.Slider(
                0, 100, value=0, step=1, buttons=[], elem_id="noise",
                label="To try it: add noise",
                info="Added to a clean picture first, which the result is then measured against. "
                "How strong it is need not be estimated then.",
            )  # fmt: skip

    def _build_enlargement(self) -> None:
        with gr.Column(visible=False, elem_id="about-size") as self.about_size:
            self.scale = gr.Slider(
                1, MAX_SCALE, value=2, step=0.5, buttons=[], elem_id="scale",
                label="Times as large",
            )  # fmt: skip
            self.blur = gr.Radio(
                BLURS,
                value="box",
                label="How the pixels came about",
                info="As means over their squares, as in a camera or a picture made smaller; under "
                "a Gaussian, which is softer; or as the values at their centres.",
                elem_id="blur",
            )
            self.reduce = gr.Checkbox(
                False, label="To try it: shrink the photo first", elem_id="reduce",
                info="And measure the result against the photo. The factor must be whole.",
            )  # fmt: skip

    def _build_methods(self) -> None:
        self.methods = gr.CheckboxGroup(
            list(CHOICES),
            value=list(default_methods(TASKS[0])),
            label="Methods",
            info="auto picks one for the task, and says why. Several take turns, each timed by its "
            "own clock.",
            elem_id="methods",
        )
        with gr.Accordion("What are these?", open=False):
            gr.HTML(views.glossary())

    def _build_budget(self) -> None:
        named = [(f"{name} · {each:g} s", name) for name, each in PRESETS.items()]
        self.preset = gr.Radio(
            [*named, UNBOUND, CUSTOM],
            value=default_preset(TASKS[0]),
            label="Time for each method",
            info=f"More brings finer detail. {UNBOUND}: one method takes what it needs; several "
            f"get {COMPARE_SECONDS:g} s each.",
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
        begun = default_methods(TASKS[0]), default_preset(TASKS[0]), 5
        cost = gr.HTML(self._cost(*begun))
        budget = [self.methods, self.preset, self.seconds]
        gr.on([c.change for c in budget], self._cost, budget, cost, **PRIVATE)
        self.task.change(lambda task: ACTIONS[task], self.task, button, **PRIVATE)
        return button

    def _cost(self, methods: Sequence[str], preset: str, seconds: float | None) -> str:
        """What the Fit button will take."""
        return views.cost(len(methods), each_takes(len(methods), preset, seconds, self.limits))

    def _wire(self) -> None:
        gr.on(
            [self.task.change, self.holes.change],
            self._arrange,
            [self.task, self.holes],
            [
                self.holes, self.missing, self.about_noise, self.about_size, self.holdout,
                self.paints,
            ],
            **PRIVATE,
        )  # fmt: skip
        self.task.input(
            None, [self.task, self.methods, self.preset], [self.methods, self.preset],
            js=_suit(), **LATEST,
        )  # fmt: skip
        self.preset.change(
            lambda preset: gr.update(visible=preset == CUSTOM), self.preset, self.seconds, **PRIVATE
        )
        self.level.change(
            lambda level: gr.update(visible=level == LEVELS[1]), self.level, self.sigma, **PRIVATE
        )

    def _arrange(self, task: str, holes: str) -> Update:
        """Show the controls that have an effect on this task."""
        paints = task == "Inpaint" and holes == HOLES[0]
        return {
            self.holes: gr.update(visible=task == "Inpaint"),
            self.missing: gr.update(visible=task == "Inpaint" and not paints),
            self.about_noise: gr.update(visible=task == "Denoise"),
            self.about_size: gr.update(visible=task == "Enlarge"),
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
        *others: Any,
    ) -> Settings:
        """What the controls say, checked; the values of `all`.

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
            **dict(zip(NAMES, others, strict=True)),
        )

    def show(self, settings: Settings) -> Update:
        """Set the controls to what a run was made with."""
        seconds = settings.seconds
        preset = next((n for n, s in PRESETS.items() if s == seconds), CUSTOM)
        update: Update = {
            self.task: settings.task,
            self.methods: list(settings.methods),
            self.preset: UNBOUND if seconds is None else preset,
            self.seed: settings.seed,
            self.holdout: round(100 * (settings.holdout or 0)),
            self.noise: settings.noise or 0,
            self.blur: settings.blur,
            self.reduce: settings.reduce,
        }
        if seconds is not None:
            update[self.seconds] = seconds
        if settings.task == "Inpaint":
            update[self.holes] = HOLES[not settings.masked]
        if settings.missing is not None:
            update[self.missing] = round(100 * settings.missing)
        if settings.denoise:
            update[self.level] = LEVELS[settings.sigma is not None]
        if settings.sigma is not None:
            update[self.sigma] = settings.sigma
        if settings.scale is not None:
            update[self.scale] = settings.scale
        return update


def _suit() -> str:
    """A script that sets the methods and the time that suit a task, unless others were chosen than
    suit another. The browser does it, so that it cannot come after a person's next click."""
    methods = json.dumps({task: default_methods(task) for task in TASKS})
    presets = json.dumps({task: default_preset(task) for task in TASKS})
    return f"""(task, chosen, preset) => {{
      const methods = {methods}, presets = {presets};
      const same = (a, b) => a.length === b.length && a.every((name) => b.includes(name));
      const untouched = Object.values(methods).some((names) => same(names, chosen));
      if (!untouched) return [chosen, preset];
      return [methods[task], Object.values(presets).includes(preset) ? presets[task] : preset];
    }}"""
