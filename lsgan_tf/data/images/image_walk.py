"""Lists the data files of a folder of images in order."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lsgan_tf.data.formats.not_data import is_ignored, our_own
from lsgan_tf.errors import UserError
from lsgan_tf.util import files


def shown(name: bytes) -> str:
    """Decode a name of any encoding to printable text."""
    return name.decode("utf-8", "backslashreplace")


def walk(
    root: Path, passed: dict[str, str] | None = None
) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield relative path and status of the data files of a folder, sorted by name.

    Links to missing files are among them, with their own status.

    Args:
      root: the folder.
      passed: receives skipped and empty folders, with their kind.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; expected a folder of images")
    above = tuple(_inode(_status(os.fsencode(parent))) for parent in root.resolve().parents)
    yield from _walk_into(os.fsencode(root), b"", above, {} if passed is None else passed)


def _walk_into(
    folder: bytes, prefix: bytes, above: tuple[tuple[int, int], ...], passed: dict[str, str]
) -> Iterator[tuple[bytes, os.stat_result]]:
    inode = _inode(_status(folder))
    if inode in above:
        return  # a link to a parent folder
    with files.explained(Path(os.fsdecode(folder)), "listing the folder"):
        names = sorted(os.listdir(folder))
    if prefix and not names:
        passed[shown(prefix[:-1])] = "an empty folder"
    for name in names:
        path = os.path.join(folder, name)
        if is_ignored(os.fsdecode(name)):
            if not name.startswith(b".") and os.path.isdir(path):
                passed[shown(prefix + name)] = "a system folder"
            continue
        status = _status(path)
        if status and stat.S_ISDIR(status.st_mode):
            if own := our_own(path):
                passed[shown(prefix + name)] = own
                continue
            yield from _walk_into(path, prefix + name + b"/", (*above, inode), passed)
        elif status and stat.S_ISREG(status.st_mode):
            yield prefix + name, status
        elif not status and os.path.islink(path):
            yield prefix + name, os.lstat(path)


def _status(path: bytes) -> os.stat_result | None:
    """Return the status of a path, following links; None for dangling links."""
    with files.explained(Path(os.fsdecode(path)), "looking at it"):
        try:
            return os.stat(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):
                return None
            raise


def _inode(status: os.stat_result | None) -> tuple[int, int]:
    return (status.st_dev, status.st_ino) if status else (0, 0)
