"""Lists the runs in a folder, one per line.

    python -m lsgan_tf.runs
    python -m lsgan_tf.runs experiments --sort=changed --watch
    python -m lsgan_tf.runs --dataset=hwdb --state=finished,stopped --json

State is one of: running; finished; stopped (by a signal); diverged; collapsed (by the
alarm); stale (stalled or killed, no recorded reason); empty; damaged; newer (written by
a newer version). Nothing in the folders is changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from absl import flags

from lsgan_tf.cli.app import refuse_given, run
from lsgan_tf.errors import UserError
from lsgan_tf.settings.defaults import DATASETS
from lsgan_tf.util.paths import local
from lsgan_tf.util.terminal import is_terminal, stdout_error
from lsgan_tf.util.text import controls

_SORT = flags.DEFINE_string(
    "sort",
    "run",
    "column to sort by: run, dataset, loss, step, best, state, size or changed (newest first); "
    "a leading minus reverses the order (--sort=-step)",
)
_DATASET = flags.DEFINE_enum("dataset", None, DATASETS, "only runs on this dataset (default: all)")
_STATE = flags.DEFINE_list(
    "state", [], "only runs in one of these states, separated by commas (default: all)"
)
_TEXT = flags.DEFINE_string("text", "", "only runs whose line contains this text (default: all)")
_JSON = flags.DEFINE_bool("json", False, "print a JSON array")
_WATCH = flags.DEFINE_bool("watch", False, "refresh the table until Ctrl-C")
_EVERY = flags.DEFINE_float(
    "every",
    5.0,
    "watch: seconds between tables, 0.5 to 86400",
    lower_bound=0.5,
    upper_bound=86_400,
)


def main(argv: list[str]) -> None:
    """Run the listing command."""
    folders = [local(word) for word in argv[1:]] or [Path("runs")]
    if _JSON.value and _WATCH.value:
        raise UserError("--json and --watch: a JSON array is printed once; omit one of them")
    if not _WATCH.value:
        refuse_given(["every"], "requires --watch; give that too, or omit it")
    for folder in folders:
        if not folder.is_dir():
            raise UserError(
                f"{folder}: no such folder; expected one with runs in it: "
                "python -m lsgan_tf.runs FOLDER"
            )
    from lsgan_tf.reporting.listing import Filter, as_json, find, table

    chosen = Filter(_DATASET.value, _STATE.value, _TEXT.value)

    def text() -> str:
        found = find(folders, chosen, _SORT.value)
        if _JSON.value:
            return as_json(found)
        which = "no runs" if chosen == Filter(states=[]) else "no runs that match"
        return table(found) if found else f"{which} in {', '.join(map(str, folders))}"

    if not _WATCH.value:
        print(text())
        return
    _watch(text, _EVERY.value)


def _watch(text: Callable[[], str], every: float) -> None:
    # On a terminal each table replaces the last; elsewhere tables are appended.
    begin = "\x1b[H\x1b[2J" if is_terminal() else ""
    while not stdout_error():
        shown = text()
        controls(sys.stdout).write(begin)
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{shown}\n", flush=True)
        time.sleep(every)


if __name__ == "__main__":
    run(main, usage=__doc__)
