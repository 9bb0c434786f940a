"""A list of byte strings on disk.

Three million keys of a database or names of files take a few hundred megabytes as Python objects;
here they take none. Nor are the files mapped: what was read of a map counts as memory of the
process.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import os
import struct
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from lsgan_tf.util.files import open_descriptor

_BUFFERED = 1 << 16
_HASHED = 1 << 20
_END = struct.Struct("<q")
_HELD = 1 << 16  # Names in memory; the others wait in temporary files.
_BLOCK = 1 << 14


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
        self._descriptors: list[int] = []
        for name in ("ends.i64", "strings.bin"):
            self._descriptors.append(open_descriptor(folder / name))
        ends, text = (os.fstat(descriptor).st_size for descriptor in self._descriptors)
        self._count = ends // _END.size
        if ends % _END.size or self._end(self._count - 1) != text:
            raise ValueError(f"{folder}: a damaged table of strings")

    def __del__(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)

    def __len__(self) -> int:
        return self._count

    def digest(self) -> str:
        """Hex SHA-256 of all strings and their lengths."""
        digest = hashlib.sha256()
        for descriptor in self._descriptors:
            position = 0
            while block := os.pread(descriptor, _HASHED, position):
                digest.update(block)
                position += len(block)
        return digest.hexdigest()

    def __getitem__(self, index: int) -> bytes:
        if not 0 <= index < self._count:
            raise IndexError(index)
        start = self._end(index - 1)
        return os.pread(self._descriptors[1], self._end(index) - start, start)

    def _end(self, index: int) -> int:
        """Where a string ends; 0 before the first."""
        if index < 0:
            return 0
        return _END.unpack(os.pread(self._descriptors[0], _END.size, index * _END.size))[0]


def sorted_names(folder: bytes) -> Iterator[bytes]:
    """Names of all entries of a folder, in the order of their bytes.

    Memory does not grow with their number: LSUN's export writes millions of files into one folder.

    Args:
      folder: its path.

    Raises:
      OSError: if it cannot be listed.
    """
    with contextlib.ExitStack() as stack:
        runs: list[Iterator[bytes]] = []
        names: list[bytes] = []
        with os.scandir(folder) as listing:
            for entry in listing:
                names.append(entry.name)
                if len(names) == _HELD:
                    stream = stack.enter_context(tempfile.TemporaryFile())
                    # No name contains a zero byte.
                    stream.write(b"".join(name + b"\0" for name in sorted(names)))
                    stream.seek(0)
                    runs.append(_read(stream))
                    names.clear()
        yield from heapq.merge(*runs, sorted(names))


def _read(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(_BLOCK):
        *names, rest = (rest + block).split(b"\0")
        yield from names
