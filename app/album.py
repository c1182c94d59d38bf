"""The pictures of a report: which moments are shown, and each encoded once."""

import base64
import io
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from fields import Snapshot

from .charts import final
from .measures import PSNR, during
from .story import measure_of, subject_of
from .trace import Trace

MOMENTS = 6  # columns of the coarse-to-fine strips
BETWEEN = 2  # moments that the script can scrub to, for each column
THUMBNAIL, FINAL = 320, 900  # pixels along the longest side
PIXEL_ART = 2**14  # pixels; smaller pictures are shown pixel by pixel, and kept without loss


@dataclass(frozen=True)
class Look:
    """A picture of a field at some time, as it is embedded."""

    snapshot: Snapshot
    uri: str
    detail: str  # the part that is shown pixel by pixel; empty if there is none
    column: bool  # shown in the strips, not only when scrubbing


class Drawing(ABC):
    """How a report draws the target and the looks at a field: as data URIs, all of one shape."""

    @abstractmethod
    def target(self, side: int) -> str:
        """What the fits are compared to, `side` pixels along its longest side at most."""

    @abstractmethod
    def look(self, trace: Trace, snapshot: Snapshot, side: int) -> str:
        """What a method had made of it at some time."""


class Frames(Drawing):
    """The looks' own frames, uint8 [h, w, c]."""

    def __init__(self, target: Tensor) -> None:
        self._target = target

    def target(self, side: int) -> str:
        return data_uri(self._target, side)

    def look(self, trace: Trace, snapshot: Snapshot, side: int) -> str:
        return data_uri(snapshot.frame, side, quality=88 if side > THUMBNAIL else 80)


class Album:
    """The pictures of a report, each encoded once.

    Args:
        target: uint8 [h, w, c] as the frames show it.
        drawing: how it and the looks are drawn; as they are when None.

    Attributes:
        measure: what is shown beside each picture of a fit in the end.
        seen: what is shown beside those before.
        word: what the target is called: it may have holes.
        target: at the size of the frames.
        box: the part that is also shown pixel by pixel.
        times: the moments shown, in seconds, the same for all methods.
        looks: for each method, the picture nearest to each moment; None where that picture is
            nearer to another moment.
    """

    def __init__(
        self, target: Tensor, order: Sequence[Trace], *, word: str, drawing: Drawing | None = None
    ) -> None:
        self.measure = measure_of(order)
        self.seen = during(self.measure)
        self.word = "as given" if word == "original" and self.measure is not PSNR else word
        frames = [f.frame for f in map(final, order) if f is not None]
        self.target = _like(target, frames[0]) if frames else target
        self.box = busiest(self.target) if subject_of(order).closely else None
        self.drawing = drawing or Frames(target)
        self.original = self.drawing.target(FINAL)
        self.small_original = self.drawing.target(THUMBNAIL)
        self.times = _moments(order)
        self.looks = [self._row(trace) for trace in order]
        self.finals = []
        for trace in order:
            shown = final(trace)
            self.finals.append(
                None if shown is None else self.drawing.look(trace, shown, FINAL)
            )

    def is_column(self, moment: int) -> bool:
        """Whether a moment is shown in the strips, or only when scrubbing."""
        return len(self.times) <= MOMENTS or (len(self.times) - 1 - moment) % BETWEEN == 0

    def _row(self, trace: Trace) -> list[Look | None]:
        if not trace.snapshots:
            return [None] * len(self.times)
        times = [s.seconds for s in trace.snapshots]
        columns = [i for i in range(len(self.times)) if self.is_column(i)]
        row: list[Look | None] = []
        for i, moment in enumerate(self.times):
            n = _nearest(times, moment)
            others = columns if self.is_column(i) else range(len(self.times))
            if others[_nearest([self.times[k] for k in others], times[n])] != i:
                row.append(None)  # it belongs to another moment
                continue
            look = trace.snapshots[n]
            uri = self.drawing.look(trace, look, THUMBNAIL)
            detail = crop(look.frame, self.box, quality=80) if self.box else ""
            row.append(Look(look, uri, detail, self.is_column(i)))
        return row


