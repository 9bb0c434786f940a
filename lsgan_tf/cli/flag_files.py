"""Reading of flag files in any Unicode encoding.

absl decodes them in the encoding of the locale, and reads a byte-order mark as part of the first
flag. Here, bytes are decoded like those of the command line.
"""

from __future__ import annotations

import codecs
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from absl import flags

from lsgan_tf.errors import UserError
from lsgan_tf.util.paths import local
from lsgan_tf.util.reading import read_bytes

_DIRECTIVE = re.compile(r"--?flagfile(?:=(?P<path>.*))?", re.DOTALL)
_LARGEST = 1 << 24  # bytes
_MOST_FILES = 100  # that a flag file includes
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def expanded(words: Sequence[str]) -> list[str]:
    """Replace each `--flagfile` of a command line by the flags in the file.

    Args:
      words: command line without the program name.

    Raises:
      flags.Error: if a file cannot be read, or its name is missing.
    """
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*found, word, *rest]
        match = _DIRECTIVE.fullmatch(word)
        if not match:
            found.append(word)
            continue
        path = match["path"] if match["path"] is not None else next(rest, None)
        if path is None:
            raise flags.IllegalFlagValueError("--flagfile with no argument")
        found.extend(lines(path))
    return found


def lines(path: str) -> list[str]:
    """Read the flags in a file, including those of nested flag files.

    A file that includes itself is skipped.

    Args:
      path: the file; `~` is expanded.

    Raises:
      flags.Error: if a file cannot be read, or too many are included.
    """
    return _lines(path, (), itertools.count())


def _lines(path: str, above: tuple[str, ...], count: Iterator[int]) -> list[str]:
    """Read a flag file that is included by those `above`; `count` counts all files."""
    path = path.strip().strip("'\"")
    if not path:
        return []
    try:
        path = str(local(path))
        if path in above:
            return []
        if next(count) > _MOST_FILES:
            raise flags.CantOpenFlagFileError(
                f"--flagfile={(*above, path)[0]}: includes more than {_MOST_FILES} flag files"
            )
        content = read_bytes(Path(path), _LARGEST)
    except UserError as error:
        raise flags.CantOpenFlagFileError(f"--flagfile={error}") from error
    except OSError as error:
        raise flags.CantOpenFlagFileError(f"Unable to open flagfile: {error}") from error
    if b"\0" in (content := _in_bytes(content, path)):
        raise flags.CantOpenFlagFileError(
            f"Unable to read flagfile: {path}: expected text, one flag per line, found binary data"
        )
    found: list[str] = []
    for raw in content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        # Concatenated files may contain several byte-order marks.
        line = os.fsdecode(raw.replace(codecs.BOM_UTF8, b"").strip())
        if not line or line.startswith(("#", "//")):
            continue
        match = _DIRECTIVE.fullmatch(line)
        if match and match["path"] is not None:
            found.extend(_lines(match["path"], (*above, path), count))
        else:
            found.append(line)
    return found


def _in_bytes(content: bytes, path: str) -> bytes:
    """Convert UTF-16 content with a byte-order mark to UTF-8."""
    if not content.startswith(_UTF16):
        return content
    try:
        return content.decode("utf-16").encode("utf-8")
    except UnicodeError as error:
        raise flags.CantOpenFlagFileError(
            f"Unable to read flagfile: {path}: starts like UTF-16 but is not; save it as UTF-8"
        ) from error
