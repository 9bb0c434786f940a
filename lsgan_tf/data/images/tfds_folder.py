"""Random access to images prepared by tensorflow-datasets."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from lsgan_tf.data.formats.tfrecords import open_all
from lsgan_tf.data.images.cached_index import open_index
from lsgan_tf.data.images.records import Records, sampled_digest
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained
from lsgan_tf.util.forms import parse_json
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.reading import read_array, read_json
from lsgan_tf.util.tensorflow_setup import quiet
from lsgan_tf.util.text import counted

_OWN_FEATURES = "tensorflow_datasets.core.features."


def builder_of(folder: Path) -> Any:
    """Return the tensorflow-datasets builder of a prepared folder.

    Loading it imports the modules named in `features.json`, so these are checked first.

    Raises:
      UserError: if a feature is not one of tensorflow-datasets, or a file cannot be read.
    """
    path = folder / "features.json"
    for name in _class_names(read_json(path)):
        if not name.startswith(_OWN_FEATURES):
            raise UserError(
                f"{path}: names {name[:100]!r}, which is not a feature of tensorflow-datasets; "
                "nothing was imported: prepare the data again, or get it from its official address"
            )
    return import_tfds().builder_from_directory(folder)


def import_tfds() -> ModuleType:
    """Import tensorflow-datasets, and TensorFlow without its start-up messages."""
    with quiet():
        importlib.import_module("tensorflow")
        return importlib.import_module("tensorflow_datasets")


def info_of(folder: Path) -> Any:
    """Return the `DatasetInfo` of a prepared folder.

    Raises:
      UserError: see `builder_of`; also if files are damaged.
    """
    try:
        return builder_of(folder).info
    except UserError:
        raise
    # A damaged dataset_info.json raises exceptions of several libraries.
    except Exception as error:
        detail = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder}: tensorflow-datasets cannot read this dataset ({detail}); delete the folder "
            "and prepare it again"
        ) from error


def _class_names(value: Any) -> Iterator[str]:
    """Yield the classes named in a `features.json`, including JSON in its strings."""
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


class Part(NamedTuple):
    """Records of a file that belong to a part of a split, such as `train[:80%]`.

    Attributes:
      file: index of the file.
      skip: number of records before the first.
      take: number of records.
      of: expected number of records in the file.
    """

    file: int
    skip: int
    take: int
    of: int


class TfdsImages(Records):
    """The encoded images of a prepared dataset.

    Args:
      files: TFRecord files in order.
      index: folder of the offsets of their records; see `open_images`.
      folder: the prepared folder, for messages.
      feature: name of the image feature.
      parts: the records to use; all if None.
    """

    kind = "tensorflow-datasets folder"

    def __init__(
        self,
        files: tuple[Path, ...],
        index: Path,
        folder: Path,
        feature: str = "image",
        parts: Sequence[Part] | None = None,
    ) -> None:
        self._files, self._feature, self._parts = open_all(files), feature, parts
        self._folder, self._index, self._paths = folder, index, files
        self._offsets = read_array(index / "offsets.npy", "int64", (None,))
        self._content = str(read_array(index / "content.npy", "<U64", ()))
        self._first = np.array(read_array(index / "first.npy", "int64", (len(files) + 1,)))
        ends = (self._first[0], self._first[-1])
        digest = str(read_array(index / "digest.npy", "<U64", ()))
        if ends != (0, len(self._offsets)) or digest != _digest(self._offsets, self._first):
            raise ValueError(f"{index}: a damaged index")
        self._rows = None if parts is None else self._rows_of(parts)
        self.description = (
            f"{counted(len(self), 'image')} prepared by tensorflow-datasets in {folder}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the files again in another process."""
        return TfdsImages, (self._paths, self._index, self._folder, self._feature, self._parts)

    def __len__(self) -> int:
        return len(self._offsets if self._rows is None else self._rows)

    def content(self, index: int) -> bytes:
        """See `Records`."""
        values = self.example(index)[self._feature].bytes_list.value
        if not values:
            raise UserError(f"{self.name_of(index)}: a record without an image; prepare it again")
        return values[0]

    def example(self, index: int) -> Any:
        """Return the features of a record by name: a map of `tf.train.Feature`."""
        from google.protobuf.message import DecodeError
        from tensorflow.core.example.example_pb2 import Example

        shard, row = self._place(index)
        record = self._files[shard].read(int(self._offsets[row]))
        try:
            return Example.FromString(record).features.feature
        except DecodeError as error:
            raise UserError(
                f"{self._folder}: {self.name_of(index)} is not a tf.train.Example; prepare it again"
            ) from error

    def name_of(self, index: int) -> str:
        """Return the file and the index of the record in it."""
        shard, row = self._place(index)
        return f"{self._paths[shard].name}, record {row - self._first[shard]}"

    def fingerprint(self) -> str:
        """Hash the lengths and checksums of all records, and 64 evenly spaced ones."""
        parts = () if self._parts is None else ([tuple(part) for part in self._parts],)
        return sampled_digest(self, "tfds", self._first.tolist(), self._content, *parts)

    def former_fingerprint(self) -> str:
        """Return a digest of the number of records and of 64 evenly spaced ones."""
        return sampled_digest(self, "tfds", self._first.tolist())

    def _place(self, index: int) -> tuple[int, int]:
        """Return the file of a record, and the record's index over all files."""
        row = index if self._rows is None else int(self._rows[index])
        return int(np.searchsorted(self._first, row, side="right")) - 1, row

    def _rows_of(self, parts: Sequence[Part]) -> np.ndarray:
        counts = np.diff(self._first)
        for part in parts:
            if part.of != counts[part.file]:
                raise UserError(
                    f"{self._paths[part.file]}: expected {part.of:,} records, found "
                    f"{counts[part.file]:,}; prepare it again"
                )
        starts = [self._first[part.file] + part.skip for part in parts]
        return np.concatenate(
            [np.arange(0)]
            + [np.arange(start, start + p.take) for start, p in zip(starts, parts, strict=True)]
        )


