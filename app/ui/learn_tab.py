"""The Learn tab: guided walks, a lab to race in, and every study, beside one live figure."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr

from . import learn_views as views
from .learn_asked import Asked, RaceAsked, read_query
from .learn_lab_panel import LabPanel
from .learn_run import TAB, SceneRun
from .learn_server import LearnServer
from .learn_stage import LearnStage
from .learn_story_panel import Place, StoryPanel, read_place
from .learn_study_panel import StudyPanel
from .shell import LATEST, PRIVATE, Shell, Update, plainly, show_stage

ID = TAB
TITLE = "Learn"
MODES = [("Walks", "story"), ("Lab", "race"), ("Studies", "study")]
MOST_LETTERS = 4000  # of an address


def build(shell: Shell) -> None:
    """The tab's contents; call it inside its `gr.Tab`."""
    LearnTab(shell)


class LearnTab:
    """Puts the panels together: which acts on which."""

    def __init__(self, shell: Shell) -> None:
        self.shell, self.look = shell, shell.looks[ID]
        self.server = LearnServer(shell.server)
        gr.HTML(views.INTRO)
        self.story = StoryPanel()
        with gr.Row(elem_classes="ff-columns ff-learn"):
            with gr.Column(scale=5, min_width=320):
                with gr.Column(elem_classes="ff-panel"):
                    self.mode = gr.Radio(
                        MODES, value="story", show_label=False, elem_id="learn-mode"
                    )
                    with gr.Column(elem_id="learn-story") as self.story_box:
                        self.story.build()
                    with gr.Column(visible=False, elem_id="learn-lab") as self.lab_box:
                        self.lab = LabPanel(self.server)
                    with gr.Column(visible=False, elem_id="learn-study") as self.study_box:
                        self.study = StudyPanel(self.server)
            with gr.Column(scale=8, min_width=320, elem_classes="ff-work"):
                self.stage = LearnStage(self.server, self.look.run)
        # What stands in the address for this tab; the browser's own is set from it.
        self.link = gr.Textbox(visible="hidden", elem_id="learn-link")
        self.shown: list[Any] = [
            self.mode, self.story_box, self.lab_box, self.study_box, self.link,
            *self.story.shown, *self.lab.shown, *self.study.shown,
        ]  # fmt: skip
        self._wire_runs()
        self._wire_settings()

    # --- what begins a run, and who watches it ---

    def _wire_runs(self) -> None:
        run = self.look.run
        raced = self.lab.race.click(
            plainly(self._begin_race), [run, *self.lab.all], [run, self.link], **PRIVATE
        )
        studied = self.study.run.click(
            plainly(self._begin_study), [run, *self.study.all], [run, self.link], **PRIVATE
        )
        for event in (raced, studied):
            event.success(None, None, None, js=show_stage("learn-figure"), **PRIVATE)
        story, now = self.story, [run, self.story.place]
        turned = [
            turn(now, [run, *self.shown], **PRIVATE)
            for turn in (
                partial(story.cards.click, plainly(self._pick_story)),
                partial(story.text.click, plainly(self._pick_step)),
                partial(story.back.click, plainly(self._step_back)),
                partial(story.next.click, plainly(self._step_on)),
                partial(story.again.click, plainly(self._step_again)),
            )
        ]
        search = gr.Textbox(visible="hidden", elem_id="learn-search")
        loaded = self.shell.page.load(
            plainly(self._restore), [run, search], [run, self.shell.tabs, *self.shown],
            js="(run, search) => [run, location.search]", **PRIVATE,
        )  # fmt: skip
        opened = self.look.opened.change(self._reopen, run, self.shown, **PRIVATE)
        for event in (raced, studied, *turned, loaded, opened):
            # As in the Image tab: any number of pages may watch, and turn to another run.
            event.success(
                self.stage.watch, run, self.stage.seen, concurrency_limit=None,
                trigger_mode="multiple", **PRIVATE,
            )  # fmt: skip
        for event in (raced, studied, *turned, opened):
            event.success(None, self.link, None, js=_ADDRESS, **PRIVATE)
        self.shell.page.unload(self.stage.leave)

    def _begin_race(self, last: str | None, *values: Any) -> tuple[str, str]:
        return self._begin(self.lab.read(*values), last)

    def _begin_study(self, last: str | None, *values: Any) -> tuple[str, str]:
        return self._begin(self.study.read(*values), last)

    def _begin(self, asked: Asked, last: str | None) -> tuple[str, str]:
        return self.server.begin(asked, last).id, urlencode(asked.query())

    # --- the walks ---

    def _pick_story(self, last: str | None, place: Any, event: gr.EventData) -> Update:
        return self._turn(last, read_place(event.story, 0))

    def _pick_step(self, last: str | None, place: Place, event: gr.EventData) -> Update:
        return self._turn(last, read_place(place[0], event.step))

    def _step_back(self, last: str | None, place: Place) -> Update:
        return self._turn(last, read_place(place[0], place[1] - 1))

    def _step_on(self, last: str | None, place: Place) -> Update:
        return self._turn(last, read_place(place[0], place[1] + 1))

    def _step_again(self, last: str | None, place: Place) -> Update:
        return self._turn(last, read_place(*place))

    def _turn(self, last: str | None, place: Place) -> Update:
        """A step of a walk begins: its text, and its run; the lab or the study is set like it."""
        asked = self._asked_at(place)
        run = self.server.begin(asked, last)
        return {self.look.run: run.id} | self._show_place(place, asked)

    def _asked_at(self, place: Place) -> Asked:
        asked = read_query(self.story.query(place), self.server.server.limits)
        assert asked is not None
        return asked

    def _show_place(self, place: Place, asked: Asked) -> Update:
        link = urlencode({"learn": "story", "story": place[0], "step": str(place[1] + 1)})
        shown = self._show(asked) | self._in_mode("story") | self.story.show(place)
        return shown | {self.link: link}

    # --- the settings, in the address too ---

    def _wire_settings(self) -> None:
        self.mode.input(
            self._arrange, self.mode, [self.story_box, self.lab_box, self.study_box], **LATEST
        )
        self.study.list.click(plainly(self._open_study), None, self.shown, **PRIVATE).success(
            None, self.link, None, js=_ADDRESS, **PRIVATE
        )
        self.study.back.click(self.study.close, None, self.study.shown, **PRIVATE)
        lab, study = self.lab, self.study
        changes = (
            (
                (lab.source, lab.built, lab.drawn, lab.photo, lab.methods, lab.knobs, lab.seconds,
                 lab.seed),
                lab.read, lab.all,
            ),
            ((study.form, study.knobs, study.formula), study.read, study.all),
        )  # fmt: skip
        for controls, read, values in changes:
            gr.on(
                [control.input for control in controls], _addressed(read), values, self.link,
                **LATEST,
            ).success(None, self.link, None, js=_ADDRESS, **PRIVATE)  # fmt: skip
        here = gr.Textbox(visible="hidden")
        self.shell.tabs.select(self._turned, self.link, here, **PRIVATE).then(
            None, here, None, js=_ADDRESS, **PRIVATE
        )

    def _turned(self, link: str, event: gr.SelectData) -> str:
        """Another tab is looked at: the address says nothing of this one then."""
        return link if event.value == TITLE else ""

    def _arrange(self, mode: str) -> list[Any]:
        return [gr.update(visible=mode == name) for _, name in MODES]

    def _in_mode(self, mode: str) -> Update:
        boxes = (self.story_box, self.lab_box, self.study_box)
        return {self.mode: mode, **dict(zip(boxes, self._arrange(mode), strict=True))}

    def _open_study(self, event: gr.EventData) -> Update:
        asked = self.study.opened(event)
        return self.study.show(asked) | {self.link: urlencode(asked.query())}

    def _show(self, asked: Asked) -> Update:
        """Set the controls to what was asked for, and the address."""
        found = (
            self._in_mode("race") | self.lab.show(asked) if isinstance(asked, RaceAsked)
            else self._in_mode("study") | self.study.show(asked)
        )  # fmt: skip
        return found | {self.link: urlencode(asked.query())}

    def _restore(self, id: str | None, search: str) -> Update:
        """After a reload or through a link: the settings of the address, else those of the run."""
        query = dict(parse_qsl(search[:MOST_LETTERS].removeprefix("?")))
        run = self.server.find(id)
        if "learn" not in query:
            shown = {} if run is None else self._show(run.asked)
            return {self.look.run: gr.skip()} | shown
        selected = {self.shell.tabs: gr.update(selected=ID)}
        try:
            return selected | self._linked(run, query)
        except ValueError as error:
            gr.Warning(str(error), title="This link cannot be read")
            return selected | {self.look.run: gr.skip()}

    def _linked(self, run: SceneRun | None, query: Mapping[str, str]) -> Update:
        """What a link says. The run that the browser looked at is shown on if it is the same; only
        a walk's begins by itself."""
        if query["learn"] == "story":
            place = read_place(query.get("story", ""), query.get("step", "1"), first=1)
            asked = self._asked_at(place)
            if run is None or run.asked.query() != asked.query():
                run = self.server.begin(asked, run.id if run else None)
            return {self.look.run: run.id} | self._show_place(place, asked)
        asked = read_query(query, self.server.server.limits)
        if asked is None:
            raise ValueError(f"There is nothing to learn called {query['learn']!r}.")
        same = run is not None and run.asked.query() == asked.query()
        return {self.look.run: gr.skip() if same else None} | self._show(asked)

    def _reopen(self, id: str | None) -> Update:
        """A run was opened from another tab."""
        run = self.server.find(id)
        return {self.link: gr.skip()} if run is None else self._show(run.asked)


def _addressed(read: Any) -> Any:
    """What stands in the address for a panel's controls; as it was while they make no sense."""

    def address(*values: Any) -> Any:
        try:
            asked: Asked = read(*values)
        except ValueError:
            return gr.skip()
        return urlencode(asked.query())

    return address


# Puts the tab's part into the browser's address, beside what is of the page's own.
_ADDRESS = """(link) => {
  const address = new URL(location);
  const theme = address.searchParams.get('__theme');
  address.search = link;
  if (theme) address.searchParams.set('__theme', theme);
  history.replaceState(null, '', address);
}"""
