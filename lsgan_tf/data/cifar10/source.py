"""CIFAR-10: 60,000 images of 32x32 in ten classes, from any of its common layouts."""

from __future__ import annotations

import contextlib
import errno
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.data.cifar10 import batches as cifar10_batches
from lsgan_tf.data.formats import archives, foreign
from lsgan_tf.data.formats.not_data import is_ignored, is_ignored_path
from lsgan_tf.data.images import tfds_folder, tfds_places
from lsgan_tf.data.source import ArraySource
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import default_cache_dir, explained
from lsgan_tf.util.hosts import unreachable
from lsgan_tf.util.reading import read_bytes

HOME = "https://www.cs.toronto.edu/~kriz/"
ARCHIVE = "cifar-10-binary.tar.gz"
_FOLDERS = ("cifar-10-batches-bin", "cifar-10-batches-py")
_ARCHIVES = (ARCHIVE, "cifar-10-python.tar.gz")
_FORMS = (
    "cifar-10-batches-bin, cifar-10-batches-py, one of their .tar.gz, or a folder prepared by "
    "tensorflow-datasets"
)
_SHAPE = (cifar10_batches.SIZE, cifar10_batches.SIZE, 3)


def open_source(
    data_dir: Path | None, *, cache_dir: Path | None = None, split: str = "train"
) -> ArraySource:
    """Open CIFAR-10 in the official order, in memory (150 MB for the training split).

    Args:
      data_dir: `cifar-10-batches-bin` or `cifar-10-batches-py`, one of their archives, a folder of
        either, or a folder prepared by tensorflow-datasets. If None, the copy
        prepared by tensorflow-datasets is used, or downloaded.
      cache_dir: target of a download; the user's cache folder by default.
      split: `"train"` (50,000 images) or `"test"` (10,000).

    Raises:
      UserError: if nothing is found and cannot be downloaded, a file is damaged, or counts or
        labels are wrong.
    """
    if split not in cifar10_batches.SPLITS:
        raise UserError(f"CIFAR-10 has the splits 'train' and 'test', received {split!r}")
    if data_dir is None:
        return _from_tfds(_downloaded(cache_dir or default_cache_dir()), split)
    place, others = locate(Path(data_dir))
    if (place / "dataset_info.json").is_file():
        return _from_tfds(place, split)
    return _from_batches(place, split, others)


def locate(path: Path) -> tuple[Path, list[Path]]:
    """Find CIFAR-10 at `path`.

    Returns:
      The folder or archive to read, and further copies in other layouts that are ignored.

    Raises:
      UserError: if there is none.
    """
    if not path.exists():
        raise UserError(
            f"--data_dir={path}: no such file or folder; expected {_FORMS} (from {HOME}cifar.html)"
        )
    if path.is_file():
        _refuse_cifar100(path, [path.name])
        if not archives.is_archive(path):
            kind = foreign.archive(path.name)
            what = f"{kind}, which cannot be read here" if kind else "another kind of file"
            raise UserError(f"--data_dir={path}: expected {_FORMS}, found {what}")
        return path, []
    candidates = [path, *(path / name for name in _FOLDERS)]
    found = [folder for folder in candidates if _holds_batches(folder)]
    found += [path / name for name in _ARCHIVES if (path / name).is_file()]
    if prepared := tfds_places.find_prepared(path, "cifar10"):
        found.append(prepared)
    if not found:
        names = [entry.name for entry in path.iterdir() if not is_ignored(entry.name)]
        _refuse_cifar100(path, [path.resolve().name, *names])
        raise UserError(
            f"--data_dir={path}: no CIFAR-10 in it; expected {_FORMS} (from {HOME}cifar.html)"
        )
    return found[0], found[1:]


