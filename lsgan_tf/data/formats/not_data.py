"""Detects files and folders that are not data.

These are files of operating systems, network drives and tools, which are ignored, and outputs of
this package (runs, exports, prepared datasets, caches).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.util.reading import open_regular

_IGNORED = re.compile(
    r"""
    \..+                                  # hidden: .git, .AppleDouble, .Trash-1000, ._a.png
    | @eadir | @tmp | @syno.* | @recycle | @recently-snapshot | @sharebin | @quarantine
    | @app(store|data|conf|home|share|temp) | @docker | @database | @download  # network drives
    | [#]recycle | [#~]snapshots? | [#]trash
    | \$recycle\.bin | \$extend | (?-i:RECYCLER|RECYCLED) | system\ volume\ information
    | found\.\d{3} | thumbs\.db.* | ehthumbs.*\.db | desktop\.ini             # Windows
    | __?macosx | network\ trash\ folder | temporary\ items | thevolumesettingsfolder
    | desktop\ d[bf] | icon\r                                                 # macOS
    | lost\+found | __pycache__ | node_modules
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LARGEST_JSON = 1 << 20
_CACHE_TAG = "CACHEDIR.TAG"
_CACHE_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"

SOFTWARE = "lsgan_tf"
"""The `Software` metadata of images that this package writes."""


def is_ignored(name: str) -> bool:
    """Return whether a file or folder name is one of a known system or tool.

    Possible class names ("#", "@home") do not count.
    """
    return _IGNORED.fullmatch(name) is not None


def is_ignored_path(path: str) -> bool:
    """Return whether any part of a path is ignored.

    Args:
      path: relative path with forward slashes.
    """
    return any(is_ignored(name) for name in path.split("/") if name != ".")


def our_own(folder: Path | bytes) -> str | None:
    """Return the kind of a folder written by this package ("a run folder"); else None."""
    place = os.fsdecode(folder)
    if _has(place, "config.json"):
        values = _values(place, "config.json")
        if {"dataset", "data_fingerprint"} <= values.keys() or _has(place, "lock"):
            return "a run folder"
    if _has(place, "lock") and (_has(place, "checkpoints") or _has(place, "stats.jsonl")):
        return "a run folder"
    if _has(place, "saved_model.pb"):
        return "an exported model"
    if {"experiment", "arms"} <= _values(place, "experiment.json").keys():
        return "the folder of an experiment"
    if _has(place, "images.u8") and (_has(place, "manifest.json") or _has(place, "codes.npy")):
        return "a prepared set"
    if str(_values(place, "preparation.json").get("format", "")).startswith("lsgan_tf"):
        return "a prepared set"
    return "a cache" if _is_cache(place) else None


def tag_cache(folder: Path) -> None:
    """Mark a folder as a cache (https://bford.info/cachedir), if it is writable."""
    path = Path(folder) / _CACHE_TAG
    try:
        with open(path, "x", encoding="ascii") as stream:
            stream.write(f"{_CACHE_SIGNATURE}\n# Prepared data of lsgan_tf; may be deleted.\n")
    except OSError:
        pass


def _has(folder: str, name: str) -> bool:
    return os.path.exists(os.path.join(folder, name))


def _is_cache(folder: str) -> bool:
    try:
        with open_regular(Path(folder, _CACHE_TAG)) as stream:
            return stream.read(len(_CACHE_SIGNATURE)) == _CACHE_SIGNATURE.encode()
    except (OSError, UserError):
        return False


def _values(folder: str, name: str) -> dict[str, Any]:
    """Read a JSON object in a folder; empty if it cannot be read."""
    path = os.path.join(folder, name)
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > _LARGEST_JSON:
            return {}
        with open(path, encoding="utf-8", errors="replace") as stream:
            found = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
