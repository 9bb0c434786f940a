"""Choice between minimal filtering (`winograd`) and TensorFlow for each convolution.

Minimal filtering is only used where it was measured to be faster: see docs/performance.md.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Literal

import tensorflow as tf

from lsgan_tf.networks.ops.winograd import Convolution
from lsgan_tf.util import cpu

Processor = Literal["avx2", "avx512"]
"""The widest vector extension of an x86 processor."""

_MIN_IMAGES = 8
_MIN_GAIN = {"avx2": 80.0, "avx512": 115.0}
_TILES = (4, 3, 2, 1)  # larger tiles have larger rounding errors


def faster(
    image: Sequence[int | None],
    result: Sequence[int | None],
    kernel_size: int,
    strides: int,
    tensor: tf.Tensor,
) -> Convolution | None:
    """Return an algorithm that is faster than TensorFlow's convolution, or None.

    Called while a graph is built, when the device of the operation is known.

    Args:
      image: input shape, (n, height, width, channels), or output shape of a transposed convolution;
        None for unknown sizes.
      result: output shape, (n, height, width, filters), or input shape of a transposed convolution.
      kernel_size: height and width of the kernel.
      strides: stride along both axes.
      tensor: the input, with the dtype and on the device of the computation.
    """
    processor = _processor()
    if processor is None or tensor.dtype != tf.float32 or not _on_cpu(tensor.device):
        return None
    return algorithm(image, result, kernel_size, strides, processor)


def algorithm(
    image: Sequence[int | None],
    result: Sequence[int | None],
    kernel_size: int,
    strides: int,
    processor: Processor,
) -> Convolution | None:
    """Return the algorithm that was measured to be faster for these shapes in float32, or None.

    The transforms access memory once per product and channel; the products take one multiplication
    per input and output channel. The gain is therefore the fraction of multiplications saved times
    the harmonic mean of the channels. It must exceed a bound, which is higher where arithmetic is
    faster. Small batches do not amortise the transform of the kernel.

    Args:
      image: as in `faster`.
      result: as in `faster`.
      kernel_size: as in `faster`.
      strides: as in `faster`.
      processor: vector extension of the processor.
    """
    (count, height, width, channels), (_, rows, columns, filters) = image, result
    if count is not None and count < _MIN_IMAGES:
        return None
    if height is None or width is None or channels is None:
        return None
    if rows is None or columns is None or filters is None:
        return None
    largest = max(rows, columns)
    found = min(
        (Convolution(height, width, kernel_size, strides, min(tile, largest)) for tile in _TILES),
        key=lambda candidate: candidate.products,
    )
    saved = 1 - found.products / (rows * columns * kernel_size**2)
    gain = saved * 2 * channels * filters / (channels + filters)
    return found if gain >= _MIN_GAIN[processor] else None


def _on_cpu(device: str | None) -> bool:
    kind = tf.DeviceSpec.from_string(device or "").device_type
    if kind is None:  # TensorFlow will place it on a GPU if there is one
        return not tf.config.list_logical_devices("GPU")
    return kind == "CPU"


@functools.cache
def _processor() -> Processor | None:
    """Return the vector extension of this processor; None if it was not measured."""
    instructions = cpu.instructions() or frozenset()
    if "avx512f" in instructions:
        return "avx512"
    return "avx2" if "avx2" in instructions else None
