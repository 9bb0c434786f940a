"""Samples as TFRecord: one `tf.train.Example` an image, as tensorflow-datasets names its parts."""

from __future__ import annotations

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from lsgan_tf.data.formats.tfrecords import frame


def record(image: np.ndarray, label: int | None, name: str) -> bytes:
    """One framed record of a TFRecord file.

    Its features are `image/encoded` (PNG), `image/height`, `image/width`,
    `image/channels`, and of a labelled image `label` (int64) and `class` (its name).

    Args:
      image: uint8, `(height, width, channels)`, 1 or 3 channels.
      label: its class's number, or None.
      name: its class's name.
    """
    height, width, channels = image.shape
    encoded = io.BytesIO()
    Image.fromarray(image[..., 0] if channels == 1 else image).save(encoded, "PNG")
    features = {
        "image/encoded": _texts(encoded.getvalue()),
        "image/height": _numbers(height),
        "image/width": _numbers(width),
        "image/channels": _numbers(channels),
    }
    if label is not None:
        features |= {"label": _numbers(label), "class": _texts(name.encode())}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return frame(example.SerializeToString())


def _texts(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _numbers(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
