"""Where the kernel's gradient is taken by a way of our own (`convolution_gradient`).

Where it was measured to be faster, and nowhere else: see docs/performance.md.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from lsgan_tf.convolution_gradient import Convolution, Way

_LEAST_IMAGES = 8  # in a batch
# Dilated: channels on both sides of the kernel, and pixels along a side of the result.
_LEAST_DILATED = 128
_LARGEST_DILATED = 14
# Channels first: the same.
_CHANNELS_FIRST = 64
_LEAST_FIRST = 28


def faster(
    image: Sequence[int | None],
    result: Sequence[int | None],
    kernel_size: int,
    strides: int,
    tensor: tf.Tensor,
) -> Convolution | None:
    """A convolution whose kernel's gradient is faster than TensorFlow's, None if there is none.

    Asked while a graph is built, that is where the graph wants the operation to be.

    Args:
      image: shape of the convolution's image, (n, height, width, channels); for a transposed
        convolution that is its output. None is a size that is not known yet.
      result: shape of the convolution's result, (n, height, width, filters); for a transposed
        convolution its input.
      kernel_size: side of its kernel.
      strides: the convolution's.
      tensor: what is given to it; of its dtype, and on the device that will compute it.
    """
    found = way(image, result, kernel_size, strides, tensor.dtype)
    if found is None or not (_on_cpu(tensor.device) and _without_avx512()):
        return None
    if found == "channels_first" and not _takes_channels_first():
        return None
    return Convolution(image[1], image[2], kernel_size, strides, found)


def way(
    image: Sequence[int | None],
    result: Sequence[int | None],
    kernel_size: int,
    strides: int,
    dtype: tf.DType | str,
) -> Way | None:
    """The way that was measured to be the fastest for such shapes; None is TensorFlow's own.

    The images of a batch and the pixels of the result are what is added up. A dilated
    convolution wants many of the first: a large result is a large kernel to slide over and a
    large image to copy, and with few channels that is not repaid; nor was it always at
    stride 1. There channels first is faster if the kernel is small.

    Args:
      image: as in `faster`.
      result: as in `faster`.
      kernel_size: as in `faster`.
      strides: as in `faster`.
      dtype: of image and result.
    """
    count, *sides = image[:3]
    sides += result[1:3]
    if (
        None in sides
        or tf.as_dtype(dtype) != tf.float32
        or strides != 2
        or (count is not None and count < _LEAST_IMAGES)
    ):
        return None
    channels, size = min(image[3], result[3]), max(result[1:3])
    if size <= _LARGEST_DILATED and channels >= _LEAST_DILATED:
        return "dilated"
    if kernel_size == 3 and size >= _LEAST_FIRST and channels >= _CHANNELS_FIRST:
        return "channels_first"
    return None


def _on_cpu(device: str | None) -> bool:
    kind = tf.DeviceSpec.from_string(device or "").device_type
    if kind is None:  # TensorFlow will choose, and takes a GPU if there is one
        return not tf.config.list_logical_devices("GPU")
    return kind == "CPU"


@functools.cache
def _without_avx512(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this is an x86 processor with AVX2 but not AVX-512; False if unknown."""
    if not cpuinfo.is_file():
        return False
    words = set(cpuinfo.read_text(encoding="utf-8", errors="replace").split())
    return "avx2" in words and "avx512f" not in words


@functools.cache
def _takes_channels_first() -> bool:
    """Whether TensorFlow computes with oneDNN, whose kernels alone take channels first on a CPU."""

    @tf.function
    def attempt() -> tf.Tensor:
        return Convolution(2, 2, 1, 2, "channels_first").for_kernel(
            tf.ones((1, 2, 2, 1)), tf.ones((1, 1, 1, 1))
        )

    try:
        with tf.init_scope(), tf.device("CPU:0"):
            attempt()
    except tf.errors.OpError:
        return False
    return True
