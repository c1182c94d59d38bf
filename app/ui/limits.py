"""What the page takes from a visitor at most: checked on the server, whatever the page sent."""

from dataclasses import dataclass

from ..options import AppOptions

MAX_WAITING = 8  # runs in the queue
MAX_EVENTS = 64  # of the page, waiting to be handled
MAX_KEPT = 20  # finished runs that can be looked at again; the files of older ones stay on disk
MAX_ORIGINALS = 16  # pictures held in memory
MAX_ORIGINAL_BYTES = 2**30  # of those pictures together
MAX_METHODS = 6  # raced at once
MAX_SCALE = 8.0  # to enlarge by
MAX_POINTS = 5_000_000  # of a shape
MAX_RESOLUTION = 512  # cells along an edge, of which a mesh is made
MAX_SEED = 2**31 - 1  # what every browser's number field holds exactly
MIN_SECONDS = 0.2


@dataclass(frozen=True)
class Limits:
    """The limits that the person who starts the page sets.

    Attributes:
        megapixels: of a picture.
        seconds: of one run, its methods together.
    """

    megapixels: float
    seconds: float

    @classmethod
    def of(cls, options: AppOptions) -> "Limits":
        return cls(options.max_megapixels, options.max_seconds)

    @property
    def drawn(self) -> float:
        """Megapixels of an enlarged picture."""
        return 4 * self.megapixels

    @property
    def upload(self) -> str:
        """Of a file, as gradio writes sizes: the pixels uncompressed at 16 bits, and some."""
        return f"{max(20, round(8 * self.megapixels))}mb"