def _refuse_cifar100(path: Path, names: Iterable[str]) -> None:
    """Raise an error if the data is CIFAR-100.

    Args:
      path: the value of `--data_dir`.
      names: names of the files and folders found.
    """
    parts = {part.lower() for name in names for part in name.split("/")}
    layouts = ({"train", "test", "meta"}, {"train.bin", "test.bin"})
    if any(part.startswith(("cifar-100", "cifar100")) for part in parts) or any(
        layout <= parts for layout in layouts
    ):
        raise UserError(
            f"--data_dir={path}: this is CIFAR-100, expected CIFAR-10 ({_FORMS}); fetch "
            f"{HOME}{ARCHIVE}, or unpack CIFAR-100 into a folder of PNG files per class and use "
            "--dataset=images"
        )


def _holds_batches(folder: Path) -> bool:
    return folder.is_dir() and any(cifar10_batches.batch_of(p.name) for p in folder.iterdir())


def _from_batches(place: Path, split: str, others: list[Path]) -> ArraySource:
    wanted = cifar10_batches.SPLITS[split]
    per_batch = cifar10_batches.IMAGES_PER_BATCH
    images = np.empty((len(wanted) * per_batch, *_SHAPE), np.uint8)
    labels = np.empty(len(images), np.uint8)
    digests: dict[str, str] = {}
    seen: list[str] = []
    for batch, content, where in _batch_files(place, wanted, seen):
        if batch in digests:
            raise UserError(f"{where}: {batch} exists twice; keep one of the two official layouts")
        records = cifar10_batches.parse(content, where)
        start = wanted.index(batch) * per_batch
        images[start : start + per_batch] = cifar10_batches.images_of(records)
        labels[start : start + per_batch] = records[:, 0]
        digests[batch] = cifar10_batches.digest(records)
    if missing := [batch for batch in wanted if batch not in digests]:
        _refuse_cifar100(place, seen)
        instead = f"pass --data_dir={others[0]}, or " if others else ""
        raise UserError(
            f"{place}: {', '.join(missing)} missing, expected {', '.join(wanted)}; {instead}fetch "
            f"{HOME}{ARCHIVE} again"
        )
    warnings = [f"{other} is ignored: {place.name} is used" for other in others]
    return _finish(images, labels, [digests[batch] for batch in wanted], split, place, warnings)


def _batch_files(
    place: Path, wanted: tuple[str, ...], seen: list[str]
) -> Iterator[tuple[str, bytes, str]]:
    """Yield name, content and path (for messages) of the wanted batches.

    Args:
      place: the folder or archive.
      wanted: names of batches.
      seen: receives the names of all members of an archive.
    """
    if place.is_dir():
        for path in sorted(place.iterdir()):
            batch = cifar10_batches.batch_of(path.name)
            if batch in wanted:
                with explained(path, "reading the CIFAR-10 batch"):
                    content = read_bytes(path, cifar10_batches.LARGEST_FILE)
                yield batch, content, str(path)
        return

    def is_wanted(member: archives.Member) -> bool:
        seen.append(member.name)
        is_batch = cifar10_batches.batch_of(member.basename) in wanted
        return is_batch and not is_ignored_path(member.name)

    members = archives.read_members(place, is_wanted, largest=cifar10_batches.LARGEST_FILE)
    for member, content in members:
        batch = cifar10_batches.batch_of(member.basename)
        assert batch is not None
        yield batch, content, f"{place}/{member.name}"


