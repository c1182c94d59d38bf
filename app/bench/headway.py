"""How far a table of many fits is, on stderr: a line that redraws itself on a terminal, one every
half minute elsewhere."""

import shutil
import sys
import time

PLAIN_SECONDS = 30.0  # between two plain lines
DRAWN_SECONDS = 0.2  # between two drawings on a terminal
SETTLED_SECONDS = 2.0  # of fitting, before which the time that is left is not guessed
LONG_SECONDS = 60.0  # of what is left: so much is worth keeping


class Headway:
    """Follows fits whose costs are known beside one another.

    Args:
        work: what those cost that are still to be done, in any unit.
        kept: whether what is done outlasts the process.
    """

    def __init__(self, work: float, *, kept: bool) -> None:
        self.work, self.kept = work, kept
        self.spent = 0.0  # seconds on fits that are over
        self.done = 0.0  # their work
        self.drawn = 0  # letters of the line on the terminal
        self.shown = time.monotonic()
        self.hinted = False

    def show(self, label: str, share: float, seconds: float, cost: float) -> None:
        """A fit of this cost has come to this share of its steps, in so many seconds."""
        left = self.left(share, seconds, cost)
        if left is not None and left > LONG_SECONDS and not (self.kept or self.hinted):
            self.hinted = True
            self.say(f"this will take {duration(left)}; give --out DIR to be able to go on later.")
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if now - self.shown < (DRAWN_SECONDS if terminal else PLAIN_SECONDS):
            return
        self.shown = now
        text = f"{label}  {share:.0%}" + ("" if left is None else f"  {duration(left)} left")
        if terminal:
            self._draw(text)
        else:
            self.say(text)

    def left(self, share: float, seconds: float, cost: float) -> float | None:
        """Seconds until all is done, if it goes on as it went; None while that cannot be told."""
        spent, done = self.spent + seconds, self.done + share * cost
        if spent < SETTLED_SECONDS or done <= 0:
            return None
        return spent * max(0.0, self.work - done) / done

    def over(self, seconds: float, cost: float) -> None:
        """A fit is over."""
        self.spent += seconds
        self.done += cost
        self.clear()

    def say(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line off the terminal, where something else is to be printed."""
        if self.drawn:
            print("\r" + " " * self.drawn, end="\r", file=sys.stderr, flush=True)
            self.drawn = 0

    def _draw(self, text: str) -> None:
        text = text[: max(1, shutil.get_terminal_size().columns - 1)]
        print(f"\r{text:<{self.drawn}}", end="", file=sys.stderr, flush=True)
        self.drawn = len(text)


def duration(seconds: float) -> str:
    """For people, in the largest unit that fits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.0f} h"
