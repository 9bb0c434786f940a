"""Paths given by users."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lsgan_tf.errors import UserError

# With one slash as well, which is what `Path` leaves of two.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|(?:gs|s3a?|hdfs|https?)://?(?=[^/])")


def check_local(text: str) -> None:
    """Check that a path is local.

    Raises:
      UserError: for a URL such as `gs://bucket/run`.
    """
    if found := _SCHEME.match(text):
        raise UserError(
            f"{text}: is an address ({found[0]}), expected a local path; mount the storage, or "
            "copy the files"
        )


def local(text: str | os.PathLike[str]) -> Path:
    """Return a path with `~` and `~user` expanded.

    Raises:
      UserError: for a URL, or if there is no such home folder.
    """
    check_local(os.fspath(text))
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"{text}: there is no such home folder; give an absolute path, or set HOME"
        ) from error


def optional(text: str | os.PathLike[str] | None) -> Path | None:
    """Return `local(text)`, or None if `text` is empty."""
    return local(text) if text else None
