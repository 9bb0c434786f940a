"""The gradient penalty of LSGANs-GP (Mao et al., TPAMI 2019), after DRAGAN.

D's gradient with respect to its input is asked to have norm 1 near the data:

    x_hat = x + alpha (x_pert - x),   x_pert = x + c u,   alpha ~ U(0, 1),   u ~ U[0, 1)
    penalty = E[(||grad_x D(x_hat)||_2 - 1)^2]

with one alpha for each example and a u for each of its numbers, drawn anew at every step, as the
paper means it. (The authors' code draws one tensor of noise when it builds its graph and keeps it
for the whole run.)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf

STREAM = 1 << 16
"""Stream of the penalty's noise for the first draw of a step (`lsgan_tf.noise`)."""

_LEAST_SQUARE = 1e-24  # of a norm: the square root has no derivative at 0


@dataclasses.dataclass(frozen=True)
class GradientPenalty:
    """How D's gradient is penalised.

    Attributes:
      weight: lambda, by which the penalty is multiplied beside an objective of half means. The
        authors' 150 stands beside sums over 64 examples: 150 / 64 = 2.34 here.
      scale: c, the most that is added to a number of an example, in the range that the networks
        see: pictures lie in the generator's.
    """

    weight: float
    scale: float = 30.0

    def __call__(
        self,
        discriminator: Callable[..., tf.Tensor],
        real: tf.Tensor,
        label: tf.Tensor | None,
        noise: tf.Tensor,
    ) -> tf.Tensor:
        """The penalty, not yet weighted, around some real examples.

        Args:
          discriminator: called as `(examples, label, training=True)`. It must score each example by
            itself: with batch normalisation the gradient would be that of the whole batch.
          real: float32, `(n, ...)`.
          label: integers, `(n,)`, or None.
          noise: float32 in [-1, 1), `(n, numbers_drawn(shape of an example))`.

        Returns:
          A float32 scalar, at least 0; its gradient reaches the discriminator's weights.
        """
        near = perturbed(real, noise, self.scale)
        # The gradient's numbers are about 1 / magnitude where the norm is 1. On their way back
        # through float16 they would lose digits: multiplied by that they stay near 1.
        magnitude = 2.0 ** round(0.5 * math.log2(math.prod(real.shape[1:])))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(near)
            # Scores of a batch do not depend on one another, so one gradient holds them all.
            score = magnitude * tf.reduce_sum(discriminator(near, label, training=True))
        gradient = tf.cast(tape.gradient(score, near), tf.float32) / magnitude
        squares = tf.reduce_sum(tf.square(gradient), axis=list(range(1, len(gradient.shape))))
        norms = tf.sqrt(tf.maximum(squares, _LEAST_SQUARE))
        return tf.reduce_mean(tf.square(norms - 1.0))


def numbers_drawn(shape: tuple[int, ...]) -> int:
    """How many random numbers `perturbed` takes for one example of a shape."""
    return 1 + math.prod(shape)


def perturbed(real: tf.Tensor, noise: tf.Tensor, scale: float) -> tf.Tensor:
    """The points x_hat between examples and their perturbed copies.

    Args:
      real: float32, `(n, ...)`.
      noise: float32 in [-1, 1), `(n, numbers_drawn(...))`: alpha first, then u.
      scale: c.
    """
    uniform = 0.5 * (noise + 1.0)
    alpha, pixels = uniform[:, :1], uniform[:, 1:]
    return real + tf.reshape(scale * alpha * pixels, (-1, *real.shape[1:]))
