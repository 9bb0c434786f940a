"""Optimisers with the paper's constants, fed with gradients that are already global.

Under `tf.distribute` Keras's optimisers add the replicas' gradients while they apply them. Here the
sum comes first (`global_gradients`), since clipping, norms and the float16 loss scale must look at
the global gradient; `already_summed` has an optimiser leave it out.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from lsgan_tf.util.keras_state import neutral


class Adam(keras.optimizers.Adam):
    """Adam in one pass over memory.

    The formula is Keras's own; TensorFlow's kernel reads and writes each weight and its two
    averages once, where Keras makes a tensor at every operation.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Updates one variable and its averages in place."""
        index, dtype = self._get_variable_index(variable), variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, dtype), step),
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


class RMSProp(keras.optimizers.RMSprop):
    """RMSProp as TensorFlow 1 has it: the mean squares begin at 1, Keras's at 0.

    From 0 the first update of every weight has the length learning_rate / sqrt(1 - rho), three
    learning rates, however small its gradient is; from 1 the first updates are small and grow over
    some 1 / (1 - rho) steps.
    """

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the mean squares, once, and sets them to 1."""
        built = self.built
        super().build(variables)
        if not built:
            for square in self._velocities:
                square.assign(tf.ones(square.shape, square.dtype))


def already_summed(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Has an optimiser, and one inside it, leave out the sum over replicas; returns it."""
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables
    if inner := getattr(optimizer, "inner_optimizer", None):
        already_summed(inner)
    return optimizer


@neutral()
def make_optimizer(
    name: str,
    learning_rate: float,
    *,
    beta1: float = 0.5,
    beta2: float = 0.999,
    rho: float = 0.9,
    epsilon: float | None = None,
    loss_scaling: bool = False,
) -> keras.optimizers.Optimizer:
    """An optimiser as the authors' TensorFlow 1 had it.

    Args:
      name: "adam" or "rmsprop".
      learning_rate: step size.
      beta1: Adam's decay of the mean gradient.
      beta2: Adam's decay of the mean square.
      rho: RMSProp's decay of the mean square, which begins at 1.
      epsilon: None is TensorFlow 1's default: 1e-8 for Adam, 1e-10 for RMSProp.
      loss_scaling: for float16: scale the loss, skip steps that overflow.

    Raises:
      ValueError: for another name.
    """
    if name == "adam":
        optimizer = Adam(
            learning_rate, beta_1=beta1, beta_2=beta2, epsilon=1e-8 if epsilon is None else epsilon
        )
    elif name == "rmsprop":
        optimizer = RMSProp(learning_rate, rho=rho, epsilon=1e-10 if epsilon is None else epsilon)
    else:
        raise ValueError(f"Expected adam or rmsprop. Received: {name!r}")
    return keras.optimizers.LossScaleOptimizer(optimizer) if loss_scaling else optimizer


def global_gradients(gradients: Sequence[tf.Tensor | tf.IndexedSlices]) -> list[tf.Tensor]:
    """Adds up the replicas' gradients; call in replica context.

    Rows of a lookup table come as slices and are made dense, so that the result equals the paper's
    linear map of a one-hot vector.
    """
    dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return dense
    return context.all_reduce(tf.distribute.ReduceOp.SUM, dense)


def global_norm(gradients: Sequence[tf.Tensor], scale: tf.Tensor | float = 1.0) -> tf.Tensor:
    """Euclidean norm of all gradients together, each divided by `scale`: a float32 scalar."""
    return tf.linalg.global_norm([tf.cast(gradient, tf.float32) for gradient in gradients]) / scale


def apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | tf.IndexedSlices],
    weights: Sequence[keras.Variable],
    clip_norm: float = 0.0,
) -> tf.Tensor:
    """Applies the sum of all replicas' gradients; call in replica context.

    Args:
      optimizer: whose `scale_loss` the gradients went through; see `already_summed`.
      gradients: this replica's, one for each weight.
      weights: what they are applied to.
      clip_norm: largest norm of the sum, above which it is shortened; 0 does not clip.

    Returns:
      The norm of the sum before clipping: a float32 scalar.
    """
    gradients = global_gradients(gradients)
    # With a loss scale the gradients are still multiplied by it.
    norm = global_norm(gradients, optimizer.scale_loss(tf.ones(())))
    if clip_norm:
        # A norm that is not finite is left to show itself, not clipped away.
        factor = tf.minimum(1.0, clip_norm / tf.maximum(norm, 1e-30))
        gradients = [gradient * tf.cast(factor, gradient.dtype) for gradient in gradients]
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # A bad gradient must not reach the weights: the run stops after this step
        # and says which layers went bad. The branches cost nothing when all is well.
        gradients = tf.cond(
            tf.math.is_finite(norm),
            lambda: gradients,
            lambda: [tf.zeros_like(gradient) for gradient in gradients],
        )
    optimizer.apply(gradients, weights)
    return norm
