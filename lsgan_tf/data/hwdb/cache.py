"""HWDB as training reads it, prepared once and kept in the cache folder.

A prepared set is a folder named after its content and preprocessing, made by
`lsgan_tf.data.hwdb.prepare`. It is used as long as the content of the source files is the same,
wherever they lie. A file of the same name, size and time is taken to be the same without reading
it.
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
from lsgan_tf.util.files import explained, locked, read_json, write_json
from lsgan_tf.util.forms import check_form
from lsgan_tf.util.progress import Progress

# A file that changed so lately may change again without its time telling.
_SETTLED_SECONDS = 2.0
_SLOW_BYTES = 256 << 20
_SEEN_FORM = {"size": int, "mtime_ns": int, "sha256": str}
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
    """A prepared set.

    Attributes:
      folder: where it lies.
      manifest: what it is made of, see `lsgan_tf.data.hwdb.prepare`.
      images: uint8, `(n, S, S, 1)`, mapped.
      codes: uint16, `(n,)`, mapped: the tag of each picture, as in `gnt.GntIndex`.
      notices: lines for the user: a cache that was rebuilt, files left out.
    """

    folder: Path
    manifest: dict[str, Any]
    images: np.ndarray
    codes: np.ndarray
    notices: tuple[str, ...]


def open_prepared(
    parts: Sequence[GntPart],
    *,
    data_dir: Path,
    cache_dir: Path,
    image_size: int,
    keep_aspect: bool,
    accept: Callable[[dict[str, Any]], None],
) -> Prepared:
    """The prepared set of some files, made if it is not there.

    Args:
      parts: the files.
      data_dir: where they were found, to recognise them next time.
      cache_dir: where prepared sets are kept.
      image_size: side of the pictures, in pixels.
      keep_aspect: whether to fit and centre on white rather than to squash.
      accept: called with the manifest, of a new set before the pictures are made; raises a
        `UserError` if the set is not wanted.

    Raises:
      UserError: if a file cannot be read or is no GNT, `accept` says so, or the cache folder is
        full or may not be written.
    """
    hashes = _content_hashes(parts, data_dir, cache_dir)
    unique: dict[str, GntPart] = {}
    notices = []
    for part, digest in zip(parts, hashes, strict=True):
        if digest in unique:
            notices.append(f"{part.name} holds the same as {unique[digest].name}: left out")
        else:
            unique[digest] = part
    # In the order of their content, so that neither place nor names matter.
    ordered = sorted(unique.items())
    key = content_key(list(unique), image_size, keep_aspect)
    folder = cache_dir / "hwdb" / key[:20]
    if trouble(folder) is not None:
        with locked(folder):
            found = trouble(folder)  # another process may have made it meanwhile
            if found is not None:
                if folder.exists():
                    notices.append(f"{folder}: damaged cache ({found}): prepared again")
                hwdb_prepare.prepare(ordered, folder, image_size, keep_aspect, accept)
    manifest = read_json(folder / MANIFEST)
    accept(manifest)
    images, codes = hwdb_prepare.load(folder, manifest)
    return Prepared(folder, manifest, images, codes, tuple(notices))


def content_key(hashes: Sequence[str], image_size: int, keep_aspect: bool) -> str:
    """Hex digest of what a prepared set is made of, the order of the files aside."""
    text = f"{FORMAT} {image_size} {keep_aspect} {' '.join(sorted(hashes))}"
    return hashlib.sha256(text.encode()).hexdigest()


def trouble(folder: Path) -> str | None:
    """Why a prepared set cannot be used, in a few words; None if it can.

    Of the pictures only a sample is looked at: this is done at every start.
    """
    try:
        manifest = read_json(folder / MANIFEST, {"format": int})
        if manifest["format"] != FORMAT:
            return f"format {manifest['format']} and not {FORMAT}"
        check_form(manifest, _FORM)
        if hwdb_prepare.manifest_digest(manifest) != manifest["checks"]["manifest_sha256"]:
            return f"{MANIFEST} was changed"
        expected = manifest["samples"] * manifest["image_size"] ** 2
        size = (folder / IMAGES).stat().st_size
        if size != expected:
            return f"{IMAGES} has {size} bytes and not {expected}"
        images, codes = hwdb_prepare.load(folder, manifest)
        for name, digest in hwdb_prepare.digests(images, codes).items():
            if digest != manifest["checks"][name]:
                return f"{IMAGES} or {CODES} was changed"
        if hwdb_prepare.count_classes(codes) != manifest["classes"]:
            return f"{MANIFEST} does not fit {CODES}"
        if manifest["damaged_count"] and not manifest["damaged"]:
            return f"{MANIFEST} lists no damage and counts some"
    except UserError as error:
        return str(error)
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _content_hashes(parts: Sequence[GntPart], data_dir: Path, cache_dir: Path) -> list[str]:
    """Hash of each file; of a file known by name, size and time, without reading it."""
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
        advance = progress.add if total > _SLOW_BYTES else _quiet
        for part in unread:
            hashes[part.name] = content_hash(part, advance, archives)
    settled = time.time_ns() - int(_SETTLED_SECONDS * 1e9)
    keep = {
        name: {**state, "sha256": hashes[name]}
        for name, state in states.items()
        if state["mtime_ns"] < settled
    }
    if keep != known:
        # Only to save time: a cache that may not be written is no error here.
        with contextlib.suppress(OSError):
            write_json(index, {"folder": str(data_dir.resolve()), "files": keep})
    return [hashes[part.name] for part in parts]


def _state(part: GntPart) -> dict[str, int]:
    with explained(part.path, "looking at it"):
        status = part.path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _quiet(amount: int) -> None:
    del amount
