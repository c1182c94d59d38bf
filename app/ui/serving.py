"""The page as a whole, and serving it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import torch
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from fields.fit import resolve_device
from fields.kernels.backends import choose
from fields.kernels.threads import COUNT

from ..options import AppOptions
from . import api, image_tab, learn_tab, runs_tab, shape_tab
from .limits import MAX_EVENTS
from .server import Server
from .shell import Look, Shell
from .theme import ICON, SCRIPT, STYLE, theme

# To add one: write it in a file of its own; list it.
TABS = (image_tab, shape_tab, learn_tab, runs_tab)
RUN_TABS = (image_tab.ID, shape_tab.ID, learn_tab.ID)  # in which runs are seen
CACHE_CHECK, CACHE_AGE = 3600, 24 * 3600  # seconds between two cleanings, and of what is cleaned


@contextmanager
def serve(
    options: AppOptions, cache: Path, port: int, auth: tuple[str, str] | None
) -> Iterator[str]:
    """Serve the page; its address. In the end all runs are stopped and saved."""
    server = Server.of(options, cache)
    page = build(server)
    # Another site's name that points here must not get an answer (DNS rebinding).
    hosts = ["*"] if auth else ["127.0.0.1", "localhost", "[::1]", options.host]
    server.runs.start()
    try:
        _, url, _ = page.launch(
            server_name=options.host,
            server_port=port,
            share=False,
            auth=auth,
            prevent_thread_lock=True,
            quiet=True,
            show_error=False,
            run_history=False,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            max_file_size=server.limits.upload,
            footer_links=["api"],
            favicon_path=ICON,
            theme=theme(),
            css_paths=STYLE,
            js=SCRIPT.read_text(encoding="utf-8"),
            app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=hosts)]},
        )
        yield url
    finally:
        server.runs.close()
        page.close(verbose=False)


def build(server: Server) -> gr.Blocks:
    page = gr.Blocks(
        title="Fieldfit", analytics_enabled=False, delete_cache=(CACHE_CHECK, CACHE_AGE)
    )
    with page:
        gr.HTML(_header(), elem_id="header")
        looks = {id: _look(id) for id in RUN_TABS}
        with gr.Tabs(elem_id="tabs") as tabs:
            shell = Shell(server, page, tabs, looks)
            for tab in TABS:
                with gr.Tab(tab.TITLE, id=tab.ID):
                    tab.build(shell)
        api.build(server)
    page.queue(max_size=MAX_EVENTS, api_open=False)
    return page


def _look(id: str) -> Look:
    original, run = (
        gr.BrowserState(None, storage_key=f"fieldfit-{id}-{part}") for part in ("original", "run")
    )
    return Look(original, run, gr.State(0.0))


def _header() -> str:
    return (
        '<header class="ff-header"><h1>Fieldfit</h1>'
        "<p>See what a network learns first.</p>"
        f'<span class="ff-device" title="Where the fits are computed">{_device()}</span>'
        '<button type="button" id="theme" aria-label="Light or dark" title="Light or dark">'
        '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
        '<circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor"/>'
        '<path d="M8 1.5a6.5 6.5 0 0 1 0 13z" fill="currentColor"/></svg></button></header>'
    )


def _device() -> str:
    """The device and the kernels that a fit uses here: CPU, 2 threads, numba."""
    device = resolve_device("auto")
    backend, _ = choose("auto", device)
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name()} · {backend}"
    return f"CPU, {COUNT} thread{'s' if COUNT > 1 else ''} · {backend}"
