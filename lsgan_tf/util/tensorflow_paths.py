"""Paths that TensorFlow takes as they are.

TensorFlow reads checkpoints and SavedModels through a search for files that match a
pattern, so a folder such as `lsgan[lr=0.1]` is written and then not found again.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lsgan_tf.errors import UserError

# A backslash escapes in a pattern; on Windows it separates folders.
_PATTERN = re.compile(r"[*?\[\]\\]" if os.sep == "/" else r"[*?\[\]]")


@contextlib.contextmanager
def literal(folder: Path) -> Iterator[Path]:
    """Yields a path of an existing folder without the characters of a pattern.

    It is `folder` itself where that has none of them, else another name of the same
    folder that holds while the context lasts.

    Raises:
      UserError: if there is no other name.
      OSError: if there is no such folder.
    """
    folder = Path(folder)
    if not _PATTERN.search(str(folder)):
        yield folder
    elif Path("/proc/self/fd").is_dir():
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield Path(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
    else:
        with tempfile.TemporaryDirectory() as place:
            alias = Path(place) / "folder"
            if _PATTERN.search(place):
                raise UserError(
                    f"{folder}: TensorFlow takes this path for a pattern; rename the folder so "
                    "that its path has none of the characters * ? [ ] \\"
                )
            alias.symlink_to(folder.absolute(), target_is_directory=True)
            yield alias
