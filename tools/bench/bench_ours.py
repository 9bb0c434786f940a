"""This package's training step as a contestant: model, input pipeline and training loop."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

import bench_nets
from bench_turns import cpu_seconds

if TYPE_CHECKING:
    import flops as operations
    import tensorflow as tf

    from lsgan_tf.config import Config
    from lsgan_tf.networks.base import Network

# Duration of a measurement of the peak, after a warm-up call.
_PEAK_SECONDS = 0.5


class Product:
    """Training as by `lsgan_tf.main`, on random images.

    Args:
      net: one of `bench_nets.NETS`.
      precision: see `--precision`.
      devices: see `--devices`.
      batch_size: global batch size.
      small: whether to use narrow networks, to test the tool.
      convolution: see `--convolution`.
    """

    def __init__(
        self,
        *,
        net: str,
        precision: str,
        devices: str,
        batch_size: int,
        small: bool,
        convolution: str = "auto",
    ) -> None:
        from lsgan_tf.util.tensorflow_setup import import_tensorflow

        import_tensorflow()
        import keras
        import tensorflow as tf

        from lsgan_tf.build import build_gan
        from lsgan_tf.data.pipeline import Batches
        from lsgan_tf.distribute.cluster import from_environment
        from lsgan_tf.distribute.devices import make_strategy
        from lsgan_tf.distribute.multi_step import check_replicas, make_run_steps, uses_xla
        from lsgan_tf.networks import flops as operations

        start = time.perf_counter()
        self.config = bench_nets.config(
            net,
            precision=precision,
            batch_size=batch_size,
            small=small,
            convolution=convolution,
        )
        strategy = make_strategy(devices, from_environment())
        check_replicas(self.config, strategy)
        replicas = strategy.num_replicas_in_sync
        keras.utils.set_random_seed(self.config.seed)
        with strategy.scope():
            self.gan = build_gan(self.config, synchronized=replicas > 1)
        source = bench_nets.random_examples(self.config.data_shape, self.config.data_classes)
        batches = Batches(source, batch_size=batch_size, draws=self.config.d_steps, seed=0)
        self._data = iter(batches.distribute(strategy, 0))
        xla = uses_xla(self.config, strategy)
        self._run_steps = make_run_steps(
            self.gan, strategy, jit_compile=xla, stop_at_bad=precision != "float16"
        )
        self._peak = None
        self.burst(1)
        networks = (self.gan.generator, self.gan.discriminator)
        algorithm = _algorithm(self.config, strategy)
        self.facts = {
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "operations": operations.training_step(*networks, batch_size=batch_size),
            "performed": operations.training_step(*networks, batch_size=batch_size,
                                                  algorithm=algorithm),
            "parameters": [sum(w.shape.num_elements() for w in n.trainable_variables)
                           for n in networks],
            "batch_size": batch_size,
            "replicas": replicas,
            "xla": xla,
            "seconds_to_first_step": time.perf_counter() - start,
        }  # fmt: skip

    def burst(self, steps: int) -> None:
        """Run steps, `--steps_per_call` per call, as the training loop does."""
        import tensorflow as tf

        while steps:
            count = min(steps, self.config.steps_per_call)
            result = self._run_steps(self._data, tf.constant(count, tf.int64))
            sums, _, done, bad, _ = (value.numpy() for value in result)
            if bad or done != count:
                raise ArithmeticError(f"a step was not finite: {sums}")
            steps -= count

    def peak(self) -> dict[str, float]:
        """Measure floating-point operations per second of a large matrix product or convolution.

        Returns:
          "clock" and "cpu": the better of the two, per second of wall time and of CPU time.
        """
        if self._peak is None:
            self._peak = _peak_functions(self.config.precision)
        best = {"clock": 0.0, "cpu": 0.0}
        for function, operations in self._peak:
            function().numpy()
            clock, cpu, times = time.perf_counter(), cpu_seconds(), 0
            while time.perf_counter() - clock < _PEAK_SECONDS:
                function().numpy()
                times += 1
            done = operations * times
            best["clock"] = max(best["clock"], done / (time.perf_counter() - clock))
            best["cpu"] = max(best["cpu"], done / max(cpu_seconds() - cpu, 1e-9))
        return best


prepare = Product


def _algorithm(config: Config, strategy: tf.distribute.Strategy) -> operations.Algorithm | None:
    """Return the convolution algorithm of training on these devices; None if all are direct."""
    from lsgan_tf.networks.ops import conv2d_dispatch

    processor = conv2d_dispatch._processor()
    on_cpu = "CPU" in strategy.extended.worker_devices[0]
    if processor is None or not on_cpu or config.precision != "float32":
        return None
    if config.convolution == "direct":
        return None
    return functools.partial(conv2d_dispatch.algorithm, processor=processor)


def needed(
    generator: Network, discriminator: Network, *, batch_size: int, bytes_each: int
) -> dict[str, int]:
    """Compute the minimum memory in bytes of D's update, which needs the most.

    Args:
      generator: G.
      discriminator: D.
      batch_size: examples per update.
      bytes_each: size of an element of a layer's output.
    """
    from lsgan_tf.networks import flops as operations

    weights = [
        sum(weight.shape.num_elements() for weight in network.trainable_variables)
        for network in (generator, discriminator)
    ]
    outputs = [
        sum(layer.outputs for layer in operations.count(network))
        for network in (generator, discriminator)
    ]
    return {
        "weights": 4 * sum(weights),
        "Adam's averages": 2 * 4 * sum(weights),
        "gradients": 4 * max(weights),
        "outputs of layers": bytes_each * batch_size * (outputs[0] + 2 * outputs[1]),
    }


def _peak_functions(precision: str) -> list[tuple[Any, float]]:
    """Return a matrix product and a 3x3 convolution, with their numbers of operations."""
    import tensorflow as tf

    dtype = {"float32": tf.float32, "bfloat16": tf.bfloat16, "float16": tf.float16}[precision]
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    side, repeats = (8192, 8) if on_gpu else (2048, 1)
    batch, channels = (256, 512) if on_gpu else (32, 256)
    square = tf.cast(tf.random.normal((side, side)), dtype)
    image = tf.cast(tf.random.normal((batch, 28, 28, channels)), dtype)
    kernel = tf.cast(tf.random.normal((3, 3, channels, channels)), dtype)

    # A value is read back to wait for a GPU.
    @tf.function(autograph=False)
    def product() -> tf.Tensor:
        x = square
        for _ in range(repeats):
            x = tf.matmul(x, square)
        return tf.cast(x[0, 0], tf.float32)

    @tf.function(autograph=False)
    def convolution() -> tf.Tensor:
        x = image
        for _ in range(repeats):
            x = tf.nn.conv2d(x, kernel, 1, "SAME")
        return tf.cast(x[0, 0, 0, 0], tf.float32)

    of_product = 2.0 * side**3 * repeats
    of_convolution = 2.0 * batch * 28 * 28 * 9 * channels**2 * repeats
    return [(product, of_product), (convolution, of_convolution)]
