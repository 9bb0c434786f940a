"""Where the kernel's gradient is taken by a way of our own (`convolution_gradient`).

Where it was measured to be faster, and nowhere else: see docs/performance.md.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import tensorflow as tf

from lsgan_tf.networks.ops.conv2d_gradient import Convolution, Way

Processor = Literal["avx2", "avx512", "avx512_bf16"]
"""What an x86 processor has at most; `avx512_bf16` has instructions for bfloat16 too."""

_LEAST_IMAGES = 8  # in a batch
# Dilated: channels on both sides of the kernel, and pixels along a side of the result.
_LEAST_DILATED = 128
_LARGEST_DILATED = {
    ("avx2", tf.float32): 14,
    ("avx512", tf.float32): 8,
    ("avx512_bf16", tf.float32): 8,
    ("avx512_bf16", tf.bfloat16): 8,
}
# Channels first: the same.
_CHANNELS_FIRST = 64
_LEAST_FIRST = {("avx2", tf.float32): 28}


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
    processor = _processor()
    if processor is None or not _on_cpu(tensor.device):
        return None
    found = way(image, result, kernel_size, strides, tensor.dtype, processor)
    if found is None:
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
    processor: Processor,
) -> Way | None:
    """The way that was measured to be the fastest for such shapes; None is TensorFlow's own.

    The images of a batch and the pixels of the result are what is added up. A dilated
    convolution wants many of the first: a large result is a large kernel to slide over and a
    large image to copy, and with few channels that is not repaid; nor was it always at
    stride 1. There channels first is faster if the kernel is small, but not with AVX-512.

    Args:
      image: as in `faster`.
      result: as in `faster`.
      kernel_size: as in `faster`.
      strides: as in `faster`.
      dtype: of image and result.
      processor: that computes it.
    """
    measured = processor, tf.as_dtype(dtype)
    count, *sides = image[:3]
    sides += result[1:3]
    if (
        None in sides
        or measured not in _LARGEST_DILATED
        or strides != 2
        or (count is not None and count < _LEAST_IMAGES)
    ):
        return None
    channels, size = min(image[3], result[3]), max(result[1:3])
    if size <= _LARGEST_DILATED[measured] and channels >= _LEAST_DILATED:
        return "dilated"
    large = measured in _LEAST_FIRST and size >= _LEAST_FIRST[measured]
    if kernel_size == 3 and large and channels >= _CHANNELS_FIRST:
        return "channels_first"
    return None


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
    if "avx512f" not in words:
        return "avx2" if "avx2" in words else None
    # With AMX bfloat16 goes other ways, which have not been measured.
    return "avx512_bf16" if "avx512_bf16" in words and "amx_bf16" not in words else "avx512"


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
