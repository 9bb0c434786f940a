"""The layers that all networks are made of, as the authors' `ops.py` initialises them.

Dense layers and transposed convolutions start from N(0, 0.02), convolutions from the same normal
cut at two standard deviations, biases from zero. Everything pads as TensorFlow's "SAME" does.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import keras
import numpy as np
from keras import ops

from lsgan_tf.settings.defaults import WEIGHT_SD

LEAK = 0.2
"""Slope of the discriminators' LeakyReLU below zero."""

Policy = str | keras.DTypePolicy
Tensor = Any  # a tensor of whichever backend Keras runs on

_PACKAGE = "lsgan_tf"


def _normal() -> keras.Initializer:
    # A Keras initializer draws the same numbers at each call: every weight needs its own.
    return keras.initializers.RandomNormal(stddev=WEIGHT_SD)


def _truncated_normal() -> keras.Initializer:
    return keras.initializers.TruncatedNormal(stddev=WEIGHT_SD)


def halved(size: int, times: int = 1) -> int:
    """Side of an image after `times` convolutions of stride 2: ceiling division."""
    for _ in range(times):
        size = -(-size // 2)
    return size


def scaled(channels: int, width: float) -> int:
    """The paper's number of channels times `width`, at least 1."""
    return max(1, round(channels * width))


def dense(
    units: int, name: str, dtype: Policy, initializer: keras.Initializer | None = None
) -> keras.layers.Dense:
    """A linear layer with N(0, 0.02) weights, unless an initializer is given, and zero bias."""
    return keras.layers.Dense(
        units, kernel_initializer=initializer or _normal(), name=name, dtype=dtype
    )


def conv(
    filters: int, kernel_size: int, strides: int, name: str, dtype: Policy
) -> keras.layers.Conv2D:
    """A convolution, (n, h, w, c) -> (n, ceil(h / strides), ceil(w / strides), filters)."""
    return _convolutions().Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        data_format="channels_last",
        kernel_initializer=_truncated_normal(),
        name=name,
        dtype=dtype,
    )