def _nearest(times: Sequence[float], time: float) -> int:
    """The last of those that are nearest by a factor."""
    gaps = [abs(math.log((t + 1e-6) / (time + 1e-6))) for t in times]
    return len(gaps) - 1 - gaps[::-1].index(min(gaps))


def _moments(order: Sequence[Trace]) -> list[float]:
    """Moments from the first look to the last, each later than the one before by one factor."""
    times = sorted({s.seconds for t in order for s in t.snapshots})
    most = max((len(t.snapshots) for t in order), default=0)
    count = MOMENTS * BETWEEN if most >= MOMENTS * BETWEEN else min(MOMENTS, most)
    low, high = next((t for t in times if t > 0), 0.0), times[-1] if times else 0.0
    if low >= high or count < 3:
        return times[-2:]
    return [low * (high / low) ** (i / (count - 1)) for i in range(count)]


def data_uri(frame: Tensor, side: int, *, quality: int = 88, bits: float = 2) -> str:
    """A uint8 picture [h, w, c] no larger than `side`: PNG if it is small or drawn, else JPEG.

    Args:
        quality: of the JPEG, which falls where it would take more than `bits` a pixel.
    """
    image = _image(frame)
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    pixels = image.width * image.height
    if pixels <= PIXEL_ART // 4 or _is_drawing(image):
        return embedded("png", _encoded(image, "PNG"))
    for lower in (0, 12, 24, 36):
        jpeg = _encoded(image, "JPEG", quality=quality - lower, subsampling=0 if lower == 0 else 2)
        if 8 * len(jpeg) <= bits * pixels:
            break
    return embedded("jpeg", jpeg)


def _is_drawing(image: Image.Image) -> bool:
    """Whether it has few colours, which JPEG would blur and PNG packs well."""
    few = 48 if image.mode == "L" else 256
    return image.resize((64, 64), Image.Resampling.NEAREST).getcolors(few) is not None


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def embedded(kind: str, contents: bytes) -> str:
    """A picture's file of a kind, such as png or svg+xml, as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(contents).decode()}"


def _image(frame: Tensor) -> Image.Image:
    """Grey or RGB; what is transparent shows a chequerboard."""
    pixels = frame.detach().cpu().numpy()
    if pixels.shape[2] in (2, 4):
        pixels = _on_chequers(pixels)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _on_chequers(pixels: np.ndarray) -> np.ndarray:
    alpha = pixels[..., -1:].astype(np.float32) / 255
    h, w = alpha.shape[:2]
    cell = max(1, max(h, w) // 48)
    rows, columns = np.arange(h)[:, None] // cell, np.arange(w) // cell
    board = np.where((rows + columns) % 2, 205, 245)[..., None]
    return np.rint(pixels[..., :-1] * alpha + board * (1 - alpha)).astype(np.uint8)


Box = tuple[int, int, int, int]  # left, top, width, height


def busiest(frame: Tensor) -> Box | None:
    """The part of a picture, about a fifth of its width, with the most detail; None if small."""
    h, w = frame.shape[:2]
    width = max(64, w // 5)
    height = width // 2
    if w < 2 * width or h < 2 * height:
        return None
    grey = frame[..., :3].float().mean(-1) if frame.shape[2] > 2 else frame[..., 0].float()
    slope = (grey[1:, 1:] - grey[:-1, 1:]).abs() + (grey[1:, 1:] - grey[1:, :-1]).abs()
    step = max(1, height // 8)
    mean = avg_pool2d(slope[None, None], (height - 1, width - 1), step)[0, 0]
    row, column = divmod(int(mean.argmax()), mean.shape[1])
    return column * step, row * step, width, height


def crop(frame: Tensor, box: Box, *, quality: int = 92) -> str:
    left, top, width, height = box
    return data_uri(frame[top : top + height, left : left + width], FINAL, quality=quality, bits=6)


def _like(target: Tensor, frame: Tensor) -> Tensor:
    """The target at a frame's size, through every nth pixel as the frame is."""
    rows, columns = (
        ((torch.arange(n) + 0.5) * size / n).long().clamp(max=size - 1)
        for n, size in zip(frame.shape[:2], target.shape[:2], strict=True)
    )
    return target[rows][:, columns]
