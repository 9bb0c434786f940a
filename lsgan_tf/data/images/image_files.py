"""A folder of picture files, nested as deep as it likes."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.data.formats import string_table
from lsgan_tf.data.formats.string_table import sorted_names
from lsgan_tf.data.images import decode
from lsgan_tf.data.images.records import Records, sampled_digest
from lsgan_tf.errors import UserError
from lsgan_tf.util import files
from lsgan_tf.util.progress import Progress

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif")
# Files of other datasets; beside pictures they make a folder ambiguous.
_FOREIGN = (".mdb", ".tfrecord", ".gnt")
_LISTED = 1000
_NAMED = 5


@dataclasses.dataclass(frozen=True)
class Facts:
    """What an index found out about a folder.

    Attributes:
      other: files that are no pictures by their names.
      bad: pictures whose header cannot be read.
      bad_names: the first thousand of them, each with the reason.
    """

    other: int
    bad: int
    bad_names: tuple[tuple[str, str], ...]


class ImageFiles(Records):
    """Picture files in the order of their names.

    Args:
      root: the folder.
      index: folder of its index: see `open_folder`.

    Attributes:
      root: the folder.
    """

    kind = "folder of pictures"

    def __init__(self, root: Path, index: Path) -> None:
        self.root, self._index = root, index
        self._names = string_table.StringTable(index / "names")
        self._sides = np.load(index / "sides.npy", mmap_mode="r")
        values = files.read_json(index / "facts.json")
        self.facts = Facts(values["other"], values["bad"], tuple(map(tuple, values["bad_names"])))
        if len(self._sides) != len(self._names):
            raise ValueError(f"{index}: a damaged index")
        self.description = f"{len(self):,} pictures in the folder {root}"
        self.notices = tuple(self._describe_left_out())

    def __reduce__(self) -> tuple[Any, ...]:
        """The index is mapped again in another process."""
        return ImageFiles, (self.root, self._index)

    def __len__(self) -> int:
        return len(self._names)

    def content(self, index: int) -> bytes:
        """See `Records`."""
        path = self.root / os.fsdecode(self._names[index])
        with files.explained(path, "reading the picture"):
            return path.read_bytes()

    def name_of(self, index: int) -> str:
        """The path below the folder."""
        return self._names[index].decode("utf-8", "backslashreplace")

    def fingerprint(self) -> str:
        """From the names and 64 files spread over all."""
        return sampled_digest(self, "files", self._names.digest())

    def smaller_than(self, size: int) -> int:
        """How many pictures have a side shorter than `size` pixels."""
        return int(np.count_nonzero(self._sides < size))

    def folders(self) -> Iterator[str]:
        """For each picture the name of the top folder it is in, empty for none."""
        for index in range(len(self)):
            folder, slash, _ = self._names[index].partition(b"/")
            yield folder.decode("utf-8", "backslashreplace") if slash else ""

    def _describe_left_out(self) -> Iterator[str]:
        if self.facts.bad:
            shown = [f"{name} ({reason})" for name, reason in self.facts.bad_names[:_NAMED]]
            more = ", ..." if self.facts.bad > len(shown) else ""
            yield (
                f"{self.root}: {self.facts.bad:,} files cannot be decoded and are left out: "
                f"{', '.join(shown)}{more}"
            )
        if self.facts.other:
            yield f"{self.root}: {self.facts.other:,} files are no pictures and are ignored"


def open_folder(root: Path, *, cache_dir: Path) -> ImageFiles:
    """Opens a folder of pictures.

    The headers of all files are read once and remembered under `cache_dir` for
    as long as no name, size or time of change differs.

    Args:
      root: the folder.
      cache_dir: where indices are kept.

    Raises:
      UserError: if it holds no picture, or data of another kind as well.
    """
    root = Path(root)
    listing = hashlib.sha256()
    count = 0
    for name, status in _walk(root):
        listing.update(b"%s\0%d %d\n" % (name, status.st_size, status.st_mtime_ns))
        count += 1
    index = Path(cache_dir) / "image_folders" / listing.hexdigest()[:32]
    try:
        return ImageFiles(root, index)
    except (OSError, ValueError, KeyError, UserError):
        pass  # Not indexed yet, or the index is damaged: index the folder again.
    with files.explained(index, "indexing the pictures"), files.atomic_folder(index) as temporary:
        _build(root, temporary, count)
    return ImageFiles(root, index)


def first_picture(root: Path) -> str | None:
    """The name of some picture below a folder, None if there is none; stops at the first."""
    return next((os.fsdecode(name) for name, _ in _walk(root) if _is_picture(name)), None)


def _build(root: Path, index: Path, count: int) -> None:
    sides: list[np.ndarray] = []
    other, bad = 0, 0
    bad_names: list[tuple[str, str]] = []

    def sound() -> Iterator[bytes]:
        nonlocal other, bad
        with Progress(f"looking at {root.name}", count, "files") as progress:
            block: list[int] = []
            for name, _ in _walk(root):
                progress.add(1)
                if name.lower().endswith(tuple(map(str.encode, _FOREIGN))):
                    raise UserError(
                        f"{root}: {os.fsdecode(name)} lies among pictures: two kinds of data in "
                        "one folder; pass a folder that holds one of them"
                    )
                if not _is_picture(name):
                    other += 1
                    continue
                try:
                    block.append(_short_side(root / os.fsdecode(name)))
                except decode.Undecodable as error:
                    bad += 1
                    if bad <= _LISTED:
                        shown = name.decode("utf-8", "backslashreplace")
                        bad_names.append((shown, str(error)))
                    continue
                if len(block) == 1 << 16:
                    sides.append(np.array(block, np.uint16))
                    block.clear()
                yield name
            sides.append(np.array(block, np.uint16))

    (index / "names").mkdir()
    if not string_table.write(index / "names", sound()):
        found = f"{bad:,} undecodable and {other:,} other files" if bad or other else "nothing"
        raise UserError(
            f"{root}: expected pictures ({', '.join(ENDINGS)}) in it or in its sub-folders, found "
            f"{found}"
        )
    np.save(index / "sides.npy", np.concatenate(sides))
    files.write_json(index / "facts.json", dataclasses.asdict(Facts(other, bad, tuple(bad_names))))


def _short_side(path: Path) -> int:
    with files.explained(path, "reading the picture"), open(path, "rb") as stream:
        return min(decode.open_picture(stream).size)


def _is_picture(name: bytes) -> bool:
    return os.fsdecode(name).lower().endswith(ENDINGS)


def _walk(root: Path) -> Iterator[tuple[bytes, os.stat_result]]:
    """Visible files below a folder in the order of their names: relative path, status."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; expected a folder of pictures")
    yield from _walk_into(os.fsencode(root), b"", ())


def _walk_into(
    folder: bytes, prefix: bytes, above: tuple[tuple[int, int], ...]
) -> Iterator[tuple[bytes, os.stat_result]]:
    place = _place(_status(folder))
    if place in above:
        return  # A link that leads back up.
    for name in _names(folder):
        if name.startswith((b".", b"__MACOSX")):
            continue
        path = os.path.join(folder, name)
        status = _status(path)
        if status and stat.S_ISDIR(status.st_mode):
            yield from _walk_into(path, prefix + name + b"/", (*above, place))
        elif status and stat.S_ISREG(status.st_mode):
            yield prefix + name, status


def _names(folder: bytes) -> Iterator[bytes]:
    with files.explained(Path(os.fsdecode(folder)), "listing the folder"):
        yield from sorted_names(folder)


def _status(path: bytes) -> os.stat_result | None:
    """What a path leads to; None for links that lead nowhere."""
    with files.explained(Path(os.fsdecode(path)), "looking at it"):
        try:
            return os.stat(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):
                return None
            raise


def _place(status: os.stat_result | None) -> tuple[int, int]:
    return (status.st_dev, status.st_ino) if status else (0, 0)
