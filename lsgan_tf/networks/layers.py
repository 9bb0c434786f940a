"""Layers of all networks, initialised as in the authors' `ops.py`.

Dense layers and transposed convolutions are initialised from N(0, 0.02), convolutions from the same
normal truncated at two standard deviations, biases with zeros. Padding is "SAME".
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from lsgan_tf.settings.defaults import WEIGHT_SD

LEAK = 0.2
"""Negative slope of the discriminators' LeakyReLU."""

Policy: TypeAlias = str | keras.DTypePolicy
Tensor = Any  # a tensor of the Keras backend

_PACKAGE = "lsgan_tf"


def _normal() -> keras.Initializer:
    # A Keras initializer returns the same values at each call, so each weight needs its own.
    return keras.initializers.RandomNormal(stddev=WEIGHT_SD)


def _truncated_normal() -> keras.Initializer:
    return keras.initializers.TruncatedNormal(stddev=WEIGHT_SD)


def halved(size: int, times: int = 1) -> int:
    """Return the size of an image after `times` convolutions of stride 2, by ceiling division."""
    for _ in range(times):
        size = -(-size // 2)
    return size


def scaled(channels: int, width: float) -> int:
    """Multiply a number of channels by `width`, rounded, at least 1."""
    return max(1, round(channels * width))


def dense(
    units: int, name: str, dtype: Policy, initializer: keras.Initializer | None = None
) -> keras.layers.Dense:
    """Create a dense layer; weights are from N(0, 0.02) by default, the bias is zero."""
    return keras.layers.Dense(
        units, kernel_initializer=initializer or _normal(), name=name, dtype=dtype
    )


def conv(
    filters: int, kernel_size: int, strides: int, name: str, dtype: Policy
) -> keras.layers.Conv2D:
    """Create a convolution, (n, h, w, c) -> (n, ceil(h / strides), ceil(w / strides), filters)."""
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
    """Create a transposed convolution from size `source` to size `target`.

    Equivalent to `tf.nn.conv2d_transpose` with padding "SAME" and that output shape: the gradient
    of the "SAME" convolution from `target` to `source`.

    Args:
      filters: number of output channels.
      kernel_size: height and width of the kernel.
      strides: 1 or 2.
      source: height and width of the input image.
      target: height and width of the output image; `source` must be ceil(target / strides).
      name: name of the layer.
      dtype: a dtype policy or its name.

    Raises:
      ValueError: if no "SAME" convolution maps `target` to `source`.
    """
    if -(-target // strides) != source:
        raise ValueError(
            f"a transposed convolution of stride {strides} cannot map size {source} to {target}"
        )
    # Keras adds it to (source - 1) * strides + kernel_size % 2.
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
    """Return the module of the convolution classes; those for TensorFlow train faster."""
    if keras.backend.backend() != "tensorflow":
        return keras.layers
    from lsgan_tf.networks.ops import conv2d

    return conv2d


def batch_norm(
    name: str, dtype: Policy, gamma: str = "normal", synchronized: bool = True
) -> keras.layers.BatchNormalization:
    """Create a batch normalisation over all axes but the last, momentum 0.9, epsilon 1e-5.

    Args:
      name: name of the layer.
      dtype: a dtype policy or its name; statistics are always float32.
      gamma: initial scale: "normal" for N(1, 0.02), "one" for 1.
      synchronized: whether all replicas use the statistics of the global batch.

    Raises:
      ValueError: if `gamma` is unknown.
    """
    if gamma not in ("normal", "one"):
        raise ValueError(f"gamma must be 'normal' or 'one', not {gamma!r}")
    initializer = (
        keras.initializers.RandomNormal(mean=1.0, stddev=WEIGHT_SD)
        if gamma == "normal"
        else keras.initializers.Ones()
    )
    kind = keras.layers.BatchNormalization
    # Only TensorFlow has replicas; under JAX the layer sees the global batch.
    if synchronized and keras.backend.backend() == "tensorflow":
        from lsgan_tf.networks.ops.sync_batch_norm import SynchronizedBatchNormalization

        kind = SynchronizedBatchNormalization
    return kind(momentum=0.9, epsilon=1e-5, gamma_initializer=initializer, name=name, dtype=dtype)


def layer_norm(name: str, dtype: Policy) -> keras.layers.GroupNormalization:
    """Create a layer normalisation as in improved_wgan_training, with epsilon 1e-5.

    Mean and variance are taken over all axes of an example, (h, w, c) or (units,); scale and offset
    are per channel. In Keras this is a group normalisation with one group: `LayerNormalization`
    would have a scale per position.

    Args:
      name: name of the layer.
      dtype: a dtype policy or its name; statistics are always float32.
    """
    return keras.layers.GroupNormalization(groups=1, epsilon=1e-5, name=name, dtype=dtype)


@keras.saving.register_keras_serializable(package=_PACKAGE)
class LabelMap(keras.layers.Layer):
    """Phi: the paper's linear map of a one-hot label, as a lookup (ICCV 2017, section 4.2).

    `one_hot(y) @ kernel + bias` is row y of the kernel plus the bias, so one-hot vectors are never
    materialised.

    Args:
      num_classes: number of classes.
      dim: length of a mapped label.
      name: name of the layer.
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
        """Create the weights; their shapes do not depend on the input."""
        # No autocast: it would copy all rows to half precision to look up a few.
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_classes, self.dim),
            initializer=_normal(),
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.dim,), initializer="zeros")

    def call(self, label: Tensor) -> Tensor:
        """Map integer labels in [0, num_classes), shape (n,), to (n, dim)."""
        # The reshape only makes the gradient dense. A sparse one lists a repeated label twice,
        # and Adam would add up the squares instead of squaring the sum.
        kernel = ops.reshape(self.kernel, (self.num_classes, self.dim))
        rows = ops.take(kernel, label, axis=0)
        return ops.cast(rows, self.compute_dtype) + self.bias

    def compute_output_shape(self, label_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the mapped labels."""
        return (*label_shape, self.dim)

    def get_config(self) -> dict[str, Any]:
        """Return all arguments of the constructor."""
        return {**super().get_config(), "num_classes": self.num_classes, "dim": self.dim}


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Projection(keras.layers.Layer):
    """Inner product of features and an embedding of their class.

    Added to the score of a conditional discriminator it makes a projection discriminator (Miyato
    and Koyama, 2018, "cGANs with Projection Discriminator", equation 3): with features f(x), the
    score is h(x) + <e(y), f(x)>. Embeddings are zero at first, so a discriminator starts as the one
    without.

    Args:
      num_classes: number of classes.
      name: name of the layer.
      dtype: a dtype policy or its name.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = "projection",
        dtype: Policy | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.num_classes = num_classes

    def build(self, x_shape: tuple[int | None, ...]) -> None:
        """Create the embeddings, one row for each class; the number of features must be known."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_classes, x_shape[-1]),
            initializer="zeros",
            autocast=False,
        )

    def call(self, x: Tensor, label: Tensor) -> Tensor:
        """Multiply features (n, k) by embeddings of labels in [0, num_classes), (n,), to (n,)."""
        # Reshaped for the reason given in `LabelMap`.
        rows = ops.take(ops.reshape(self.embeddings, self.embeddings.shape), label, axis=0)
        return ops.sum(ops.cast(rows, self.compute_dtype) * x, axis=-1)

    def compute_output_shape(self, x_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the products."""
        return x_shape[:1]

    def get_config(self) -> dict[str, Any]:
        """Return all arguments of the constructor."""
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package=_PACKAGE)
class LabelledConv2D(keras.layers.Layer):
    """A convolution of an image and a label tiled as constant feature maps.

    Equivalent to a "SAME" convolution of `concatenate([x, maps of phi])`, without materialising the
    maps. At each output position a constant map contributes `phi @ sum(label_kernel[tap])` over the
    taps inside the image, so positions with the same set of taps have equal contributions. There
    are at most `kernel_size` sets along an axis (three for 5x5, stride 2: first, inner, last). The
    kernel is summed and multiplied by the label once per combination of sets, 9 products instead of
    25 for a 5x5 kernel of stride 2, and the results are scattered to the positions.

    Args:
      filters: number of output channels.
      kernel_size: height and width of the kernel.
      strides: stride along both axes.
      name: name of the layer.
      dtype: a dtype policy or its name.

    Attributes:
      direct: use TensorFlow's convolution in training too.
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
        """Create both kernels and the bias; height and width must be known."""
        _, height, width, channels = x_shape
        if height is None or width is None:
            raise ValueError("LabelledConv2D requires a known height and width of its input")
        side = self.kernel_size
        self.kernel = self.add_weight(
            name="kernel",
            shape=(side, side, channels, self.filters),
            initializer=_truncated_normal(),
        )
        # Summed over taps in float32 under any policy: more accurate, and less to cast.
        self.label_kernel = self.add_weight(
            name="label_kernel",
            shape=(side, side, phi_shape[-1], self.filters),
            initializer=_truncated_normal(),
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self._row_taps, row_of = _tap_sets(height, side, self.strides)
        self._column_taps, column_of = _tap_sets(width, side, self.strides)
        # One-hot: the pair (set of rows, set of columns) of each output position.
        self._pair_of_position = np.kron(row_of, column_of)
        self._output_size = (len(row_of), len(column_of))
        self.label_sets = len(self._row_taps) * len(self._column_taps)

    def call(self, x: Tensor, phi: Tensor, training: bool | None = None) -> Tensor:
        """Apply the convolution.

        Args:
          x: images, (n, h, w, channels).
          phi: mapped labels, (n, dim).
          training: whether gradients of the kernel may be needed.

        Returns:
          (n, ceil(h / strides), ceil(w / strides), filters).
        """
        return self._image_term(x, training) + self._label_term(phi)

    def _image_term(self, x: Tensor, training: bool | None) -> Tensor:
        if training and keras.backend.backend() == "tensorflow":
            from lsgan_tf.networks.ops.conv2d import convolve

            return convolve(x, self.kernel, self.strides, direct=self.direct)
        return ops.conv(
            x, self.kernel, strides=self.strides, padding="same", data_format="channels_last"
        )

    def _label_term(self, phi: Tensor) -> Tensor:
        side, dim, filters = self.kernel_size, phi.shape[-1], self.filters
        row_taps = ops.convert_to_tensor(self._row_taps, "float32")
        column_taps = ops.convert_to_tensor(self._column_taps, "float32")
        summed = ops.reshape(self.label_kernel, (side, side * dim * filters))
        summed = ops.reshape(ops.matmul(row_taps, summed), (-1, side, dim * filters))
        summed = ops.reshape(ops.matmul(column_taps, summed), (-1, dim, filters))
        terms = ops.matmul(phi, ops.cast(summed, self.compute_dtype))  # (pairs, n, filters)
        # The bias is added here, where there are fewer positions.
        terms = ops.transpose(terms, (1, 0, 2)) + self.bias
        scatter = ops.convert_to_tensor(self._pair_of_position, self.compute_dtype)
        return ops.reshape(ops.matmul(scatter, terms), (-1, *self._output_size, filters))

    def compute_output_shape(
        self, x_shape: tuple[int | None, int, int, int], phi_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the output."""
        height, width = (-(-side // self.strides) for side in x_shape[1:3])
        return (x_shape[0], height, width, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return all arguments of the constructor."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


def _tap_sets(size: int, kernel_size: int, strides: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the sets of kernel taps inside the image along one axis, with "SAME" padding.

    Returns:
      The sets, float32, (sets, kernel_size), 1 for taps inside the image, else 0; and the one-hot
      set of each output position, float32, (positions, sets).
    """
    positions = -(-size // strides)
    padding = max((positions - 1) * strides + kernel_size - size, 0)
    first = np.arange(positions) * strides - padding // 2
    touched = first[:, None] + np.arange(kernel_size)
    inside = (touched >= 0) & (touched < size)
    taps, index = np.unique(inside, axis=0, return_inverse=True)
    set_of = np.eye(len(taps), dtype=np.float32)[index.reshape(-1)]
    return taps.astype(np.float32), set_of
