"""Datasets: one package per source, and one input pipeline for all of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from lsgan_tf.errors import UserError
from lsgan_tf.util.lazy import lazy_names
from lsgan_tf.util.paths import optional

# Worker processes that prepare data import this package, so it does not import numpy.
if TYPE_CHECKING:
    from lsgan_tf.config import Config
    from lsgan_tf.data.pipeline import Batches
    from lsgan_tf.data.source import ArraySource, Source

__all__ = ["ArraySource", "Batches", "Source", "checked_source", "open_source", "with_metadata"]

__getattr__ = lazy_names(
    __name__,
    {"ArraySource": "source", "Batches": "pipeline", "Source": "source"},
    (
        "cifar10", "formats", "hwdb", "images", "lsun", "pipeline", "source", "synthetic",
        "verify",
    ),
)  # fmt: skip


def open_source(config: Config, *, split: str = "train") -> Source:
    """Open the dataset of a config.

    Args:
      config: names the dataset, its location and its preprocessing.
      split: "train" or "test".

    Raises:
      UserError: if the data is missing or damaged.
    """
    folder = optional(config.data_dir)
    cache = optional(config.cache_dir)
    if config.dataset == "hwdb":
        from lsgan_tf.data.hwdb import source as hwdb

        return hwdb.open_source(
            folder,
            image_size=config.image_size,
            all_classes=config.all_classes,
            keep_aspect=config.keep_aspect,
            cache_dir=cache,
            max_bad_records=config.max_bad_records,
            max_classes=config.max_classes,
            characters=config.characters,
            standin_samples=config.standin_samples,
            seed=config.seed,
            fingerprint=config.data_fingerprint,
            split=split,
        )
    if config.dataset == "cifar10":
        from lsgan_tf.data.cifar10 import source as cifar10

        return cifar10.open_source(folder, cache_dir=cache, split=split)
    if config.dataset == "lsun":
        from lsgan_tf.data.lsun import source as lsun

        return lsun.open_source(
            folder,
            category=config.category,
            image_size=config.image_size,
            crop=config.crop,
            cache_dir=cache,
            split=split,
        )
    if config.dataset == "images":
        from lsgan_tf.data.images import source as image_folder

        return image_folder.open_source(
            folder,
            image_size=config.image_size,
            crop=config.crop,
            labels_from_folders=config.conditional,
            cache_dir=cache,
        )
    if config.dataset == "tfds":
        from lsgan_tf.data.tfds import source as tfds

        return tfds.open_source(
            folder,
            name=config.tfds_name,
            split=config.tfds_split,
            image=config.tfds_image,
            label=config.tfds_label,
            labelled=config.conditional,
            image_size=config.image_size,
            crop=config.crop,
            cache_dir=cache,
            held_out=split == "test",
        )
    if config.dataset == "digits":
        from lsgan_tf.data.synthetic import digits

        return digits.open_source(folder, rotation=config.digits_rotation, split=split)
    from lsgan_tf.data.synthetic import mixture

    return mixture.Ring(
        radius=config.mode_radius,
        deviation=config.mode_deviation,
        doubled=config.doubled_mode,
    )


def checked_source(config: Config, source: Source) -> Source:
    """Check that a caller's source fits the config, and return it.

    Args:
      config: the config; its `dataset` must be "images" or the source's `name`.
      source: the training data.

    Raises:
      UserError: if `source` is not a `Source`, or its kind, image size or classes do not fit.
    """
    from lsgan_tf.data.source import Source

    if not isinstance(source, Source):
        raise UserError(
            "source: expected an lsgan_tf.Source. Received: "
            f"{type(source).__name__}; wrap arrays in lsgan_tf.ArraySource(images)"
        )
    for name in ("name", "shape", "fingerprint"):
        if not hasattr(source, name):
            raise UserError(
                f"source: {type(source).__name__} has no attribute {name!r}; set it, as "
                "lsgan_tf.Source documents"
            )
    if config.dataset not in ("images", source.name):
        raise UserError(
            f"dataset={config.dataset!r}: a custom source is trained as images; use "
            'resolve({"dataset": "images", ...})'
        )
    shape = tuple(source.shape)
    if config.dataset == "images":
        if len(shape) != 3 or shape[0] != shape[1] or shape[2] not in (1, 3):
            raise UserError(
                "source: expected square images, (size, size, 1 or 3). Received: examples of "
                f"shape {shape}; crop or pad them"
            )
        if shape[0] != config.image_size:
            raise UserError(
                f"image_size={config.image_size}: the source's images have {shape[0]} pixels a "
                f'side; give resolve({{"image_size": {shape[0]}, ...}})'
            )
    if config.conditional and not source.classes:
        raise UserError(
            "conditional=True: the source has no classes; give it labels and names of the "
            "classes, or omit conditional"
        )
    if len({*source.classes}) < len(source.classes) or not all(source.classes):
        raise UserError(
            "source: expected classes of different names. Received: "
            f"{', '.join(map(repr, source.classes[:10]))}"
        )
    return source


def with_metadata(config: Config, source: Source) -> Config:
    """Return the config with the metadata of the opened dataset filled in.

    Raises:
      UserError: if the config requires labels that the data does not have, or another image size.
    """
    if config.conditional and not source.classes:
        raise UserError(
            f"--conditional: {config.data_dir or config.dataset} has no labels; omit --conditional"
        )
    if len(source.shape) == 3 and source.shape[0] != config.image_size:
        raise UserError(
            f"--image_size={config.image_size}: {config.dataset} has images of "
            f"{source.shape[0]} pixels; omit --image_size"
        )
    return dataclasses.replace(
        config,
        data_shape=tuple(source.shape),
        data_classes=len(source.classes),
        data_length=len(source),
        data_fingerprint=source.fingerprint,
        data_standin=source.standin,
        data_description=source.description,
    )


with_facts = with_metadata
"""The name of `with_metadata` in 0.1.0."""
