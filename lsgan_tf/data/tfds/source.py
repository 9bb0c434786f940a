"""An image dataset of tensorflow-datasets as a `Source`, for `--dataset=tfds`."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from pathlib import Path

import numpy as np

from lsgan_tf.data.images import image_source, tfds_folder, tfds_places
from lsgan_tf.data.images.tfds_folder import TfdsImages
from lsgan_tf.data.tfds import features, places
from lsgan_tf.data.tfds.features import Chosen
from lsgan_tf.data.tfds.names import Name, parse_name
from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.text import counted

_HELD_OUT = ("test", "validation", "valid", "val")
_SPLIT = re.compile(r"\s*(?P<name>\w[\w.-]*)\s*(?:\[[^\[\]]*\])?\s*", re.ASCII)


def open_source(
    data_dir: Path | None,
    *,
    name: str | None,
    split: str,
    image: str | None = None,
    label: str | None = None,
    labelled: bool = False,
    image_size: int,
    crop: bool = False,
    cache_dir: Path | None = None,
    held_out: bool = False,
) -> image_source.ImageSource:
    """Open a split of a dataset at one size, in greyscale or colour like its images.

    Args:
      data_dir: the data folder of tensorflow-datasets; see `places.locate`.
      name: name of the dataset; see `names.parse_name`.
      split: the split, or parts of splits: "train[:80%]", "train+test".
      image: name of the image feature; None if there is only one.
      label: name of the label feature; None if there is only one.
      labelled: whether labels are required.
      image_size: height and width in pixels.
      crop: crop to the centred square instead of squashing.
      cache_dir: folder of indices and downloads; the user's cache folder by default.
      held_out: open a test or validation split that is not part of `split` instead.

    Raises:
      UserError: if there is no such dataset, split or feature, the dataset cannot be prepared or is
        damaged, or an image has no label.
    """
    wanted = parse_name(name)
    cache_dir = cache_dir or files.default_cache_dir()
    choose = functools.partial(
        features.choose, name=str(wanted), image=image, label=label, labelled=labelled
    )
    folder = places.locate(wanted, data_dir, cache_dir, choose)
    chosen = choose(tfds_folder.info_of(folder))
    if not held_out:
        _check_split(folder, split, wanted)
        return _open_split(folder, split, chosen, image_size, crop, cache_dir)
    for other in _left_over(folder, split):
        with contextlib.suppress(UserError):  # its images may have no labels
            return _open_split(folder, other, chosen, image_size, crop, cache_dir)
    raise UserError(f"{folder}: no test or validation split outside of --tfds_split={split}")


def _open_split(
    folder: Path, split: str, chosen: Chosen, size: int, crop: bool, cache_dir: Path
) -> image_source.ImageSource:
    records = tfds_folder.open_images(folder, split, cache_dir=cache_dir, feature=chosen.image)
    if not len(records):
        raise UserError(f"{folder}: there is no record in {split!r}; use another split")
    labels = _labels(records, chosen, split, cache_dir) if chosen.label else None
    warnings = image_source.warnings_of(records, size)
    classes = ""
    if labels is not None:
        classes = f", {counted(len(chosen.classes), 'class', 'classes')}"
        absent = len(chosen.classes) - len(np.unique(labels))
        if absent:
            warnings += (
                f"classes without an image in {split}: {absent:,} of {len(chosen.classes):,}",
            )
    full_name = f"{tfds_places.name_of(folder)} {tfds_places.version_of(folder)}"
    return image_source.ImageSource(
        records,
        name="tfds",
        size=size,
        crop=crop,
        channels=chosen.channels,
        classes=chosen.classes,
        labels=labels,
        description=f"{full_name}, {split}: {records.description}{classes}",
        warnings=warnings,
    )


def _words(split: str) -> list[str]:
    """Return the names of the splits in a split expression; empty if it is invalid."""
    found = [_SPLIT.fullmatch(part) for part in split.split("+")]
    return [match["name"] for match in found if match] if all(found) else []


def _check_split(folder: Path, split: str, name: Name) -> None:
    there = tfds_places.splits(folder)
    words = _words(split)
    if not words or not set(words) <= {*there, "all"}:
        raise UserError(
            f"--tfds_split={split}: {name} has the splits {', '.join(there)}; use one, a part of "
            f"one ({there[0]}[:80%]) or several ({' + '.join(there[:2])})".replace(" + ", "+")
        )


def _left_over(folder: Path, split: str) -> list[str]:
    """Return held-out splits that are not part of a split, in order of preference."""
    used = _words(split)
    there = () if "all" in used else tfds_places.splits(folder)
    return [name for name in _HELD_OUT if name in there and name not in used]


def _labels(records: TfdsImages, chosen: Chosen, split: str, cache_dir: Path) -> np.ndarray:
    """Read the labels of all records, cached.

    Raises:
      UserError: if one is missing or out of range.
    """
    identity = repr((records.fingerprint(), chosen.label))
    path = cache_dir / "tfds_labels" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.npy"
    try:
        found = np.array(reading.read_array(path, "int64", (len(records),)))
    except (OSError, ValueError, UserError):
        found = np.empty(len(records), np.int64)
        with Progress("reading labels", len(records), "records") as progress:
            for index in range(len(records)):
                values = records.example(index)[chosen.label].int64_list.value
                found[index] = values[0] if values else -1
                progress.add(1)
        files.save_array(path, found)
    wrong = np.flatnonzero((found < 0) | (found >= len(chosen.classes)))
    if len(wrong):
        raise UserError(
            f"--conditional: images of {split} without a label in {chosen.label}: {len(wrong):,} "
            f"of {len(found):,}, for example {records.name_of(int(wrong[0]))}; use another "
            "--tfds_split, or omit --conditional"
        )
    return found.astype(np.int32)
