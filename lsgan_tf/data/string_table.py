"""A list of byte strings on disk, mapped rather than read.

Three million keys of a database or names of files take a few hundred megabytes
as Python objects; here they take none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_BUFFERED = 1 << 16
_HASHED = 1 << 20


def write(folder: Path, strings: Iterable[bytes]) -> int:
    """Writes a table as two files, `strings.bin` and `ends.i64`.

    Args:
      folder: where; it must exist.
      strings: in order; consumed one by one.

    Returns:
      How many there were.
    """
    count = end = 0
    ends: list[int] = []
    with open(folder / "strings.bin", "wb") as text, open(folder / "ends.i64", "wb") as index:
        for string in strings:
            text.write(string)
            end += len(string)
            count += 1
            ends.append(end)
            if len(ends) == _BUFFERED:
                index.write(np.array(ends, "<i8").tobytes())
                ends.clear()
        index.write(np.array(ends, "<i8").tobytes())
    return count


class StringTable:
    """Reads a table by position.

    Args:
      folder: where `write` put it.

    Raises:
      ValueError: if the files do not fit each other.
      OSError: if they cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._ends = _mapped(folder / "ends.i64", "<i8")
        self._text = _mapped(folder / "strings.bin", np.uint8)
        if len(self._ends) and self._ends[-1] != len(self._text):
            raise ValueError(f"{folder}: a damaged table of strings")

    def __len__(self) -> int:
        return len(self._ends)

    def digest(self) -> str:
        """Hex SHA-256 of all strings and their lengths."""
        digest = hashlib.sha256()
        for array in (self._ends, self._text):
            for start in range(0, len(array), _HASHED):
                digest.update(array[start : start + _HASHED].tobytes())
        return digest.hexdigest()

    def __getitem__(self, index: int) -> bytes:
        start = self._ends[index - 1] if index else 0
        return self._text[start : self._ends[index]].tobytes()


def _mapped(path: Path, dtype: object) -> np.ndarray:
    if path.stat().st_size == 0:
        return np.empty(0, dtype)  # An empty file cannot be mapped.
    return np.memmap(path, dtype, mode="r")
