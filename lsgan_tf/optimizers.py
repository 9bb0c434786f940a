"""Optimisers with the paper's constants, applied to global gradients.

Under `tf.distribute` Keras optimisers sum the gradients of the replicas when applying them. Here
`global_gradients` sums them first, because clipping, norms and the float16 loss scale need the
global gradient; `already_summed` disables the sum in an optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from lsgan_tf.util.keras_state import neutral


@keras.saving.register_keras_serializable(package="lsgan_tf")
class Adam(keras.optimizers.Adam):
    """Adam with TensorFlow's fused kernel, which accesses memory once.

    Equivalent to `keras.optimizers.Adam`, which creates a tensor at every operation.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update a variable and its moments in place."""
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


@keras.saving.register_keras_serializable(package="lsgan_tf")
class RMSProp(keras.optimizers.RMSprop):
    """RMSProp of TensorFlow 1, which initialises the mean squares with 1 instead of 0.

    With 0, as in Keras, the first update of every weight has size learning_rate / sqrt(1 - rho),
    however small its gradient; with 1, updates start small and grow over about 1 / (1 - rho) steps.
    """

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create the mean squares, initialised with 1."""
        built = self.built
        super().build(variables)
        if not built:
            for square in self._velocities:
                square.assign(tf.ones(square.shape, square.dtype))


def check_optimizers(*optimizers: object) -> None:
    """Check that the arguments are two different Keras optimisers.

    Raises:
      ValueError: if they are not.
    """
    wrong = [each for each in optimizers if not isinstance(each, keras.optimizers.Optimizer)]
    received = repr(wrong[0]) if wrong else "one for both"
    if wrong or optimizers[0] is optimizers[1]:
        raise ValueError(
            "Expected two optimizers, such as lsgan_tf.make_optimizer('adam', 2e-4) twice. "
            f"Received: {received}"
        )


def already_summed(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Disable the sum over replicas in an optimiser and its inner one, and return it."""
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables
    if inner := getattr(optimizer, "inner_optimizer", None):
        already_summed(inner)
    return optimizer


@keras.saving.register_keras_serializable(package="lsgan_tf")
class Falling(keras.optimizers.schedules.LearningRateSchedule):
    """Constant learning rate that falls linearly to 0 over the last updates.

    Args:
      learning_rate: the rate before.
      updates: number of updates until it is 0.
      decay: number of updates over which it falls, at least 1.
    """

    def __init__(self, learning_rate: float, updates: int, decay: int) -> None:
        super().__init__()
        self.learning_rate, self.updates, self.decay = learning_rate, updates, decay

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the rate of the update after `step` updates: a float32 scalar."""
        # Whole numbers above 2^24 are not exact in float32, so the difference comes first.
        left = tf.cast(self.updates - tf.cast(step, tf.int64), tf.float32)
        return self.learning_rate * tf.clip_by_value(left / self.decay, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        names = ("learning_rate", "updates", "decay")
        return {name: getattr(self, name) for name in names}


def falling(learning_rate: float, *, updates: int, decay: int) -> float | Falling:
    """Return a learning rate that falls over the last `decay` of `updates`; constant if 0."""
    return Falling(learning_rate, updates, decay) if decay else learning_rate


@neutral()
def make_optimizer(
    name: str,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    *,
    beta1: float = 0.5,
    beta2: float = 0.999,
    rho: float = 0.9,
    epsilon: float | None = None,
    loss_scaling: bool = False,
) -> keras.optimizers.Optimizer:
    """Create an optimiser with the behaviour of TensorFlow 1.

    Args:
      name: "adam" or "rmsprop".
      learning_rate: learning rate, or its schedule.
      beta1: decay rate of Adam's first moment.
      beta2: decay rate of Adam's second moment.
      rho: decay rate of RMSProp's mean square.
      epsilon: None for TensorFlow 1's default: 1e-8 for Adam, 1e-10 for RMSProp.
      loss_scaling: for float16: scale the loss and skip steps that overflow.

    Raises:
      ValueError: if the name is unknown.
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
    """Sum the gradients of all replicas; call in replica context.

    Indexed slices, the gradients of lookups, are converted to dense tensors, so the result equals
    that of the paper's linear map of a one-hot vector.
    """
    dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return dense
    return context.all_reduce(tf.distribute.ReduceOp.SUM, dense)


def global_norm(gradients: Sequence[tf.Tensor], scale: tf.Tensor | float = 1.0) -> tf.Tensor:
    """Return the global L2 norm of the gradients divided by `scale`: a float32 scalar."""
    return tf.linalg.global_norm([tf.cast(gradient, tf.float32) for gradient in gradients]) / scale


def apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | tf.IndexedSlices | None],
    weights: Sequence[keras.Variable],
    clip_norm: float = 0.0,
) -> tf.Tensor:
    """Sum the gradients of all replicas and apply them; call in replica context.

    Args:
      optimizer: optimiser whose `scale_loss` scaled the loss; see `already_summed`.
      gradients: gradients of this replica, one per weight; None where the loss does not depend
        on the weight.
      weights: the weights to update.
      clip_norm: maximum global norm; 0 disables clipping.

    Returns:
      The global norm before clipping: a float32 scalar.
    """
    pairs = zip(gradients, weights, strict=True)
    gradients = global_gradients([tf.zeros_like(w) if g is None else g for g, w in pairs])
    # The gradients are still multiplied by the loss scale.
    norm = global_norm(gradients, optimizer.scale_loss(tf.ones(())))
    if clip_norm:
        # Clipping does not hide a norm that is not finite.
        factor = tf.minimum(1.0, clip_norm / tf.maximum(norm, 1e-30))
        gradients = [gradient * tf.cast(factor, gradient.dtype) for gradient in gradients]
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # A non-finite gradient must not reach the weights: the run stops after this step and
        # reports the affected layers.
        gradients = tf.cond(
            tf.math.is_finite(norm),
            lambda: gradients,
            lambda: [tf.zeros_like(gradient) for gradient in gradients],
        )
    optimizer.apply(gradients, weights)
    return norm
