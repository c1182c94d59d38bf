"""Where a guided walk is taken: the three to choose from, and the step that one is at."""

from typing import Any

import gradio as gr

from . import learn_views as views
from .learn_stories import STORIES
from .shell import Update
from .views import pick

Place = tuple[str, int]  # the name of a walk, and the step from 0
_WELCOME = (
    '<article class="ff-step"><h2>Five minutes</h2><p>Each walk is a handful of steps: a few lines '
    "to read, and a network that learns beside them while you watch.</p><p>Take the three in their "
    "order, from left to right, and you know what the frequency principle is, what to do about it, "
    "and where it ends.</p></article>"
)


class StoryPanel:
    """Components; `build` makes those of the step, in another place than the three cards.

    Attributes:
        shown: what `show` updates.
    """

    def __init__(self) -> None:
        self.cards = gr.HTML(
            views.story_cards(""), js_on_load=pick("story"), elem_id="learn-stories"
        )
        self.place = gr.State(("", 0))

    def build(self) -> None:
        self.text = gr.HTML(_WELCOME, js_on_load=pick("step"), elem_id="story-text")
        with gr.Row(visible=False, elem_classes="ff-tools") as self.tools:
            self.back = gr.Button("Back", size="sm", elem_id="story-back")
            self.again = gr.Button("Play again", size="sm", elem_id="story-again")
            self.next = gr.Button("Next", variant="primary", size="sm", elem_id="story-next")
        self.shown: list[Any] = [
            self.cards, self.place, self.text, self.tools, self.back, self.next
        ]

    def query(self, place: Place) -> dict[str, str]:
        """Of the run that belongs to a step."""
        return STORIES[place[0]].steps[place[1]].query

    def show(self, place: Place) -> Update:
        """A step is looked at."""
        name, number = place
        story = STORIES[name]
        return {
            self.cards: views.story_cards(name),
            self.place: place,
            self.text: views.story_step(story, number),
            self.tools: gr.update(visible=True),
            self.back: gr.update(interactive=number > 0),
            self.next: gr.update(interactive=number + 1 < len(story.steps)),
        }


def read_place(story: Any, step: Any, *, first: int = 0) -> Place:
    """A step of a walk, whose number counts from `first`.

    Raises:
        ValueError: there is none.
    """
    if story not in STORIES:
        raise ValueError(f"There is no walk {str(story)[:40]!r}; there are {', '.join(STORIES)}.")
    last = len(STORIES[story].steps) - 1
    try:
        number = int(step) - first
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= last:
        raise ValueError(f"The walk {story} has steps {first} to {last + first}, not {step!r:.40}.")
    return str(story), number
