"""Where a run is seen: pictures, progress, charts, its command; and where it is held or ended."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import gradio as gr

from . import views
from .job_run import JobRun
from .server import Server
from .shell import PRIVATE, Update
from .watch import Watchers, follow

PLACES = 100  # of the coarse-to-fine slider

R = TypeVar("R", bound=JobRun)


class Stage(ABC, Generic[R]):
    """Components, and what they do by themselves.

    Attributes:
        kind: of the runs that are shown.
        run: the id of the run that is shown, in the browser.
        seen: what `watch` updates.
    """

    kind: type[R]
    empty: str  # what is there before the first run

    def __init__(self, server: Server, run: gr.BrowserState, prefix: str) -> None:
        """
        Args:
            prefix: of the components' ids.
        """
        self.server, self.run, self.watchers = server, run, Watchers()
        self._prefix = prefix
        with gr.Column(elem_classes="ff-panel"):
            self.tiles = gr.HTML(self.empty, elem_id=f"{prefix}tiles", elem_classes="ff-stage")
            self.seen: list[Any] = [self.tiles, *self.build_view()]
            self.truth = gr.HTML(
                visible="hidden", elem_id=f"{prefix}truth", elem_classes="ff-target"
            )
            with gr.Row(elem_classes="ff-status", visible=False) as self.status:
                self.log = gr.HTML(elem_id=f"{prefix}log")
                self.pause = self._small_button("Pause", "pause")
                self.stop = self._small_button("Stop", "stop")
            self.scrub = gr.Slider(
                0, PLACES, value=PLACES, step=1, visible=False, buttons=[],
                elem_id=f"{prefix}scrub", elem_classes="ff-scrub",
                label="Coarse to fine", info="Drag back to see what each had learned by then.",
            )  # fmt: skip
        self.seen += [self.truth, self.status, self.log, self.pause, self.stop, self.scrub]
        self._wire()

    @abstractmethod
    def build_view(self) -> list[Any]:
        """More components in which a run is seen."""

    @abstractmethod
    def show(self, run: R) -> Update:
        """The run as it is now."""

    @abstractmethod
    def show_past(self, run: R, place: int) -> Update:
        """A run with results as it was: of `PLACES`, 0 is the coarsest."""

    @abstractmethod
    def target(self, run: R) -> str:
        """A picture of what the methods are to become, which a person sees while holding one."""

    @property
    @abstractmethod
    def scrubbed(self) -> list[Any]:
        """What `show_past` updates."""

    def _small_button(self, text: str, id: str) -> gr.Button:
        return gr.Button(
            text, size="sm", interactive=False, min_width=96, scale=0, elem_id=self._prefix + id
        )

    def build_charts(self) -> None:
        """The charts and the command; apart, so that the results can stand before them."""
        with gr.Column(visible=False, elem_classes="ff-panel") as self.charts_box:
            self.charts = gr.HTML(elem_id=f"{self._prefix}charts")
        with gr.Column(visible=False, elem_classes="ff-panel") as self.command_box:
            gr.HTML("<h3>The same from a terminal</h3>", elem_classes="ff-title")
            self.command = gr.HTML(
                elem_id=f"{self._prefix}command", elem_classes="ff-whole-command"
            )
        self.seen += [self.charts_box, self.charts, self.command_box, self.command]

    def _wire(self) -> None:
        self.pause.click(self._pause, self.run, self.pause, queue=False, **PRIVATE)
        self.stop.click(self._stop, self.run, [self.pause, self.stop], queue=False, **PRIVATE)
        self.scrub.input(
            self._look_back, [self.run, self.scrub], self.scrubbed, trigger_mode="always_last",
            **PRIVATE,
        )  # fmt: skip

    def watch(self, id: str | None, request: gr.Request) -> Iterator[Update]:
        """Show a run for as long as it goes on."""
        run = self.server.runs.find(id, self.kind)
        if run is None:
            return
        state, version, target = "", -1, ""
        wanted = self.watchers.turn(str(request.session_hash))
        for draw in follow(run, wanted):
            update: Update = {self.log: views.log(run, self.server.runs.before(run))}
            if run.version != version:
                version = run.version
                update |= self.show(run)
            if not state:
                update[self.charts_box] = gr.update(visible=False)
            if run.state != state or draw:  # again, should another run's last word come late
                state = run.state
                update |= self._state(run)
            if (drawn := self.target(run)) != target:
                update[self.truth] = target = drawn
            if draw and (drawn := views.charts(run)):
                update |= {self.charts: drawn, self.charts_box: gr.update(visible=True)}
            if not wanted():
                return
            yield update

    def _state(self, run: R) -> Update:
        """What the run's state means for the components around it."""
        held = run.state == "paused"
        return {
            self.status: gr.update(visible=True),
            self.pause: gr.update(
                value="Resume" if held else "Pause", interactive=held or run.state == "running"
            ),
            self.stop: gr.update(interactive=not run.over and run.state != "saving"),
            self.scrub: gr.update(visible=run.has_results, value=PLACES),
            self.command_box: gr.update(visible=True),
            self.command: views.command(run.command),
        }

    def _pause(self, id: str | None) -> Any:
        run = self.server.runs.find(id)
        if run is None:
            return gr.skip()
        run.pause(not run.paused)
        return gr.update(value="Resume" if run.paused else "Pause")

    def _stop(self, id: str | None) -> tuple[Any, Any]:
        run = self.server.runs.find(id)
        if run is not None:
            run.stop()
        return gr.update(interactive=False), gr.update(interactive=False)

    def _look_back(self, id: str | None, place: float) -> Update:
        run = self.server.runs.find(id, self.kind)
        if run is None or not run.has_results:
            return {self.scrubbed[0]: gr.skip()}
        return self.show_past(run, int(place))

    def leave(self, request: gr.Request) -> None:
        """The page is closed."""
        self.watchers.leave(str(request.session_hash))