def _from_tfds(folder: Path, split: str) -> ArraySource:
    """Read a prepared folder and restore the official order."""
    tfds = tfds_folder.import_tfds()
    expected = len(cifar10_batches.SPLITS[split]) * cifar10_batches.IMAGES_PER_BATCH
    try:
        dataset = tfds_folder.builder_of(folder).as_dataset(split=split)
        images: np.ndarray = np.empty((expected, *_SHAPE), np.uint8)
        labels: np.ndarray = np.full(expected, -1)
        positions = np.full(expected, -1)
        count = 0
        for count, example in enumerate(tfds.as_numpy(dataset), start=1):
            if count <= expected:
                images[count - 1], labels[count - 1] = example["image"], example["label"]
                positions[count - 1] = _official_position(example)
    except UserError:
        raise
    # Damaged and missing files raise many kinds of exceptions.
    except Exception as error:
        detail = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder}: tensorflow-datasets cannot read its cifar10 there ({detail}); delete the "
            "folder and prepare it again"
        ) from error
    if count != expected:
        raise UserError(
            f"{folder}: expected {expected:,} images in the split {split!r}, found {count:,}; "
            "delete the folder and prepare it again"
        )
    # Shards are shuffled; the ids contain the official position.
    if np.array_equal(np.sort(positions), np.arange(expected)):
        order = np.argsort(positions)
        images, labels = images[order], labels[order]
    if wrong := set(labels.tolist()) - set(range(len(cifar10_batches.CLASSES))):
        raise UserError(
            f"{folder}: label {wrong.pop()}, expected 0 to 9; delete the folder and "
            "prepare it again"
        )
    labels = labels.astype(np.uint8)
    records = cifar10_batches.records_of(images, labels)
    batches = np.split(records, len(cifar10_batches.SPLITS[split]))
    digests = [cifar10_batches.digest(batch) for batch in batches]
    return _finish(images, labels, digests, split, folder, [])


def _official_position(example: dict[str, Any]) -> int:
    """Return the official position by an id like `b"train_00123"`; -1 without one."""
    digits = bytes(example.get("id", b"")).rpartition(b"_")[2]
    return int(digits) if digits.isdigit() else -1


def _finish(
    images: np.ndarray,
    labels: np.ndarray,
    digests: list[str],
    split: str,
    place: Path,
    warnings: list[str],
) -> ArraySource:
    official = [cifar10_batches.OFFICIAL_SHA256[batch] for batch in cifar10_batches.SPLITS[split]]
    if digests != official:
        warnings.append(
            f"{place}: not the official CIFAR-10 images in their order (SHA-256 differs); results "
            "may not be comparable"
        )
    return ArraySource(
        images,
        labels,
        cifar10_batches.CLASSES,
        name="cifar10",
        fingerprint=fingerprint_of(digests),
        description=f"CIFAR-10, {len(images):,} {split} images of 32x32 in 10 classes, "
        f"from {place}",
        warnings=tuple(warnings),
    )


def fingerprint_of(digests: list[str]) -> str:
    """Return the fingerprint of a split, from the digests of its batches."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _downloaded(cache_dir: Path) -> Path:
    """Find the copy prepared by tensorflow-datasets, or download and prepare it."""
    target = cache_dir / "tensorflow_datasets"
    for place in (target, Path("~/tensorflow_datasets")):
        with contextlib.suppress(RuntimeError):  # there is no home folder
            place = place.expanduser()
        if place.is_dir() and (prepared := tfds_places.find_prepared(place, "cifar10")):
            return prepared
    if detail := unreachable(HOME + ARCHIVE):
        raise UserError(
            f"CIFAR-10 is missing and cannot be downloaded ({detail}); download {HOME}{ARCHIVE} on "
            "another machine and pass --data_dir=<that file or its folder>"
        )
    tfds = tfds_folder.import_tfds()
    with explained(target, "downloading CIFAR-10", "--cache_dir"):
        target.mkdir(parents=True, exist_ok=True)
        try:
            builder = tfds.builder("cifar10", data_dir=target)
            builder.download_and_prepare()
        # The downloader raises exceptions of several libraries.
        except Exception as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
                raise  # not a network error
            detail = " ".join(str(error).split())[:200]
            raise UserError(
                f"tensorflow-datasets could not prepare CIFAR-10 in {target} ({detail}); fetch "
                f"{HOME}{ARCHIVE} by hand and pass --data_dir=<that file>"
            ) from error
    return Path(builder.data_dir)
