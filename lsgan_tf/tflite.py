"""The generator as a TensorFlow Lite file, for phones and small machines."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from lsgan_tf import grids
from lsgan_tf.config import Config
from lsgan_tf.files import atomic_file, explained
from lsgan_tf.noise import noise

_COMPARED = 32


class Written(NamedTuple):
    """What was written, and how far its images are from the SavedModel's."""

    size: int
    """Bytes."""
    largest: float
    """Largest difference of a pixel, in grey levels of 255; of points, in their units."""
    mean: float
    """Mean difference, likewise."""


def write_tflite(
    path: Path, config: Config, generator: keras.Model, *, float16: bool = False
) -> Written:
    """Writes the generator as one `.tflite` file and compares it with the original.

    Its one signature, `serving_default`, takes `z` float32 `(1, z_dim)` and, of a conditional
    model, `label` int32 `(1,)`, and gives `images`. Other batch sizes: resize the inputs.

    Args:
      path: the file.
      config: the run's.
      generator: G in float32.
      float16: keep weights as float16, half the size; arithmetic stays float32 on a CPU.

    Raises:
      UserError: if it cannot be written.
    """
    content = convert(config, generator, float16=float16)
    with explained(path, "writing a TensorFlow Lite file"), atomic_file(path) as temporary:
        temporary.write_bytes(content)
    z = noise(0, 0, 0, _COMPARED, config.z_dim, config.z_distribution)
    label = None
    if config.conditional:
        label = tf.range(_COMPARED) % config.data_classes
    expected = _levels(generator(z, label, training=False).numpy(), generator)
    found = _levels(run(content, z.numpy(), None if label is None else label.numpy()), generator)
    difference = np.abs(found - expected)
    return Written(len(content), float(difference.max()), float(difference.mean()))


def convert(config: Config, generator: keras.Model, *, float16: bool) -> bytes:
    """The file's content."""
    z = tf.TensorSpec((1, config.z_dim), tf.float32, "z")
    label = tf.TensorSpec((1,), tf.int32, "label")
    inputs = (z, label) if config.conditional else (z,)
    draw = tf.function(lambda z, label=None: generator(z, label, training=False))
    # Weights as constants: as variables nothing in the file would give them their values.
    frozen = convert_variables_to_constants_v2(draw.get_concrete_function(*inputs))
    module = tf.Module()
    if config.conditional:
        module.serve = tf.function(lambda z, label: {"images": frozen(z, label)[0]}, inputs)
    else:
        module.serve = tf.function(lambda z: {"images": frozen(z)[0]}, inputs)
    # By way of a SavedModel, which keeps the names of the signature's arguments.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "saved")
        tf.saved_model.save(module, path, signatures={"serving_default": module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(path)
        if float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


def run(content: bytes, z: np.ndarray, label: np.ndarray | None) -> np.ndarray:
    """Images that a `.tflite` file makes, one after the other: float32, `(n, ...)`."""
    with warnings.catch_warnings():
        # It will move to a package of its own, ai-edge-litert; for the user that is no news.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(model_content=content)
    runner = interpreter.get_signature_runner("serving_default")
    images = []
    for number in range(len(z)):
        arguments = {"z": z[number : number + 1]}
        if label is not None:
            arguments["label"] = label[number : number + 1].astype(np.int32)
        images.append(runner(**arguments)["images"])
    return np.concatenate(images)


def _levels(images: np.ndarray, generator: keras.Model) -> np.ndarray:
    if generator.output_range is None:
        return images
    return grids.to_uint8(images, generator.output_range).astype(np.float32)
