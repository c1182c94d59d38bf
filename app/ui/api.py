"""What a program may ask of the page: the same fits, through gradio_client."""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.events import api

from fields import METHODS

from .choices import CUSTOM
from .runs import Run
from .server import KINDS, Server
from .settings import DEFAULT_METHODS, HOLES, TASKS, read_settings

REPORT_SECONDS = 0.5  # between two reports of a fit


def build(server: Server) -> None:
    """Endpoints by name, without anything to see."""
    api(methods, api_name="methods", api_description=methods.__doc__)
    with gr.Column(visible=False):
        arguments: list[Any] = [
            gr.File(label="photo", file_types=list(KINDS)),
            gr.CheckboxGroup(list(METHODS), value=list(DEFAULT_METHODS), label="methods"),
            gr.Number(3, label="seconds"),
            gr.Number(0, label="seed", precision=0),
            gr.Radio(list(TASKS), value=TASKS[0], label="task"),
            gr.File(None, label="mask", file_types=list(KINDS)),
            gr.Number(None, label="missing"),
            gr.Number(None, label="holdout"),
        ]
        outputs = [gr.JSON(label="run"), gr.File(label="files", file_count="multiple")]
        gr.Button().click(
            FitImage(server).run,
            arguments,
            outputs,
            api_name="fit_image",
            api_description=FitImage.run.__doc__,
            concurrency_limit=None,
            show_progress="hidden",
        )


def methods() -> dict[str, str]:
    """The methods by name, each with one line on what it is."""
    return {method.name: method.summary for method in METHODS.values()}


class FitImage:
    def __init__(self, server: Server) -> None:
        self.server = server

    def run(
        self,
        photo: str | None,
        methods: list[str],
        seconds: float,
        seed: float,
        task: str,
        mask: str | None,
        missing: float | None,
        holdout: float | None,
    ) -> Iterator[tuple[Any, Any]]:
        """Fit a photo with one or several methods; missing and holdout are shares in per cent.

        Yields where the run is, and in the end run.json's object with the best picture, its field
        and the report.
        """
        try:
            run = self._begin(photo, methods, seconds, seed, task, mask, missing, holdout)
            version = -1
            while not run.over:
                yield _where(run), None
                time.sleep(REPORT_SECONDS)
                version = run.wait(version, 10)
            if run.state == "failed":
                raise ValueError(run.problem)
            taken = self.server.taken(run, run.best)
            yield run.document, [str(taken.picture), str(taken.field), str(taken.report)]
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def _begin(
        self,
        photo: str | None,
        methods: list[str],
        seconds: float,
        seed: float,
        task: str,
        mask: str | None,
        missing: float | None,
        holdout: float | None,
    ) -> Run:
        if photo is None:
            raise ValueError("photo must be a picture, got none.")
        settings = read_settings(
            self.server.limits,
            task=task,
            holes=HOLES[missing is not None],
            methods=methods,
            preset=CUSTOM,
            seconds=seconds,
            seed=seed,
            holdout=holdout,
            missing=missing,
        )
        original = self.server.take(photo)
        if settings.masked:
            if mask is None:
                raise ValueError("To inpaint, give a mask, or missing in per cent.")
            self.server.take_mask(original, mask)
        return self.server.begin(original, settings)


def _where(run: Run) -> dict[str, Any]:
    return {
        "state": run.state,
        "methods": {
            m.method: {"step": m.step, "seconds": m.seconds} | m.metrics for m in run.now
        },
    }
