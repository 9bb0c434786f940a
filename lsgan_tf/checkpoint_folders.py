"""Which checkpoints a folder holds, by their names alone."""

from __future__ import annotations

import re
from pathlib import Path

from lsgan_tf.errors import UserError

_NAME = re.compile(r"step-(\d+)")


def find(folder: Path) -> list[tuple[int, Path]]:
    """(step, path) of the checkpoints in a folder, newest first, unchecked.

    Raises:
      OSError: if there is such a folder and it cannot be listed.
    """
    if not Path(folder).is_dir():
        return []
    matches = ((_NAME.fullmatch(path.name), path) for path in Path(folder).iterdir())
    return sorted(((int(match[1]), path) for match, path in matches if match), reverse=True)


def of_run(run_dir: Path, *, best: bool = False) -> list[tuple[int, Path]]:
    """(step, path) of a run's checkpoints, newest first, unchecked; at least one.

    Args:
      run_dir: the run's folder.
      best: that in `best/` too, after the others.

    Raises:
      UserError: if there is none yet.
    """
    found = find(Path(run_dir) / "checkpoints")
    if best:
        found += find(Path(run_dir) / "best")
    if not found:
        raise UserError(
            f"{run_dir}: no checkpoint yet; train on until one is written (--checkpoint_every)"
        )
    return found
