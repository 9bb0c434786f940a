"""Prepared images: TFRecord shards with tables of offsets, and a manifest.

A folder of shards contains `manifest.json`, files such as `shard-00003-of-00012.tfrecord`, and for
each of them a table of offsets and a description under `index/`. Each record is an image file of
the final size, so `tf.data.TFRecordDataset(files).map(tf.io.decode_image)` reads them too. The
offsets provide random access.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.data.formats.tfrecords import open_all
from lsgan_tf.data.images.records import Records
from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading
from lsgan_tf.util.forms import check_form, fields_of
from lsgan_tf.util.text import counted

MANIFEST = "manifest.json"
INDEX = "index"
FORMAT = "lsgan_tf picture shards"
VERSION = 1
SHARD_FORM = {"file": str, "count": int, "bytes": int, "sha256": str}
"""A `Shard` in JSON."""

_LARGEST_SIZE = 65_536
# A shard of the right size is kept if it is not deleted.
_REMEDY = (
    "delete it and run python -m lsgan_tf prepare-lsun again with the same flags, intact shards "
    "are kept"
)
_FORM = {
    "category": str,
    "split": str,
    "preprocessing": {
        "image_size": int,
        "crop": bool,
        "resize": str,
        "encoding": str,
        "quality": int,
    },
    "shard_images": int,
    "source": {"kind": str, "count": int, "fingerprint": str},
    "shards": [SHARD_FORM],
    "skipped": {str: int},
    "converted": {str: int},
    "smaller": int,
    "fingerprint": str,
}


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How images are resized and encoded.

    Attributes:
      image_size: height and width in pixels.
      crop: centre crop instead of squashing.
      resize: name of the filter.
      encoding: `"jpeg"` or `"png"`.
      quality: JPEG quality; 0 for PNG, which is lossless.
    """

    image_size: int
    crop: bool
    resize: str
    encoding: str
    quality: int

    @property
    def description(self) -> str:
        """Description: `"112x112, squashed"`."""
        size = self.image_size
        return f"{size}x{size}, {'cropped' if self.crop else 'squashed'}"


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file of a prepared dataset.

    Attributes:
      file: name of the file.
      count: number of images.
      bytes: size of the file.
      sha256: hex digest of its content.
    """

    file: str
    count: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Description of a folder of shards.

    Attributes:
      category: LSUN category.
      split: `"train"` or `"val"`.
      preprocessing: how the images were resized and encoded.
      shard_images: number of source images per shard, including skipped ones.
      source: `kind`, `count` and `fingerprint` of the source.
      shards: the files in order.
      skipped: number of skipped images by reason.
      converted: number of converted images by colour mode.
      smaller: number of enlarged images.
      fingerprint: hex digest of the shards' digests and the preprocessing.
    """

    category: str
    split: str
    preprocessing: Preprocessing
    shard_images: int
    source: dict[str, Any]
    shards: tuple[Shard, ...]
    skipped: dict[str, int]
    converted: dict[str, int]
    smaller: int
    fingerprint: str

    @property
    def count(self) -> int:
        """Number of images in all shards."""
        return sum(shard.count for shard in self.shards)

    def write(self, folder: Path) -> None:
        """Write `manifest.json`, atomically."""
        values = {"format": FORMAT, "version": VERSION, "count": self.count}
        files.write_json(folder / MANIFEST, {**values, **dataclasses.asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read `manifest.json`.

        Raises:
          UserError: if it is missing, damaged or of another format.
        """
        path = folder / MANIFEST
        values = reading.read_json(path)
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise UserError(
                f"{path}: not the manifest of a set made by python -m lsgan_tf prepare-lsun"
            )
        if values.get("version") != VERSION:
            raise UserError(
                f"{path}: version {values.get('version')}, expected {VERSION}; prepare it again"
            )
        try:
            check_form(values, _FORM)
            made = Preprocessing(**fields_of(Preprocessing, values["preprocessing"]))
            shards = tuple(Shard(**fields_of(Shard, shard)) for shard in values["shards"])
            if not 0 < made.image_size <= _LARGEST_SIZE or made.encoding not in ("jpeg", "png"):
                raise ValueError(f"preprocessing: {made.image_size} pixels, {made.encoding[:20]}")
            if any(Path(shard.file).name != shard.file for shard in shards):
                raise ValueError("shards: a path outside of the folder")
            fields = fields_of(cls, values) | {"preprocessing": made, "shards": shards}
            return cls(**fields)
        except ValueError as error:
            raise UserError(
                f"{path}: a damaged manifest ({error}); prepare the set again"
            ) from error


class ShardRecords(Records):
    """Images of a prepared folder.

    Args:
      folder: the folder of `manifest.json`.

    Raises:
      UserError: if a shard is missing or its size does not match the manifest.
    """

    kind = "prepared shards"

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        self.manifest = Manifest.read(self._folder)
        shards = self.manifest.shards
        for shard in shards:
            check_size(self._folder, shard)
        self._files = open_all([self._folder / shard.file for shard in shards], _REMEDY)
        # first[k] is the index of the first image of shard k.
        self._first = np.cumsum([0, *(shard.count for shard in shards)])
        self._offsets = functools.lru_cache(maxsize=None)(self._read_offsets)
        self.description = (
            f"{counted(len(self), 'prepared image')} of {self.manifest.category} "
            f"({self.manifest.preprocessing.description}) in {self._folder}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the files again in another process."""
        return ShardRecords, (self._folder,)

    def __len__(self) -> int:
        return self.manifest.count

    def content(self, index: int) -> bytes:
        """See `Records`."""
        shard, row = self._locate(index)
        offsets = self._offsets(shard)
        start, end = int(offsets[row]), int(offsets[row + 1])
        return self._files[shard].read(start, end - start)

    def name_of(self, index: int) -> str:
        """Return the shard and the index of the record in it."""
        shard, row = self._locate(index)
        return f"{self.manifest.shards[shard].file}, record {row}"

    def fingerprint(self) -> str:
        """Return the fingerprint of the manifest."""
        return self.manifest.fingerprint

    def _locate(self, index: int) -> tuple[int, int]:
        shard = int(np.searchsorted(self._first, index, side="right")) - 1
        return shard, index - int(self._first[shard])

    def _read_offsets(self, number: int) -> np.ndarray:
        """Start offsets of the records of a shard, and the end of the last one: int64."""
        shard = self.manifest.shards[number]
        path = offsets_path(self._folder, shard.file)
        try:
            # A copy, because a memory map would keep the file open.
            return np.array(reading.read_array(path, "int64", (shard.count + 1,)))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path}: a missing or damaged table of offsets ({error}); delete it and run "
                "python -m lsgan_tf prepare-lsun again, intact shards are kept"
            ) from error


def check_size(folder: Path, shard: Shard) -> None:
    """Check the size of a shard.

    Raises:
      UserError: if the file is missing or its size is wrong.
    """
    path = folder / shard.file
    found = path.stat().st_size if path.is_file() else None
    if found != shard.bytes:
        state = "missing" if found is None else f"truncated or changed: {found:,} bytes"
        raise UserError(
            f"{path}: {state}, expected {shard.bytes:,} bytes; run python -m lsgan_tf prepare-lsun "
            "again with the same flags, intact shards are kept"
        )


def holds_shards(folder: Path) -> bool:
    """Return whether a folder contains shards."""
    return (folder / MANIFEST).is_file() and (folder / INDEX).is_dir()


def offsets_path(folder: Path, shard_file: str) -> Path:
    """Return the path of the table of offsets of a shard."""
    return folder / INDEX / Path(shard_file).with_suffix(".npy").name
