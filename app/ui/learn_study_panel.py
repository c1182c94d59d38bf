"""Where a study is chosen from the list, its knobs are set, and it is run."""

from typing import Any

import gradio as gr

from fields.spec import Spec

from ..studies import STUDIES
from . import learn_views as views
from .learn_asked import FORMS, StudyAsked, form_of, read_study
from .learn_form import form, values_of, written
from .learn_server import TAKEN, LearnServer
from .shell import LATEST, PRIVATE, Update, plainly
from .views import pick

FORM_NAMES = [("Quick · some seconds", FORMS[0]), ("Full · as in the paper", FORMS[1])]
_NO_KNOBS = written(Spec())


class StudyPanel:
    """Components, and what they do by themselves.

    Attributes:
        all: their values are the arguments of `read`, in this order.
    """

    def __init__(self, server: LearnServer) -> None:
        self.server = server
        self.study = gr.State("")  # the one that is open; "" for the list
        self.file = gr.State("")  # the id of what was brought for it
        self.list = gr.HTML(views.study_list(), js_on_load=pick("study"), elem_id="study-list")
        with gr.Column(visible=False, elem_id="study-open") as self.open:
            self.back = gr.Button(
                "All studies", size="sm", elem_id="study-back", elem_classes="ff-narrow-button"
            )
            self.text = gr.HTML(elem_id="study-text")
            self.form = gr.Radio(FORM_NAMES, value=FORMS[0], label="How long", elem_id="study-form")
            with gr.Accordion("Settings", open=False, elem_id="study-settings"):
                self.knobs = form("study-knobs", Spec())
            with gr.Column(visible=False, elem_id="study-own") as self.own:
                self._build_own()
            self.run = gr.Button("Run", variant="primary", size="lg", elem_id="study-run")
        self.all: list[Any] = [self.study, self.form, self.knobs, self.formula, self.file]
        self.shown = [self.list, self.open, self.text, self.own, self.upload, self.about, *self.all]
        self.form.input(self._reform, [self.study, self.form], self.knobs, **LATEST)
        self.upload.upload(
            plainly(self._take), [self.upload, self.study], [self.file, self.about], **PRIVATE
        )
        self.upload.clear(lambda: ("", ""), None, [self.file, self.about], **PRIVATE)

    def _build_own(self) -> None:
        self.formula = gr.Textbox(
            label="On your own signal", placeholder="sin(x) + 0.3*sin(9*x)", max_lines=1,
            info="A formula of x from −π to π, instead of the study's own.",
            elem_id="study-formula",
        )  # fmt: skip
        self.upload = gr.File(
            label="On your own file", height=90, elem_id="study-file", elem_classes="ff-own-file"
        )
        self.about = gr.HTML(elem_id="study-file-about")

    def read(self, study: str, form: str, knobs: str, formula: str, file: str) -> StudyAsked:
        """What the controls say, checked; the values of `all`.

        Raises:
            ValueError: one of them is out of range, or no study is open.
        """
        if study not in STUDIES:
            raise ValueError("Choose a study from the list first.")
        return read_study(study, form, values_of(knobs), formula, file)

    def show(self, asked: StudyAsked) -> Update:
        """Open a study with the settings that it was asked for with."""
        study = asked.found
        brought = self.server.brought.find(asked.file)
        kinds = list(TAKEN[study.takes]) or None
        return {
            self.list: gr.update(visible=False),
            self.open: gr.update(visible=True),
            self.text: views.study_text(study),
            self.study: study.name,
            self.form: asked.form,
            self.knobs: written(asked.knobs),
            self.own: gr.update(visible=study.takes != "nothing"),
            self.formula: gr.update(value=asked.formula, visible=study.takes == "signal"),
            self.upload: gr.update(
                value=None, file_types=kinds, label=f"On your own {study.takes}"
            ),
            self.file: brought.id if brought else "",
            self.about: views.note(brought.about if brought else ""),
        }

    def close(self) -> Update:
        """Back to the list."""
        return {
            self.list: gr.update(visible=True),
            self.open: gr.update(visible=False),
            self.study: "",
        }

    def opened(self, event: gr.EventData) -> StudyAsked:
        """The study that was picked from the list, as it is at first.

        Raises:
            ValueError: there is none of this name.
        """
        return read_study(str(event.study), FORMS[0], {})

    def _reform(self, study: str, form: str) -> str:
        """The other form's knobs."""
        if study not in STUDIES:
            return _NO_KNOBS
        return written(form_of(STUDIES[study], form))

    def _take(self, path: str, study: str) -> tuple[str, str]:
        if study not in STUDIES:
            raise ValueError("Choose a study from the list first.")
        brought = self.server.take(path, STUDIES[study].takes)
        return brought.id, views.note(brought.about)