def open_images(folder: Path, split: str, *, cache_dir: Path, feature: str = "image") -> TfdsImages:
    """Open the images of a prepared dataset.

    The offsets of the records are read once, from their headers, and stored under `cache_dir`.

    Args:
      folder: the result of `find_prepared`.
      split: a split, "train" or "validation", or parts of splits: "train[:80%]", "train+test".
      cache_dir: folder of indices.
      feature: name of the image feature.

    Raises:
      UserError: if there is no such split, or a file is missing or damaged.
    """
    paths, parts = _split_files(folder, split)
    with explained(folder, "reading it"):
        stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    digest = hashlib.sha256(repr((str(folder.resolve()), stats)).encode()).hexdigest()[:32]
    index = Path(cache_dir) / "tfds_offsets" / digest

    def build(temporary: Path) -> None:
        found, content = [], hashlib.sha256()
        with Progress(f"indexing {folder.parent.name}", len(paths), "files") as progress:
            for file in open_all(paths):
                found.append(np.array(file.offsets(content.update), np.int64))
                progress.add(1)
        offsets, first = np.concatenate(found), np.cumsum([0, *map(len, found)], dtype=np.int64)
        np.save(temporary / "offsets.npy", offsets)
        np.save(temporary / "first.npy", first)
        np.save(temporary / "digest.npy", np.array(_digest(offsets, first)))
        np.save(temporary / "content.npy", np.array(content.hexdigest()))

    return open_index(
        index,
        lambda: TfdsImages(paths, index, folder, feature, parts),
        build,
        "indexing the records",
    )


def _digest(offsets: np.ndarray, first: np.ndarray) -> str:
    return hashlib.sha256(offsets.tobytes() + first.tobytes()).hexdigest()


def _split_files(folder: Path, split: str) -> tuple[tuple[Path, ...], tuple[Part, ...] | None]:
    """Return the files of a split, and its parts if it does not use all records."""
    info, parts = info_of(folder), None
    try:
        found = info.splits[split]
        if split in info.splits:
            paths = tuple(Path(path) for path in found.filepaths)
        else:
            pieces = found.file_instructions
            paths = tuple(dict.fromkeys(Path(piece.filename) for piece in pieces))
            parts = tuple(
                Part(paths.index(Path(piece.filename)), piece.skip, piece.take,
                     piece.examples_in_shard)
                for piece in pieces
            )  # fmt: skip
    # A damaged dataset_info.json or an invalid split raises many kinds of exceptions.
    except Exception as error:
        detail = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder}: no split {split!r} that tensorflow-datasets can read ({detail})"
        ) from error
    if not paths:
        raise UserError(f"{folder}: there is no record in {split!r}; use another split")
    inside = all(path.parent.resolve() == folder.resolve() for path in paths)
    if any(".tfrecord" not in path.name for path in paths) or not inside:
        raise UserError(f"{folder}: expected TFRecord files, found {paths[:1]}; prepare it again")
    return paths, parts
