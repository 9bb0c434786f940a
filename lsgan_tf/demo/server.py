"""Local server of a Gradio page, without telemetry or a public link."""

from __future__ import annotations

import collections
import errno
import importlib.util
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from lsgan_tf.errors import UserError

if TYPE_CHECKING:
    import gradio as gr

ENVIRONMENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""Environment variables to set before importing Gradio."""

_KEPT_DRAWINGS = 64


def require_gradio() -> None:
    """Check that Gradio is installed, without importing it.

    Raises:
      UserError: if it is not.
    """
    if importlib.util.find_spec("gradio") is None:
        raise UserError(
            "the demo needs the package gradio; install it with: pip install 'lsgan_tf[demo]'"
        )


class Folders:
    """Folders of drawings, of which the oldest are removed.

    Args:
      root: parent folder.
      kept: number of folders to keep.
    """

    def __init__(self, root: Path, kept: int = _KEPT_DRAWINGS) -> None:
        self.root = root
        self._kept = kept
        self._made: collections.deque[Path] = collections.deque()
        self._lock = threading.Lock()

    def new(self) -> Path:
        """Create an empty folder."""
        folder = Path(tempfile.mkdtemp(prefix="drawing-", dir=self.root))
        with self._lock:
            self._made.append(folder)
            old = self._made.popleft() if len(self._made) > self._kept else None
        if old:
            shutil.rmtree(old, ignore_errors=True)
        return folder


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket, before the generator is loaded.

    Args:
      host: name or address of this machine.
      port: port; 0 for any free port.

    Raises:
      UserError: if the port is in use or not permitted, or the host is not this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"--host={host}: expected a name or an address of this machine, 127.0.0.1 for example "
            f"({error})"
        ) from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            line = f"--port={port}: in use by another program; give another, or 0 for any free one"
        elif error.errno == errno.EACCES:
            line = f"--port={port}: not allowed for this user; give one from 1024 to 65535"
        else:
            line = f"--host={host}: cannot be listened on ({error.strerror}); try 127.0.0.1"
        raise UserError(line) from error
    return listening


def address(host: str, listening: socket.socket) -> str:
    """Return the URL of the page for a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{listening.getsockname()[1]}"


def prepare_environment(folder: Path) -> None:
    """Disable Gradio's telemetry and set its folder for copies of files."""
    os.environ.update(ENVIRONMENT)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)


def serve(page: gr.Blocks, listening: socket.socket, root: Path, css: str) -> None:
    """Serve a page until the process is interrupted.

    Args:
      page: result of `lsgan_tf.demo.page.build`.
      listening: result of `listen`.
      root: the only folder from which files are served.
      css: style sheet of the page.

    Raises:
      KeyboardInterrupt: on Ctrl-C.
    """
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    app = gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        page,
        path="/",
        footer_links=[],
        run_history=False,
        allowed_paths=[str(root)],
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        css=css,
    )
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])
