"""Where the kernel's gradient is taken by a dilated convolution (`convolution_gradient`).

Where it was measured to be faster, and nowhere else: see docs/performance.md.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

_LEAST_CHANNELS = 128  # on both sides of the kernel
_LARGEST_RESULT = 14  # pixels along a side
_LEAST_IMAGES = 8  # in a batch


def pays(
    image: Sequence[int | None],
    result: Sequence[int | None],
    strides: int,
    dtype: tf.DType | str,
) -> bool:
    """Whether a dilated convolution is the faster one for such shapes.

    The images of a batch and the pixels of the result are what it adds up: it wants many of
    the first. A large result is a large kernel to slide over and a large image to copy, and
    with few channels that is not repaid; nor was it always at stride 1.

    Args:
      image: shape of the convolution's image, (n, height, width, channels); for a transposed
        convolution that is its output. None is a size that is not known yet.
      result: shape of the convolution's result, (n, height, width, filters); for a transposed
        convolution its input.
      strides: the convolution's.
      dtype: of both.
    """
    count, *sides = image[:3]
    sides += result[1:3]
    return (
        None not in sides
        and tf.as_dtype(dtype) == tf.float32
        and strides == 2
        and min(image[3], result[3]) >= _LEAST_CHANNELS
        and max(result[1:3]) <= _LARGEST_RESULT
        and (count is None or count >= _LEAST_IMAGES)
    )


def on_such_a_cpu(tensor: tf.Tensor) -> bool:
    """Whether a tensor is computed by a processor on which this was measured to pay.

    Asked while a graph is built, that is where the graph wants the operation to be.
    """
    return _on_cpu(tensor.device) and _without_avx512()


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
