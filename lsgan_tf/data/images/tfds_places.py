"""Finding folders that tensorflow-datasets has prepared, without importing it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from lsgan_tf.data.formats.not_data import is_litter
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import read_json

_VERSION = re.compile(r"\d+\.\d+\.\d+")


def find_prepared(folder: Path, *parts: str, version: str | None = None) -> Path | None:
    """The prepared dataset in or under a folder.

    Args:
      folder: the version's folder itself (`.../cifar10/3.0.2`), or any parent
        of it up to tensorflow-datasets' data folder.
      parts: the dataset's name and its configuration: `"lsun", "bedroom"`.
      version: the version, "3.0.2"; None is the newest.

    Returns:
      The folder that holds `dataset_info.json`; None if there is none.
    """
    if (folder / "dataset_info.json").is_file():
        # A version's folder: its parents spell the dataset, or it was copied and its facts do.
        right = _spelled(folder.parent, parts) or _named(folder) == parts
        return folder if right and version in (None, version_of(folder)) else None
    for skipped in range(len(parts) + 1):
        if skipped and not _spelled(folder, parts[:skipped]):
            continue
        if found := _newest(folder.joinpath(*parts[skipped:]), version):
            return found
    found = _newest(folder, version)
    return found if found and _named(found) == parts else None


def prepared_below(folder: Path) -> list[Path]:
    """The newest version of each dataset and configuration below tensorflow-datasets' data folder.

    Args:
      folder: the data folder, or the folder of one dataset.
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
    """The folders in a folder; none if files lie beside them, unless that may be."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as listing:
        for entry in listing:
            if is_litter(entry.name):
                continue
            if entry.is_dir():
                found.append(Path(entry.path))
            elif not mixed:
                return []  # Of pictures, perhaps very many.
    return found


def name_of(folder: Path) -> str:
    """What a prepared folder says that it holds: "emnist/balanced"; empty if it does not say."""
    return "/".join(_named(folder))


def version_of(folder: Path) -> str:
    """The version of a prepared folder, by its facts or else by its name."""
    with contextlib.suppress(UserError):
        facts = read_json(folder / "dataset_info.json", {"version?": str})
        return facts.get("version", folder.name)
    return folder.name


def _spelled(folder: Path, parts: tuple[str, ...]) -> bool:
    return folder.resolve().parts[-len(parts) :] == parts


def _named(folder: Path) -> tuple[str, ...]:
    """What a prepared folder says that it is: its dataset, and its configuration if it has one."""
    form = {"name?": (str, None), "configName?": (str, None)}
    try:
        facts = read_json(folder / "dataset_info.json", form)
    except UserError:
        return ()
    return tuple(facts[key] for key in ("name", "configName") if facts.get(key))


def splits(folder: Path) -> tuple[str, ...]:
    """Names of the splits of a prepared folder; `"train"` if it does not say."""
    facts = read_json(folder / "dataset_info.json", {"splits?": [{"name": str}]})
    return tuple(split["name"] for split in facts.get("splits", ())) or ("train",)


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
