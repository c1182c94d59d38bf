"""Where a photo comes in and is seen, and where its mask is painted."""

from typing import Any

import gradio as gr

from data import SAMPLES, invert, load_sample

from . import views
from .mask import merge
from .originals import Original
from .painter import painter
from .painter_value import decode, encode
from .previews import jpeg, preview
from .server import KINDS, Server, write_mask
from .shell import PRIVATE, Update, plainly


class PicturePanel:
    """Components, and what they do by themselves.

    Args:
        original: the id of the picture, which survives a reload.

    Attributes:
        painter: where the mask is painted.
        paints: whether the mask can be seen and painted now.
    """

    def __init__(self, server: Server, original: gr.BrowserState) -> None:
        self.server, self.original = server, original
        self.paints = gr.State(False)
        with gr.Column(elem_classes="ff-panel"):
            with gr.Column(elem_classes="ff-bring") as self.bring:
                self.upload = gr.File(
                    label="Photo",
                    show_label=False,
                    file_types=list(KINDS),
                    height=150,
                    elem_id="upload",
                    elem_classes="ff-upload",
                )
                self.samples = gr.HTML(
                    views.sample_buttons(_thumbnails()), js_on_load=views.pick("sample"),
                    elem_id="samples",
                )  # fmt: skip
            self.photo = gr.HTML(visible=False, elem_id="photo")
            with gr.Column(visible=False) as self.tools:
                self._build_mask()
            self.change = gr.Button("Another picture", size="sm", visible=False, elem_id="change")
        self.shown: list[Any] = [
            self.original, self.upload, self.bring, self.change, self.photo, self.tools,
            self.painter,
        ]
        self._wire_picture()
        self._wire_mask()

    def _build_mask(self) -> None:
        self.painter = painter("painter")
        with gr.Row(elem_classes="ff-tools"):
            self.mask_upload = gr.UploadButton(
                "Upload mask", size="sm", file_types=list(KINDS), elem_id="mask-upload"
            )
            self.mask_save = gr.Button("Save mask", size="sm", elem_id="mask-save")
            self.mask_invert = gr.Button("Invert", size="sm", elem_id="mask-invert")
            self.mask_clear = gr.Button("Clear", size="sm", elem_id="mask-clear")
        self.mask_file = gr.DownloadButton(visible="hidden", elem_id="mask-file")

    # --- the picture ---

    def _wire_picture(self) -> None:
        taken = plainly(lambda path, paints: self.show(self.server.take(path), paints))
        self.upload.upload(taken, [self.upload, self.paints], self.shown, **PRIVATE).failure(
            lambda: None, None, self.upload, **PRIVATE
        )  # so that another can be dropped
        self.samples.click(plainly(self._take_sample), self.paints, self.shown, **PRIVATE)
        self.change.click(self._ask_again, None, self.shown, **PRIVATE)
        self.paints.change(
            self._arrange, [self.original, self.paints], [self.photo, self.tools], **PRIVATE
        )

    def _take_sample(self, paints: bool, event: gr.EventData) -> Update:
        return self.show(self.server.take_sample(str(event.sample)), paints)

    def show(self, original: Original, paints: bool) -> Update:
        """A picture has come."""
        picture = original.picture
        text = f"{picture.width} × {picture.height} pixels · {picture.mode}, {picture.depth} bit"
        return {
            self.original: original.id,
            self.upload: None,
            self.bring: gr.update(visible=False),
            self.change: gr.update(visible=True),
            self.photo: gr.update(
                value=views.photo(original.uri, original.name, text), visible=not paints
            ),
            self.tools: gr.update(visible=paints),
            self.painter: _on_painter(original),
        }

    def _ask_again(self) -> Update:
        hidden = gr.update(visible=False)
        return {
            self.original: None,
            self.bring: gr.update(visible=True),
            self.change: hidden,
            self.photo: hidden,
            self.tools: hidden,
        }

    def _arrange(self, id: str | None, paints: bool) -> Update:
        there = self.server.originals.find(id) is not None
        return {
            self.photo: gr.update(visible=there and not paints),
            self.tools: gr.update(visible=there and paints),
        }

    # --- the mask ---

    def _wire_mask(self) -> None:
        both = [self.painter, self.original]
        self.mask_upload.upload(
            plainly(self._upload_mask), [self.mask_upload, self.original], self.painter, **PRIVATE
        )
        self.mask_invert.click(plainly(self._invert_mask), both, self.painter, **PRIVATE)
        self.mask_clear.click(plainly(self._clear_mask), self.original, self.painter, **PRIVATE)
        self.mask_save.click(
            plainly(self._save_mask), both, self.mask_file, **PRIVATE
        ).success(None, None, None, js=_DOWNLOAD, **PRIVATE)

    def take_strokes(self, value: Any, original: Original) -> None:
        """Lay what was painted over the picture's mask.

        Raises:
            ValueError: it was painted over another picture.
        """
        strokes = decode(value, original.preview_size)
        original.mask = merge(original.mask, strokes, original.size)

    def _upload_mask(self, path: str, id: str | None) -> Any:
        original = self.server.originals.get(id)
        self.server.take_mask(original, path)
        return _on_painter(original)

    def _invert_mask(self, value: Any, id: str | None) -> Any:
        original = self.server.originals.get(id)
        self.take_strokes(value, original)
        assert original.mask is not None
        original.mask = invert(original.mask)
        return _on_painter(original)

    def _clear_mask(self, id: str | None) -> Any:
        original = self.server.originals.get(id)
        original.mask = None
        return _on_painter(original)

    def _save_mask(self, value: Any, id: str | None) -> str:
        original = self.server.originals.get(id)
        self.take_strokes(value, original)
        assert original.mask is not None
        path = self.server.new_file("mask.png")
        write_mask(path, original.mask)
        return str(path)


def _on_painter(original: Original) -> Any:
    return gr.update(value=encode(original.small_mask), picture=original.uri)


def _thumbnails() -> list[tuple[str, str, bytes]]:
    return [
        (sample.name, sample.title, jpeg(preview(load_sample(sample.name), 112), None, 80))
        for sample in SAMPLES.values()
    ]


_DOWNLOAD = "() => { document.querySelector('#mask-file').click(); }"
