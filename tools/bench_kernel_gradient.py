"""Measures the gradient for a convolution's kernel: TensorFlow's own, and as a dilated convolution.

    python tools/bench_kernel_gradient.py --nets=hwdb,cifar10

A row for every shape of a convolution in the networks, in float32 on the CPU: medians of calls
that alternate, and what the rule in lsgan_tf/convolution_rule.py says of the shape. The rule was
made from this table on one processor; this is how to see whether it holds on another.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import bench_nets
from absl import flags
from bench_turns import cpu_seconds

from lsgan_tf.binary import import_tensorflow, run
from lsgan_tf.errors import UserError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

_NETS = flags.DEFINE_list("nets", list(bench_nets.NETS), f"some of {', '.join(bench_nets.NETS)}")
_BATCH = flags.DEFINE_integer("batch_size", 64, "images", lower_bound=1)
_CALLS = flags.DEFINE_integer("calls", 5, "of each way", lower_bound=1)
_SMALL = flags.DEFINE_boolean("small", False, "narrow networks, to try this tool itself")


class Shape(NamedTuple):
    """A convolution, or the one that a transposed convolution is the gradient of."""

    side: int
    channels: int
    filters: int
    kernel_size: int
    strides: int

    @property
    def result(self) -> int:
        """Side of the result."""
        return -(-self.side // self.strides)


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise UserError(f"{argv[1]}: expected flags only (--name=value); see --help")
    if unknown := set(_NETS.value) - set(bench_nets.NETS):
        raise UserError(f"--nets: expected some of {', '.join(bench_nets.NETS)}, got {unknown}")
    import_tensorflow()
    import bench_machine

    from lsgan_tf import networks

    print(bench_machine.in_words(bench_machine.describe()))
    print(
        f"batch {_BATCH.value}; milliseconds of CPU and on the clock\n"
        f"{'image':>14}{'result':>14}{'kernel':>9}{'TF CPU':>9}{'clock':>8}"
        f"{'dilated CPU':>13}{'clock':>8}{'ratio':>7}{'clock':>7}  rule  layers"
    )
    found: dict[Shape, list[str]] = {}
    for net in _NETS.value:
        generator, discriminator = networks.build(bench_nets.config(net, small=_SMALL.value))
        for letter, network in (("G", generator), ("D", discriminator)):
            for name, shape in _convolutions(network):
                found.setdefault(shape, []).append(f"{net} {letter} {name}")
    for shape, names in found.items():
        print(f"{_measured(shape)}  {', '.join(names)}", flush=True)


def _convolutions(network: keras.Model) -> Iterator[tuple[str, Shape]]:
    side = getattr(network, "image_size", 0)
    for row in network.describe():
        layer = network.get_layer(row.name)
        if len(row.shape) != 3 or not hasattr(layer, "kernel_size"):
            continue
        size, _, channels, filters = layer.kernel.shape
        strides = layer.strides if isinstance(layer.strides, int) else layer.strides[0]
        if row.kind.startswith("deconv"):
            yield row.name, Shape(row.shape[0], channels, filters, size, strides)
        else:
            yield row.name, Shape(side, channels, filters, size, strides)
            side = row.shape[0]


def _measured(shape: Shape) -> str:
    import tensorflow as tf

    from lsgan_tf.convolution_gradient import Convolution
    from lsgan_tf.convolution_rule import pays

    side, channels, filters, size, strides = shape
    image = tf.random.normal((_BATCH.value, side, side, channels))
    result = tf.random.normal((_BATCH.value, shape.result, shape.result, filters))
    dilated = Convolution(side, side, size, strides).for_kernel

    def library(image: tf.Tensor, result: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=image,
            filter_sizes=(size, size, channels, filters),
            out_backprop=result,
            strides=(1, strides, strides, 1),
            padding="SAME",
        )

    ways = [
        tf.function(way, autograph=False).get_concrete_function(image, result)
        for way in (library, dilated)
    ]
    (cpu, clock), (other_cpu, other_clock) = _medians([lambda w=w: w(image, result) for w in ways])
    rule = "yes" if pays(image.shape, result.shape, strides, "float32") else "no"
    return (
        f"{f'{side}x{side}x{channels}':>14}{f'{shape.result}x{shape.result}x{filters}':>14}"
        f"{f'{size}x{size} /{strides}':>9}{cpu:9.1f}{clock:8.1f}{other_cpu:13.1f}"
        f"{other_clock:8.1f}{other_cpu / cpu:7.2f}{other_clock / clock:7.2f}{rule:>6}"
    )


def _medians(ways: list[Callable[[], tf.Tensor]]) -> list[tuple[float, float]]:
    """Milliseconds of each, CPU and clock, by turns; the first call of each does not count."""
    times: list[list[tuple[float, float]]] = [[] for _ in ways]
    for call in range(1 + _CALLS.value):
        for way, mine in zip(ways, times, strict=True):
            clock, cpu = time.perf_counter(), cpu_seconds()
            way().numpy()
            if call:
                mine.append((1e3 * (cpu_seconds() - cpu), 1e3 * (time.perf_counter() - clock)))
    return [
        tuple(statistics.median(column) for column in zip(*mine, strict=True)) for mine in times
    ]


if __name__ == "__main__":
    run(main, usage=__doc__)
