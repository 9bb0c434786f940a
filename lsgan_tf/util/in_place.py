"""Opening files that are changed in place, and nothing but them.

Whatever else is written gets a temporary name and is renamed (`lsgan_tf.util.files`), which
replaces a link. What is appended to, cut or locked would go through it.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from lsgan_tf.errors import UserError

# Not there on Windows. Without waiting, as opening a pipe would for its reader.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
# How systems say that a link was not followed, and that nobody reads a pipe.
_ELSEWHERE = (errno.ELOOP, errno.EMLINK, errno.ENXIO)


def opener(path: str, flags: int) -> int:
    """Opens a regular file that has one name only: `open(path, "a", opener=opener)`.

    Raises:
      UserError: if `path` is a link or no regular file, or is to be written and has a hard link.
      OSError: if it cannot be opened.
    """
    refuse_link(Path(path))
    try:
        descriptor = os.open(path, flags | _FLAGS, 0o666)
    except OSError as error:
        if error.errno in _ELSEWHERE:
            raise _refused(path) from error
        raise
    facts = os.fstat(descriptor)
    reads = flags & (os.O_WRONLY | os.O_RDWR) == 0
    if stat.S_ISREG(facts.st_mode) and (reads or facts.st_nlink <= 1):
        return descriptor
    os.close(descriptor)
    if stat.S_ISREG(facts.st_mode):
        raise UserError(
            f"{path}: this file has a second name (a hard link), under which it would change too; "
            "copy the folder (cp -r) and give the copy"
        )
    raise _refused(path)


def refuse_link(path: Path) -> None:
    """Refuses a file or folder that is a link.

    Raises:
      UserError: if it is one.
    """
    if Path(path).is_symlink():
        raise UserError(
            f"{path}: is a link, and what it points to would be changed; remove the link (a link "
            "to a whole folder, --run_dir for example, may be given)"
        )


def refuse_special(path: Path) -> None:
    """Refuses a device or a pipe as the place of a file, which would be replaced.

    Raises:
      UserError: if it is one.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        raise _refused(path)


def _refused(path: str | Path) -> UserError:
    return UserError(f"{path}: is a link, a device or a pipe; expected a file or a free name")
