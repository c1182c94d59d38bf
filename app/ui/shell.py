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


@dataclass
class Shell:
    """The page around the tabs.

    Attributes:
        page: the whole of it.
        tabs: where a tab can be selected by its id.
        run: the id of the run that this browser looks at; it survives a reload.
        opened: counts the times that a run was opened from another tab.
    """

    server: Server
    page: gr.Blocks
    tabs: gr.Tabs
    run: gr.BrowserState
    opened: gr.State


def plainly(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler whose ValueErrors reach the person as they are: one clear sentence."""

    @functools.wraps(handler)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False, title="That did not work") from None

    return wrapped
