"""Layers that take class labels: the paper's map, and what joins labels with images."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from lsgan_tf.networks.layers import PACKAGE, Policy, Tensor, normal, truncated_normal


@keras.saving.register_keras_serializable(package=PACKAGE)
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
            initializer=normal(),
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.dim,), initializer="zeros")

    def call(self, label: Tensor) -> Tensor:
        """Map integer labels in [0, num_classes), shape (n,), to (n, dim)."""
        return ops.cast(_rows(self.kernel, label), self.compute_dtype) + self.bias

    def compute_output_shape(self, label_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the mapped labels."""
        return (*label_shape, self.dim)

    def get_config(self) -> dict[str, Any]:
        """Return all arguments of the constructor."""
        return {**super().get_config(), "num_classes": self.num_classes, "dim": self.dim}


@keras.saving.register_keras_serializable(package=PACKAGE)
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
        rows = ops.cast(_rows(self.embeddings, label), self.compute_dtype)
        return ops.sum(rows * x, axis=-1)

    def compute_output_shape(self, x_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the products."""
        return x_shape[:1]

    def get_config(self) -> dict[str, Any]:
        """Return all arguments of the constructor."""
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package=PACKAGE)
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
            initializer=truncated_normal(),
        )
        # Summed over taps in float32 under any policy: more accurate, and less to cast.
        self.label_kernel = self.add_weight(
            name="label_kernel",
            shape=(side, side, phi_shape[-1], self.filters),
            initializer=truncated_normal(),
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


def _rows(table: keras.Variable, label: Tensor) -> Tensor:
    """Look up a row for each label, with a dense gradient.

    A sparse gradient lists a repeated label twice, and Adam would add up the squares instead of
    squaring the sum.
    """
    return ops.take(ops.reshape(table, table.shape), label, axis=0)


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
