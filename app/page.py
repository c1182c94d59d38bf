"""`fieldfit app`: serves the page until it is told to stop. gradio is imported only then."""

import ipaddress
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import signals
from .options import AppOptions

PORTS_TRIED = 100


def app(options: AppOptions) -> None:
    """Serve the page, printing its address, until a signal asks to stop; runs are then saved."""
    auth = check_access(options.host, options.auth)
    check_limits(options)
    port = free_port(options.host, options.port)
    with private_cache() as cache:
        serve = import_serve()
        with serve(options, cache, port, auth) as url:
            print(f"Fieldfit is at {url} (Ctrl-C stops it)", flush=True)
            if options.open:
                import webbrowser

                webbrowser.open(url)
            signals.wait()
            print("stopping; a run that is being fitted is saved.", file=sys.stderr, flush=True)


def import_serve() -> Any:
    """`app.ui.serving.serve`.

    Raises:
        ValueError: gradio is not installed.
    """
    try:
        from .ui.serving import serve
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "gradio":
            raise
        raise ValueError("the page needs gradio: pip install 'fieldfit[app]'.") from None
    return serve


def check_access(host: str, auth: str | None) -> tuple[str, str] | None:
    """The name and the password that the page asks for, or None for neither.

    Raises:
        ValueError: other machines could reach the page, and it would ask for none.
    """
    name, colon, password = (auth or "").partition(":")
    if auth is not None and not (name and colon and password):
        raise ValueError("--auth must be NAME:PASSWORD.")
    if auth is None and not is_loopback(host):
        raise ValueError(
            f"--host {host} can be reached from other machines; protect the page with "
            "--auth NAME:PASSWORD, or leave --host out."
        )
    return (name, password) if auth is not None else None


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_limits(options: AppOptions) -> None:
    for name in ("max_megapixels", "max_seconds"):
        value = getattr(options, name)
        if not 0 < value < 1e6:
            flag = name.replace("_", "-")
            raise ValueError(f"--{flag} must be above 0 and below a million, got {value:g}.")


def free_port(host: str, first: int) -> int:
    """The first port from `first` on that nobody listens on.

    Raises:
        ValueError: there is none, or the address is not this machine's.
    """
    if not 1 <= first <= 65535:
        raise ValueError(f"--port must be from 1 to 65535, got {first}.")
    problem: OSError | None = None
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        try:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            return port
        except OSError as error:
            problem = error
    assert problem is not None
    raise ValueError(f"cannot listen on {host} from port {first} on: {problem.strerror}.")


@contextmanager
def private_cache() -> Iterator[Path]:
    """A directory that only this user can enter, for what the page uploads and downloads.

    gradio reads the environment when it is imported, so this must come before.
    """
    cache = Path(tempfile.mkdtemp(prefix="fieldfit-"))
    os.environ |= {
        "GRADIO_TEMP_DIR": str(cache),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
    }
    try:
        yield cache
    finally:
        shutil.rmtree(cache, ignore_errors=True)
