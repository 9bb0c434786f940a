"""A folder of images as a `Source`, for `--dataset=images`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsgan_tf.data.formats import foreign
from lsgan_tf.data.images import image_files, image_source, shards
from lsgan_tf.data.split_names import split_of
from lsgan_tf.errors import UserError
from lsgan_tf.util import files
from lsgan_tf.util.text import counted

_NAMED = 5


def open_source(
    data_dir: Path | None,
    *,
    image_size: int,
    channels: int = 3,
    crop: bool = False,
    labels_from_folders: bool = False,
    cache_dir: Path | None = None,
) -> image_source.ImageSource:
    """Open a folder of images at one size.

    Args:
      data_dir: a folder of JPEG, PNG, WebP, BMP or GIF files, searched recursively.
      image_size: height and width in pixels.
      channels: 3 for RGB, 1 for greyscale.
      crop: crop to the centred square instead of squashing.
      labels_from_folders: whether the names of the sub-folders are the classes.
      cache_dir: folder of the index; the user's cache folder by default.

    Raises:
      UserError: if there is no such folder, no image or data of another kind in it, or no
        sub-folders for labels.
    """
    if data_dir is None:
        raise UserError("--dataset=images needs --data_dir: pass a folder of images")
    path = Path(data_dir)
    if path.is_file():
        kind = foreign.archive(path.name) or "a file"
        raise UserError(
            f"--data_dir={path}: this is {kind}, expected a folder of images; unpack it first"
        )
    if (path / "data.mdb").exists() or shards.holds_shards(path):
        raise UserError(f"--data_dir={path}: this is LSUN's format; use --dataset=lsun")
    records = image_files.open_folder(path, cache_dir=cache_dir or files.default_cache_dir())
    classes, labels = _classes(records, path) if labels_from_folders else ((), None)
    return image_source.ImageSource(
        records,
        name="images",
        size=image_size,
        crop=crop,
        channels=channels,
        classes=classes,
        labels=labels,
        description=records.description
        + (f", {counted(len(classes), 'class', 'classes')}" if classes else ""),
        warnings=image_source.warnings_of(records, image_size),
    )


def _classes(records: image_files.ImageFiles, path: Path) -> tuple[tuple[str, ...], np.ndarray]:
    labels = np.empty(len(records), np.int32)
    numbers: dict[str, int] = {}
    for index, folder in enumerate(records.folders()):
        if not folder:
            raise UserError(
                f"--data_dir={path}: {records.name_of(index)} is outside of the sub-folders that "
                "name the classes; move it into one, or omit --conditional"
            )
        # Files are sorted by name, so folders are too.
        labels[index] = numbers.setdefault(folder, len(numbers))
    _check_classes(tuple(numbers), [name for name in records.metadata.unusable if name], path)
    return tuple(numbers), labels


def _check_classes(names: tuple[str, ...], unusable: list[str], path: Path) -> None:
    """Check that sub-folders are not splits of a dataset and that each class has images.

    Raises:
      UserError: naming them.
    """
    train = [name for name in names if split_of(name) == "train"]
    held_out = [name for name in names if split_of(name) == "held out"]
    if (train and held_out) or len(train) + len(held_out) == len(names):
        found = ", ".join([*train, *held_out][:_NAMED])
        instead = path / (train[0] if train else "<the training set>")
        raise UserError(
            f"--data_dir={path}: its sub-folders {found} are named as splits of a dataset, not as "
            f"classes; use --data_dir={instead}, or rename them if they are classes"
        )
    if unusable:
        raise UserError(
            f"--data_dir={path}: no image of the class {', '.join(unusable[:_NAMED])} can be read, "
            "so the class would be missing; repair or convert its images to PNG or JPEG, or remove "
            "the folder (see python -m lsgan_tf verify-data)"
        )
