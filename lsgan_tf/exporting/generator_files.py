"""Keras and TensorFlow Lite files of the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import keras

from lsgan_tf.config import Config
from lsgan_tf.exporting.model_card import Form
from lsgan_tf.exporting.savedmodel import float32_average, float32_networks
from lsgan_tf.exporting.tflite import write_tflite
from lsgan_tf.gan import GAN
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.files import atomic_keras_file, explained

KINDS = {"ema": "EMA weights", "raw": "raw weights"}


def write_generator_files(
    saved_model: Path,
    config: Config,
    gan: GAN,
    *,
    keras_path: Path | None = None,
    tflite_path: Path | None = None,
    float16: bool = False,
    log: Callable[[str], None] = print,
) -> list[Form]:
    """Write the generator as Keras and TensorFlow Lite files.

    If the model has EMA weights, `g.keras` contains them and `g-raw.keras` the raw weights.

    Args:
      saved_model: SavedModel of the same weights, with which TensorFlow Lite is compared.
      config: config of the run, with the dataset's metadata.
      gan: the model.
      keras_path: Keras file, `.keras`; None for none.
      tflite_path: TensorFlow Lite file, `.tflite`; None for none.
      float16: whether TensorFlow Lite files have float16 weights.
      log: called with a line on each file.

    Returns:
      Descriptions of the files.

    Raises:
      UserError: if a file cannot be written.
    """
    generator = float32_networks(config, gan)[0]
    average = float32_average(gan, generator)
    generators = {"raw": generator} if average is None else {"ema": average, "raw": generator}
    forms = []
    for weights, network in generators.items():
        end = "-raw" if network is generator and average is not None else ""
        for path in _named(keras_path, end):
            size = _write_keras(path, network)
            forms.append(Form(path.name, "Keras", weights, size))
            log(f"Keras file in {path}, {KINDS[weights]}: {size / 1e6:.2f} MB")
        for path in _named(tflite_path, end):
            sampler = Sampler(saved_model, weights)
            form = write_tflite(path, config, network, sampler.draw, float16=float16)
            forms.append(form._replace(weights=weights))
            log(f"TensorFlow Lite file in {path}, {KINDS[weights]}: {described(form, config)}")
    return forms


def described(form: Form, config: Config) -> str:
    """Describe size, speed and accuracy of a TensorFlow Lite file in one line."""
    unit = " grey levels of 255" if len(config.data_shape) == 3 else ""
    return (
        f"{form.size / 1e6:.2f} MB, {form.milliseconds:.3g} ms an image on one thread; its images "
        f"differ from the SavedModel's by at most {form.largest:.3g}, on average {form.mean:.2g}"
        f"{unit}"
    )


def _named(path: Path | None, end: str) -> Iterator[Path]:
    """Yield the path with `end` before its suffix, unless the path is None."""
    if path is not None:
        yield Path(path).with_stem(f"{Path(path).stem}{end}")


def _write_keras(path: Path, generator: keras.Model) -> int:
    """Write a Keras file and return its size in bytes."""
    with explained(path, "writing a Keras file"), atomic_keras_file(path) as temporary:
        generator.save(temporary)
    return path.stat().st_size
