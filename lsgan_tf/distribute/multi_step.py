"""Many training steps per call into TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.errors import UserError
from lsgan_tf.gan import GAN

_SECONDS = 1.0  # maximum delay of signal handling, apart from one step
_GROWTH = 8  # maximum factor per call: the first call's time is mostly tracing


class Pace:
    """Number of steps to run between checks for signals: about a second's worth.

    Attributes:
      steps: the number of steps, initially 1.
    """

    def __init__(self) -> None:
        self.steps = 1

    def note(self, steps: int, seconds: float) -> None:
        """Update `steps` from a measured call, whose time may include tracing."""
        fitting = int(steps * _SECONDS / max(seconds, 1e-9))
        self.steps = min(max(fitting, 1), _GROWTH * steps)


def make_run_steps(
    gan: GAN, strategy: tf.distribute.Strategy, *, jit_compile: bool, stop_at_bad: bool
) -> Callable[..., tuple[tf.Tensor, ...]]:
    """Make a function that runs several training steps without returning to Python.

    Args:
      gan: the model, built in the strategy's scope.
      strategy: the devices.
      jit_compile: whether to compile a replica's step with XLA.
      stop_at_bad: whether to stop after the first step with a non-finite metric.

    Returns:
      `run_steps(data, count, sums)`, which consumes `count` batches and returns the sums of
      the metrics over finite steps (float64, added to `sums` if given), the metrics of the
      last step, the number of steps done, how many of them were non-finite, and how many
      non-finite steps in a row end the call.
    """
    # Philox gives different numbers under XLA, so its noise is drawn outside compiled code.
    apart = gan.noise_generator == "philox"
    compiled = tf.function(
        gan.update if apart else gan.train_step, jit_compile=True, autograph=False
    )

    # Keras traces train_step without AutoGraph too; converting its source takes seconds.
    @tf.autograph.experimental.do_not_convert
    def step(data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        if not jit_compile:
            return strategy.run(gan.train_step, args=(data,))
        # XLA runs on one replica only, so its noise is that of the global batch.
        if not apart:
            return strategy.run(compiled, args=(data,))
        (examples,) = strategy.experimental_local_results(data[0])
        return strategy.run(compiled, args=(*data, *gan.draw_noise(examples.shape[2:])))

    # Moving averages of batch normalisation; only the code below keeps them finite.
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
            # Metrics are of the global batch, hence equal on all replicas.
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
                for average, finite in zip(averages, before, strict=True):
                    average.assign(tf.where(tf.math.is_finite(average), average, finite))
        return sums, last, done, bad, bad_at_end

    return run_steps


def check_replicas(config: Config, strategy: tf.distribute.Strategy) -> None:
    """Check that the batch divides evenly among the replicas, and that XLA can compile for them.

    Raises:
      UserError: if it does not, or if XLA is requested for several replicas.
    """
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        down = max(config.batch_size // replicas, 1) * replicas
        raise UserError(
            f"--batch_size={config.batch_size} does not divide over {replicas} replicas; use "
            f"--batch_size={down}, or another number of --devices"
        )
    if config.jit_compile == "on" and replicas > 1:
        raise UserError(
            f"--jit_compile=on works on one replica only and there are {replicas}; use "
            "--jit_compile=off"
        )


def uses_xla(config: Config, strategy: tf.distribute.Strategy) -> bool:
    """Whether to compile the step with XLA.

    `jit_compile="auto"` means yes on one GPU, and on one CPU device for the mixture's small
    dense networks; XLA makes convolutions on a CPU many times slower.
    """
    if config.jit_compile != "auto":
        return config.jit_compile == "on"
    on_gpu = "GPU" in strategy.extended.worker_devices[0]
    return strategy.num_replicas_in_sync == 1 and (on_gpu or config.network == "mixture")
