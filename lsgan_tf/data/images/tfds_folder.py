"""Folders that tensorflow-datasets has prepared: finding them, and reading pictures at random."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lsgan_tf.data.formats.tfrecords import open_all
from lsgan_tf.data.images.records import Records, sampled_digest
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import atomic_folder, explained, read_array, read_json
from lsgan_tf.util.forms import parse_json
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.tensorflow_setup import quiet

_OWN_FEATURES = "tensorflow_datasets.core.features."
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def find_prepared(folder: Path, *parts: str) -> Path | None:
    """The prepared dataset in or under a folder.

    Args:
      folder: the version's folder itself (`.../cifar10/3.0.2`), or any parent
        of it up to tensorflow-datasets' data folder.
      parts: the dataset's name and its configuration: `"lsun", "bedroom"`.

    Returns:
      The folder that holds `dataset_info.json`, of the newest version; None if
      there is none.
    """
    if (folder / "dataset_info.json").is_file():
        # A version's folder: its parents spell the dataset, or it was copied and its facts do.
        return folder if _spelled(folder.parent, parts) or _named(folder) == parts else None
    for skipped in range(len(parts) + 1):
        if skipped and not _spelled(folder, parts[:skipped]):
            continue
        if found := _newest(folder.joinpath(*parts[skipped:])):
            return found
    found = _newest(folder)
    return found if found and _named(found) == parts else None


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


def builder_of(folder: Path) -> Any:
    """tensorflow-datasets' own reader of a prepared folder.

    It imports whatever module `features.json` names, so that is checked first.

    Raises:
      UserError: if features of anybody else are named, or a file cannot be read.
    """
    path = folder / "features.json"
    for name in _class_names(read_json(path)):
        if not name.startswith(_OWN_FEATURES):
            raise UserError(
                f"{path}: names {name[:100]!r}, which is no feature of tensorflow-datasets' own; "
                "nothing was imported: prepare the data again, or get it from its official address"
            )
    return import_tfds().builder_from_directory(folder)


def import_tfds() -> ModuleType:
    """Imports tensorflow-datasets, and TensorFlow without its start-up messages."""
    with quiet():
        importlib.import_module("tensorflow")
        return importlib.import_module("tensorflow_datasets")


def _class_names(value: Any) -> Iterator[str]:
    """The classes that a `features.json` names, in JSON within its texts too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("type", "pythonClassName", "python_class_name") and isinstance(inner, str):
                yield inner
            else:
                yield from _class_names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _class_names(inner)
    elif isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with contextlib.suppress(ValueError):
            yield from _class_names(parse_json(value))


def _newest(folder: Path) -> Path | None:
    if not folder.is_dir():
        return None
    versions = [
        path
        for path in folder.iterdir()
        if _VERSION.fullmatch(path.name) and (path / "dataset_info.json").is_file()
    ]
    return max(versions, key=lambda path: tuple(map(int, path.name.split("."))), default=None)


class TfdsPictures(Records):
    """The pictures of a prepared dataset, still encoded, read at random.

    Args:
      files: TFRecord files in order.
      index: folder of the offsets of their records: see `open_pictures`.
      folder: the prepared folder, for messages.
    """

    kind = "tensorflow-datasets folder"

    def __init__(self, files: tuple[Path, ...], index: Path, folder: Path) -> None:
        self._files = open_all(files)
        self._folder, self._index, self._paths = folder, index, files
        self._offsets = read_array(index / "offsets.npy", "int64", (None,))
        self._content = str(np.load(index / "content.npy"))
        self._first = np.array(read_array(index / "first.npy", "int64", (len(files) + 1,)))
        ends = (self._first[0], self._first[-1])
        if ends != (0, len(self._offsets)) or np.any(np.diff(self._first) < 0):
            raise ValueError(f"{index}: a damaged index")
        self.description = f"{len(self):,} pictures prepared by tensorflow-datasets in {folder}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Open files cannot cross to another process: they are opened again there."""
        return TfdsPictures, (self._paths, self._index, self._folder)

    def __len__(self) -> int:
        return len(self._offsets)

    def content(self, index: int) -> bytes:
        """See `Records`."""
        from tensorflow.core.example.example_pb2 import Example

        shard = self._shard(index)
        record = self._files[shard].read(int(self._offsets[index]))
        values = Example.FromString(record).features.feature["image"].bytes_list.value
        if not values:
            raise UserError(f"{self._paths[shard]}: a record without a picture; prepare it again")
        return values[0]

    def name_of(self, index: int) -> str:
        """The file and the record's place in it."""
        shard = self._shard(index)
        return f"{self._paths[shard].name}, record {index - self._first[shard]}"

    def fingerprint(self) -> str:
        """From the lengths and checksums of all records, and 64 of them spread over all."""
        return sampled_digest(self, "tfds", self._first.tolist(), self._content)

    def former_fingerprint(self) -> str:
        """From the number of records and 64 of them spread over all."""
        return sampled_digest(self, "tfds", self._first.tolist())

    def _shard(self, index: int) -> int:
        return int(np.searchsorted(self._first, index, side="right")) - 1


def open_pictures(folder: Path, split: str, *, cache_dir: Path) -> TfdsPictures:
    """Opens the pictures of a prepared dataset whose feature `image` is a picture.

    The offsets of the records are found once, by walking over their headers, and
    kept under `cache_dir`.

    Args:
      folder: what `find_prepared` returned.
      split: the split's name there: "train", "validation".
      cache_dir: where indices are kept.

    Raises:
      UserError: if there is no such split, or a file is missing or damaged.
    """
    paths = _split_files(folder, split)
    with explained(folder, "reading it"):
        facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    digest = hashlib.sha256(repr((str(folder.resolve()), facts)).encode()).hexdigest()[:32]
    index = Path(cache_dir) / "tfds_offsets" / digest
    try:
        return TfdsPictures(paths, index, folder)
    except (OSError, ValueError, UserError):
        pass  # Not indexed yet, or the index is damaged.
    with explained(index, "indexing the records", "--cache_dir"), atomic_folder(index) as temporary:
        found, content = [], hashlib.sha256()
        with Progress(f"indexing {folder.parent.name}", len(paths), "files") as progress:
            for file in open_all(paths):
                found.append(np.array(file.offsets(content.update), np.int64))
                progress.add(1)
        np.save(temporary / "offsets.npy", np.concatenate(found))
        np.save(temporary / "first.npy", np.cumsum([0, *map(len, found)]))
        np.save(temporary / "content.npy", np.array(content.hexdigest()))
    return TfdsPictures(paths, index, folder)


def _split_files(folder: Path, split: str) -> tuple[Path, ...]:
    try:
        info = builder_of(folder).info
        paths = tuple(Path(path) for path in info.splits[split].filepaths)
    except UserError:
        raise
    # A damaged dataset_info.json raises errors of several libraries.
    except Exception as error:
        detail = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder}: no split {split!r} that tensorflow-datasets can read ({detail})"
        ) from error
    inside = all(path.parent.resolve() == folder.resolve() for path in paths)
    if any(".tfrecord" not in path.name for path in paths) or not paths or not inside:
        raise UserError(f"{folder}: expected TFRecord files, found {paths[:1]}; prepare it again")
    return paths
