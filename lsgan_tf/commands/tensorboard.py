"""Opens TensorBoard on runs, each under its own name.

    python -m lsgan_tf tensorboard
    python -m lsgan_tf tensorboard runs/quick experiments --port=6007
    python -m lsgan_tf tensorboard runs -- --bind_all --reload_interval=30

Without folders it opens the runs under runs/. `tensorboard --logdir=runs` shows the same, but
under names such as `quick/tensorboard`. Runs that start later appear too, and all sample grids
are shown instead of ten. Flags after -- are passed to TensorBoard. Nothing in the folders is
changed. Ctrl-C ends it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from lsgan_tf.errors import UserError
from lsgan_tf.util.paths import local

if TYPE_CHECKING:
    from lsgan_tf.reporting.run_links import RunLinks

_PORT = flags.DEFINE_integer(
    "port",
    None,
    "port; 0: any free port (default: the first free port from 6006 on)",
    lower_bound=0,
    upper_bound=65_535,
)

_SECONDS_BETWEEN_UPDATES = 5.0


def main(argv: list[str]) -> int:
    """Run the command and return the exit status."""
    more = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    folders = [local(word) for word in argv[1 : len(argv) - len(more)]] or [Path("runs")]
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; expected a run folder or a folder of runs")
    from lsgan_tf.reporting.run_links import RunLinks

    with tempfile.TemporaryDirectory(prefix="lsgan_tf-runs-") as place:
        links = RunLinks(Path(place), folders)
        if not links.update():
            raise UserError(
                f"no runs in {', '.join(map(str, folders))}; expected a folder with runs in it, or "
                "a run"
            )
        port = [] if _PORT.value is None else [f"--port={_PORT.value}"]
        return _serve(["--logdir", place, "--samples_per_plugin=images=1000", *port, *more], links)


def _serve(words: Sequence[str], links: RunLinks) -> int:
    """Run TensorBoard until it ends, updating the links, and return its exit status."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    process = subprocess.Popen(
        [sys.executable, "-m", "lsgan_tf.reporting.tensorboard_server", *words],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,  # so that Ctrl-C reaches only this process
    )
    try:
        while True:
            try:
                status = process.wait(_SECONDS_BETWEEN_UPDATES)
                return status if status >= 0 else 128 - status  # as shells count signals
            except subprocess.TimeoutExpired:
                links.update()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
