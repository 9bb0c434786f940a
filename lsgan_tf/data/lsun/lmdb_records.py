"""LSUN's original databases: an LMDB whose values are image files."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsgan_tf.data.formats import string_table
from lsgan_tf.data.images.cached_index import open_index
from lsgan_tf.data.images.records import Records, sampled_digest
from lsgan_tf.data.lsun.lmdb_database import answers, damaged
from lsgan_tf.util.process_pool import Worker
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.text import counted


class LmdbRecords(Records):
    """The values of an LMDB, ordered by key.

    Args:
      folder: the folder of `data.mdb`.
      keys: folder of the table of keys; see `open_lmdb`.
      process: reads the database; if omitted, one is started.
    """

    kind = "LMDB"

    def __init__(self, folder: Path, keys: Path, process: _Process | None = None) -> None:
        self._folder, self._keys_folder = folder, keys
        self._process = process or _Process(folder)
        self._keys = string_table.StringTable(keys)
        self.description = f"{counted(len(self), 'image')} in the LMDB {folder}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the database again in another process."""
        return LmdbRecords, (self._folder, self._keys_folder)

    def __len__(self) -> int:
        return len(self._keys)

    def content(self, index: int) -> bytes:
        """See `Records`."""
        return self._process.ask("value", self._keys[index])

    def name_of(self, index: int) -> str:
        """Return the key."""
        return self._keys[index].decode("ascii", "backslashreplace")

    def fingerprint(self) -> str:
        """Hash the keys, the number of the last transaction, and 64 evenly spaced entries."""
        return sampled_digest(self, "lmdb", self._keys.digest(), self._process.ask("last_change"))

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
    process = _Process(folder)
    keys = Path(cache_dir) / "lmdb_keys" / process.ask("identity")

    def load() -> LmdbRecords:
        records = LmdbRecords(folder, keys, process)
        if len(records) != process.ask("entries"):
            raise ValueError(f"{keys}: keys of another database")
        return records

    return open_index(
        keys,
        load,
        lambda temporary: string_table.write(temporary, process.keys()),
        "listing the keys of the database",
    )


class _Process:
    """A process that reads an LMDB. LMDB maps the file, so a damaged one can kill its reader."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        remedy = "if memory suffices, the file is damaged: unpack or copy it again"
        self._worker = Worker(answers, folder, f"reading {folder / 'data.mdb'}", remedy)
        weakref.finalize(self, self._worker.__exit__, None)

    def ask(self, name: str, *arguments: Any) -> Any:
        """Return an attribute of the `LmdbDatabase`, or what its method returns."""
        with self._lock:
            return self._worker.ask((name, arguments))

    def keys(self) -> Iterator[bytes]:
        entries = self.ask("entries")
        last, count = None, 0
        with Progress(f"listing the keys of {self._folder.name}", entries, "keys") as progress:
            # The pages of a damaged database may form a cycle.
            while count <= entries and (keys := self.ask("keys_after", last)):
                yield from keys
                last = keys[-1]
                count += len(keys)
                progress.add(len(keys))
        if count != entries:
            reason = f"{entries:,} entries by its header, found another number"
            raise damaged(self._folder / "data.mdb", reason)
