"""Where a signal is built, methods are chosen, and a network of one's own is set up, to race."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from ..figures import number
from . import learn_views as views
from .learn_asked import MOST_RACERS, MOST_SECONDS, PHOTOS, RACERS, RaceAsked, read_race
from .learn_draw import draw_pad
from .learn_form import changed, form, values_of, written
from .learn_network import NAME, Net, before_scene, rates
from .learn_server import SIGNAL_KINDS, LearnServer
from .learn_signals import SIGNALS, SOURCES, TITLES, drawing
from .limits import MAX_SEED, MIN_SECONDS
from .server import KINDS
from .shell import LATEST, PRIVATE, Update, plainly

SHOWN = 400  # points of the signal that is shown
USUAL = RaceAsked()


class LabPanel:
    """Components, and what they do by themselves.

    Attributes:
        all: their values are the arguments of `read`, in this order.
    """

    def __init__(self, server: LearnServer) -> None:
        self.server = server
        self._plain = rates(Net())[1]
        self._build_signal()
        self._build_methods()
        self.race = gr.Button("Race", variant="primary", size="lg", elem_id="lab-race")
        self._build_net()
        self.all: list[Any] = [
            self.source, self.built, self.drawn, self.file, self.photo, self.methods, self.knobs,
            self.seconds, self.seed,
        ]  # fmt: skip
        self.shown = [
            self.builder, self.pad, self.bring, self.upload, self.preview, self.network,
            self.net_preview, *self.all,
        ]  # fmt: skip
        self._wire()

    def _build_signal(self) -> None:
        self.source = gr.Radio(
            [(TITLES[name], name) for name in SOURCES], value=USUAL.source, label="Signal",
            info="What is to be learned.", elem_id="lab-signal",
        )  # fmt: skip
        with gr.Column() as self.builder:
            self.built = form("lab-built", USUAL.built)
        with gr.Column(visible=False, elem_id="lab-pad") as self.pad:
            self.drawn = draw_pad("lab-drawn")
        self.file = gr.State("")  # the id of what was brought
        with gr.Column(visible=False, elem_id="lab-bring") as self.bring:
            self.upload = gr.File(
                show_label=False, label="Own file", height=90, elem_id="lab-file",
                file_types=list(SIGNAL_KINDS), elem_classes="ff-own-file",
            )  # fmt: skip
            self.photo = gr.Radio(
                list(PHOTOS), value=USUAL.photo, label="Or a sample", visible=False,
                elem_id="lab-photo",
            )  # fmt: skip
        self.preview = gr.HTML(self._previewed(USUAL), elem_id="lab-preview")

    def _build_methods(self) -> None:
        self.methods = gr.CheckboxGroup(
            list(RACERS), value=list(USUAL.methods), label="Methods",
            info=f"At most {MOST_RACERS}; network is the one that you set up below.",
            elem_id="lab-methods",
        )  # fmt: skip
        with gr.Row():
            self.seconds = gr.Slider(
                MIN_SECONDS, MOST_SECONDS, value=USUAL.seconds, step=0.1, buttons=[],
                label="Seconds for each", elem_id="lab-seconds",
            )  # fmt: skip
            self.seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="lab-seed"
            )

    def _build_net(self) -> None:
        with gr.Accordion("Your network", open=True, elem_id="lab-network") as self.network:
            self.knobs = form("lab-net", USUAL.net)
            self.net_preview = gr.HTML(self._net_previewed(USUAL.net), elem_id="lab-net-preview")

    def _wire(self) -> None:
        self.source.input(
            self._arrange, [self.source],
            [self.builder, self.built, self.pad, self.bring, self.upload, self.file, self.photo],
            **LATEST,
        ).then(self._preview, self.all, self.preview, **PRIVATE)  # fmt: skip
        gr.on(
            [self.built.input, self.drawn.input, self.photo.input], self._preview, self.all,
            self.preview, **LATEST,
        )  # fmt: skip
        self.upload.upload(
            plainly(self._take), [self.upload, self.source], self.file, **PRIVATE
        ).then(self._preview, self.all, self.preview, **PRIVATE)
        self.upload.clear(lambda: "", None, self.file, **PRIVATE).then(
            self._preview, self.all, self.preview, **PRIVATE
        )
        self.knobs.input(self._preview_net, self.knobs, self.net_preview, **LATEST)
        self.methods.change(
            lambda methods: gr.update(visible=NAME in methods), self.methods, self.network,
            **PRIVATE,
        )  # fmt: skip

    def read(
        self, source: str, built: str, drawn: str, file: str, photo: str, methods: list[str],
        knobs: str, seconds: float | None, seed: float | None,
    ) -> RaceAsked:  # fmt: skip
        """What the controls say, checked; the values of `all`.

        Raises:
            ValueError: one of them is out of range.
        """
        return read_race(
            self.server.server.limits,
            source=source,
            built=values_of(built),
            drawn=drawn or "",
            file=file,
            photo=photo,
            methods=methods,
            net=values_of(knobs),
            seconds=seconds,
            seed=seed,
        )

    def show(self, asked: RaceAsked) -> Update:
        """Set the controls to what a race was asked for with."""
        return {
            **self._arrange(asked.source),
            self.source: asked.source,
            self.built: written(asked.built),
            self.drawn: asked.drawn,
            self.file: asked.file,
            self.photo: gr.update(value=asked.photo, visible=asked.source == "photo"),
            self.preview: _or_problem(lambda: self._previewed(asked)),
            self.methods: list(asked.methods),
            self.network: gr.update(visible=NAME in asked.methods),
            self.knobs: written(asked.net),
            self.net_preview: self._net_previewed(asked.net),
            self.seconds: asked.seconds,
            self.seed: asked.seed,
        }

    def _arrange(self, source: str) -> Update:
        """Show the controls that have an effect on this kind of signal."""
        kinds = KINDS if source == "photo" else SIGNAL_KINDS
        update: Update = {
            self.builder: gr.update(visible=source in SIGNALS),
            self.pad: gr.update(visible=source == "drawn"),
            self.bring: gr.update(visible=source in ("file", "photo")),
            self.upload: gr.update(value=None, file_types=list(kinds)),
            self.file: "",
            self.photo: gr.update(visible=source == "photo"),
        }
        return update | ({self.built: written(SIGNALS[source])} if source in SIGNALS else {})

    def _preview(self, *values: Any) -> str:
        return _or_problem(lambda: self._previewed(self.read(*values)))

    def _previewed(self, asked: RaceAsked) -> str:
        """The signal as it is now.

        Raises:
            ValueError: it cannot be made of what was typed.
        """
        if asked.source in ("file", "photo"):
            brought = self.server.brought.find(asked.file)
            return views.note(brought.about if brought else "")
        if asked.source == "drawn":
            return views.note("" if asked.drawn and drawing(asked.drawn) else "Draw a line.")
        signal = asked.built.make()
        step = max(1, len(signal.x) // SHOWN)
        xs, ys = signal.x[::step].tolist(), signal.values[::step, 0].tolist()
        return views.signal_preview(xs, ys, f"{number(len(signal.x))} samples of it are known.")

    def _preview_net(self, knobs: str) -> str:
        return _or_problem(lambda: self._net_previewed(changed(Net(), values_of(knobs))))

    def _net_previewed(self, net: Net) -> str:
        return views.small(before_scene(net, self._plain))

    def _take(self, path: str, source: str) -> str:
        return self.server.take(path, "picture" if source == "photo" else "signal").id


def _or_problem(draw: Callable[[], str]) -> str:
    """What is drawn, or in a line why it cannot be."""
    try:
        return draw()
    except ValueError as error:
        return views.problem(str(error))
