"""Where a study or a race is seen, held, taken step by step, and ended."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from . import learn_views as views
from .learn_run import SceneRun
from .learn_server import LearnServer
from .server import link
from .shell import PRIVATE, Update
from .watch import Watchers, follow

USUAL_WIDTH = 760.0  # pixels of a figure, before the browser has said how many there are
MOST_WIDTHS = 1000  # pages whose width is remembered


class LearnStage:
    """Components, and what they do by themselves.

    Attributes:
        run: the id of the run that is shown, in the browser.
        seen: what `watch` updates.
    """

    def __init__(self, server: LearnServer, run: gr.BrowserState) -> None:
        self.server, self.run, self.watchers = server, run, Watchers()
        self._widths: dict[str, float] = {}
        with gr.Column(elem_classes="ff-panel"):
            with gr.Row(elem_classes="ff-status", visible=False) as self.status:
                self.log = gr.HTML(elem_id="learn-log")
                self.pause = _small_button("Pause", "learn-pause")
                self.step = _small_button("Step", "learn-step")
                self.stop = _small_button("Stop", "learn-stop")
            self.told = gr.HTML(visible=False, elem_id="learn-told")
            self.figure = gr.HTML(
                views.EMPTY, js_on_load=_MEASURE, elem_id="learn-figure", elem_classes="ff-stage"
            )
        with gr.Column(visible=False, elem_classes="ff-panel") as self.after:
            gr.HTML("<h3>The same from a terminal</h3>", elem_classes="ff-title")
            self.command = gr.HTML(elem_id="learn-command", elem_classes="ff-whole-command")
            self.report = gr.DownloadButton(
                "Download report", size="sm", visible=False, elem_id="learn-report",
                elem_classes="ff-narrow-button",
            )  # fmt: skip
        self.seen: list[Any] = [
            self.figure, self.status, self.log, self.pause, self.step, self.stop, self.told,
            self.after, self.command, self.report,
        ]  # fmt: skip
        self.pause.click(self._pause, run, self.pause, queue=False, **PRIVATE)
        self.step.click(self._step, run, self.pause, queue=False, **PRIVATE)
        buttons = [self.pause, self.step, self.stop]
        self.stop.click(self._stop, run, buttons, queue=False, **PRIVATE)
        self.figure.tick(
            self._measured, run, self.figure, queue=False, trigger_mode="always_last", **PRIVATE
        )

    def watch(self, id: str | None, request: gr.Request) -> Iterator[Update]:
        """Show a run for as long as it goes on; an empty stage if there is none."""
        run = self.server.find(id)
        page = str(request.session_hash)
        if run is None:
            hidden = gr.update(visible=False)
            yield {self.figure: views.EMPTY, self.status: hidden, self.told: hidden,
                   self.after: hidden}  # fmt: skip
            return
        wanted = self.watchers.turn(page)
        scene, state = None, ""
        for _ in follow(run, wanted):
            update: Update = {self.log: views.log(run, self.server.server.runs.before(run))}
            if run.scene is not scene or run.state != state:
                scene = run.scene
                update[self.figure] = self._drawn(run, page)
            if run.state != state:
                state = run.state
                update |= self._state(run)
            if not wanted():
                return
            yield update

    def _drawn(self, run: SceneRun, page: str) -> str:
        if run.scene is None:
            return _waiting(run)
        return views.figure(run.scene, self._widths.get(page, USUAL_WIDTH))

    def _state(self, run: SceneRun) -> Update:
        """What the run's state means for the components around it."""
        held, runs = run.state == "paused", run.state == "running"
        told = views.told(run)
        report = self._report(run)
        return {
            self.status: gr.update(visible=True),
            self.pause: gr.update(value="Play" if held else "Pause", interactive=held or runs),
            self.step: gr.update(interactive=held or runs),
            self.stop: gr.update(interactive=not run.over and run.state != "saving"),
            self.told: gr.update(value=told, visible=bool(told)),
            self.after: gr.update(visible=True),
            self.command: views.commands(run),
            self.report: gr.update(value=report, visible=report is not None),
        }

    def _report(self, run: SceneRun) -> str | None:
        """The file to take away, where the page may fetch it."""
        made = run.report if run.over else None
        if made is None or not made.is_file():
            return None
        target = self.server.server.place(run, made.suffix)
        if not target.is_file():
            link(made, target)
        return str(target)

    def _pause(self, id: str | None) -> Any:
        run = self.server.find(id)
        if run is None:
            return gr.skip()
        run.pause(not run.paused)
        return gr.update(value="Play" if run.paused else "Pause")

    def _step(self, id: str | None) -> Any:
        """On to the next figure, and hold there."""
        run = self.server.find(id)
        if run is None:
            return gr.skip()
        run.step()
        return gr.update(value="Play")

    def _stop(self, id: str | None) -> list[Any]:
        run = self.server.find(id)
        if run is not None:
            run.stop()
        return [gr.update(interactive=False)] * 3

    def _measured(self, id: str | None, event: gr.EventData, request: gr.Request) -> Any:
        """The browser says how wide a figure may be."""
        page = str(request.session_hash)
        while len(self._widths) >= MOST_WIDTHS:
            self._widths.pop(next(iter(self._widths)))
        try:
            self._widths[page] = float(event.width)
        except (TypeError, ValueError, AttributeError):
            return gr.skip()
        run = self.server.find(id)
        return gr.skip() if run is None else self._drawn(run, page)

    def leave(self, request: gr.Request) -> None:
        """The page is closed."""
        page = str(request.session_hash)
        self.watchers.leave(page)
        self._widths.pop(page, None)


def _small_button(text: str, id: str) -> gr.Button:
    return gr.Button(text, size="sm", interactive=False, min_width=72, scale=0, elem_id=id)


def _waiting(run: SceneRun) -> str:
    said = "It did not begin" if run.over else "It is about to begin"
    return f'<div class="ff-empty"><h2>{said}</h2></div>'


# Of the figure: tells the server how wide it is, at first and whenever that changes.
_MEASURE = """
let told = 0, due = 0;
const stage = document.querySelector('#learn-figure');  // `element` may be put into another place
const say = () => {
  const width = Math.floor(stage.clientWidth);
  if (!width || Math.abs(width - told) < 8) return;
  told = width;
  trigger('tick', {width});
};
const later = () => { clearTimeout(due); due = setTimeout(say, 200); };
new ResizeObserver(later).observe(stage);
later();
"""
