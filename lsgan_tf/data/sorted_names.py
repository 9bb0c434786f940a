"""The names in a folder in order, however many there are."""

from __future__ import annotations

import contextlib
import heapq
import os
import tempfile
from collections.abc import Iterator
from typing import IO

_HELD = 1 << 16  # Names in memory; the others wait in temporary files.
_BLOCK = 1 << 14


def sorted_names(folder: bytes) -> Iterator[bytes]:
    """Names of all entries of a folder, in the order of their bytes.

    Memory does not grow with their number: LSUN's export writes millions of
    files into one folder.

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
