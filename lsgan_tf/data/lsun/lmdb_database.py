"""Reads an LMDB in this process, which a damaged one can kill; see `lmdb_records`."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lmdb

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained

_ENDS = 16  # first and last entries that identify a database
# Pages that were read count as memory of the process until the database is reopened.
_MAPPED_BYTES = 8 << 20
_PAGE = 4096  # memory of the smallest value
_MAPPED_KEYS = 10_000  # their pages contain small values too


def answers(folder: Path) -> Callable[[tuple[str, tuple[Any, ...]]], Any]:
    """Return the function of a worker process that reads the database."""
    opened = functools.cache(LmdbDatabase)  # at the first question, whose error is passed on

    def answer(question: tuple[str, tuple[Any, ...]]) -> Any:
        name, arguments = question
        found = getattr(opened(folder), name)
        return found(*arguments) if callable(found) else found

    return answer


class LmdbDatabase:
    """An open LMDB."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / "data.mdb"
        self._read_bytes = 0
        if not self._path.is_file():
            raise UserError(
                f"{folder}: an LMDB without its data.mdb; unpack LSUN's zip again or pass the "
                "folder that holds data.mdb"
            )
        self._env = self._opened()
        self.entries, self.bytes_used = self._size()
        self.last_change = self._env.info()["last_txnid"]
        if not self.entries:
            self._env.close()
            raise UserError(f"{self._path}: an LMDB without entries; expected LSUN's images")

    def value(self, key: bytes) -> bytes:
        """Return the value of an existing key."""
        with self._guarded(), self._env.begin() as transaction:
            value = transaction.get(key)
        if value is None:
            raise self._changed(f"no key {key!r}")
        self._read_bytes += len(value) + _PAGE
        if self._read_bytes > _MAPPED_BYTES:
            self._reopen()
        return value

    def keys_after(self, last: bytes | None) -> list[bytes]:
        """Return the first 10,000 keys after `last`, or of all; none at the end."""
        with self._guarded(), self._env.begin() as transaction, transaction.cursor() as cursor:
            if last is not None and not (cursor.set_range(last) and cursor.next_nodup()):
                return []
            following = cursor.iternext(keys=True, values=False)
            keys = list(itertools.islice(following, _MAPPED_KEYS))
        self._reopen()
        return keys

    def _opened(self) -> lmdb.Environment:
        with explained(self._path, "reading it"):
            size = self._path.stat().st_size
            with open(self._path, "rb"):
                pass  # LMDB's message for an unreadable file is unclear
        try:
            # No lock file, for read-only folders; no readahead, for random reads.
            environment = lmdb.open(
                os.fsencode(self._folder), readonly=True, lock=False, readahead=False, create=False
            )
            page, last = environment.stat()["psize"], environment.info()["last_pgno"]
        except lmdb.Error as error:
            raise UserError(
                f"{self._path}: not an LMDB, or truncated at {size:,} bytes ({error}); unpack "
                "LSUN's zip again"
            ) from error
        # Reading beyond the end of the file would kill the process.
        if size < (last + 1) * page:
            environment.close()
            raise UserError(
                f"{self._path}: truncated: {size:,} bytes, expected {(last + 1) * page:,} by its "
                "header; unpack or copy it again"
            )
        return environment

    def _size(self) -> tuple[int, int]:
        """Return the number of entries, and the size of the database in bytes."""
        stat = self._env.stat()
        return stat["entries"], (self._env.info()["last_pgno"] + 1) * stat["psize"]

    def _reopen(self) -> None:
        """Reopen the database to release the memory of pages that were read."""
        self._env.close()
        self._env, self._read_bytes = self._opened(), 0
        if self._size() != (self.entries, self.bytes_used):
            raise self._changed("another size")

    def _changed(self, how: str) -> UserError:
        return UserError(
            f"{self._folder}: the database changed while being read ({how}); start again"
        )

    def identity(self) -> str:
        """Hash the database's size, count and ends to 32 hex digits."""
        info = self._env.info()
        parts = (self.bytes_used, self.entries, info["last_txnid"])
        digest = hashlib.sha256(repr(parts).encode())
        with self._guarded(), self._env.begin() as transaction, transaction.cursor() as cursor:
            for first, step in ((cursor.first, cursor.next), (cursor.last, cursor.prev)):
                more = first()
                for _ in range(_ENDS):
                    if not more:
                        break
                    digest.update(cursor.key() + b"\0" + cursor.value())
                    more = step()
        return digest.hexdigest()[:32]

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Convert LMDB's errors to `UserError`."""
        try:
            yield
        except (lmdb.Error, MemoryError) as error:
            raise damaged(self._path, str(error) or "a value larger than the memory") from error


def damaged(path: Path, reason: str) -> UserError:
    """Return the error for a damaged database."""
    return UserError(f"{path}: a damaged database ({reason}); unpack or copy it again")
