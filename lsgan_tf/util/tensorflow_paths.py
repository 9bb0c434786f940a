"""Paths without glob characters, for TensorFlow.

TensorFlow finds checkpoints and SavedModels by glob pattern, so it can write a folder such as
`lsgan[lr=0.1]` but not read it.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lsgan_tf.errors import UserError

# A backslash is an escape character in patterns, but a separator on Windows.
_PATTERN = re.compile(r"[*?\[\]\\]" if os.sep == "/" else r"[*?\[\]]")


@contextlib.contextmanager
def literal(folder: Path) -> Iterator[Path]:
    """Yield a path of an existing folder without glob characters.

    It is `folder` itself if that has none, else an alias that is valid inside the context.

    Raises:
      UserError: if no alias can be made.
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
                    f"{folder}: TensorFlow takes this path for a glob pattern; rename the folder "
                    "so that its path has none of the characters * ? [ ] \\"
                )
            alias.symlink_to(folder.absolute(), target_is_directory=True)
            yield alias
