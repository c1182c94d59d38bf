"""Where the run of a picture is seen."""

from typing import Any

from . import views
from .picture_run import PictureRun
from .shell import Update
from .stage import PLACES, Stage


class PictureStage(Stage[PictureRun]):
    """The methods' pictures, while they are learned and afterwards."""

    kind = PictureRun
    empty = views.EMPTY

    def build_view(self) -> list[Any]:
        return []

    @property
    def scrubbed(self) -> list[Any]:
        return [self.tiles]

    def show(self, run: PictureRun) -> Update:
        return {self.tiles: views.tiles(run.now, run.size, f"{run.name}, being learned")}

    def show_past(self, run: PictureRun, place: int) -> Update:
        moments, at = views.past(run, place, PLACES)
        return {self.tiles: views.tiles(moments, run.size, f"{run.name}, earlier", at)}

    def target(self, run: PictureRun) -> str:
        return views.truth(run)
