"""TensorFlow Lite export of the generator."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from lsgan_tf.config import Config
from lsgan_tf.exporting.model_card import Form
from lsgan_tf.noise import noise
from lsgan_tf.util.files import atomic_file, explained
from lsgan_tf.util.pixels import to_uint8
from lsgan_tf.util.tensorflow_paths import literal

_COMPARED = 32


def write_tflite(
    path: Path,
    config: Config,
    generator: keras.Model,
    reference: Callable[[np.ndarray, np.ndarray | None], np.ndarray],
    *,
    float16: bool = False,
) -> Form:
    """Write the generator as a `.tflite` file, and measure its speed and accuracy.

    Its signature `serving_default` maps `z`, float32 `(1, z_dim)`, and, if conditional, `label`,
    int32 `(1,)`, to `images`. For other batch sizes, resize the inputs.

    Args:
      path: the file.
      config: config of the run.
      generator: G in float32.
      reference: function of noise and labels that returns the images to compare with, uint8, or
        points, float32: `lsgan_tf.sampling.sampler.Sampler.draw` of a SavedModel.
      float16: whether to store float16 weights; a CPU still computes in float32.

    Returns:
      A description of the file, with `weights` set to "raw".

    Raises:
      UserError: if the file cannot be written.
    """
    content = convert(config, generator, float16=float16)
    with explained(path, "writing a TensorFlow Lite file"), atomic_file(path) as temporary:
        temporary.write_bytes(content)
    z = noise(0, 0, 0, _COMPARED, config.z_dim, config.z_distribution).numpy()
    label = None
    if config.conditional:
        label = np.arange(_COMPARED, dtype=np.int32) % config.data_classes
    images, seconds = run(content, z, label)
    found, expected = _levels(images, generator), reference(z, label).astype(np.float32)
    difference = np.abs(found - expected)
    return Form(
        file=path.name,
        kind=f"TensorFlow Lite{', float16 weights' * float16}",
        weights="raw",
        size=len(content),
        milliseconds=float(np.median(seconds)) * 1000,
        largest=float(difference.max()),
        mean=float(difference.mean()),
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the converter's warning about an absent table."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


@_quiet()
def convert(config: Config, generator: keras.Model, *, float16: bool) -> bytes:
    """Convert the generator to the content of a `.tflite` file."""
    z = tf.TensorSpec((1, config.z_dim), tf.float32, "z")
    label = tf.TensorSpec((1,), tf.int32, "label")
    inputs = (z, label) if config.conditional else (z,)
    draw = tf.function(lambda z, label=None: generator(z, label, training=False), autograph=False)
    # The file would not initialise variables, so weights become constants.
    frozen = convert_variables_to_constants_v2(draw.get_concrete_function(*inputs))
    module = tf.Module()
    if config.conditional:
        module.serve = tf.function(lambda z, label: {"images": frozen(z, label)[0]}, inputs)
    else:
        module.serve = tf.function(lambda z: {"images": frozen(z)[0]}, inputs)
    # A SavedModel keeps the names of the signature's arguments.
    with tempfile.TemporaryDirectory() as scratch, literal(Path(scratch)) as folder:
        path = os.path.join(folder, "saved")
        tf.saved_model.save(module, path, signatures={"serving_default": module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(path)
        if float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


def run(content: bytes, z: np.ndarray, label: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Generate images with a `.tflite` file, one by one on one thread.

    Args:
      content: content of the file.
      z: float32, `(n, z_dim)`.
      label: ints, `(n,)`; None if unconditional.

    Returns:
      Images, float32, `(n, ...)`, and the time of each in seconds, `(n,)`.
    """
    with warnings.catch_warnings():
        # Announces a move to the package ai-edge-litert, which does not concern users.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    runner = interpreter.get_signature_runner("serving_default")
    images, seconds = [], []
    for number in range(len(z)):
        arguments = {"z": z[number : number + 1]}
        if label is not None:
            arguments["label"] = label[number : number + 1].astype(np.int32)
        start = time.perf_counter()
        images.append(runner(**arguments)["images"])
        seconds.append(time.perf_counter() - start)
    return np.concatenate(images), np.array(seconds)


def _levels(images: np.ndarray, generator: keras.Model) -> np.ndarray:
    if generator.output_range is None:
        return images
    return to_uint8(images, generator.output_range).astype(np.float32)
