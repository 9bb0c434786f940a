"""Gradient penalty of LSGANs-GP (Mao et al., TPAMI 2019), based on DRAGAN.

Penalises the deviation from 1 of the norm of D's input gradient near the data:

    x_hat = x + alpha (x_pert - x),   x_pert = x + c u,   alpha ~ U(0, 1),   u ~ U[0, 1)
    penalty = E[(||grad_x D(x_hat)||_2 - 1)^2]

with one alpha per example and one u per pixel, drawn at every step as in the paper. (The authors'
code draws the noise once, when it builds its graph.)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import keras
import tensorflow as tf

STREAM = 1 << 16
"""Stream of the penalty's noise for the first draw of a step (`lsgan_tf.noise`)."""

_MIN_SQUARED_NORM = 1e-24  # the square root is not differentiable at 0


@keras.saving.register_keras_serializable(package="lsgan_tf")
@dataclasses.dataclass(frozen=True)
class GradientPenalty:
    """Gradient penalty of the discriminator.

    Attributes:
      weight: lambda, the weight of the penalty relative to an objective of half means. The authors'
        150 is relative to sums over 64 examples: 150 / 64 = 2.34 here.
      scale: c, the maximum perturbation added to a pixel, in the pixel range of the networks.
    """

    weight: float
    scale: float = 30.0

    def get_config(self) -> dict[str, float]:
        """Return both attributes."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, float]) -> GradientPenalty:
        """Create a penalty from the result of `get_config`."""
        return cls(**config)

    def __call__(
        self,
        discriminator: Callable[..., tf.Tensor],
        real: tf.Tensor,
        label: tf.Tensor | None,
        noise: tf.Tensor,
    ) -> tf.Tensor:
        """Compute the unweighted penalty around real examples.

        Args:
          discriminator: called as `(examples, label, training=True)`. The score of an example must
            not depend on the others in the batch, as it does with batch normalisation.
          real: float32, `(n, ...)`.
          label: integers, `(n,)`, or None.
          noise: float32 in [-1, 1), `(n, numbers_drawn(shape of an example))`.

        Returns:
          A float32 scalar, at least 0; its gradient reaches the discriminator's weights.
        """
        near = perturbed(real, noise, self.scale)
        # At norm 1 the components of the gradient are about 1 / magnitude and would lose precision
        # in float16: scaled by magnitude they stay near 1.
        magnitude = 2.0 ** round(0.5 * math.log2(math.prod(real.shape[1:])))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(near)
            # Scores are independent, so the gradient of their sum contains all gradients.
            score = magnitude * tf.reduce_sum(discriminator(near, label, training=True))
        gradient = tf.cast(tape.gradient(score, near), tf.float32) / magnitude
        squares = tf.reduce_sum(tf.square(gradient), axis=list(range(1, len(gradient.shape))))
        norms = tf.sqrt(tf.maximum(squares, _MIN_SQUARED_NORM))
        return tf.reduce_mean(tf.square(norms - 1.0))


def numbers_drawn(shape: tuple[int, ...]) -> int:
    """Return the number of random numbers that `perturbed` uses for an example of this shape."""
    return 1 + math.prod(shape)


def perturbed(real: tf.Tensor, noise: tf.Tensor, scale: float) -> tf.Tensor:
    """Interpolate between examples and their perturbed copies: x_hat.

    Args:
      real: float32, `(n, ...)`.
      noise: float32 in [-1, 1), `(n, numbers_drawn(...))`: alpha first, then u.
      scale: c, the maximum perturbation.
    """
    uniform = 0.5 * (noise + 1.0)
    alpha, pixels = uniform[:, :1], uniform[:, 1:]
    return real + tf.reshape(scale * alpha * pixels, (-1, *real.shape[1:]))
