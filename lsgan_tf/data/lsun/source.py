"""LSUN: images of scenes and objects, from any of its common formats."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from lsgan_tf.data.formats import archives
from lsgan_tf.data.images import image_files, image_source, shards, tfds_folder
from lsgan_tf.data.images.records import Records
from lsgan_tf.data.lsun import lmdb_records
from lsgan_tf.data.lsun import locations as lsun_places
from lsgan_tf.errors import UserError
from lsgan_tf.util import files
from lsgan_tf.util.progress import Progress

_TFDS_SPLITS = {"train": "train", "val": "validation"}


def open_source(
    data_dir: Path | None,
    *,
    category: str,
    image_size: int,
    crop: bool = False,
    cache_dir: Path | None = None,
    split: str = "train",
) -> image_source.ImageSource:
    """Open a category of LSUN at one size.

    Args:
      data_dir: see `open_records`; also a folder written by `prepare-lsun`, or its parent.
      category: see `open_records`.
      image_size: height and width in pixels.
      crop: crop to the centred square instead of squashing as in the authors' code.
      cache_dir: folder of indices and unpacked archives; the user's cache folder by default.
      split: see `open_records`.

    Raises:
      UserError: see `open_records`; also if the data was prepared for another size.
    """
    split = lsun_places.checked_split(split)
    if data_dir and (prepared := _find_shards(data_dir, category, split, image_size, crop)):
        return image_source.PreparedImageSource(
            prepared, name="lsun", description=f"LSUN {category}, {split}: {prepared.description}"
        )
    records = open_records(data_dir, category=category, cache_dir=cache_dir, split=split)
    return image_source.ImageSource(
        records,
        name="lsun",
        size=image_size,
        crop=crop,
        description=f"LSUN {category}, {split}: {records.description}",
        warnings=image_source.warnings_of(records, image_size),
    )


def open_records(
    data_dir: Path | None, *, category: str, cache_dir: Path | None = None, split: str = "train"
) -> Records:
    """Open the encoded images of a category.

    Args:
      data_dir: LSUN's `<category>_<split>_lmdb` folder, its zip, a folder of images, a folder
        prepared by tensorflow-datasets, or a parent of one.
      category: one of LSUN's scenes or objects, or another one with a `<category>_<split>_lmdb`.
      cache_dir: folder of indices and unpacked archives.
      split: `"train"` or `"val"` (aliases `"validation"` and `"test"`).

    Raises:
      UserError: if nothing or more than one format is found, the category does not exist, or a file
        is damaged.
    """
    split = lsun_places.checked_split(split)
    cache_dir = cache_dir or files.default_cache_dir()
    if data_dir is None:
        raise UserError(
            f"--dataset=lsun needs --data_dir: fetch {lsun_places.address(category, split)} and "
            "pass that file, or unpack it and pass the folder"
        )
    place = lsun_places.locate(Path(data_dir), category=category, split=split)
    if place.is_file():
        inside = lsun_places.database_in(place).folder
        lsun_places.require_match(place, inside, category, split)
        return lmdb_records.open_lmdb(unpacked(place, cache_dir), cache_dir=cache_dir)
    if lsun_places.holds_lmdb(place):
        return lmdb_records.open_lmdb(place, cache_dir=cache_dir)
    if shards.holds_shards(place):
        raise UserError(
            f"--data_dir={place}: these images are already prepared; pass LSUN's original data"
        )
    if (place / "dataset_info.json").is_file():
        return tfds_folder.open_images(place, _TFDS_SPLITS[split], cache_dir=cache_dir)
    return image_files.open_folder(place, cache_dir=cache_dir)


def unpacked(archive: Path, cache_dir: Path) -> Path:
    """Unpack the LMDB in LSUN's zip into the cache, unless it is there.

    Raises:
      UserError: if the archive is not LSUN's or is damaged, or the disk is full.
    """
    member = lsun_places.database_in(archive)
    identity = hashlib.sha256(repr((member.size, member.crc)).encode()).hexdigest()[:16]
    target = Path(cache_dir) / "lsun_unpacked" / f"{archive.stem}-{identity}"
    if (target / "data.mdb").is_file():
        return target
    with files.locked(target.parent):
        if (target / "data.mdb").is_file():
            return target  # another process has just unpacked it
        files.clear_leftovers(target.parent)  # a killed process may leave 40 GB
        files.require_free_space(target, member.size, f"unpacking {archive.name}")
        with (
            files.explained(target, "unpacking"),
            files.atomic_folder(target) as temporary,
            Progress(f"unpacking {archive.name}", member.size, "B") as progress,
        ):
            archives.extract_from_zip(archive, member, temporary / "data.mdb", report=progress.add)
    return target


def _find_shards(
    data_dir: Path, category: str, split: str, size: int, crop: bool
) -> shards.ShardRecords | None:
    """Find the matching prepared folder: `data_dir` or a sub-folder."""
    path, requested = Path(data_dir), (category, split, size, crop)
    if not path.is_dir():
        return None
    if shards.holds_shards(path):
        lsun_places.locate(path, category=category, split=split)  # raises if other data is there
        found = _contents(path)
        if found != requested:
            raise UserError(
                f"--data_dir={path}: prepared for {_in_words(*found)}, requested "
                f"{_in_words(*requested)}; change --category, --image_size or --crop, or prepare "
                "it again with python -m lsgan_tf prepare-lsun"
            )
        return shards.ShardRecords(path)
    with os.scandir(path) as listing:
        folders = sorted(Path(entry.path) for entry in listing if entry.is_dir())
    matching = [
        folder
        for folder in folders
        if shards.holds_shards(folder) and _contents(folder) == requested
    ]
    if len(matching) > 1:
        raise UserError(
            f"--data_dir={path}: {_in_words(*requested)} was prepared twice, in "
            f"{matching[0].name} and {matching[1].name}; pass one of them"
        )
    return shards.ShardRecords(matching[0]) if matching else None


def _contents(folder: Path) -> tuple[str, str, int, bool]:
    manifest = shards.Manifest.read(folder)
    made = manifest.preprocessing
    return manifest.category, manifest.split, made.image_size, made.crop


def _in_words(category: str, split: str, size: int, crop: bool) -> str:
    return f"{category} ({split}) at {size}x{size}, {'cropped' if crop else 'squashed'}"
