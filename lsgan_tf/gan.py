"""The GAN as a Keras model: generator, discriminator and the training step of the paper."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from lsgan_tf import ema
from lsgan_tf.gradient_penalty import STREAM, GradientPenalty, numbers_drawn
from lsgan_tf.keras_model import KerasModel
from lsgan_tf.losses import Objective
from lsgan_tf.networks.ops import augmentation
from lsgan_tf.noise import noise
from lsgan_tf.optimizers import apply
from lsgan_tf.util.fit_batches import split_draws
from lsgan_tf.util.keras_state import neutral
from lsgan_tf.util.pixels import to_range
from lsgan_tf.util.replicas import local_slice, replica_count, replica_mean

METRICS = (
    "d_loss",
    "g_loss",
    "score_real",
    "score_fake",
    "d_gradient_norm",
    "g_gradient_norm",
)
"""Metrics of `GAN.train_step`, in the order of its vector form."""


def measured(gradient_penalty: object) -> tuple[str, ...]:
    """Return `METRICS`, followed by "gradient_penalty" if there is a penalty."""
    return (*METRICS, "gradient_penalty") if gradient_penalty else METRICS


@keras.saving.register_keras_serializable(package="lsgan_tf")
class GAN(KerasModel):
    """A generator trained against a discriminator (Mao et al. 2017, equation 2).

    One `train_step` makes `d_steps` updates of D and `g_steps` of G. It runs on any number
    of replicas: noise is drawn for the global batch and sliced, objectives are means over
    the global batch, and gradients are summed before norms are computed and clipping is applied.

    `fit` accepts any `tf.data` pipeline of batches; see `train_step`. Saving, prediction and
    evaluation are inherited from `KerasModel`.

    Args:
      generator: called as `(z, label, training=...)`, returns examples; label is None
        if unconditional.
      discriminator: called as `(examples, label, training=...)`, returns scores, `(n,)`.
      objective: losses of D and G.
      batch_size: examples per update over all replicas.
      z_dim: length of the noise vector.
      z_distribution: "uniform" or "normal".
      noise_generator: "philox" or "hash" (`lsgan_tf.noise`).
      conditional: whether both networks receive class labels.
      pixel_range: range of the generator's images, to which uint8 reals are scaled; None for
        points, which are not scaled.
      d_steps: updates of D per step, each on its own batch and noise.
      g_steps: updates of G per step, on the noise and labels of D's last update.
      simultaneous: compute both updates from the weights before the step (requires one
        update of each); otherwise G is updated against the new D.
      clip_norm: maximum norm of a network's gradient; 0 disables clipping.
      gradient_penalty: penalty added to D's objective; None for no penalty.
      joint_passes: score reals and fakes in one pass over both batches, each normalised by
        its own statistics; D must accept `parts=2`.
      augment: strength of `augmentation.augment`, through which D sees all images; 0 for none.
      ema_decay: decay of the EMA of G's weights; 0 for no EMA.
      seed: seed of the noise.

    Attributes:
      average: a generator with the EMA (`lsgan_tf.ema`) of G's weights, or None.
      measured: names of the metrics that `train_step` returns.
    """

    @neutral()
    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        objective: Objective,
        *,
        batch_size: int,
        z_dim: int,
        z_distribution: str = "uniform",
        noise_generator: str = "philox",
        conditional: bool = False,
        pixel_range: tuple[float, float] | None = (-1.0, 1.0),
        d_steps: int = 1,
        g_steps: int = 1,
        simultaneous: bool = False,
        clip_norm: float = 0.0,
        gradient_penalty: GradientPenalty | None = None,
        joint_passes: bool = False,
        augment: float = 0.0,
        ema_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.objective = objective
        self.batch_size, self.z_dim, self.z_distribution = batch_size, z_dim, z_distribution
        self.noise_generator = noise_generator
        self.conditional, self.pixel_range = conditional, pixel_range
        self.d_steps, self.g_steps, self.simultaneous = d_steps, g_steps, simultaneous
        self.clip_norm, self.ema_decay, self.seed = clip_norm, ema_decay, seed
        self.joint_passes, self.augment = joint_passes, augment
        self.gradient_penalty, self.measured = gradient_penalty, measured(gradient_penalty)
        label = tf.zeros((1,), tf.int32) if conditional else None
        self.average = ema.begin(generator, tf.zeros((1, z_dim)), label) if ema_decay else None
        # An optimiser's `iterations` excludes steps that float16 skips.
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.built = True

    @neutral()
    def train_step(self, data: tf.Tensor | tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """Run one training step in replica context.

        Args:
          data: this replica's examples, `(d_steps, n, ...)`, and labels, `(d_steps, n)`;
            or, from `fit`, one batch for all updates of D: examples, `(n, ...)`, alone or
            with labels, `(n,)`. Images are uint8, or floats already in the generator's range.

        Returns:
          The metrics in `measured`: float32 scalars over the global batch, of the last update
          of each network.

        Raises:
          ValueError: if the model is conditional and there are no labels.
        """
        examples, labels, count = split_draws(
            data,
            draws=self.d_steps,
            rank=1 if self.pixel_range is None else 3,
            labelled=self.conditional,
        )
        return self.update(examples, labels, *self.draw_noise(examples[0].shape[1:], count))

    def draw_noise(
        self,
        shape: Sequence[int],
        count: int | tf.Tensor | None = None,
        step: int | tf.Tensor | None = None,
    ) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        """Draw this replica's random numbers for a step.

        Args:
          shape: shape of an example.
          count: examples per update of D; by default the replica's part of `batch_size`.
          step: number of steps before; by default those that the model was trained.

        Returns:
          For each update of D, z, `(count, z_dim)`; the noise of the gradient penalty,
          `(count, numbers_drawn(shape))`; and that of the augmentation of reals and fakes,
          `(count, 2 * augmentation.NUMBERS)`. The second and third tuple are empty without them.
        """
        count = self.batch_size // replica_count() if count is None else count
        step = self.step.value if step is None else step
        rows = count * replica_count()  # of the global batch

        def draw(stream: int, length: int, kind: str = "uniform") -> tuple[tf.Tensor, ...]:
            streams = range(stream, stream + self.d_steps)
            drawn = (
                noise(self.seed, stream, step, rows, length, kind, self.noise_generator)
                for stream in streams
            )
            return tuple(local_slice(numbers, count) for numbers in drawn)

        return (
            draw(0, self.z_dim, self.z_distribution),
            draw(STREAM, numbers_drawn(tuple(shape))) if self.gradient_penalty else (),
            draw(augmentation.STREAM, 2 * augmentation.NUMBERS) if self.augment else (),
        )

    @neutral()
    def update(
        self,
        examples: Sequence[tf.Tensor],
        labels: Sequence[tf.Tensor | None],
        noises: Sequence[tf.Tensor],
        penalty_noises: Sequence[tf.Tensor] = (),
        augmentation_noises: Sequence[tf.Tensor] = (),
    ) -> dict[str, tf.Tensor]:
        """Update D `d_steps` times and G `g_steps` times with given random numbers.

        Args:
          examples: one batch per update of D, as in `train_step`.
          labels: one batch per update of D.
          noises: z, `(n, z_dim)`, per update of D.
          penalty_noises: noise of the gradient penalty per update of D; empty without one.
          augmentation_noises: noise of the augmentation per update of D; empty without one.

        Returns:
          Metrics, as in `train_step`.
        """
        for draw, z in enumerate(noises):
            real = to_range(examples[draw], self.pixel_range)
            label = labels[draw] if self.conditional else None
            of_reals, of_fakes = augmentation.split(augmentation_noises, draw)
            real = self.augmented(real, of_reals)
            fake, g_tape = self._generate(z, label, of_fakes)
            if self.simultaneous:
                gradients = self._generator_gradients(g_tape, fake, label)
            around = penalty_noises[draw] if penalty_noises else None
            d_metrics = self._update_discriminator(real, fake, label, around)
        for update in range(self.g_steps):
            if update:
                fake, g_tape = self._generate(z, label, of_fakes)
            if not self.simultaneous:
                gradients = self._generator_gradients(g_tape, fake, label)
            g_metrics = self._update_generator(*gradients, update)
        self.step.assign_add(1)
        return {**d_metrics, **g_metrics}

    def augmented(self, images: tf.Tensor, noise: tf.Tensor | None) -> tf.Tensor:
        """Return the images as D sees them; unchanged if there is no noise of the augmentation."""
        return images if noise is None else augmentation.augment(images, noise, self.augment)

    def _generate(
        self, z: tf.Tensor, label: tf.Tensor | None, noise: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.GradientTape]:
        """Generate fakes as D sees them; return them and the tape that recorded G."""
        with tf.GradientTape() as tape:
            return self.augmented(self.generator(z, label, training=True), noise), tape

    def _update_discriminator(
        self, real: tf.Tensor, fake: tf.Tensor, label: tf.Tensor | None, around: tf.Tensor | None
    ) -> dict[str, tf.Tensor]:
        """Update D once on its objective and the gradient penalty, if any; return its metrics."""
        weights = self.discriminator.trainable_variables
        values: dict[str, tf.Tensor] = {}
        with tf.GradientTape() as tape:
            real_score, fake_score = self._scores(real, tf.stop_gradient(fake), label)
            loss = total = self.objective.discriminator(real_score, fake_score)
            if around is not None and self.gradient_penalty is not None:
                penalty = self.gradient_penalty(self.discriminator, real, label, around)
                values["gradient_penalty"] = penalty = tf.cast(penalty, loss.dtype)
                total = loss + self.gradient_penalty.weight * penalty
            scaled = self.d_optimizer.scale_loss(total / replica_count())
        norm = apply(self.d_optimizer, tape.gradient(scaled, weights), weights, self.clip_norm)
        values["d_loss"], values["score_real"] = loss, tf.reduce_mean(real_score)
        values["score_fake"] = tf.reduce_mean(fake_score)
        means = replica_mean(*values.values())
        return dict(zip(values, means, strict=True), d_gradient_norm=norm)

    def _scores(
        self, real: tf.Tensor, fake: tf.Tensor, label: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Score both batches, each normalised by its own statistics."""
        if not self.joint_passes:
            return (
                self.discriminator(real, label, training=True),
                self.discriminator(fake, label, training=True),
            )
        labels = None if label is None else tf.concat([label, label], 0)
        both = tf.concat([real, fake], 0)
        return tf.split(self.discriminator(both, labels, training=True, parts=2), 2)

    def _generator_gradients(
        self, g_tape: tf.GradientTape, fake: tf.Tensor, label: tf.Tensor | None
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Return G's loss against the current D, and its gradients times the loss scale."""
        # Only the fakes are watched: D's weights need no gradient.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(fake)
            loss = self.objective.generator(self.discriminator(fake, label, training=True))
            scaled = self.g_optimizer.scale_loss(loss / replica_count())
        towards_d = tape.gradient(scaled, fake)
        weights = self.generator.trainable_variables
        return loss, g_tape.gradient(fake, weights, output_gradients=towards_d)

    def _update_generator(
        self, loss: tf.Tensor, gradients: Sequence[tf.Tensor], update: int
    ) -> dict[str, tf.Tensor]:
        """Apply G's gradients and update the EMA of its weights; return its metrics."""
        weights = self.generator.trainable_variables
        norm = apply(self.g_optimizer, gradients, weights, self.clip_norm)
        if self.average is not None:
            updates = self.step.value * self.g_steps + update
            ema.update(self.average, self.generator, self.ema_decay, updates)
        return {"g_loss": replica_mean(loss)[0], "g_gradient_norm": norm}
