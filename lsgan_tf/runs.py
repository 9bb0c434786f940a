"""The runs under a folder, one line each.

    python -m lsgan_tf.runs
    python -m lsgan_tf.runs experiments --watch

State is one of: running; finished; stopped (by a signal); diverged; collapsed (says the
alarm); stale (it neither goes on nor said why it ended); empty; damaged; newer (written by
a newer version). Nothing in the folders is changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from lsgan_tf.cli.app import run
from lsgan_tf.errors import UserError
from lsgan_tf.util.paths import local
from lsgan_tf.util.terminal import is_terminal, stdout_error
from lsgan_tf.util.text import controls

_WATCH = flags.DEFINE_bool("watch", False, "show it again and again, until Ctrl-C")
_EVERY = flags.DEFINE_float(
    "every", 5.0, "watch: seconds between looks, 0.5 to 86,400", lower_bound=0.5, upper_bound=86_400
)


def main(argv: list[str]) -> None:
    """The listing command."""
    folders = [local(word) for word in argv[1:]] or [Path("runs")]
    for folder in folders:
        if not folder.is_dir():
            raise UserError(
                f"{folder}: no such folder; expected one with runs in it: "
                "python -m lsgan_tf.runs FOLDER"
            )
    from lsgan_tf.reporting.listing import listing

    if not _WATCH.value:
        print(listing(folders))
        return
    _watch(folders, _EVERY.value)


def _watch(folders: Sequence[Path], every: float) -> None:
    from lsgan_tf.reporting.listing import listing

    # On a terminal the old table is replaced; in a file or a pipe each stands by itself.
    begin = "\x1b[H\x1b[2J" if is_terminal() else ""
    while not stdout_error():
        text = listing(folders)
        controls(sys.stdout).write(begin)
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{text}\n", flush=True)
        time.sleep(every)


if __name__ == "__main__":
    run(main, usage=__doc__)
