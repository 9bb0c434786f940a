"""Keras's convolutions, computed with fewer multiplications in training. TensorFlow only.

Names, weights and (up to rounding) results are Keras's. Graphs that are not for training use
TensorFlow's own operations, so exports do not depend on this module. The classes have the names of
Keras's, because a `.keras` file stores the weights of a layer by the name of its class.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from lsgan_tf.networks.ops import conv2d_dispatch

_PACKAGE = "lsgan_tf"


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, by minimal filtering in training where that is faster.

    Attributes:
      direct: leave the convolution to TensorFlow in training too.
    """

    direct = False

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Convolves."""
        if not (training and _is_plain(self)):
            return super().call(inputs)
        outputs = convolve(inputs, self.kernel, self.strides[0], direct=self.direct)
        return _finished(self, outputs)


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, by minimal filtering in training where that is faster.

    Attributes:
      direct: leave the convolution to TensorFlow in training too.
    """

    direct = False

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Convolves, transposed."""
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
    """A "SAME" convolution in training, by minimal filtering where that is faster.

    Args:
      image: (n, height, width, channels).
      kernel: (side, side, channels, filters).
      strides: step along both sides.
      direct: leave it to TensorFlow.

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
    """Whether images of a shape (n, height, width, channels) are of one pixel each."""
    return tuple(shape[1:3]) == (1, 1)


def _of_a_pixel(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A "SAME" convolution from one pixel to one pixel: the padding leaves the middle tap alone.

    TensorFlow 2.21's kernel gradient in bfloat16 on processors with bfloat16 instructions leaves
    the other taps of such a convolution of stride 2 unwritten, so that what was in that memory
    before, NaN for example, comes out.
    """
    middle = (kernel.shape[0] - 1) // 2
    tap = kernel[middle : middle + 1, middle : middle + 1]
    return keras.ops.conv(image, tap, padding="same", data_format="channels_last")


def _tensor(kernel: keras.Variable | tf.Tensor) -> tf.Tensor:
    # Keras casts its variable to a mixed policy's dtype, but may still hand out a variable.
    return tf.convert_to_tensor(keras.ops.convert_to_tensor(kernel))


def _is_plain(layer: keras.Layer) -> bool:
    """Whether a layer is of the kind that `winograd.Convolution` computes."""
    return (
        layer.padding == "same"
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1  # a transposed one has none
        and set(layer.dilation_rate) == {1}
        and len(set(layer.kernel_size)) == len(set(layer.strides)) == 1
    )


def _finished(layer: keras.Layer, outputs: tf.Tensor) -> tf.Tensor:
    """What Keras's layer does after the convolution."""
    if layer.use_bias:
        outputs = outputs + keras.ops.convert_to_tensor(layer.bias)
    return outputs if layer.activation is None else layer.activation(outputs)