def deconv(
    filters: int,
    kernel_size: int,
    strides: int,
    source: int,
    target: int,
    name: str,
    dtype: Policy,
) -> keras.layers.Conv2DTranspose:
    """A transposed convolution from side `source` to side `target`.

    It equals `tf.nn.conv2d_transpose` with padding "SAME" and that output shape: the gradient of
    the "SAME" convolution that takes `target` to `source`.

    Args:
      filters: output channels.
      kernel_size: side of the kernel.
      strides: 1 or 2.
      source: side of the input image.
      target: side of the output image; `source` must be ceil(target / strides).
      name: the layer's name.
      dtype: a dtype policy or its name.

    Raises:
      ValueError: if no "SAME" convolution takes `target` to `source`.
    """
    if -(-target // strides) != source:
        raise ValueError(
            f"a stride {strides} transposed convolution cannot take side {source} to {target}"
        )
    # Keras starts from (source - 1) * strides + kernel_size % 2.
    output_padding = target - (source - 1) * strides - kernel_size % 2
    return _convolutions().Conv2DTranspose(
        filters,
        kernel_size,
        strides,
        padding="same",
        output_padding=output_padding,
        data_format="channels_last",
        kernel_initializer=_normal(),
        name=name,
        dtype=dtype,
    )


def _convolutions() -> ModuleType:
    """The module with the classes of convolutions; on TensorFlow they are faster in training."""
    if keras.backend.backend() != "tensorflow":
        return keras.layers
    from lsgan_tf.networks.ops import conv2d

    return conv2d


def batch_norm(
    name: str, dtype: Policy, gamma: str = "normal", synchronized: bool = True
) -> keras.layers.BatchNormalization:
    """Batch normalisation over all axes but the last: momentum 0.9, epsilon 1e-5.

    Args:
      name: the layer's name.
      dtype: a dtype policy or its name; statistics are float32 under any.
      gamma: initial scale: "normal" for N(1, 0.02), "one" for 1.
      synchronized: whether all replicas share the statistics of the global batch.

    Raises:
      ValueError: if `gamma` is something else.
    """
    if gamma not in ("normal", "one"):
        raise ValueError(f"gamma must be 'normal' or 'one', not {gamma!r}")
    initializer = (
        keras.initializers.RandomNormal(mean=1.0, stddev=WEIGHT_SD)
        if gamma == "normal"
        else keras.initializers.Ones()
    )
    kind = keras.layers.BatchNormalization
    # There are replicas on TensorFlow alone; JAX sees the global batch by itself.
    if synchronized and keras.backend.backend() == "tensorflow":
        from lsgan_tf.networks.ops.sync_batch_norm import SynchronizedBatchNormalization

        kind = SynchronizedBatchNormalization
    return kind(momentum=0.9, epsilon=1e-5, gamma_initializer=initializer, name=name, dtype=dtype)


def layer_norm(name: str, dtype: Policy) -> keras.layers.GroupNormalization:
    """Layer normalisation as improved_wgan_training has it: each example by itself, epsilon 1e-5.

    Mean and variance are over all of an example, (h, w, c) or (units,); scale, from 1, and offset,
    from 0, belong to a channel. Keras calls that a group normalisation of one group; its
    `LayerNormalization` would have a scale for every place.

    Args:
      name: the layer's name.
      dtype: a dtype policy or its name; statistics are float32 under any.
    """
    return keras.layers.GroupNormalization(groups=1, epsilon=1e-5, name=name, dtype=dtype)


@keras.saving.register_keras_serializable(package=_PACKAGE)
class LabelMap(keras.layers.Layer):
    """Phi: the paper's linear map of a one-hot label, by lookup (ICCV 2017, section 4.2).

    `one_hot(y) @ kernel + bias` is row y of the kernel plus the bias, so no one-hot vector is ever
    made: memory and time do not grow with the batch times the classes.

    Args:
      num_classes: how many labels there are.
      dim: length of a mapped label.
      name: the layer's name.
      dtype: a dtype policy or its name.
    """

    def __init__(
        self,
        num_classes: int,
        dim: int = 256,
        name: str | None = "label_map",
        dtype: Policy | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.num_classes, self.dim = num_classes, dim

    def build(self, label_shape: tuple[int | None, ...] = (None,)) -> None:
        """Makes the weights; their shapes do not depend on the input's."""
        # Without autocast: a half-precision copy of all rows, for a few of them, is waste.
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_classes, self.dim),
            initializer=_normal(),
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.dim,), initializer="zeros")

    def call(self, label: Tensor) -> Tensor:
        """Maps integer labels in [0, num_classes), shape (n,), to (n, dim)."""
        # The reshape changes nothing but the gradient, which it makes dense. A sparse one
        # lists a repeated label twice, and Adam would add up squares, not square the sum.
        kernel = ops.reshape(self.kernel, (self.num_classes, self.dim))
        rows = ops.take(kernel, label, axis=0)
        return ops.cast(rows, self.compute_dtype) + self.bias

    def compute_output_shape(self, label_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of the mapped labels."""
        return (*label_shape, self.dim)

    def get_config(self) -> dict[str, Any]:
        """All arguments of the constructor."""
        return {**super().get_config(), "num_classes": self.num_classes, "dim": self.dim}


@keras.saving.register_keras_serializable(package=_PACKAGE)
class LabelledConv2D(keras.layers.Layer):
    """A convolution over an image and the label tiled as maps, without the maps.

    It computes what a "SAME" convolution of `concatenate([x, maps of phi])` computes. A map is
    constant, so at an output position its share is `phi @ sum(label_kernel[tap])` over the taps
    that fall inside the image, and only that set of taps tells positions apart. Along a side there
    are at most `kernel_size` such sets (three for 5x5, stride 2: first, inner, last), so the kernel
    is summed once for each of the few combinations, each sum is applied to the label once, and the
    results are handed out to the positions. That is cheaper than one product for each tap (9
    products against 25 for a 5x5 kernel of stride 2), and nothing but the hand-out grows with the
    image.

    Args:
      filters: output channels.
      kernel_size: side of the kernel.
      strides: step of the convolution.
      name: the layer's name.
      dtype: a dtype policy or its name.

    Attributes:
      direct: leave the convolution to TensorFlow in training too.
    """

    direct = False

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        name: str | None = None,
        dtype: Policy | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides

    def build(self, x_shape: tuple[int | None, ...], phi_shape: tuple[int | None, ...]) -> None:
        """Makes the two kernels and the bias; height and width must be known."""
        _, height, width, channels = x_shape
        if height is None or width is None:
            raise ValueError("LabelledConv2D needs the height and the width of its input")
        side = self.kernel_size
        self.kernel = self.add_weight(
            name="kernel",
            shape=(side, side, channels, self.filters),
            initializer=_truncated_normal(),
        )
        # Summed over taps in float32 under any policy: more exact, and less to cast.
        self.label_kernel = self.add_weight(
            name="label_kernel",
            shape=(side, side, phi_shape[-1], self.filters),
            initializer=_truncated_normal(),
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self._row_taps, row_of = _tap_sets(height, side, self.strides)
        self._column_taps, column_of = _tap_sets(width, side, self.strides)
        # One-hot: which pair (set of rows, set of columns) each output position has.
        self._pair_of_position = np.kron(row_of, column_of)
        self._output_size = (len(row_of), len(column_of))
        self.label_sets = len(self._row_taps) * len(self._column_taps)

    def call(self, x: Tensor, phi: Tensor, training: bool | None = None) -> Tensor:
        """Convolves.

        Args:
          x: images, (n, h, w, channels).
          phi: mapped labels, (n, dim).
          training: whether the kernel's gradient may be wanted.

        Returns:
          (n, ceil(h / strides), ceil(w / strides), filters).
        """
        return self._image_share(x, training) + self._label_share(phi)

    def _image_share(self, x: Tensor, training: bool | None) -> Tensor:
        if training and keras.backend.backend() == "tensorflow":
            from lsgan_tf.networks.ops.conv2d import convolve

            return convolve(x, self.kernel, self.strides, direct=self.direct)
        return ops.conv(
            x, self.kernel, strides=self.strides, padding="same", data_format="channels_last"
        )

    def _label_share(self, phi: Tensor) -> Tensor:
        side, dim, filters = self.kernel_size, phi.shape[-1], self.filters
        row_taps = ops.convert_to_tensor(self._row_taps, "float32")
        column_taps = ops.convert_to_tensor(self._column_taps, "float32")
        summed = ops.reshape(self.label_kernel, (side, side * dim * filters))
        summed = ops.reshape(ops.matmul(row_taps, summed), (-1, side, dim * filters))
        summed = ops.reshape(ops.matmul(column_taps, summed), (-1, dim, filters))
        shares = ops.matmul(phi, ops.cast(summed, self.compute_dtype))  # (pairs, n, filters)
        # The bias joins here, where there are fewer positions to add it to.
        shares = ops.transpose(shares, (1, 0, 2)) + self.bias
        hand_out = ops.convert_to_tensor(self._pair_of_position, self.compute_dtype)
        return ops.reshape(ops.matmul(hand_out, shares), (-1, *self._output_size, filters))

    def compute_output_shape(
        self, x_shape: tuple[int | None, ...], phi_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Shape of the output."""
        height, width = (-(-side // self.strides) for side in x_shape[1:3])
        return (x_shape[0], height, width, self.filters)

    def get_config(self) -> dict[str, Any]:
        """All arguments of the constructor."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


def _tap_sets(size: int, kernel_size: int, strides: int) -> tuple[np.ndarray, np.ndarray]:
    """Which taps of a kernel fall inside the image, along one axis of "SAME" padding.

    Returns:
      taps: (sets, kernel_size), 1 where a tap of the set is inside, else 0.
      set_of: (positions, sets), one-hot: the set of each output position.
    """
    positions = -(-size // strides)
    padding = max((positions - 1) * strides + kernel_size - size, 0)
    first = np.arange(positions) * strides - padding // 2
    touched = first[:, None] + np.arange(kernel_size)
    inside = (touched >= 0) & (touched < size)
    taps, index = np.unique(inside, axis=0, return_inverse=True)
    set_of = np.eye(len(taps), dtype=np.float32)[index.reshape(-1)]
    return taps.astype(np.float32), set_of
