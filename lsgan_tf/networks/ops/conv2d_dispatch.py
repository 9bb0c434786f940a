"""Where a convolution is computed by minimal filtering (`winograd`), and where by TensorFlow.

Where it was measured to be faster, and nowhere else: see docs/performance.md.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import tensorflow as tf

from lsgan_tf.networks.ops.winograd import Convolution

Processor = Literal["avx2", "avx512"]
"""The widest vectors of an x86 processor."""

_LEAST_IMAGES = 8
_LEAST_GAIN = {"avx2": 80.0, "avx512": 115.0}
_TILES = (4, 3, 2, 1)  # larger ones round worse


def faster(
    image: Sequence[int | None],
    result: Sequence[int | None],
    kernel_size: int,
    strides: int,
    tensor: tf.Tensor,
) -> Convolution | None:
    """The algorithm that is faster than TensorFlow's convolution; None if there is none.

    Asked while a graph is built, where the device of the operation is known.

    Args:
      image: shape of the convolution's image, (n, height, width, channels); for a transposed
        convolution that is its output. None is a size that is not known yet.
      result: shape of the convolution's result, (n, height, width, filters); for a transposed
        convolution its input.
      kernel_size: side of its kernel.
      strides: the convolution's.
      tensor: what is given to it; of its dtype, and on the device that will compute it.
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
    """The algorithm that was measured to be faster for such shapes in float32, if any.

    The transforms read and write a number per product and channel; the products take a
    multiplication for each of these and each channel on the other side. So what is saved, the
    fraction of direct convolution's products, pays in proportion to the channels (their harmonic
    mean): the product of both has to exceed a bound, which is higher where arithmetic is faster.
    Small batches do not repay the kernel's transform.

    Args:
      image: as in `faster`.
      result: as in `faster`.
      kernel_size: as in `faster`.
      strides: as in `faster`.
      processor: that computes it.
    """
    count, height, width, channels = image
    if None in (height, width) or (count is not None and count < _LEAST_IMAGES):
        return None
    filters = result[3]
    largest = max(result[1:3])
    found = min(
        (Convolution(height, width, kernel_size, strides, min(tile, largest)) for tile in _TILES),
        key=lambda candidate: candidate.products,
    )
    saved = 1 - found.products / (result[1] * result[2] * kernel_size**2)
    gain = saved * 2 * channels * filters / (channels + filters)
    return found if gain >= _LEAST_GAIN[processor] else None


def _on_cpu(device: str | None) -> bool:
    kind = tf.DeviceSpec.from_string(device or "").device_type
    if kind is None:  # TensorFlow will choose, and takes a GPU if there is one
        return not tf.config.list_logical_devices("GPU")
    return kind == "CPU"


@functools.cache
def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Processor | None:
    """Which of the x86 processors that were measured this is; None for others and if unknown."""
    if not cpuinfo.is_file():
        return None
    words = set(cpuinfo.read_text(encoding="utf-8", errors="replace").split())
    if "avx512f" in words:
        return "avx512"
    return "avx2" if "avx2" in words else None
