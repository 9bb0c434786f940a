"""Verifies images: LSUN in any format, folders, shards, prepared datasets."""

from __future__ import annotations

import collections
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lsgan_tf.data.formats import archives
from lsgan_tf.data.images import (
    decode,
    image_files,
    preparation,
    prepare_shards,
    shards,
    tfds_folder,
    tfds_places,
)
from lsgan_tf.data.images.records import Records, sampled
from lsgan_tf.data.lsun import lmdb_records
from lsgan_tf.data.lsun import locations as lsun_places
from lsgan_tf.data.tfds import features
from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading
from lsgan_tf.util.progress import Progress

_NAMED = 20


def detect(path: Path) -> bool:
    """Return whether a file or folder is or contains images in any known format."""
    return bool(_forms(Path(path)))


def unused_options(path: Path) -> tuple[str, ...]:
    """Return the arguments of `report` that have no effect on the data at `path`."""
    forms = _forms(Path(path))
    folders = [form for form in forms if not form.is_file()]
    indexed = [form for form in folders if not _holds_shards(form)]
    most = ("most",) * bool(forms and not folders)  # archives are read, but no image decoded
    return most + ("cache_dir",) * bool(forms and not indexed)


def report(
    path: Path, *, cache_dir: Path | None = None, most: int | None = 10_000
) -> tuple[list[str], bool]:
    """Check all datasets of images at `path` and decode a sample of each.

    Args:
      path: the value of `--data_dir`.
      cache_dir: folder of indices; the user's cache folder by default.
      most: maximum number of evenly spaced images to decode per dataset; None for all.

    Returns:
      Lines of a report, and whether the data is intact.
    """
    lines: list[str] = []
    fine = True
    for form in _forms(Path(path)):
        try:
            found, intact = _report_form(form, cache_dir or files.default_cache_dir(), most)
        except UserError as error:
            found, intact = [str(error)], False
        lines.extend(found)
        fine = fine and intact
    if not lines:
        return [f"{path}: no images found"], False
    return lines, fine


def _forms(path: Path) -> list[Path]:
    """Return the datasets of images at a path or in its sub-folders."""
    path = path.parent if path.name == "data.mdb" else path
    if path.is_file():
        return [path] if path.suffix.lower() == ".zip" and _is_lsun_zip(path) else []
    if not path.is_dir():
        return []
    if _is_form(path):
        return [path]
    below = [entry for entry in sorted(path.iterdir()) if entry.is_dir() and _is_form(entry)]
    zips = [entry for entry in sorted(path.glob("*.zip")) if _is_lsun_zip(entry)]
    if below or zips:
        return below + zips
    if prepared := tfds_places.prepared_below(path):
        return prepared
    return [path] if image_files.first_image(path) else []


def _is_form(folder: Path) -> bool:
    begun = (folder / preparation.JOB).is_file()
    prepared = (folder / "dataset_info.json").is_file()
    return begun or prepared or lsun_places.holds_lmdb(folder)


def _is_lsun_zip(path: Path) -> bool:
    try:
        return any(member.basename == "data.mdb" for member in archives.list_zip(path))
    except UserError:
        return path.stem.endswith("_lmdb")  # damaged: to be reported


def _holds_shards(form: Path) -> bool:
    return (form / preparation.JOB).is_file() or shards.holds_shards(form)


def _report_form(form: Path, cache_dir: Path, most: int | None) -> tuple[list[str], bool]:
    if form.is_file():
        return _report_zip(form)
    if _holds_shards(form):
        return _report_shards(form, most)
    lsun_places.require_one_kind(form)
    if lsun_places.holds_lmdb(form):
        return _report_records(lmdb_records.open_lmdb(form, cache_dir=cache_dir), most)
    if (form / "dataset_info.json").is_file():
        return _report_prepared(form, cache_dir, most)
    folder = image_files.open_folder(form, cache_dir=cache_dir)
    lines, fine = _report_records(folder, most)
    unusable = [name for name in folder.metadata.unusable if name]
    if unusable:
        lines.append(
            f"{form}: none of the images in {', '.join(unusable[:_NAMED])} can be used; repair "
            "them, convert them to PNG or JPEG, or add their extension"
        )
    return lines, fine and not folder.metadata.bad and not unusable


