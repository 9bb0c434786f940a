"""Cache of prepared HWDB datasets.

A prepared dataset is a folder named after its content and preprocessing, written by
`lsgan_tf.data.hwdb.prepare`. It is valid as long as the content of the source files is the same,
wherever they are. Files with unchanged name, size and time are not read again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.data.hwdb import prepare as hwdb_prepare
from lsgan_tf.data.hwdb.gnt_files import Archives, GntPart, content_hash
from lsgan_tf.data.hwdb.prepare import CODES, FORMAT, IMAGES, MANIFEST
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained, locked, write_json
from lsgan_tf.util.forms import check_form
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.reading import read_json
from lsgan_tf.util.text import counted

# A file modified more recently may change again within the resolution of its timestamp.
_SETTLED_SECONDS = 2.0
_LISTED = 5  # duplicates
_SLOW_BYTES = 256 << 20
_SEEN_FORM = {"size": int, "mtime_ns": int, "ctime_ns": int, "sha256": str}
_FORM = {
    "image_size": int,
    "keep_aspect": bool,
    "resampling": str,
    "samples": int,
    "classes": {str: int},
    "outside_level1": {"classes": int, "samples": int},
    "files": [{"name": str, "bytes": int, "sha256": str, "samples": int, "damaged": int}],
    "damaged_count": int,
    "damaged": [{"file": str, "offset": int, "reason": str}],
    "checks": {"codes_sha256": str, "some_pictures_sha256": str, "manifest_sha256": str},
}


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A prepared dataset.

    Attributes:
      folder: its folder.
      manifest: its description; see `lsgan_tf.data.hwdb.prepare`.
      images: uint8, `(n, S, S, 1)`, memory-mapped.
      codes: tag of each image, as in `gnt.GntIndex`: uint16, `(n,)`, memory-mapped.
      warnings: messages, such as a rebuilt cache or duplicate files.
    """

    folder: Path
    manifest: dict[str, Any]
    images: np.ndarray
    codes: np.ndarray
    warnings: tuple[str, ...]


def open_prepared(
    parts: Sequence[GntPart],
    *,
    data_dir: Path,
    cache_dir: Path,
    image_size: int,
    keep_aspect: bool,
    accept: Callable[[dict[str, Any]], None],
) -> Prepared:
    """Open the prepared dataset of source files, preparing it on first use.

    Args:
      parts: the files.
      data_dir: their folder, to recognise unchanged files.
      cache_dir: folder of prepared datasets.
      image_size: height and width in pixels.
      keep_aspect: fit and centre on white instead of squashing.
      accept: called with the manifest, before images are prepared; may raise a `UserError`.

    Raises:
      UserError: if a file cannot be read or is not a GNT file, `accept` raises it, or the cache
        folder is full or not writable.
    """
    hashes = _content_hashes(parts, data_dir, cache_dir)
    unique: dict[str, GntPart] = {}
    warnings: list[str] = []
    for part, digest in zip(parts, hashes, strict=True):
        if digest in unique:
            warnings.append(f"{part.name} is a duplicate of {unique[digest].name}: left out")
        else:
            unique[digest] = part
    if (more := len(warnings) - _LISTED) > 0:
        warnings[_LISTED:] = [f"{counted(more, 'more duplicate')}: left out"]
    # Ordered by content, so that neither location nor names matter.
    ordered = sorted(unique.items())
    key = content_key(list(unique), image_size, keep_aspect)
    folder = cache_dir / "hwdb" / key[:20]
    if trouble(folder) is not None:
        with locked(folder):
            found = trouble(folder)  # another process may have prepared it meanwhile
            if found is not None:
                if folder.exists():
                    warnings.append(f"{folder}: damaged cache ({found}): prepared again")
                hwdb_prepare.prepare(ordered, folder, image_size, keep_aspect, accept)
    manifest = read_json(folder / MANIFEST)
    accept(manifest)
    images, codes = hwdb_prepare.load(folder, manifest)
    return Prepared(folder, manifest, images, codes, tuple(warnings))


def content_key(hashes: Sequence[str], image_size: int, keep_aspect: bool) -> str:
    """Return the hex digest of content and preprocessing, independent of the order of the files."""
    text = f"{FORMAT} {image_size} {keep_aspect} {' '.join(sorted(hashes))}"
    return hashlib.sha256(text.encode()).hexdigest()


def trouble(folder: Path) -> str | None:
    """Return why a prepared dataset cannot be used; None if it can.

    Called at every start, so only a sample of the images is checked.
    """
    try:
        manifest = read_json(folder / MANIFEST, {"format": int})
        if manifest["format"] != FORMAT:
            return f"format {manifest['format']}, expected {FORMAT}"
        check_form(manifest, _FORM)
        if hwdb_prepare.manifest_digest(manifest) != manifest["checks"]["manifest_sha256"]:
            return f"{MANIFEST} was changed"
        expected = manifest["samples"] * manifest["image_size"] ** 2
        size = (folder / IMAGES).stat().st_size
        if size != expected:
            return f"{IMAGES} has {size} bytes, expected {expected}"
        images, codes = hwdb_prepare.load(folder, manifest)
        for name, digest in hwdb_prepare.digests(images, codes).items():
            if digest != manifest["checks"][name]:
                return f"{IMAGES} or {CODES} was changed"
        if hwdb_prepare.count_classes(codes) != manifest["classes"]:
            return f"{MANIFEST} does not match {CODES}"
        if manifest["damaged_count"] and not manifest["damaged"]:
            return f"{MANIFEST} counts damaged records and lists none"
    except UserError as error:
        return str(error)
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _content_hashes(parts: Sequence[GntPart], data_dir: Path, cache_dir: Path) -> list[str]:
    """Return the hash of each file, without reading those with known name, size and time."""
    place = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:20]
    index = cache_dir / "hwdb" / "seen" / f"{place}.json"
    known: dict[str, Any] = {}
    with contextlib.suppress(UserError):
        known = read_json(index, {"files": {str: _SEEN_FORM}})["files"]
    states = {part.name: _state(part) for part in parts}
    hashes = {}
    for name, state in states.items():
        entry = known.get(name)
        if entry is not None and {**entry, **state} == entry:
            hashes[name] = entry["sha256"]
    unread = [part for part in parts if part.name not in hashes]
    total = sum(part.size for part in unread)
    with contextlib.ExitStack() as stack:
        progress = Progress("reading the source files", total, "B")
        if total > _SLOW_BYTES:
            stack.enter_context(progress)
        archives = stack.enter_context(Archives())
        advance = progress.add if total > _SLOW_BYTES else lambda _: None
        for part in unread:
            hashes[part.name] = content_hash(part, advance, archives)
    settled = time.time_ns() - int(_SETTLED_SECONDS * 1e9)
    # With the files of other splits.
    keep = known | {
        name: {**state, "sha256": hashes[name]}
        for name, state in states.items()
        if state["mtime_ns"] < settled
    }
    if keep != known:
        # Only saves time, so a read-only cache is not an error.
        with contextlib.suppress(OSError):
            write_json(index, {"folder": str(data_dir.resolve()), "files": keep})
    return [hashes[part.name] for part in parts]


def _state(part: GntPart) -> dict[str, int]:
    with explained(part.path, "looking at it"):
        status = part.path.stat()
    # Unlike the mtime, the ctime cannot be set back, as unpacking an archive does.
    times = {"mtime_ns": status.st_mtime_ns, "ctime_ns": status.st_ctime_ns}
    return {"size": status.st_size, **times}
