"""Many training steps in one call, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.errors import UserError
from lsgan_tf.gan import GAN

_SECONDS = 1.0  # that a signal may wait, beside one step
_GROWTH = 8  # times the steps before: the first piece's time is that of tracing


class Pace:
    """How many steps to take before signals are looked at: what takes about a second.

    Attributes:
      steps: that number; 1 at first.
    """

    def __init__(self) -> None:
        self.steps = 1

    def note(self, steps: int, seconds: float) -> None:
        """Takes into account that so many steps took so long, tracing perhaps included."""
        fitting = int(steps * _SECONDS / max(seconds, 1e-9))
        self.steps = min(max(fitting, 1), _GROWTH * steps)


def make_run_steps(
    gan: GAN, strategy: tf.distribute.Strategy, *, jit_compile: bool, stop_at_bad: bool
) -> Callable[..., tuple[tf.Tensor, ...]]:
    """Makes the function that trains for several steps without returning to Python.

    Args:
      gan: the model, built in the strategy's scope.
      strategy: the devices.
      jit_compile: compile a replica's step with XLA.
      stop_at_bad: stop after the first step with a value that is not finite.

    Returns:
      `run_steps(data, count, sums)`: takes `count` batches, returns the sums of the
      metrics over sound steps (float64, begun at `sums`, or 0 if not given), the metrics
      of the last step, the steps done, how many were bad, and how many bad ones stand at
      the end.
    """
    # Philox gives other numbers in XLA: such noise is drawn outside what is compiled.
    apart = gan.noise_generator == "philox"
    compiled = tf.function(
        gan.update if apart else gan.train_step, jit_compile=True, autograph=False
    )

    # Keras traces a train_step without AutoGraph too; translating its source takes seconds.
    @tf.autograph.experimental.do_not_convert
    def step(data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        if not jit_compile:
            return strategy.run(gan.train_step, args=(data,))
        # XLA works on one replica, whose noise is that of the whole batch.
        if not apart:
            return strategy.run(compiled, args=(data,))
        (examples,) = strategy.experimental_local_results(data[0])
        return strategy.run(compiled, args=(*data, *gan.draw_noise(examples.shape[2:])))

    # The moving averages of batch normalisation: nothing else keeps bad values out of them.
    averages = [variable.value for variable in gan.non_trainable_variables if variable.shape.rank]

    @tf.function(reduce_retracing=True)
    def run_steps(
        data: tf.distribute.DistributedIterator, count: tf.Tensor, sums: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, ...]:
        if sums is None:
            sums = tf.zeros(len(gan.measured), tf.float64)
        last = tf.zeros(len(gan.measured), tf.float32)
        done, bad, bad_at_end = (tf.zeros((), tf.int64) for _ in range(3))
        while done < count and not (stop_at_bad and bad > 0):
            before = [tf.identity(average) for average in averages]
            metrics = step(next(data))
            # Metrics are of the global batch, so every replica has the same.
            last = tf.stack(
                [
                    tf.cast(strategy.experimental_local_results(metrics[name])[0], tf.float32)
                    for name in gan.measured
                ]
            )
            done += 1
            if tf.reduce_all(tf.math.is_finite(last)):
                sums += tf.cast(last, tf.float64)
                bad_at_end = tf.zeros((), tf.int64)
            else:
                bad += 1
                bad_at_end += 1
                for average, sound in zip(averages, before, strict=True):
                    average.assign(tf.where(tf.math.is_finite(average), average, sound))
        return sums, last, done, bad, bad_at_end

    return run_steps


def check_replicas(config: Config, strategy: tf.distribute.Strategy) -> None:
    """Refuses a batch that cannot be cut into equal slices.

    Raises:
      UserError: if the replicas do not divide the batch.
    """
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        down = max(config.batch_size // replicas, 1) * replicas
        raise UserError(
            f"--batch_size={config.batch_size} does not divide over {replicas} replicas; use "
            f"--batch_size={down}, or another number of --devices"
        )


def uses_xla(config: Config, strategy: tf.distribute.Strategy) -> bool:
    """Whether the step is compiled with XLA.

    By itself it is on one GPU, where it fuses, and for the mixture's small dense
    networks on one CPU device; convolutions on a CPU are many times slower with it.

    Raises:
      UserError: if it is asked for on several replicas, where TensorFlow cannot.
    """
    replicas = strategy.num_replicas_in_sync
    if config.jit_compile == "on" and replicas > 1:
        raise UserError(
            f"--jit_compile=on works on one replica only and there are {replicas}; use "
            "--jit_compile=off"
        )
    if config.jit_compile != "auto":
        return config.jit_compile == "on"
    on_gpu = "GPU" in strategy.extended.worker_devices[0]
    return replicas == 1 and (on_gpu or config.network == "mixture")
