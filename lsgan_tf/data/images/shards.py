"""Prepared pictures: TFRecord shards with tables of offsets, and a manifest.

A folder of shards holds `manifest.json`, files such as `shard-00003-of-00012.tfrecord`, and for
each of them a table of offsets and a description under `index/`. Each TFRecord is the bytes of one
picture file of the final size, so the shards are as easy to use elsewhere:
`tf.data.TFRecordDataset(files).map(tf.io.decode_image)`. The offsets let any picture be read
without touching another.
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
from lsgan_tf.util import files
from lsgan_tf.util.forms import check_form, fields_of

MANIFEST = "manifest.json"
INDEX = "index"
FORMAT = "lsgan_tf picture shards"
VERSION = 1
SHARD_FORM = {"file": str, "count": int, "bytes": int, "sha256": str}
"""A `Shard` in JSON."""

_LARGEST_SIZE = 65_536
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
    """How pictures were brought to size and encoded.

    Attributes:
      image_size: height and width in pixels.
      crop: centre crop rather than squashing.
      resize: name of the filter.
      encoding: `"jpeg"` or `"png"`.
      quality: JPEG quality; 0 for PNG, which loses nothing.
    """

    image_size: int
    crop: bool
    resize: str
    encoding: str
    quality: int

    @property
    def shape_of_picture(self) -> str:
        """In words: `"112x112, squashed"`."""
        size = self.image_size
        return f"{size}x{size}, {'cropped' if self.crop else 'squashed'}"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of a prepared set.

    Attributes:
      file: its name.
      count: pictures in it.
      bytes: its size.
      sha256: hex digest of its content.
    """

    file: str
    count: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a folder of shards holds and where it came from.

    Attributes:
      category: LSUN's category.
      split: `"train"` or `"val"`.
      preprocessing: how the pictures were made.
      shard_images: source pictures a shard covers, skipped ones counted.
      source: `kind`, `count` and `fingerprint` of what was prepared.
      shards: the files in order.
      skipped: number of pictures left out by reason.
      converted: number of pictures by colour mode, for those that were not RGB.
      smaller: pictures that were enlarged to size.
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
        """Pictures in all shards."""
        return sum(shard.count for shard in self.shards)

    def write(self, folder: Path) -> None:
        """Writes `manifest.json`, atomically."""
        values = {"format": FORMAT, "version": VERSION, "count": self.count}
        files.write_json(folder / MANIFEST, {**values, **dataclasses.asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Reads `manifest.json`.

        Raises:
          UserError: if it is missing, damaged or of another kind.
        """
        path = folder / MANIFEST
        values = files.read_json(path)
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
                raise ValueError("shards: a name that leads out of the folder")
            fields = fields_of(cls, values) | {"preprocessing": made, "shards": shards}
            return cls(**fields)
        except ValueError as error:
            raise UserError(
                f"{path}: a damaged manifest ({error}); prepare the set again"
            ) from error


class ShardRecords(Records):
    """Pictures in a prepared folder.

    Args:
      folder: holds `manifest.json` and what it lists.

    Raises:
      UserError: if a shard is missing or has another size than the manifest says.
    """

    kind = "prepared shards"

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        self.manifest = Manifest.read(self._folder)
        shards = self.manifest.shards
        for shard in shards:
            check_size(self._folder, shard)
        self._files = open_all([self._folder / shard.file for shard in shards])
        # first[k] is the number of the first picture of shard k.
        self._first = np.cumsum([0, *(shard.count for shard in shards)])
        self._offsets = functools.lru_cache(maxsize=None)(self._read_offsets)
        self.description = (
            f"{len(self):,} prepared pictures of {self.manifest.category} "
            f"({self.manifest.preprocessing.shape_of_picture}) in {self._folder}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Open files cannot cross to another process: they are opened again there."""
        return ShardRecords, (self._folder,)

    def __len__(self) -> int:
        return self.manifest.count

    def content(self, index: int) -> bytes:
        """See `Records`."""
        shard, row = self._place(index)
        offsets = self._offsets(shard)
        start, end = int(offsets[row]), int(offsets[row + 1])
        return self._files[shard].read(start, end - start)

    def name_of(self, index: int) -> str:
        """The shard and the picture's place in it."""
        shard, row = self._place(index)
        return f"{self.manifest.shards[shard].file}, record {row}"

    def fingerprint(self) -> str:
        """The manifest's."""
        return self.manifest.fingerprint

    def _place(self, index: int) -> tuple[int, int]:
        shard = int(np.searchsorted(self._first, index, side="right")) - 1
        return shard, index - int(self._first[shard])

    def _read_offsets(self, number: int) -> np.ndarray:
        """Where the records of a shard begin, and where its last one ends: int64."""
        shard = self.manifest.shards[number]
        path = offsets_path(self._folder, shard.file)
        try:
            # A copy: a map would keep the file open.
            return np.array(files.read_array(path, "int64", (shard.count + 1,)))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path}: a missing or damaged table of offsets ({error}); delete it and run "
                "python -m lsgan_tf prepare-lsun again, sound shards are kept"
            ) from error


def check_size(folder: Path, shard: Shard) -> None:
    """Compares a shard's size with its manifest.

    Raises:
      UserError: if the file is missing or has another size.
    """
    path = folder / shard.file
    found = path.stat().st_size if path.is_file() else None
    if found != shard.bytes:
        state = "missing" if found is None else f"cut short or changed: {found:,} bytes"
        raise UserError(
            f"{path}: {state}, expected {shard.bytes:,} bytes; run python -m lsgan_tf prepare-lsun "
            "again with the same flags, sound shards are kept"
        )


def holds_shards(folder: Path) -> bool:
    """Whether a folder looks prepared."""
    return (folder / MANIFEST).is_file() and (folder / INDEX).is_dir()


def offsets_path(folder: Path, shard_file: str) -> Path:
    """Where the table of offsets of a shard lies."""
    return folder / INDEX / Path(shard_file).with_suffix(".npy").name
