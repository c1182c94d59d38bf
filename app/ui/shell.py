"""What every tab needs from the page around it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from .server import Server

P = ParamSpec("P")
R = TypeVar("R")

Update = dict[Any, Any]  # component -> its new value
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Of what follows a control: a change that is made while the one before is answered counts too,
# which gradio would else drop.
LATEST: dict[str, Any] = PRIVATE | {"trigger_mode": "always_last"}


@dataclass
class Look:
    """What a tab of this browser looks at. Its parts lie outside the tab, which is not there before
    it is seen.

    Attributes:
        original: the id of what was brought; it survives a reload.
        run: the id of the run; so does this.
        opened: changes whenever a run is opened from another tab.
    """

    original: gr.BrowserState
    run: gr.BrowserState
    opened: gr.State


@dataclass
class Shell:
    """The page around the tabs.

    Attributes:
        page: the whole of it.
        tabs: where a tab can be selected by its id.
        looks: of the tabs in which runs are seen, by their ids.
    """

    server: Server
    page: gr.Blocks
    tabs: gr.Tabs
    looks: dict[str, Look]


def plainly(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler whose ValueErrors reach the person as they are: one clear sentence."""

    @functools.wraps(handler)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False, title="That did not work") from None

    return wrapped


def show_stage(id: str) -> str:
    """A script that brings a stage into view: the button may be a long way below it, or above it on
    a phone."""
    return f"""() => {{
      const stage = document.querySelector('#{id}').closest('.ff-panel');
      const {{top}} = stage.getBoundingClientRect();
      if (top < 0 || top > innerHeight / 2) stage.scrollIntoView({{behavior: 'smooth'}});
    }}"""
