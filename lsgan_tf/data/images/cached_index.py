"""Indices of records in the cache, built by one process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lsgan_tf.errors import UserError
from lsgan_tf.util import files

Opened = TypeVar("Opened")


def open_index(
    index: Path, load: Callable[[], Opened], build: Callable[[Path], object], doing: str
) -> Opened:
    """Open an index, building it if it is missing or damaged.

    Args:
      index: the folder of the index.
      load: opens it; raises an `OSError`, `ValueError` or `UserError` if that is impossible.
      build: writes it to a folder.
      doing: the building, as a gerund, for messages.

    Raises:
      UserError: if `build` raises it, or the index cannot be written.
    """
    impossible = (OSError, ValueError, UserError)
    with contextlib.suppress(*impossible):
        return load()
    with files.locked(index):
        with contextlib.suppress(*impossible):
            return load()  # another process may have built it meanwhile
        with (
            files.explained(index, doing, "--cache_dir"),
            files.atomic_folder(index) as temporary,
        ):
            build(temporary)
    return load()
