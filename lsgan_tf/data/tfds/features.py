"""Selects the image and the class label among the features of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from lsgan_tf.errors import UserError

_LISTED = 12
_CHANNELS = (1, 3, 4, None)


class Chosen(NamedTuple):
    """The features that training uses.

    Attributes:
      image: name of the image feature.
      channels: 1 for greyscale images, else 3.
      label: name of the label feature; None without labels.
      classes: class names; empty without labels.
    """

    image: str
    channels: int
    label: str | None
    classes: tuple[str, ...]


def choose(info: Any, *, name: str, image: str | None, label: str | None, labelled: bool) -> Chosen:
    """Select the image feature, and the label feature if labels are required.

    If there are several, those of `supervised_keys` are used.

    Args:
      info: the `DatasetInfo` of tensorflow-datasets.
      name: name of the dataset, for messages.
      image: name of the image feature, if given.
      label: name of the label feature, if given.
      labelled: whether labels are required.

    Raises:
      UserError: if there is none or more than one, listing the features.
    """
    features = dict(_flat(info.features))
    keys = info.supervised_keys
    keys = keys if isinstance(keys, tuple) else ()
    images = {key: feature for key, feature in features.items() if _is_image(feature)}
    if not images:
        raise UserError(
            f"--tfds_name={name}: has no image feature (8 or 16 bits, greyscale or colour); it has "
            f"{_listed(features)}"
        )
    # For datasets that map images to images, the choice is ambiguous.
    supervised = [key for key in keys[:1] if not set(keys[1:]) & set(images)]
    chosen = _one("tfds_image", image, images, supervised, name)
    channels = 1 if images[chosen].shape[-1] == 1 else 3
    if not labelled:
        return Chosen(chosen, channels, None, ())
    labels = {key: feature for key, feature in features.items() if _is_label(feature)}
    if not labels:
        raise UserError(
            f"--conditional: {name} has no class label; it has {_listed(features)}; omit "
            "--conditional"
        )
    of_class = _one("tfds_label", label, labels, keys[1:2], name)
    return Chosen(chosen, channels, of_class, tuple(map(str, labels[of_class].names)))


def images_of(info: Any) -> list[str]:
    """Return the names of the image features."""
    return [key for key, feature in _flat(info.features) if _is_image(feature)]


def _flat(features: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each feature with its name in the records."""
    import tensorflow_datasets as tfds

    if type(features) is not tfds.features.FeaturesDict:
        return
    for key, feature in features.items():
        if type(feature) is tfds.features.FeaturesDict:
            yield from _flat(feature, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", feature


def _is_image(feature: Any) -> bool:
    import tensorflow_datasets as tfds

    # A subclass such as LabeledImage is a map of classes.
    if type(feature) is not tfds.features.Image:
        return False
    right = len(feature.shape) == 3 and feature.shape[-1] in _CHANNELS
    return right and np.dtype(feature.np_dtype) in (np.uint8, np.uint16)


def _is_label(feature: Any) -> bool:
    import tensorflow_datasets as tfds

    return type(feature) is tfds.features.ClassLabel and bool(feature.num_classes)


def _one(flag: str, given: str | None, found: Mapping[str, Any], supervised: Any, name: str) -> str:
    if given is not None:
        if given not in found:
            raise UserError(f"--{flag}={given}: expected one of {_listed(found)}")
        return given
    if len(found) == 1:
        return next(iter(found))
    for key in supervised:
        if isinstance(key, str) and key in found:
            return key
    raise UserError(
        f"--tfds_name={name}: found several features; choose one with --{flag}: {_listed(found)}"
    )


def _listed(features: Mapping[str, Any]) -> str:
    shown = [f"{key} ({type(feature).__name__})" for key, feature in sorted(features.items())]
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return (", ".join(shown[:_LISTED]) or "none") + more
