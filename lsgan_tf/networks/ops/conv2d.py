"""Keras convolutions that use fewer multiplications in training. TensorFlow only.

Names, weights and (up to rounding) results are those of Keras. Inference graphs use TensorFlow's
operations, so exports do not depend on this module. The class names are those of Keras, because a
`.keras` file stores the weights of a layer under its class name.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from lsgan_tf.networks.ops import conv2d_dispatch

_PACKAGE = "lsgan_tf"


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with minimal filtering in training where that is faster.

    Attributes:
      direct: use TensorFlow's convolution in training too.
    """

    direct = False

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Apply the convolution."""
        if not (training and _is_plain(self)):
            return super().call(inputs)
        outputs = convolve(inputs, self.kernel, self.strides[0], direct=self.direct)
        return _finished(self, outputs)


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with minimal filtering in training where that is faster.

    Attributes:
      direct: use TensorFlow's convolution in training too.
    """

    direct = False

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Apply the transposed convolution."""
        if not (training and _is_plain(self)):
            return super().call(inputs)
        shape = self.compute_output_shape(inputs.shape)
        kernel = _tensor(self.kernel)
        if _is_pixel(inputs.shape) and _is_pixel(shape):
            return _finished(self, _of_a_pixel(inputs, tf.transpose(kernel, (0, 1, 3, 2))))
        sides = self.kernel_size[0], self.strides[0]
        if not self.direct and (
            found := conv2d_dispatch.faster(shape, inputs.shape, *sides, inputs)
        ):
            return _finished(self, found.transposed(inputs, found.transform(kernel)))
        return super().call(inputs)


def convolve(
    image: tf.Tensor, kernel: keras.Variable | tf.Tensor, strides: int, *, direct: bool = False
) -> tf.Tensor:
    """Apply a "SAME" convolution, with minimal filtering where that is faster.

    Args:
      image: (n, height, width, channels).
      kernel: (kernel_size, kernel_size, channels, filters).
      strides: stride along both axes.
      direct: use TensorFlow's convolution.

    Returns:
      (n, ceil(height / strides), ceil(width / strides), filters).
    """
    kernel = _tensor(kernel)
    if _is_pixel(image.shape):
        return _of_a_pixel(image, kernel)
    sides = [None if side is None else -(-side // strides) for side in image.shape[1:3]]
    result = (image.shape[0], *sides, kernel.shape[3])
    if not direct and (
        found := conv2d_dispatch.faster(image.shape, result, kernel.shape[0], strides, image)
    ):
        return found.forward(image, found.transform(kernel))
    return keras.ops.conv(
        image, kernel, strides=strides, padding="same", data_format="channels_last"
    )


def _is_pixel(shape: Sequence[int | None]) -> bool:
    """Whether images of shape (n, height, width, channels) have a single pixel."""
    return tuple(shape[1:3]) == (1, 1)


def _of_a_pixel(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Apply a "SAME" convolution from one pixel to one pixel, which only uses the middle tap.

    On processors with bfloat16 instructions, TensorFlow 2.21 leaves the bfloat16 kernel gradient of
    the other taps uninitialised for stride 2, so it may contain NaN.
    """
    middle = (kernel.shape[0] - 1) // 2
    tap = kernel[middle : middle + 1, middle : middle + 1]
    return keras.ops.conv(image, tap, padding="same", data_format="channels_last")


def _tensor(kernel: keras.Variable | tf.Tensor) -> tf.Tensor:
    # Keras casts its variable to the dtype of a mixed policy, but may return a variable.
    return tf.convert_to_tensor(keras.ops.convert_to_tensor(kernel))


def _is_plain(layer: keras.Layer) -> bool:
    """Whether `winograd.Convolution` supports the layer."""
    return (
        layer.padding == "same"
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1  # Conv2DTranspose has no groups
        and set(layer.dilation_rate) == {1}
        and len(set(layer.kernel_size)) == len(set(layer.strides)) == 1
    )


def _finished(layer: keras.Layer, outputs: tf.Tensor) -> tf.Tensor:
    """Add the bias and apply the activation."""
    if layer.use_bias:
        outputs = outputs + keras.ops.convert_to_tensor(layer.bias)
    return outputs if layer.activation is None else layer.activation(outputs)
