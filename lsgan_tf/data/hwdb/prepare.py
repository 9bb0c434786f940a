"""Prepares a dataset from `.gnt` files: a folder that training can memory-map.

| file          | content                                                              |
|---------------|----------------------------------------------------------------------|
| images.u8     | the images, uint8, `(n, S, S)`                                       |
| codes.npy     | the tag of each, uint16, `(n,)`                                      |
| manifest.json | counts per class, source files with size and hash, damage, checksums |

It contains all characters of the source, including symbols: classes are selected when it is opened
(`lsgan_tf.data.hwdb`). Only the index of the records (about 50 bytes each) is held in memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from lsgan_tf.data.formats import gbk, gnt
from lsgan_tf.data.hwdb import gb2312
from lsgan_tf.data.hwdb.gnt_files import GntPart, on_disk
from lsgan_tf.data.hwdb.resize import ResizeJob, squash_all
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import atomic_folder, explained, require_free_space, write_json
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.reading import open_regular, read_array

FORMAT = 1
IMAGES, CODES, MANIFEST = "images.u8", "codes.npy", "manifest.json"

_DOING = "preparing the characters"
_CHECKED_IMAGES = 64
# `resize.RECORD` as a dtype.
_RECORD = np.dtype([("file", "<i4"), ("offset", "<i8"), ("width", "<u2"), ("height", "<u2")])


def prepare(
    parts: Sequence[tuple[str, GntPart]],
    folder: Path,
    image_size: int,
    keep_aspect: bool,
    accept: Callable[[dict[str, Any]], None],
) -> None:
    """Prepare a dataset atomically. The caller must hold its lock.

    Args:
      parts: content hash and file, in the order of the images.
      folder: the folder to write, replaced if it exists.
      image_size: height and width in pixels.
      keep_aspect: fit and centre on white instead of squashing.
      accept: called with the manifest before the images are prepared; may raise a `UserError`.

    Raises:
      UserError: if a file cannot be read or is not a GNT file, `accept` raises it, or the disk is
        full or not writable.
    """
    # Leftovers of killed processes; the caller's lock excludes running ones.
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with explained(folder, _DOING), atomic_folder(folder) as temporary:
        with on_disk([part for _, part in parts], temporary / "unpacked") as paths:
            records = temporary / "records"
            source = _index(parts, paths, records, temporary / CODES)
            manifest = {
                "format": FORMAT,
                "image_size": image_size,
                "keep_aspect": keep_aspect,
                "resampling": f"antialiased bilinear (Pillow {PIL.__version__})",
                **source,
            }
            accept(manifest)
            count = manifest["samples"]
            require_free_space(folder, count * image_size**2, _DOING)
            plan = ResizeJob(
                files=tuple(str(path) for path in paths),
                records=str(records),
                images=str(temporary / IMAGES),
                size=image_size,
                keep_aspect=keep_aspect,
            )
            with open(plan.images, "wb") as stream:
                stream.truncate(count * image_size**2)
            source_bytes = sum(file["bytes"] for file in manifest["files"])
            with Progress(_DOING, count, "characters") as progress:
                done = squash_all(plan, count, source_bytes)
                with contextlib.closing(done):
                    for finished in done:
                        progress.add(finished)
            records.unlink()
        manifest["checks"] = digests(*load(temporary, manifest))
        manifest["checks"]["manifest_sha256"] = manifest_digest(manifest)
        write_json(temporary / MANIFEST, manifest)


def load(folder: Path, manifest: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Memory-map a prepared dataset.

    Returns:
      The images, uint8, `(n, S, S, 1)`, and their tags, uint16, `(n,)`.

    Raises:
      OSError, ValueError or UserError: if it is damaged.
    """
    count, side = manifest["samples"], manifest["image_size"]
    codes = read_array(folder / CODES, "uint16", (count,))
    open_regular(folder / IMAGES).close()
    return np.memmap(folder / IMAGES, np.uint8, "r", shape=(count, side, side, 1)), codes


def digests(images: np.ndarray, codes: np.ndarray) -> dict[str, str]:
    """Return checksums of all tags and of a sample of the images, for the manifest."""
    rows = np.unique(np.linspace(0, len(images) - 1, _CHECKED_IMAGES).astype(np.int64))
    return {
        "codes_sha256": hashlib.sha256(codes.data).hexdigest(),
        "some_pictures_sha256": hashlib.sha256(images[rows].data).hexdigest(),
    }


def manifest_digest(manifest: dict[str, Any]) -> str:
    """Return the checksum of a manifest without its `checks`."""
    rest = {name: value for name, value in manifest.items() if name != "checks"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _index(
    parts: Sequence[tuple[str, GntPart]], paths: Sequence[Path], records: Path, codes: Path
) -> dict[str, Any]:
    """Scan the files, write records and tags, and return their part of the manifest."""
    files: list[dict[str, Any]] = []
    damaged: list[dict[str, Any]] = []
    tags = []
    with open(records, "wb") as stream:
        for number, ((digest, part), path) in enumerate(zip(parts, paths, strict=True)):
            index = scan_part(part, path)
            rows = np.zeros(len(index), _RECORD)
            rows["file"] = number
            rows["offset"] = index.offsets + gnt.HEADER_BYTES
            rows["width"], rows["height"] = index.widths, index.heights
            rows.tofile(stream)
            tags.append(index.codes)
            files.append(
                {
                    "name": part.name,
                    "bytes": index.size,
                    "sha256": digest,
                    "samples": len(index),
                    "damaged": index.damaged_count,
                }
            )
            for damage in index.damaged[: gnt.LISTED_DAMAGE - len(damaged)]:
                damaged.append({"file": part.name, **dataclasses.asdict(damage)})
    everything = np.concatenate(tags)
    np.save(codes, everything)
    classes = count_classes(everything)
    outside = [count for name, count in classes.items() if not gb2312.is_level1(name)]
    return {
        "samples": len(everything),
        "classes": classes,
        "outside_level1": {"classes": len(outside), "samples": sum(outside)},
        "files": files,
        "damaged_count": sum(file["damaged"] for file in files),
        "damaged": damaged,
    }


def scan_part(part: GntPart, path: Path) -> gnt.GntIndex:
    """Scan a file that may have been unpacked; errors name the original."""
    try:
        return gnt.scan(path)
    except UserError as error:
        known = part.path if part.member is None else f"{part.path}/{part.member}"
        raise UserError(str(error).replace(str(path), str(known))) from error


def count_classes(codes: np.ndarray) -> dict[str, int]:
    """Return the number of images of each character, in the order of classes."""
    counts = np.bincount(codes, minlength=1 << 16)
    found = {gbk.character(code): int(counts[code]) for code in np.flatnonzero(counts).tolist()}
    return {name: found[name] for name in gb2312.ordered(found)}
