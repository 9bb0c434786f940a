"""A folder of image files, including nested folders."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.data.formats import foreign, string_table
from lsgan_tf.data.formats.not_data import our_own, tag_cache
from lsgan_tf.data.images.cached_index import open_index
from lsgan_tf.data.images.folder_metadata import (
    ENDINGS,
    Collector,
    FolderMetadata,
    is_image,
    zip_may_hold_images,
)
from lsgan_tf.data.images.image_walk import shown, walk
from lsgan_tf.data.images.records import Records, sampled_digest
from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading
from lsgan_tf.util.forms import fields_of
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.text import counted

# Files of other datasets, which make a folder of images ambiguous.
_FOREIGN = (".mdb", ".tfrecord", ".gnt")
_NAMED = 5
_FORM = {
    "other": int,
    "bad": int,
    "bad_names": [[str]],
    "content?": str,
    "unread?": {str: int},
    "made_here?": int,
    "held_out?": int,
    "held_out_example?": str,
    "unusable?": [str],
    "digest?": str,
}


class ImageFiles(Records):
    """Image files sorted by name.

    Args:
      root: the folder.
      index: folder of its index; see `open_folder`.
      left_out: skipped folders and archives, with their kind.

    Attributes:
      root: the folder.
      metadata: counts of its files.
    """

    kind = "folder of pictures"  # stored in preparation.json

    def __init__(self, root: Path, index: Path, left_out: tuple[tuple[str, str], ...] = ()) -> None:
        self.root, self._index, self._left_out = root, index, left_out
        self._names = string_table.StringTable(index / "names")
        self._sides = reading.read_array(index / "sides.npy", "uint16", (len(self._names),))
        values = reading.read_json(index / "facts.json", _FORM)
        self.metadata = FolderMetadata(**fields_of(FolderMetadata, values))
        digest = _digest(self._names, self._sides, self.metadata)
        if values.get("digest", digest) != digest:  # 0.1.0 wrote none
            raise ValueError(f"{index}: a damaged index")
        self.description = f"{counted(len(self), 'image')} in the folder {root}"
        self.warnings = tuple(self._describe_left_out())

    def __reduce__(self) -> tuple[Any, ...]:
        """Map the index again in another process."""
        return ImageFiles, (self.root, self._index, self._left_out)

    def __len__(self) -> int:
        return len(self._names)

    def content(self, index: int) -> bytes:
        """See `Records`."""
        path = self.root / os.fsdecode(self._names[index])
        with files.explained(path, "reading the image"):
            return reading.read_bytes(path)

    def name_of(self, index: int) -> str:
        """Return the relative path."""
        return shown(self._names[index])

    def fingerprint(self) -> str:
        """Return a digest of the names and contents of all files."""
        parts = (len(self), "files", self._names.digest(), self.metadata.content)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def former_fingerprint(self) -> str:
        """Return a digest of the names and of 64 evenly spaced files."""
        return sampled_digest(self, "files", self._names.digest())

    def smaller_than(self, size: int) -> int:
        """Return the number of images with a side shorter than `size` pixels."""
        return int(np.count_nonzero(self._sides < size))

    def folders(self) -> Iterator[str]:
        """Yield the top-level folder of each image; empty for images outside of folders."""
        for index in range(len(self)):
            folder, slash, _ = self._names[index].partition(b"/")
            yield shown(folder) if slash else ""

    def _describe_left_out(self) -> Iterator[str]:
        found, root = self.metadata, self.root
        if found.bad:
            bad = _some([f"{name} ({reason})" for name, reason in found.bad_names], found.bad)
            yield f"{root}: left out {counted(found.bad, 'file')} that cannot be decoded: {bad}"
        if found.other:
            yield f"{root}: ignored {counted(found.other, 'file')} without an image extension"
        if found.unread:
            kinds = ", ".join(f"{count:,} {end}" for end, count in sorted(found.unread.items()))
            yield (
                f"{root}: images in unsupported formats are left out ({kinds}); convert them to "
                "PNG or JPEG, or rename them if only the extension is wrong"
            )
        if found.made_here:
            yield f"{root}: left out {counted(found.made_here, 'image')} that lsgan_tf itself wrote"
        if left_out := [f"{name} ({what})" for name, what in self._left_out]:
            yield f"{root}: not data and left out: {_some(left_out, len(left_out))}"
        if found.held_out:
            yield (
                f"{root}: using {counted(found.held_out, 'image')} in folders named as validation "
                f"or test sets ({found.held_out_example}); pass the folder of the training set to "
                "leave them out"
            )


def _some(names: list[str], total: int) -> str:
    """Join the first few names."""
    return ", ".join(names[:_NAMED]) + ", ..." * (total > _NAMED)


def open_folder(root: Path, *, cache_dir: Path) -> ImageFiles:
    """Open a folder of images.

    All files are read once to build an index under `cache_dir`, which is valid until a name, size
    or modification time changes.

    Args:
      root: the folder.
      cache_dir: folder of indices.

    Raises:
      UserError: if there is no image, there is data of another kind too, or an archive that may
        contain images.
    """
    root = Path(root)
    if (own := our_own(root)) not in (None, "a cache"):
        raise UserError(
            f"{root}: this is {own} of lsgan_tf, which cannot be used as data; pass a folder of "
            "images"
        )
    tag_cache(cache_dir)  # it may be inside the folder
    listing = hashlib.sha256()
    count = 0
    passed: dict[str, str] = {}
    for name, status in walk(root, passed):
        # Unlike the mtime, the ctime cannot be set back.
        times = (status.st_mtime_ns, status.st_ctime_ns)
        listing.update(b"%s\0%d %d %d\n" % (name, status.st_size, *times))
        count += 1
        _check_archive(root, name, passed)
    left_out = tuple(sorted(passed.items()))
    index = Path(cache_dir) / "image_folders" / listing.hexdigest()[:32]

    def build(temporary: Path) -> None:
        tag_cache(cache_dir)  # it exists now
        _build(root, temporary, count)

    return open_index(
        index, lambda: ImageFiles(root, index, left_out), build, "indexing the images"
    )


def first_image(root: Path) -> str | None:
    """Return the name of the first image below a folder; None if there is none."""
    return next((os.fsdecode(name) for name, _ in walk(root) if is_image(name)), None)


def _check_archive(root: Path, name: bytes, passed: dict[str, str]) -> None:
    """Raise an error for an archive that may contain images, or add an unpacked one to `passed`."""
    path = os.fsdecode(name)
    if not foreign.archive(path, ENDINGS):
        return
    place = root / path
    if path.lower().endswith(".zip") and not zip_may_hold_images(place):
        return
    if not foreign.is_unpacked(place, ENDINGS):
        raise UserError(f"{root}: {shown(name)} is {foreign.trouble(path, ENDINGS)}")
    passed[shown(name)] = "an unpacked archive"


def _build(root: Path, index: Path, count: int) -> None:
    sides = array("H")
    collector = Collector()

    def usable() -> Iterator[bytes]:
        with Progress(f"indexing {shown(os.fsencode(root.name))}", count, "files") as progress:
            for name, _ in walk(root):
                progress.add(1)
                if os.fsdecode(name).lower().endswith(_FOREIGN):
                    raise UserError(
                        f"{root}: {shown(name)} is among images: two kinds of data in one folder; "
                        "pass a folder with one of them"
                    )
                side = collector.add(root, name)
                if side is not None:
                    sides.append(side)
                    yield name

    (index / "names").mkdir()
    if not string_table.write(index / "names", usable()):
        raise UserError(
            f"{root}: expected images ({', '.join(ENDINGS)}) in it or in its sub-folders, found "
            f"{collector.metadata.in_words()}"
        )
    short_sides, metadata = np.frombuffer(sides, np.uint16), collector.finish()
    np.save(index / "sides.npy", short_sides)
    digest = _digest(string_table.StringTable(index / "names"), short_sides, metadata)
    files.write_json(index / "facts.json", {**dataclasses.asdict(metadata), "digest": digest})


def _digest(names: string_table.StringTable, sides: np.ndarray, metadata: FolderMetadata) -> str:
    """Return the checksum of an index."""
    parts = (names.digest(), hashlib.sha256(sides.data).digest(), dataclasses.astuple(metadata))
    return hashlib.sha256(repr(parts).encode()).hexdigest()
