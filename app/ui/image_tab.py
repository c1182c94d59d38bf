"""The Image tab: bring a photo, choose methods, watch them learn it, take the results away."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from .choices import Choices
from .picture_panel import PicturePanel
from .picture_run import PictureRun
from .picture_stage import PictureStage
from .results_panel import ResultsPanel
from .shell import PRIVATE, Shell, Update, plainly, show_stage

ID = "image"
TITLE = "Image"


def build(shell: Shell) -> None:
    """The tab's contents; call it inside its `gr.Tab`."""
    ImageTab(shell)


class ImageTab:
    """Puts the panels together: which acts on which."""

    def __init__(self, shell: Shell) -> None:
        self.shell, self.look, server = shell, shell.looks[ID], shell.server
        self.server = server
        with gr.Row(elem_classes="ff-columns"):
            with gr.Column(scale=5, min_width=320):
                self.picture = PicturePanel(server, self.look.original)
                with gr.Column(elem_classes="ff-panel"):
                    self.choices = Choices(server.limits, self.picture.paints)
                    self.fit = self.choices.build_fit()
            with gr.Column(scale=8, min_width=320, elem_classes="ff-work"):
                self.stage = PictureStage(server, self.look.run, "")
                self.results = ResultsPanel(server, self.look.run)
                self.stage.build_charts()
        self._wire()

    def _wire(self) -> None:
        run, picture = self.look.run, self.picture
        begun = self.fit.click(
            plainly(self._begin), [picture.original, picture.painter, *self.choices.all], run,
            **PRIVATE,
        )  # fmt: skip
        begun.success(None, None, None, js=show_stage("tiles"), **PRIVATE)
        kept = [*picture.shown, *self.choices.all]
        loaded = self.shell.page.load(self._restore, [run, picture.original], kept, **PRIVATE)
        opened = self.look.opened.change(self._reopen, run, kept, **PRIVATE)
        for ready in (begun.success, loaded.then, opened.then):
            # Any number of pages may watch at once, for as long as it takes; and a page may turn to
            # another run before the first is over.
            ready(
                self._watch, run, [self.results.box, *self.stage.seen], concurrency_limit=None,
                trigger_mode="multiple", **PRIVATE,
            ).then(plainly(self.results.show), run, self.results.seen, **PRIVATE)  # fmt: skip
        self.shell.page.unload(self.stage.leave)

    def _watch(self, id: str | None, request: gr.Request) -> Iterator[Update]:
        yield {self.results.box: gr.update(visible=False)}
        yield from self.stage.watch(id, request)

    def _begin(self, id: str | None, painted: Any, *choices: Any) -> str:
        original = self.server.originals.get(id)
        settings = self.choices.read(*choices)
        if settings.masked:
            self.picture.take_strokes(painted, original)
        return self.server.begin(original, settings).id

    def _restore(self, id: str | None, original: str | None) -> Update:
        """After a reload: the picture as it was, and the controls as the run was begun."""
        update: Update = {self.picture.original: gr.skip()}
        run, found = self.server.runs.find(id, PictureRun), self.server.originals.find(original)
        if run is not None:
            update |= self.choices.show(run.settings)
        if found is not None:
            update |= self.picture.show(found, run is not None and run.settings.masked)
        return update

    def _reopen(self, id: str | None) -> Update:
        """A run was opened from another tab."""
        run = self.server.runs.find(id, PictureRun)
        return self._restore(id, run.original if run else None)
