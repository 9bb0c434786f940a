"""LSUN's own databases: an LMDB whose values are picture files."""

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

_ENDS = 16  # Entries at either end that tell one database from another.
# What was read of a map counts as memory of the process until the map is let go.
_MAPPED_BYTES = 8 << 20
_PAGE = 4096  # What even the smallest value takes of it.
_MAPPED_KEYS = 10_000  # Their pages hold small values too.


class LmdbRecords(Records):
    """The values of an LMDB in the order of their keys.

    Args:
      folder: holds `data.mdb`.
      keys: folder of the table of keys: see `open_lmdb`.
    """

    kind = "LMDB"

    def __init__(self, folder: Path, keys: Path) -> None:
        self._folder, self._keys_folder = folder, keys
        self._database = _Database.at(folder)
        self._keys = string_table.StringTable(keys)
        self.description = f"{len(self):,} pictures in the LMDB {folder}"

    def __reduce__(self) -> tuple[Any, ...]:
        """A database cannot cross to another process: it is opened again there."""
        return LmdbRecords, (self._folder, self._keys_folder)

    def __len__(self) -> int:
        return len(self._keys)

    def content(self, index: int) -> bytes:
        """See `Records`."""
        return self._database.value(self._keys[index])

    def name_of(self, index: int) -> str:
        """The key."""
        return self._keys[index].decode("ascii", "backslashreplace")

    def fingerprint(self) -> str:
        """From the keys, the state of the database, and 64 entries spread over all.

        The number of its last transaction grows with each change, wherever in it.
        """
        return sampled_digest(self, "lmdb", self._keys.digest(), self._database.last_change)

    def former_fingerprint(self) -> str:
        """From the number of entries and 64 of them spread over all."""
        return sampled_digest(self, "lmdb")


def open_lmdb(folder: Path, *, cache_dir: Path) -> LmdbRecords:
    """Opens an LMDB of pictures.

    Its keys are listed once, in a table under `cache_dir`; nothing is written to `folder`, and
    memory does not grow with the number of entries.

    Args:
      folder: holds `data.mdb`.
      cache_dir: where tables of keys are kept.

    Raises:
      UserError: if `data.mdb` is missing, cut short, no LMDB or empty.
    """
    folder = Path(folder)
    database = _Database.at(folder)
    keys = Path(cache_dir) / "lmdb_keys" / database.identity()
    try:
        records = LmdbRecords(folder, keys)
        if len(records) == database.entries:
            return records
    except (OSError, ValueError):
        pass  # Not listed yet, or the table is damaged: list the keys again.
    with (
        explained(keys, "listing the keys of the database", "--cache_dir"),
        atomic_folder(keys) as temporary,
    ):
        string_table.write(temporary, database.keys())
    return LmdbRecords(folder, keys)


class _Database:
    """One open LMDB, shared by all who read it: LMDB refuses a second opening in a process."""

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
        self.entries, self.bytes_used = self._facts()
        self.last_change = self._env.info()["last_txnid"]
        if not self.entries:
            self._env.close()
            raise UserError(f"{self._path}: an LMDB without entries; expected LSUN's pictures")

    def value(self, key: bytes) -> bytes:
        with self._reading:
            with self._guarded(), self._env.begin() as transaction:
                value = transaction.get(key)
            if value is None:
                raise self._changed(f"no key {key!r}")
            self._read_bytes += len(value) + _PAGE
            if self._read_bytes > _MAPPED_BYTES:
                self._let_go()
        return value

    def keys(self) -> Iterator[bytes]:
        label = f"listing the keys of {self._folder.name}"
        last = None
        with Progress(label, self.entries, "keys") as progress:
            while keys := self._keys_after(last):
                yield from keys
                last = keys[-1]
                progress.add(len(keys))

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
            self._let_go()
        return keys

    def _opened(self) -> lmdb.Environment:
        with explained(self._path, "reading it"):
            size = self._path.stat().st_size
            with open(self._path, "rb"):
                pass  # LMDB's own message for a file it may not read is unclear.
        try:
            # Without a lock file read-only folders work; without readahead random reads do.
            environment = lmdb.open(
                os.fsencode(self._folder), readonly=True, lock=False, readahead=False, create=False
            )
            page, last = environment.stat()["psize"], environment.info()["last_pgno"]
        except lmdb.Error as error:
            raise UserError(
                f"{self._path}: not an LMDB, or cut short at {size:,} bytes ({error}); unpack "
                "LSUN's zip again"
            ) from error
        # Reading beyond the file's end would kill the process, not raise an error.
        if size < (last + 1) * page:
            environment.close()
            raise UserError(
                f"{self._path}: cut short: {size:,} bytes where its header says "
                f"{(last + 1) * page:,}; unpack or copy it again"
            )
        return environment

    def _facts(self) -> tuple[int, int]:
        """Number of entries, and bytes that the database takes."""
        stat = self._env.stat()
        return stat["entries"], (self._env.info()["last_pgno"] + 1) * stat["psize"]

    def _let_go(self) -> None:
        """Opens the database again, so that the pages that were read are no memory of ours."""
        self._env.close()
        self._env, self._read_bytes = self._opened(), 0
        if self._facts() != (self.entries, self.bytes_used):
            raise self._changed("another size")

    def _changed(self, how: str) -> UserError:
        return UserError(
            f"{self._folder}: the database changed while it was read ({how}); start again"
        )

    def identity(self) -> str:
        """Tells this database from another by its size, its count and its ends; 32 hex digits."""
        with self._reading:
            return self._identity()

    def _identity(self) -> str:
        info = self._env.info()
        facts = (self.bytes_used, self.entries, info["last_txnid"])
        digest = hashlib.sha256(repr(facts).encode())
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
        """Turns LMDB's errors under it into a `UserError`."""
        try:
            yield
        except lmdb.Error as error:
            raise UserError(
                f"{self._folder / 'data.mdb'}: a damaged database ({error}); unpack or copy it "
                "again"
            ) from error
