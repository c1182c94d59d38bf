"""What a program may ask of the page: the same fits, through gradio_client."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.events import api

from fields import METHODS
from fields.tasks.upscale import BLURS

from .picture_run import PictureRun
from .run import Run
from .server import KINDS, Server
from .settings import AUTO, CHOICES, CUSTOM, HOLES, LEVELS, RACE, UNBOUND, read_settings

REPORT_SECONDS = 0.5  # between two reports of a fit at least
PATIENCE = 10.0  # and at most
UNSAID: dict[str, Any] = {
    "task": "Fit", "holes": HOLES[0], "preset": CUSTOM, "holdout": 0, "missing": 0,
}  # fmt: skip
Report = tuple[Any, Any]


def build(server: Server) -> None:
    """Endpoints by name, without anything to see."""
    fits = Fits(server)
    api(methods, api_name="methods", api_description=methods.__doc__)
    with gr.Column(visible=False):
        _endpoint(
            fits.fit_image,
            [_file("photo"), *_budget(), _number(0, "missing"), _number(0, "holdout")],
        )
        _endpoint(fits.inpaint_image, [_file("photo"), _file("mask"), *_budget()])
        _endpoint(
            fits.denoise_image,
            [_file("photo"), *_budget(AUTO), _number(0, "sigma"), _number(0, "noise")],
        )
        _endpoint(
            fits.enlarge_image,
            [
                _file("photo"),
                *_budget(AUTO),
                _number(2, "scale"),
                gr.Radio(list(BLURS), value=BLURS[0], label="blur"),
                gr.Checkbox(False, label="reduce"),
            ],
        )


def _endpoint(function: Callable[..., Any], arguments: list[Any]) -> None:
    gr.Button().click(
        function,
        arguments,
        [gr.JSON(label="run"), gr.File(label="files", file_count="multiple")],
        api_name=function.__name__,
        api_description=function.__doc__,
        concurrency_limit=None,
        show_progress="hidden",
    )


def _file(label: str) -> gr.File:
    return gr.File(label=label, file_types=list(KINDS))


def _number(value: float, label: str) -> gr.Number:
    return gr.Number(value, label=label)


def _budget(*methods: str) -> list[Any]:
    chosen = gr.CheckboxGroup(list(CHOICES), value=list(methods or RACE), label="methods")
    return [chosen, _number(3, "seconds"), gr.Number(0, label="seed", precision=0)]


def methods() -> dict[str, str]:
    """The methods by name, each with one line on what it is."""
    return {method.name: method.summary for method in METHODS.values()}


class Fits:
    def __init__(self, server: Server) -> None:
        self.server = server

    def fit_image(
        self,
        photo: str | None,
        methods: list[str],
        seconds: float,
        seed: float,
        missing: float,
        holdout: float,
    ) -> Iterator[Report]:
        """Fit a photo with one or several methods, each for so many seconds.

        `holdout` keeps that many per cent of the pixels out of the fit, to measure on; `missing`
        hides them and fills them in. Yields where the run is, and in the end run.json's object
        with the best picture, its field and the report.
        """
        chosen = {"methods": methods, "seconds": seconds, "seed": seed, "holdout": holdout}
        if missing:
            chosen |= {"task": "Inpaint", "holes": HOLES[1], "missing": missing}
        yield from self._run(photo, None, chosen)

    def inpaint_image(
        self,
        photo: str | None,
        mask: str | None,
        methods: list[str],
        seconds: float,
        seed: float,
    ) -> Iterator[Report]:
        """Fill a photo where a mask of the same size is white, with one or several methods.

        Yields where the run is, and in the end run.json's object with the best picture, its field
        and the report.
        """
        chosen = {"methods": methods, "seconds": seconds, "seed": seed, "task": "Inpaint"}
        yield from self._run(photo, mask, chosen)

    def denoise_image(
        self,
        photo: str | None,
        methods: list[str],
        seconds: float,
        seed: float,
        sigma: float,
        noise: float,
    ) -> Iterator[Report]:
        """Remove the noise of a photo, with one or several methods.

        `sigma` is its standard deviation, of 255; 0 estimates it. `noise` adds some first, and the
        result is then measured against the photo. `seconds` of 0 is as long as one method takes.
        Yields where the run is, and in the end run.json's object with the best picture, its field
        and the report.
        """
        chosen = {"methods": methods, "seed": seed, "task": "Denoise", "noise": noise}
        if sigma:
            chosen |= {"level": LEVELS[1], "sigma": sigma}
        yield from self._run(photo, None, chosen | _time(seconds))

    def enlarge_image(
        self,
        photo: str | None,
        methods: list[str],
        seconds: float,
        seed: float,
        scale: float,
        blur: str,
        reduce: bool,
    ) -> Iterator[Report]:
        """Enlarge a photo by a factor, with one or several methods.

        `blur` says how its pixels came from those of the larger one; `reduce` shrinks the photo
        first, and the result is then measured against it. `seconds` of 0 is as long as one method
        takes. Yields where the run is, and in the end run.json's object with the best picture, its
        field and the report.
        """
        chosen = {"methods": methods, "seed": seed, "task": "Enlarge"}
        chosen |= {"scale": scale, "blur": blur, "reduce": reduce}
        yield from self._run(photo, None, chosen | _time(seconds))

    def _run(
        self, photo: str | None, mask: str | None, chosen: dict[str, Any]
    ) -> Iterator[Report]:
        try:
            run = self._begin(photo, mask, chosen)
            version = -1
            while not run.over:
                yield _where(run), None
                time.sleep(REPORT_SECONDS)
                version = run.wait(version, PATIENCE)
            if run.state == "failed":
                raise ValueError(run.problem)
            if not run.has_results:
                raise ValueError("The run left the queue before it began.")
            taken = self.server.taken(run, run.best)
            yield run.document, [str(taken.picture), str(taken.field), str(taken.report)]
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def _begin(self, photo: str | None, mask: str | None, chosen: dict[str, Any]) -> PictureRun:
        settings = read_settings(self.server.limits, **(UNSAID | chosen))
        if photo is None or (settings.masked and mask is None):
            raise ValueError(f"{'mask' if photo else 'photo'} must be a picture, got none.")
        original = self.server.take(photo)
        if settings.masked and mask is not None:
            self.server.take_mask(original, mask)
        return self.server.begin(original, settings)


def _time(seconds: float) -> dict[str, Any]:
    return {"seconds": seconds} if seconds else {"preset": UNBOUND, "seconds": None}


def _where(run: Run) -> dict[str, Any]:
    return {
        "state": run.state,
        "methods": {
            m.method: {"step": m.step, "seconds": m.seconds} | m.metrics for m in run.now
        },
    }