def _report_prepared(folder: Path, cache_dir: Path, most: int | None) -> tuple[list[str], bool]:
    """Check all images of all splits of a tensorflow-datasets folder."""
    images = features.images_of(tfds_folder.info_of(folder))
    if not images:
        return [f"{folder}: {tfds_places.name_of(folder)} has no image feature"], True
    lines, fine = [], True
    for split in tfds_places.splits(folder):
        for image in images:
            records = tfds_folder.open_images(folder, split, cache_dir=cache_dir, feature=image)
            found, intact = _report_records(records, most)
            lines += [f"split {split}, {image}:", *found]
            fine = fine and intact
    return lines, fine


def _report_zip(archive: Path) -> tuple[list[str], bool]:
    """Read LSUN's zip to verify its checksum, without unpacking it."""
    lsun_places.database_in(archive)
    lines = []
    for member in archives.list_zip(archive):
        with Progress(f"reading {archive.name}", member.size, "B") as progress:
            archives.extract_from_zip(archive, member, Path(os.devnull), report=progress.add)
        lines.append(f"{archive}: {member.name}, {member.size:,} bytes, its CRC is correct")
    return lines, True


def _report_shards(folder: Path, most: int | None) -> tuple[list[str], bool]:
    if not shards.holds_shards(folder):
        return [
            f"{folder}: not finished; run python -m lsgan_tf prepare-lsun again with the same flags"
        ], False
    records = shards.ShardRecords(folder)
    lines = prepare_shards.summary(records.manifest, folder)
    fine = True
    total = sum(shard.bytes for shard in records.manifest.shards)
    with Progress(f"reading {folder.name}", total, "B") as progress:
        for shard in records.manifest.shards:
            if reading.sha256(folder / shard.file) != shard.sha256:
                lines.append(
                    f"{folder / shard.file}: SHA-256 differs from the manifest's: damaged; delete "
                    "it and run python -m lsgan_tf prepare-lsun again with the same flags"
                )
                fine = False
            progress.add(shard.bytes)
    if not fine:
        return lines, False
    found, intact = _report_records(records, most)
    return lines + found, intact


def _report_records(records: Records, most: int | None) -> tuple[list[str], bool]:
    lines = [records.description, *records.warnings]
    indices: Sequence[int] = range(len(records))
    if most is not None and most < len(records):
        indices = sampled(records, most)
    formats: collections.Counter[str] = collections.Counter()
    modes: collections.Counter[str] = collections.Counter()
    sizes: list[tuple[int, int]] = []
    bad: list[str] = []
    with Progress("decoding", len(indices), "images") as progress:
        for index in indices:
            progress.add(1)
            content = records.content(index)
            try:
                image = decode.open_image(io.BytesIO(content))
                decode.pixels(image)
            except decode.Undecodable as error:
                bad.append(f"{records.name_of(index)} ({error})")
                continue
            formats[decode.sniff(content) or "?"] += 1
            modes[image.mode] += 1
            sizes.append(image.size)
    lines.append(f"decoded {len(indices):,} of {len(records):,}: {len(bad):,} cannot be decoded")
    lines.extend(f"  {line}" for line in bad[:_NAMED])
    if len(bad) > _NAMED:
        lines.append(f"  and {len(bad) - _NAMED:,} more")
    if bad:
        lines.append(
            "replace or delete them: training replaces each by the next decodable image (of the "
            "same class with --conditional); prepare-lsun skips them"
        )
    if sizes:
        lines.append(f"formats: {_counted(formats)}; colours: {_counted(modes)}")
        lines.extend(_sizes(np.array(sizes)))
    return lines, not bad


def _sizes(sizes: np.ndarray) -> Iterator[str]:
    for name, column in (("width", sizes[:, 0]), ("height", sizes[:, 1])):
        yield f"{name}: {column.min()} to {column.max()} pixels, median {int(np.median(column))}"


def _counted(counter: collections.Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common())
