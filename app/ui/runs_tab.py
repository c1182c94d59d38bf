"""The Runs tab: what this server has fitted, is fitting, and will fit."""

import time
from typing import Any

import gradio as gr

from . import views
from .shell import PRIVATE, Shell, Update, plainly

ID = "runs"
TITLE = "Runs"
REFRESH = 2.0  # seconds between two looks at the list


def build(shell: Shell) -> None:
    """The tab's contents; call it inside its `gr.Tab`."""
    RunsTab(shell)


class RunsTab:
    def __init__(self, shell: Shell) -> None:
        self.shell, self.server = shell, shell.server
        self.list = gr.HTML(self._cards(), js_on_load=_ACT, elem_id="runs")
        looks = list(shell.looks.values())
        shown = gr.State("")  # what the list said when it was last sent
        self.timer = gr.Timer(REFRESH, active=False)
        self.timer.tick(self._refresh, shown, [self.list, shown], **PRIVATE)
        shell.tabs.select(self._turn, shown, [self.list, shown, self.timer], **PRIVATE)
        self.list.click(
            plainly(self._act),
            None,
            [self.list, *(part for look in looks for part in (look.run, look.opened)), shell.tabs],
            **PRIVATE,
        )

    def _cards(self) -> str:
        return views.cards(self.server.runs.newest_first())

    def _refresh(self, shown: str) -> tuple[Any, Any]:
        now = " ".join(f"{r.id}:{r.version}" for r in self.server.runs.newest_first())
        if now == shown:
            return gr.skip(), gr.skip()
        return self._cards(), now

    def _turn(self, shown: str, event: gr.SelectData) -> tuple[Any, Any, Any]:
        """Another tab is looked at: this one is kept up to date only while it is seen."""
        return *self._refresh(shown), gr.Timer(active=event.value == TITLE)

    def _act(self, event: gr.EventData) -> Update:
        """One of a run's buttons was pressed."""
        run = self.server.runs.find(str(event.run))
        if run is None:
            raise ValueError("The server no longer has this run.")
        if event.action == "open":
            look = self.shell.looks[run.tab]
            return {
                look.run: run.id,
                look.opened: time.monotonic(),
                self.shell.tabs: gr.update(selected=run.tab),
            }
        if event.action == "stop":
            run.stop()
        elif event.action == "delete":
            self.server.delete(run)
        return {self.list: self._cards()}


_ACT = """
element.addEventListener('click', (event) => {
  const {run, action} = event.target.closest('button')?.dataset ?? {};
  if (!run) return;
  if (action !== 'delete' || confirm('Delete this run and its files?')) {
    trigger('click', {run, action});
  }
});
"""
