"""Finds folders prepared by tensorflow-datasets, without importing it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from lsgan_tf.data.formats.not_data import is_ignored
from lsgan_tf.errors import UserError
from lsgan_tf.util.reading import read_json

_VERSION = re.compile(r"\d+\.\d+\.\d+")


def find_prepared(folder: Path, *parts: str, version: str | None = None) -> Path | None:
    """Find a prepared dataset in or below a folder.

    Args:
      folder: the folder of a version (`.../cifar10/3.0.2`), or any parent of it up to the data
        folder of tensorflow-datasets.
      parts: name of the dataset and its configuration: `"lsun", "bedroom"`.
      version: the version, "3.0.2"; None for the newest.

    Returns:
      The folder of `dataset_info.json`; None if there is none.
    """
    if (folder / "dataset_info.json").is_file():
        # The folder of a version, which its parents or its metadata identify.
        matches = _spelled(folder.parent, parts) or _named(folder) == parts
        return folder if matches and version in (None, version_of(folder)) else None
    for skipped in range(len(parts) + 1):
        if skipped and not _spelled(folder, parts[:skipped]):
            continue
        if found := _newest(folder.joinpath(*parts[skipped:]), version):
            return found
    found = _newest(folder, version)
    return found if found and _named(found) == parts else None


def prepared_below(folder: Path) -> list[Path]:
    """Return the newest version of each dataset and configuration below a folder.

    Args:
      folder: the data folder of tensorflow-datasets, or the folder of a dataset.
    """
    return sorted(_prepared_in(folder, 0))


def _prepared_in(folder: Path, depth: int) -> Iterator[Path]:
    inner = _folders_alone(folder, mixed=not depth)
    if any(_VERSION.fullmatch(path.name) for path in inner) and (found := _newest(folder)):
        yield found
    if depth < 2:  # a dataset, a configuration
        for path in inner:
            yield from _prepared_in(path, depth + 1)


def _folders_alone(folder: Path, *, mixed: bool) -> list[Path]:
    """Return the sub-folders of a folder; none if it has files too, unless `mixed`."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as listing:
        for entry in listing:
            if is_ignored(entry.name):
                continue
            if entry.is_dir():
                found.append(Path(entry.path))
            elif not mixed:
                return []  # perhaps a large folder of images
    return found


def name_of(folder: Path) -> str:
    """Return the name of a prepared dataset, "emnist/balanced"; empty if missing."""
    return "/".join(_named(folder))


def version_of(folder: Path) -> str:
    """Return the version of a prepared folder by its metadata, or else its name."""
    with contextlib.suppress(UserError):
        info = read_json(folder / "dataset_info.json", {"version?": str})
        return info.get("version", folder.name)
    return folder.name


def _spelled(folder: Path, parts: tuple[str, ...]) -> bool:
    return folder.resolve().parts[-len(parts) :] == parts


def _named(folder: Path) -> tuple[str, ...]:
    """Return dataset and configuration, if any, by the metadata of a prepared folder."""
    form = {"name?": (str, None), "configName?": (str, None)}
    try:
        info = read_json(folder / "dataset_info.json", form)
    except UserError:
        return ()
    return tuple(info[key] for key in ("name", "configName") if info.get(key))


def splits(folder: Path) -> tuple[str, ...]:
    """Return the names of the splits of a prepared folder; `"train"` if missing."""
    info = read_json(folder / "dataset_info.json", {"splits?": [{"name": str}]})
    return tuple(split["name"] for split in info.get("splits", ())) or ("train",)


def _newest(folder: Path, wanted: str | None = None) -> Path | None:
    if not folder.is_dir():
        return None
    versions = [
        path
        for path in folder.iterdir()
        if _VERSION.fullmatch(path.name)
        and wanted in (None, path.name)
        and (path / "dataset_info.json").is_file()
    ]
    return max(versions, key=lambda path: tuple(map(int, path.name.split("."))), default=None)
