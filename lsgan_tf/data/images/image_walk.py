"""Going through a folder of pictures: every file of data in order, and what is none left out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lsgan_tf.data.formats.not_data import is_litter, our_own
from lsgan_tf.errors import UserError
from lsgan_tf.util import files


def shown(name: bytes) -> str:
    """A name as text, whatever its encoding."""
    return name.decode("utf-8", "backslashreplace")


def walk(
    root: Path, passed: dict[str, str] | None = None
) -> Iterator[tuple[bytes, os.stat_result]]:
    """Files of data below a folder in the order of their names: relative path, status.

    Args:
      root: the folder.
      passed: takes the folders that are no data, each with what it is.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; expected a folder of pictures")
    yield from _walk_into(os.fsencode(root), b"", (), {} if passed is None else passed)


def _walk_into(
    folder: bytes, prefix: bytes, above: tuple[tuple[int, int], ...], passed: dict[str, str]
) -> Iterator[tuple[bytes, os.stat_result]]:
    place = _place(_status(folder))
    if place in above:
        return  # A link that leads back up.
    with files.explained(Path(os.fsdecode(folder)), "listing the folder"):
        names = sorted(os.listdir(folder))
    for name in names:
        path = os.path.join(folder, name)
        if is_litter(os.fsdecode(name)):
            if not name.startswith(b".") and os.path.isdir(path):
                passed[shown(prefix + name)] = "a system folder"
            continue
        status = _status(path)
        if status and stat.S_ISDIR(status.st_mode):
            if own := our_own(path):
                passed[shown(prefix + name)] = own
                continue
            yield from _walk_into(path, prefix + name + b"/", (*above, place), passed)
        elif status and stat.S_ISREG(status.st_mode):
            yield prefix + name, status


def _status(path: bytes) -> os.stat_result | None:
    """What a path leads to; None for links that lead nowhere."""
    with files.explained(Path(os.fsdecode(path)), "looking at it"):
        try:
            return os.stat(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):
                return None
            raise


def _place(status: os.stat_result | None) -> tuple[int, int]:
    return (status.st_dev, status.st_ino) if status else (0, 0)
