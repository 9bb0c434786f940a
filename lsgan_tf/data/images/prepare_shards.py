"""Prepares images as shards on all cores, in bounded memory; resumable.

Shard k contains the source images k * n to (k + 1) * n - 1, independently of the number of
processes. A shard is finished when its description is written; an interrupted preparation resumes
with the missing shards.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.data.formats import tfrecords
from lsgan_tf.data.images import preparation, shards
from lsgan_tf.data.images.encode_workers import EncodedImage, encode_all, encode_range
from lsgan_tf.data.images.image_files import ImageFiles
from lsgan_tf.data.images.records import Records, sampled, versioned_fingerprint
from lsgan_tf.data.images.shards import Manifest, Preprocessing, Shard
from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.text import counted

SKIPPED = "skipped.txt"
_SAMPLED = 32
_FORM = {
    "shard": shards.SHARD_FORM,
    "skipped": [[str]],
    "converted": {str: int},
    "smaller": int,
}


def prepare(
    records: Records,
    out: Path,
    *,
    category: str,
    split: str,
    preprocessing: Preprocessing,
    shard_images: int = 16_384,
    workers: int,
) -> Manifest:
    """Resize images and write them as shards, or resume a preparation.

    Args:
      records: the images.
      out: the folder to write: new, empty, or that of the same preparation.
      category: LSUN category, for the manifest.
      split: `"train"` or `"val"`, for the manifest.
      preprocessing: how to resize and encode.
      shard_images: number of source images per shard.
      workers: number of processes; 1 uses this process.

    Returns:
      The manifest.

    Raises:
      UserError: if `out` contains anything else, there is not enough space, no image can be
        decoded, or a worker dies.
    """
    out = Path(out)
    if isinstance(records, ImageFiles) and out.resolve().is_relative_to(records.root.resolve()):
        raise UserError(
            f"--out={out}: inside the folder of images, where it would be data of another kind; "
            "use a folder outside of it"
        )
    fingerprint = versioned_fingerprint(records)
    source = {"kind": records.kind, "count": len(records), "fingerprint": fingerprint}
    job = {
        "format": shards.FORMAT,
        "category": category,
        "split": split,
        "preprocessing": dataclasses.asdict(preprocessing),
        "shard_images": shard_images,
        "source": source,
    }
    count = -(-len(records) // shard_images)
    names = [f"shard-{number:05d}-of-{count:05d}.tfrecord" for number in range(count)]
    starts = range(0, len(records), shard_images)
    missing = {
        name: (start, min(start + shard_images, len(records)))
        for name, start in zip(names, starts, strict=True)
        if _description(out, name) is None
    }
    unfinished = sum(stop - start for start, stop in missing.values())
    if missing:
        _require_space(records, out, preprocessing, unfinished)
    preparation.begin(out, job)
    with preparation.alone(out):
        for left in out.rglob(".*.tmp"):  # of killed processes
            left.unlink()
        if missing:
            encoded = encode_all(records, preprocessing, list(missing.values()), workers)
            with (
                Progress(f"preparing {out.name}", unfinished, "images") as progress,
                contextlib.closing(encoded) as outcomes,
            ):
                for name, span in missing.items():
                    _write_shard(out, name, *span, outcomes, progress)
        return _finish(out, job, names)


def _require_space(records: Records, out: Path, preprocessing: Preprocessing, count: int) -> None:
    """Check the free space, estimated from a few evenly spaced images."""
    sizes = [
        tfrecords.framed_bytes(len(outcome.content or b""))
        for index in sampled(records, _SAMPLED)
        for outcome in encode_range(records, preprocessing, index, index + 1)
    ]
    needed = int(np.mean(sizes) * count * 1.05) + (1 << 20)
    files.require_free_space(out, needed, f"{counted(count, 'prepared image')} (estimated)")


def _write_shard(
    out: Path,
    name: str,
    start: int,
    stop: int,
    outcomes: Iterator[EncodedImage],
    progress: Progress,
) -> None:
    path = out / name
    offsets = [0]
    skipped: list[tuple[str, str]] = []
    converted: collections.Counter[str] = collections.Counter()
    smaller = 0
    with files.explained(path, "writing the shard"):
        with files.atomic_file(path) as temporary:
            digest = hashlib.sha256()
            with open(temporary, "wb") as stream:
                for _ in range(start, stop):
                    outcome = next(outcomes)
                    progress.add(1)
                    if outcome.content is None:
                        skipped.append((outcome.name, outcome.reason))
                        continue
                    framed = tfrecords.frame(outcome.content)
                    stream.write(framed)
                    digest.update(framed)
                    offsets.append(offsets[-1] + len(framed))
                    smaller += outcome.smaller
                    if outcome.mode != "RGB":
                        converted[outcome.mode] += 1
        with (
            files.atomic_file(shards.offsets_path(out, name)) as temporary,
            open(temporary, "wb") as stream,
        ):
            np.save(stream, np.array(offsets, np.int64))
        shard = Shard(name, len(offsets) - 1, offsets[-1], digest.hexdigest())
        description = {
            "shard": dataclasses.asdict(shard),
            "skipped": skipped,
            "converted": dict(converted),
            "smaller": smaller,
        }
        files.write_json(_description_path(out, name), description)


def _finish(out: Path, job: dict[str, Any], names: list[str]) -> Manifest:
    """Write the manifest and the list of skipped images from the descriptions of all shards."""
    made: list[Shard] = []
    reasons: collections.Counter[str] = collections.Counter()
    converted: collections.Counter[str] = collections.Counter()
    smaller = 0
    digest = hashlib.sha256(repr(job["preprocessing"]).encode())
    with files.explained(out, "writing the manifest"):
        with (
            files.atomic_file(out / SKIPPED) as temporary,
            open(temporary, "w", encoding="utf-8") as stream,
        ):
            for name in names:
                description = _description(out, name)
                assert description is not None  # all shards are finished
                shard = Shard(**description["shard"])
                made.append(shard)
                digest.update(shard.sha256.encode())
                for image, reason in description["skipped"]:
                    stream.write(f"{image}\t{reason}\n")
                    reasons["empty" if reason == "empty" else "undecodable"] += 1
                converted.update(description["converted"])
                smaller += description["smaller"]
        manifest = Manifest(
            category=job["category"],
            split=job["split"],
            preprocessing=Preprocessing(**job["preprocessing"]),
            shard_images=job["shard_images"],
            source=job["source"],
            shards=tuple(made),
            skipped=dict(reasons),
            converted=dict(converted),
            smaller=smaller,
            fingerprint=digest.hexdigest(),
        )
        if not manifest.count:
            raise UserError(
                f"{out}: none of {job['source']['count']:,} images can be decoded; see "
                f"{out / SKIPPED} for the reasons"
            )
        manifest.write(out)
    return manifest


def _description(out: Path, name: str) -> dict[str, Any] | None:
    """Return the description of a finished shard; None if it is missing or damaged."""
    path = _description_path(out, name)
    if not path.is_file():
        return None
    try:
        description = reading.read_json(path, _FORM)
        shard = Shard(**description["shard"])
        if shard.file != name or any(len(pair) != 2 for pair in description["skipped"]):
            return None
        shards.check_size(out, shard)
    except (UserError, TypeError):
        return None
    return description if shards.offsets_path(out, name).is_file() else None


def _description_path(out: Path, name: str) -> Path:
    return out / shards.INDEX / Path(name).with_suffix(".json").name


def summary(manifest: Manifest, out: Path) -> list[str]:
    """Format a summary of the result."""
    size = sum(shard.bytes for shard in manifest.shards)
    lines = [
        f"{out}: {counted(manifest.count, 'image')} ({manifest.preprocessing.description}) in "
        f"{counted(len(manifest.shards), 'shard')}, {size / 1e6:,.1f} MB"
    ]
    if manifest.skipped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in manifest.skipped.items())
        lines.append(f"left out: {reasons}; listed in {out / SKIPPED}")
    if manifest.converted:
        modes = ", ".join(f"{count:,} {mode}" for mode, count in manifest.converted.items())
        lines.append(f"converted to RGB: {modes}")
    if manifest.smaller:
        lines.append(f"enlarged: {manifest.smaller:,}")
    return lines
