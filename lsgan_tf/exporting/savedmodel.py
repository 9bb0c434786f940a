"""SavedModel of generator and discriminator that does not depend on this package."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from lsgan_tf import ema
from lsgan_tf.build import build_networks
from lsgan_tf.config import Config
from lsgan_tf.exporting.model_card import write_card
from lsgan_tf.exporting.sample_images import write_sample_images
from lsgan_tf.exporting.shipped import shipped
from lsgan_tf.gan import GAN
from lsgan_tf.networks.base import copy_weights
from lsgan_tf.noise import noise
from lsgan_tf.util.files import atomic_folder, explained
from lsgan_tf.util.keras_state import neutral
from lsgan_tf.util.pixels import to_range
from lsgan_tf.util.tensorflow_errors import disk_errors

_SAMPLE_STREAM = 0


class Exported(tf.Module):
    """Module saved as a SavedModel: float32 networks, class names and signatures.

    Signatures (arguments are tensors passed by name):
      serving_default(z, label) -> images: float32 images in the generator's range.
      sample(count, seed, label) -> images: uint8. `label` is one label for all images, or
        `count` labels. The same seed gives the same images.
      write(text, seed) -> images: uint8, one image per character of the string
        (conditional models whose classes are single characters).
      score(images, label) -> scores: float32 raw scores of uint8 images by D.
    With EMA weights, the first three use them, and there are further signatures:
      serving_raw, sample_raw, write_raw: the same with the raw weights of the last step.
      serving_ema, sample_ema, write_ema: aliases of the first three, for compatibility with
        version 0.1.0.
    Unconditional models have no `label`. Conditional ones also have a function
    `between(z, first, second, share)`, which is not a signature: float32 images for the
    interpolation of two mapped labels with weight `share` of the second; with EMA weights also
    `between_raw` and `between_ema`.

    Args:
      config: config of the run, with the dataset's metadata.
      generator: G in float32.
      discriminator: D in float32; None for no `score`.
      classes: names of the classes in label order.
      average: generator with EMA weights in float32, or None.
    """

    def __init__(
        self,
        config: Config,
        generator: keras.Model,
        discriminator: keras.Model | None,
        classes: Sequence[str],
        average: keras.Model | None = None,
    ) -> None:
        super().__init__(name="lsgan")
        # Not attributes: a Keras model that is one is saved with a second set of variables, and
        # graph loaders (TensorFlow Serving, the C library) restore only that set, while the
        # signatures read the first.
        self._networks = lambda: (generator, discriminator, average)
        self.weights = [
            variable.value
            for network in (generator, discriminator, average)
            if network is not None
            for variable in network.variables
        ]
        self._config, self._range = config, generator.output_range
        self._conditional = config.conditional
        # Variables, because a SavedModel does not keep constants.
        self.config_json = tf.Variable(json.dumps(shipped(config).to_json()), trainable=False)
        self.classes = tf.Variable(list(classes), dtype=tf.string, trainable=False)
        if config.conditional:
            keys = tf.constant(list(classes), tf.string)
            values = tf.range(len(classes), dtype=tf.int32)
            initializer = tf.lookup.KeyValueTensorInitializer(keys, values)
            self.label_of = tf.lookup.StaticHashTable(initializer, default_value=-1)
            z, label = tf.TensorSpec((None, config.z_dim)), tf.TensorSpec((None,), tf.int32)
            kinds = (z, label, label, tf.TensorSpec((None,)))

            def between(network: keras.Model) -> tf.types.experimental.PolymorphicFunction:
                return tf.function(
                    functools.partial(self._between, network),
                    input_signature=kinds,
                    autograph=False,
                )

            self.between = between(generator if average is None else average)
            if average is not None:
                self.between_raw, self.between_ema = between(generator), self.between

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Return the concrete functions to save, by name."""
        generator, discriminator, average = self._networks()
        drawing = self._drawing(generator if average is None else average)
        found = {"serving_default" if n == "serving" else n: f for n, f in drawing.items()}
        if average is not None:
            found |= {f"{name}_ema": function for name, function in drawing.items()}
            raw = self._drawing(generator)
            found |= {f"{name}_raw": function for name, function in raw.items()}
        if discriminator is None:
            return found
        dtype = tf.float32 if self._range is None else tf.uint8
        images = tf.TensorSpec((None, *self._config.data_shape), dtype, "images")
        label = [tf.TensorSpec((None,), tf.int32, "label")] if self._conditional else []
        score = tf.function(self._score, autograph=False)
        return found | {"score": score.get_concrete_function(images, *label)}

    def _drawing(self, generator: keras.Model) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Trace the functions that use a generator."""

        def trace(
            function: Callable[..., dict[str, tf.Tensor]], *arguments: tf.TensorSpec
        ) -> tf.types.experimental.ConcreteFunction:
            return tf.function(
                functools.partial(function, generator), autograph=False
            ).get_concrete_function(*arguments)

        z = tf.TensorSpec((None, self._config.z_dim), tf.float32, "z")
        count, seed = (tf.TensorSpec((), tf.int32, name) for name in ("count", "seed"))
        if not self._conditional:
            return {"serving": trace(self._serve, z), "sample": trace(self._sample, count, seed)}
        label = tf.TensorSpec((None,), tf.int32, "label")
        # Any rank: a single label may be a scalar.
        labels = tf.TensorSpec(None, tf.int32, "label")
        text = tf.TensorSpec((), tf.string, "text")
        return {
            "serving": trace(self._serve, z, label),
            "sample": trace(self._sample, count, seed, labels),
            "write": trace(self._write, text, seed),
        }

    def _serve(
        self, generator: keras.Model, z: tf.Tensor, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        return {"images": generator(z, self._checked(label), training=False)}

    def _sample(
        self,
        generator: keras.Model,
        count: tf.Tensor,
        seed: tf.Tensor,
        label: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        if label is not None:
            label = self._repeated(label, count)
        z = self._noise(count, seed)
        return {"images": self._pixels(generator(z, label, training=False))}

    def _repeated(self, label: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Check labels and repeat a single one `count` times."""
        label = tf.reshape(label, (-1,))
        given = tf.size(label)
        fits = tf.debugging.Assert(
            (given == 1) | (given == count),
            ["label must hold one label, or as many as count: got", given, "for", count],
        )
        label = self._checked(label)
        with tf.control_dependencies([fits]):
            return tf.cond(given == 1, lambda: tf.fill((count,), label[0]), lambda: label)

    def _between(
        self,
        generator: keras.Model,
        z: tf.Tensor,
        first: tf.Tensor,
        second: tf.Tensor,
        share: tf.Tensor,
    ) -> tf.Tensor:
        start, end = (generator.label_map(self._checked(label)) for label in (first, second))
        phi = start + share[:, None] * (end - start)
        return generator(z, mapped_label=phi, training=False)

    def _write(
        self, generator: keras.Model, text: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        letters = tf.strings.unicode_split(text, "UTF-8")
        label = self.label_of.lookup(letters)
        unknown = tf.strings.reduce_join(tf.boolean_mask(letters, label < 0), separator=" ")
        check = tf.debugging.Assert(
            tf.reduce_all(label >= 0), ["not among the characters of this model:", unknown]
        )
        with tf.control_dependencies([check]):
            label = tf.identity(label)
        z = self._noise(tf.size(label), seed)
        return {"images": self._pixels(generator(z, label, training=False))}

    def _score(self, images: tf.Tensor, label: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        _, discriminator, _ = self._networks()
        assert discriminator is not None  # without one there are no scores
        images = to_range(images, self._range)
        return {"scores": discriminator(images, self._checked(label), training=False)}

    def _noise(self, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        config = self._config
        return noise(seed, _SAMPLE_STREAM, 0, count, config.z_dim, config.z_distribution)

    def _checked(self, label: tf.Tensor | None) -> tf.Tensor | None:
        """Assert that labels, if any, are in range before they are looked up."""
        if label is None:
            return None
        known = tf.size(self.classes)
        check = tf.debugging.Assert(
            tf.reduce_all((label >= 0) & (label < known)),
            ["labels must lie in 0 to", known - 1, "got", label],
        )
        with tf.control_dependencies([check]):
            return tf.identity(label)

    def _pixels(self, images: tf.Tensor) -> tf.Tensor:
        if self._range is None:
            return images
        low, high = self._range
        scaled = tf.round((images - low) * (255.0 / (high - low)))
        return tf.saturate_cast(scaled, tf.uint8)


@neutral()
def write_saved_model(
    path: Path,
    config: Config,
    gan: GAN,
    classes: Sequence[str],
    step: int,
    run_dir: Path | None = None,
) -> Path:
    """Write the SavedModel of a model's current weights, atomically.

    The folder also contains `classes.txt` (one class per line, in label order), `export.json`,
    sample images, and a model card, `README.md`.

    Args:
      path: the folder; replaced if it exists.
      config: config of the run, with the dataset's metadata.
      gan: the model.
      classes: names of the classes in label order.
      step: number of training steps, recorded in `export.json`.
      run_dir: the run whose metrics go into the model card; None for no metrics.

    Returns:
      `path`.

    Raises:
      UserError: if it cannot be written; an existing folder is unchanged.
    """
    generator, discriminator = float32_networks(config, gan)
    average = float32_average(gan, generator)
    exported = Exported(config, generator, discriminator, classes, average)
    signatures = exported.signatures()
    with explained(path, "exporting"), atomic_folder(path) as temporary:
        with disk_errors():
            tf.saved_model.save(exported, str(temporary), signatures=signatures)
        # Folder names may contain line breaks.
        names = "".join(f"{' '.join(name.splitlines())}\n" for name in classes)
        (temporary / "classes.txt").write_text(names, encoding="utf-8", errors="backslashreplace")
        values = {"step": step, "config": shipped(config).to_json()}
        (temporary / "export.json").write_text(
            json.dumps(values, indent=2, ensure_ascii=False),
            encoding="utf-8",
            errors="backslashreplace",
        )
        write_sample_images(temporary, config, classes, step, generator.output_range, signatures)
        write_card(temporary, config, classes, step, run_dir)
    return path


@neutral()
def float32_networks(config: Config, gan: GAN) -> tuple[keras.Model, keras.Model]:
    """Copy both networks to float32."""
    generator, discriminator = build_networks(config, precision="float32")
    copy_weights(gan.generator, generator)
    copy_weights(gan.discriminator, discriminator)
    return generator, discriminator


def float32_average(gan: GAN, generator: keras.Model) -> keras.Model | None:
    """Copy the EMA weights to a network like `generator`; None if there are none."""
    if gan.average is None:
        return None
    average = ema.begin(generator)
    copy_weights(gan.average, average)
    return average
