"""Saving, loading, prediction and evaluation of a GAN as a Keras model."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from lsgan_tf import networks
from lsgan_tf.errors import UserError
from lsgan_tf.networks.base import Network
from lsgan_tf.noise import EVALUATION_STREAM, noise
from lsgan_tf.optimizers import already_summed, check_optimizers
from lsgan_tf.util.files import atomic_keras_file, explained
from lsgan_tf.util.fit_batches import split_draws
from lsgan_tf.util.keras_state import neutral
from lsgan_tf.util.pixels import to_range
from lsgan_tf.util.replicas import local_slice, replica_count

EVALUATED = ("d_loss", "g_loss", "score_real", "score_fake")
"""Metrics that `evaluate` returns, in this order."""


class KerasModel(keras.Model):
    """Base class of `GAN`: everything but training.

    Methods use the attributes documented in `GAN`.
    """

    def __init__(self) -> None:
        super().__init__(name="gan")
        self._evaluated = [keras.metrics.Mean(name=name) for name in EVALUATED]

    @neutral()
    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer,
        g_optimizer: keras.optimizers.Optimizer,
        **options: Any,
    ) -> None:
        """Set and build both optimisers.

        Args:
          d_optimizer: optimiser of D: any Keras optimiser, such as one of `make_optimizer`.
          g_optimizer: optimiser of G; a separate object.
          options: passed to `keras.Model.compile`; `jit_compile` is False by default.

        Raises:
          ValueError: if an argument is not an optimiser, both are the same object, or a network
            has no weights yet.
        """
        check_optimizers(d_optimizer, g_optimizer)
        super().compile(optimizer=None, **{"jit_compile": False, **options})
        self.d_optimizer, self.g_optimizer = map(already_summed, (d_optimizer, g_optimizer))
        pairs = (d_optimizer, self.discriminator), (g_optimizer, self.generator)
        for optimizer, network in pairs:
            if not network.built:
                raise ValueError(
                    f"Expected networks whose weights exist. Received: {network.name}, which was "
                    "never called; call each once before compile()"
                )
            optimizer.build(network.trainable_variables)

    # Images

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        """Generate examples with the generator's EMA weights if there are any, else its own.

        Args:
          inputs: noise, `(n, z_dim)`; for a conditional model `(noise, labels)` with integer
            labels, `(n,)`.
          training: passed to the generator.

        Returns:
          Examples in the generator's range, float32.

        Raises:
          ValueError: if the noise has another shape, labels are missing, or labels are passed
            to an unconditional model.
        """
        z, label = (*inputs, None)[:2] if isinstance(inputs, tuple | list) else (inputs, None)
        if len(z.shape) != 2 or z.shape[1] not in (None, self.z_dim):
            raise ValueError(
                f"Expected noise of shape (n, {self.z_dim}). Received: shape {tuple(z.shape)}"
            )
        if (label is not None) != self.conditional:
            expected = "(noise, labels)" if self.conditional else "noise without labels"
            kind = "conditional" if self.conditional else "unconditional"
            raise ValueError(f"Expected {expected}, since the model is {kind}.")
        network = self.generator if self.average is None else self.average
        return network(z, label, training=training)

    @neutral()
    def predict_step(self, data: Any) -> tf.Tensor:
        """Generate a batch of examples from noise, or from noise and labels."""
        alone = isinstance(data, tuple | list) and len(data) == 1
        return self(data[0] if alone else data, training=False)

    # Losses without updates

    @neutral()
    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Compute both losses on a batch without updating weights.

        Batch normalisation uses its moving statistics, and the generator its raw weights, not
        the EMA. The noise depends on the model's seed and the number of examples seen before.

        Args:
          data: examples, alone or with labels, as in `fit`.

        Returns:
          Running means of the metrics in `EVALUATED`.

        Raises:
          ValueError: if the model is conditional and there are no labels.
        """
        rank = 1 if self.pixel_range is None else 3
        (examples,), (labels,), _ = split_draws(data, draws=1, rank=rank, labelled=self.conditional)
        count = examples.shape[0] or tf.shape(examples)[0]
        label = labels if self.conditional else None
        z = noise(
            self.seed,
            EVALUATION_STREAM,
            self._evaluated[0].count.value,
            count * replica_count(),
            self.z_dim,
            self.z_distribution,
            self.noise_generator,
        )
        real = self.discriminator(to_range(examples, self.pixel_range), label, training=False)
        fake = self.generator(local_slice(z, count), label, training=False)
        fake = self.discriminator(fake, label, training=False)
        values = (
            self.objective.discriminator(real, fake),
            self.objective.generator(fake),
            tf.reduce_mean(real),
            tf.reduce_mean(fake),
        )
        for metric, value in zip(self._evaluated, values, strict=True):
            metric.update_state(value, sample_weight=tf.cast(count, tf.float32))
        return {metric.name: metric.result() for metric in self._evaluated}

    # Files

    def state(self) -> tf.train.Checkpoint:
        """Return the contents of a checkpoint: networks, optimisers, step and EMA weights."""
        average = {} if self.average is None else {"average": self.average}
        return tf.train.Checkpoint(
            generator=self.generator,
            discriminator=self.discriminator,
            d_optimizer=self.d_optimizer,
            g_optimizer=self.g_optimizer,
            step=self.step,
            **average,
        )

    def state_variables(self) -> list[tf.Variable]:
        """Return the variables of `state`, in the same order in every process."""
        owners = [self.generator, self.discriminator, self.d_optimizer, self.g_optimizer]
        if self.average is not None:
            owners.append(self.average)
        return [v.value for owner in owners for v in owner.variables] + [self.step.value]

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        zipped: bool | None = None,
        **options: Any,
    ) -> None:
        """Save networks, EMA, objective, both optimisers and the step as a `.keras` file.

        `keras.models.load_model` loads it after `import lsgan_tf.gan`, and `fit` then continues.
        An existing file is replaced atomically.

        Raises:
          UserError: if the suffix is not `.keras`, a part cannot be serialised, or the file
            cannot be written.
        """
        path = Path(filepath)
        if zipped is not False and path.suffix != ".keras":
            raise UserError(
                f"gan.save: expected a name that ends in .keras. Received: {path.name}; weights "
                "alone are saved by gan.save_weights('NAME.weights.h5')"
            )
        if zipped is False or not overwrite or str(filepath).startswith("hf://"):
            super().save(filepath, overwrite=overwrite, zipped=zipped, **options)
            return
        with explained(path, "saving the model"), atomic_keras_file(path) as temporary:
            super().save(temporary, zipped=True, **options)

    def export(self, filepath: str | os.PathLike[str], *more: Any, **options: Any) -> None:
        """Export the generator, with its EMA weights if there are any.

        Args:
          filepath: folder to write.
          more: passed to `keras.Model.export`.
          options: passed to `keras.Model.export`.
        """
        network = self.generator if self.average is None else self.average
        network.export(filepath, *more, **options)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, serialised.

        Raises:
          UserError: if an argument cannot be serialised.
        """
        names = inspect.signature(type(self).__init__).parameters
        values = {name: getattr(self, name) for name in names if name != "self"}
        found = {name: keras.saving.serialize_keras_object(v) for name, v in values.items()}
        # An attribute of the layers, not an argument of the networks.
        layers = (*self.generator.layers, *self.discriminator.layers)
        direct = any(getattr(layer, "direct", False) for layer in layers)
        return {**found, "direct_convolutions": direct}

    @classmethod
    @neutral()
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> KerasModel:
        """Create a model from the result of `get_config`.

        Raises:
          UserError: if a class is not registered with Keras.
        """
        for family in networks.FAMILIES:  # registers their classes with Keras
            importlib.import_module(f"{networks.__name__}.{family}")
        values = dict(config)
        direct = values.pop("direct_convolutions")
        try:
            values = {
                name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
                for name, value in values.items()
            }
        except TypeError as error:
            if "Could not locate" not in str(error):
                raise
            first = str(error).split(". ", 1)[0]
            raise UserError(
                f"load_model: {first}; decorate it with "
                "@keras.saving.register_keras_serializable() and import its module before "
                "loading, or give custom_objects"
            ) from error
        if values["pixel_range"] is not None:  # JSON has no tuples
            values["pixel_range"] = tuple(values["pixel_range"])
        _make_weights(values)
        gan = cls(**values)
        if direct:
            for network in (gan.generator, gan.discriminator):
                network.use_direct_convolutions()
        return gan

    def get_compile_config(self) -> dict[str, Any]:
        """Return both optimisers, serialised, and the options of `fit`."""
        if not self.compiled:
            return {}
        optimizers = {"d_optimizer": self.d_optimizer, "g_optimizer": self.g_optimizer}
        options = ("jit_compile", "run_eagerly", "steps_per_execution")
        return {
            **{n: keras.saving.serialize_keras_object(o) for n, o in optimizers.items()},
            **{name: getattr(self, name) for name in options},
        }

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with the result of `get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(dict(config)))


def _make_weights(values: Mapping[str, Any]) -> None:
    """Create the weights of networks that are not of this package by calling each once."""
    pair = (values["generator"], values["discriminator"])
    if all(isinstance(network, Network) for network in pair):
        return
    label = tf.zeros((1,), tf.int32) if values["conditional"] else None
    made = pair[0](tf.zeros((1, values["z_dim"])), label, training=False)
    pair[1](made, label, training=False)
