"""Configs of the networks to benchmark, and random examples for them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lsgan_tf.config import Config, resolve
from lsgan_tf.data.source import ArraySource

_FULL: dict[str, dict[str, Any]] = {
    "hwdb": {"dataset": "hwdb", "conditional": True},
    "cifar10": {"dataset": "cifar10"},
    "scene112": {"dataset": "lsun"},
    "dcgan64": {"dataset": "images"},
}
_CLASSES = {"hwdb": 3740, "cifar10": 10, "scene112": 0, "dcgan64": 0}
_CHANNELS = {"hwdb": 1, "cifar10": 3, "scene112": 3, "dcgan64": 3}
# Small enough to test the tools in seconds.
_SMALL: dict[str, dict[str, Any]] = {
    "hwdb": {"image_size": 12, "width": 0.02, "first_filters": 6, "label_dim": 5, "z_dim": 7},
    "cifar10": {"image_size": 16, "filters": 4, "z_dim": 7},
    "scene112": {"image_size": 16, "z_dim": 7},
    "dcgan64": {"image_size": 16, "filters": 4, "z_dim": 7},
}
_SMALL_CLASSES = 9
_EXAMPLES = 1024
NETS = tuple(_FULL)


def config(
    net: str,
    *,
    precision: str = "float32",
    batch_size: int = 64,
    small: bool = False,
    convolution: str = "auto",
) -> Config:
    """Make the config of a run with one of `NETS`, with its dataset's metadata.

    Args:
      net: "hwdb" (3,740 classes), "cifar10", "scene112" or "dcgan64".
      precision: see `--precision`.
      batch_size: global batch size.
      small: whether to use narrow networks and few classes.
      convolution: see `--convolution`.
    """
    # Without EMA, as in the paper and in PyTorch's step.
    given = _FULL[net] | {
        "precision": precision,
        "batch_size": batch_size,
        "convolution": convolution,
        "ema_decay": 0.0,
    }
    classes = _CLASSES[net]
    if small:
        given |= _SMALL[net]
        classes = min(classes, _SMALL_CLASSES)
    resolved, _ = resolve(given, {})
    side = resolved.image_size
    return dataclasses.replace(
        resolved,
        data_shape=(side, side, _CHANNELS[net]),
        data_classes=classes,
        data_length=_EXAMPLES,
    )


def random_examples(shape: tuple[int, ...], classes: int) -> ArraySource:
    """Make a data source of random images with random labels.

    Args:
      shape: shape of an image.
      classes: number of classes; 0 for no labels.
    """
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (_EXAMPLES, *shape), np.uint8)
    labels = rng.integers(0, classes, _EXAMPLES) if classes else None
    return ArraySource(images, labels, tuple(map(str, range(classes))), fingerprint="random")
