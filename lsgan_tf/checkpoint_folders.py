"""Which checkpoints a folder holds, by their names alone."""

from __future__ import annotations

import re
from pathlib import Path

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
