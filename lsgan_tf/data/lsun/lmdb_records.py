"""LSUN's original databases: an LMDB whose values are image files."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import lmdb

from lsgan_tf.data.formats import string_table
from lsgan_tf.data.images.records import Records, sampled_digest
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import atomic_folder, explained
from lsgan_tf.util.progress import Progress

_ENDS = 16  # first and last entries that identify a database
# Pages that were read count as memory of the process until the database is reopened.
_MAPPED_BYTES = 8 << 20
_PAGE = 4096  # memory of the smallest value
_MAPPED_KEYS = 10_000  # their pages contain small values too


class LmdbRecords(Records):
    """The values of an LMDB, ordered by key.

    Args:
      folder: the folder of `data.mdb`.
      keys: folder of the table of keys; see `open_lmdb`.
    """

    kind = "LMDB"

    def __init__(self, folder: Path, keys: Path) -> None:
        self._folder, self._keys_folder = folder, keys
        self._database = _Database.at(folder)
        self._keys = string_table.StringTable(keys)
        self.description = f"{len(self):,} images in the LMDB {folder}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the database again in another process."""
        return LmdbRecords, (self._folder, self._keys_folder)

    def __len__(self) -> int:
        return len(self._keys)

    def content(self, index: int) -> bytes:
        """See `Records`."""
        return self._database.value(self._keys[index])

    def name_of(self, index: int) -> str:
        """Return the key."""
        return self._keys[index].decode("ascii", "backslashreplace")

    def fingerprint(self) -> str:
        """Hash the keys, the number of the last transaction, and 64 evenly spaced entries."""
        return sampled_digest(self, "lmdb", self._keys.digest(), self._database.last_change)

    def former_fingerprint(self) -> str:
        """Return a digest of the number of entries and of 64 evenly spaced ones."""
        return sampled_digest(self, "lmdb")


def open_lmdb(folder: Path, *, cache_dir: Path) -> LmdbRecords:
    """Open an LMDB of images.

    Its keys are listed once, in a table under `cache_dir`; nothing is written to `folder`, and
    memory does not grow with the number of entries.

    Args:
      folder: the folder of `data.mdb`.
      cache_dir: folder of tables of keys.

    Raises:
      UserError: if `data.mdb` is missing, truncated, empty or not an LMDB.
    """
    folder = Path(folder)
    database = _Database.at(folder)
    keys = Path(cache_dir) / "lmdb_keys" / database.identity()
    try:
        records = LmdbRecords(folder, keys)
        if len(records) == database.entries:
            return records
    except (OSError, ValueError):
        pass  # not listed yet, or the table is damaged
    with (
        explained(keys, "listing the keys of the database", "--cache_dir"),
        atomic_folder(keys) as temporary,
    ):
        string_table.write(temporary, database.keys())
    return LmdbRecords(folder, keys)


class _Database:
    """An open LMDB, shared by all readers: LMDB cannot be opened twice in a process."""

    _open: ClassVar[weakref.WeakValueDictionary[str, _Database]] = weakref.WeakValueDictionary()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def at(cls, folder: Path) -> _Database:
        with cls._lock:
            place = os.path.realpath(folder)
            database = cls._open.get(place)
            if database is None:
                database = cls._open[place] = cls(folder)
            return database

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / "data.mdb"
        self._reading, self._read_bytes = threading.Lock(), 0
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
        with self._reading:
            with self._guarded(), self._env.begin() as transaction:
                value = transaction.get(key)
            if value is None:
                raise self._changed(f"no key {key!r}")
            self._read_bytes += len(value) + _PAGE
            if self._read_bytes > _MAPPED_BYTES:
                self._reopen()
        return value

    def keys(self) -> Iterator[bytes]:
        label = f"listing the keys of {self._folder.name}"
        last, count = None, 0
        with Progress(label, self.entries, "keys") as progress:
            # The pages of a damaged database may form a cycle.
            while count <= self.entries and (keys := self._keys_after(last)):
                yield from keys
                last = keys[-1]
                count += len(keys)
                progress.add(len(keys))
        if count != self.entries:
            raise self._damaged(f"{self.entries:,} entries by its header, found another number")

    def _keys_after(self, last: bytes | None) -> list[bytes]:
        with self._reading:
            with (
                self._guarded(),
                self._env.begin() as transaction,
                transaction.cursor() as cursor,
            ):
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
        with self._reading:
            return self._identity()

    def _identity(self) -> str:
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
        except lmdb.Error as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> UserError:
        return UserError(f"{self._path}: a damaged database ({reason}); unpack or copy it again")
