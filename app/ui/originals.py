"""What people brought, kept on the server; the page has only a preview."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from PIL import Image

from data import Picture

from .limits import MAX_ORIGINAL_BYTES, MAX_ORIGINALS
from .mask import Mask, Size, shrink
from .previews import data_uri, jpeg, preview


@dataclass
class Original:
    """A picture with its mask.

    Attributes:
        name: of the file, without its folder.
        source: the uploaded file; None for a sample.
        mask: at full size, as it was last uploaded, inverted or used; what is painted is laid
            over it.
    """

    name: str
    picture: Picture
    source: Path | None = None
    mask: Mask | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def nbytes(self) -> int:
        return self.picture.pixels.nbytes

    @property
    def size(self) -> Size:
        return self.picture.height, self.picture.width

    @cached_property
    def preview(self) -> Image.Image:
        return preview(self.picture)

    @property
    def preview_size(self) -> Size:
        return self.preview.height, self.preview.width

    @cached_property
    def uri(self) -> str:
        """The preview, to be put into the page."""
        return data_uri(jpeg(self.preview, self.picture.icc))

    @property
    def small_mask(self) -> Mask | None:
        """The mask as large as the preview."""
        return None if self.mask is None else shrink(self.mask, self.preview_size)


class Kept(Protocol):
    """What is kept: it has an id that cannot be guessed, and takes so many bytes."""

    id: str

    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Kept)


class Originals(Generic[T]):
    """The last few that people brought, by their ids.

    Args:
        word: for one of them.
        ask: what to say to a person who has brought none.
    """

    def __init__(self, word: str = "picture", ask: str = "Drop a photo first") -> None:
        self._word, self._ask = word, ask
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, original: T) -> T:
        with self._lock:
            self._kept[original.id] = original
            while len(self._kept) > 1 and self._too_many():
                self._kept.popitem(last=False)
        return original

    def _too_many(self) -> bool:
        held = sum(o.nbytes for o in self._kept.values())
        return len(self._kept) > MAX_ORIGINALS or held > MAX_ORIGINAL_BYTES

    def find(self, id: str | None) -> T | None:
        with self._lock:
            if id in self._kept:
                self._kept.move_to_end(id)
            return self._kept.get(id or "")

    def get(self, id: str | None) -> T:
        """The one with this id.

        Raises:
            ValueError: there is none, or it had to make room for others.
        """
        found = self.find(id)
        if found is None:
            if id:
                raise ValueError(f"The server no longer has this {self._word}; drop it once more.")
            raise ValueError(f"{self._ask}, or take a sample.")
        return found
