"""Memory-mapped table of byte strings."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lsgan_tf.util.reading import open_regular

_ENDS, _TEXT = "ends.i64", "strings.bin"


def write(folder: Path, strings: Iterable[bytes]) -> int:
    """Write a table as two files: the concatenated strings and their ends.

    Args:
      folder: an existing folder.
      strings: the strings in order; consumed one by one.

    Returns:
      The number of strings.
    """
    end, ends = 0, array("q")
    with open(folder / _TEXT, "wb") as text:
        for string in strings:
            text.write(string)
            end += len(string)
            ends.append(end)
    np.asarray(ends, "<i8").tofile(folder / _ENDS)
    return len(ends)


class StringTable:
    """A table of byte strings, read by index.

    Args:
      folder: the folder that `write` wrote to.

    Raises:
      ValueError: if the files do not match.
      OSError: if they cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._ends, self._text = _mapped(folder / _ENDS, "<i8"), _mapped(folder / _TEXT, "u1")
        if np.append(0, self._ends[-1:])[-1] != len(self._text):
            raise ValueError(f"{folder}: a damaged table of strings")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> bytes:
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = self._ends[index - 1] if index else 0
        return self._text[start : self._ends[index]].tobytes()

    def digest(self) -> str:
        """Return the hex SHA-256 of all strings and their lengths."""
        digest = hashlib.sha256(self._ends.data)
        digest.update(self._text.data)
        return digest.hexdigest()


def _mapped(path: Path, dtype: str) -> np.ndarray:
    with open_regular(path) as stream:
        # An empty file cannot be mapped.
        empty = not path.stat().st_size
        return np.empty(0, dtype) if empty else np.memmap(stream, dtype, "r")
