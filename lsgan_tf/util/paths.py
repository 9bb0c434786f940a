"""Paths as people write them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lsgan_tf.errors import UserError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def check_local(text: str) -> None:
    """Refuses what names no file of this machine.

    Raises:
      UserError: for an address such as `gs://bucket/run`.
    """
    if found := _SCHEME.match(text):
        raise UserError(
            f"{text}: is an address ({found[0]}), expected a path of this machine; mount the "
            "storage, or copy the files"
        )


def local(text: str | os.PathLike[str]) -> Path:
    """The path that somebody wrote, with `~` and `~user` expanded.

    Raises:
      UserError: for an address, or if there is no such home folder.
    """
    check_local(os.fspath(text))
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"{text}: there is no such home folder; write the path out, or set HOME"
        ) from error


def optional(text: str | os.PathLike[str] | None) -> Path | None:
    """`local`, or None for what was not given."""
    return local(text) if text else None
