"""Convolutions whose gradient for the kernel is a dilated convolution forward. TensorFlow only.

A "SAME" convolution, the transposed convolution that is its gradient for the image, and its
gradient for the kernel are three faces of one sum over image, kernel and result, linear in
each of the three: whichever of them one differentiates, the other two come out. Here each has
its gradients from the other two, so derivatives of every order are right.

The gradient for the kernel,

    sum over n, y, x of image[n, y * strides + row, x * strides + column] * upstream[n, y, x],

is itself a convolution: of the batch's images as channels, with `upstream` as the kernel,
dilated by the strides. Another way to it is TensorFlow's own operation on both with channels
first, for which oneDNN has other kernels. The numbers are TensorFlow's to rounding, added up in
another order. `convolution_rule` says where which of them is faster than TensorFlow's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import tensorflow as tf

Way = Literal["dilated", "channels_first"]

_Gradients = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
# A value, and the function of the gradient for it that returns those for the arguments.
_WithGradients = tuple[tf.Tensor, _Gradients]


class Convolution(NamedTuple):
    """A "SAME" convolution of images of one size, channels last.

    Attributes:
      height: of the image.
      width: of the image.
      kernel_size: side of the kernel.
      strides: step along both sides.
      way: to the gradient for the kernel. Channels first, on a CPU, needs oneDNN.
    """

    height: int
    width: int
    kernel_size: int
    strides: int
    way: Way = "dilated"

    def forward(self, image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolves.

        Args:
          image: (n, height, width, channels).
          kernel: (kernel_size, kernel_size, channels, filters), of the same dtype.

        Returns:
          (n, ceil(height / strides), ceil(width / strides), filters).
        """

        @tf.custom_gradient
        def convolve(image: tf.Tensor, kernel: tf.Tensor) -> _WithGradients:
            return tf.nn.conv2d(image, kernel, self.strides, "SAME"), _named_alike(
                lambda upstream: (
                    self.transposed(upstream, kernel),
                    self.for_kernel(image, upstream),
                )
            )

        return convolve(image, kernel)

    def transposed(self, result: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The gradient of `forward` for the image: a transposed convolution.

        Args:
          result: what takes the place of `forward`'s result, or of its gradient.
          kernel: as in `forward`.

        Returns:
          (n, height, width, channels).
        """

        @tf.custom_gradient
        def deconvolve(result: tf.Tensor, kernel: tf.Tensor) -> _WithGradients:
            count = result.shape[0] or tf.shape(result)[0]
            shape = (count, self.height, self.width, kernel.shape[2])
            image = tf.nn.conv2d_transpose(result, kernel, shape, self.strides, "SAME")
            return image, _named_alike(
                lambda upstream: (
                    self.forward(upstream, kernel),
                    self.for_kernel(upstream, result),
                )
            )

        return deconvolve(result, kernel)

    def for_kernel(self, image: tf.Tensor, result: tf.Tensor) -> tf.Tensor:
        """The gradient of `forward` for the kernel, where `result` is that of its result.

        Args:
          image: (n, height, width, channels).
          result: (n, ceil(height / strides), ceil(width / strides), filters).

        Returns:
          (kernel_size, kernel_size, channels, filters).
        """

        @tf.custom_gradient
        def correlate(image: tf.Tensor, result: tf.Tensor) -> _WithGradients:
            compute = self._dilated if self.way == "dilated" else self._channels_first
            return compute(image, result), _named_alike(
                lambda upstream: (
                    self.transposed(result, upstream),
                    self.forward(image, upstream),
                )
            )

        return correlate(image, result)

    def _dilated(self, image: tf.Tensor, result: tf.Tensor) -> tf.Tensor:
        (top, bottom), (left, right) = (self._padding(side) for side in (self.height, self.width))
        channels_first = tf.transpose(image, (3, 1, 2, 0))
        # A kernel smaller than the strides may leave the last rows out.
        cut = channels_first[:, : self.height + min(bottom, 0), : self.width + min(right, 0)]
        kernel = tf.transpose(result, (1, 2, 0, 3))
        padding = [[0, 0], [top, max(bottom, 0)], [left, max(right, 0)], [0, 0]]
        taps = tf.nn.conv2d(cut, kernel, 1, padding, dilations=self.strides)
        return tf.transpose(taps, (1, 2, 0, 3))

    def _channels_first(self, image: tf.Tensor, result: tf.Tensor) -> tf.Tensor:
        side = self.kernel_size
        return tf.raw_ops.Conv2DBackpropFilter(
            input=tf.transpose(image, (0, 3, 1, 2)),
            filter_sizes=(side, side, image.shape[3], result.shape[3]),
            out_backprop=tf.transpose(result, (0, 3, 1, 2)),
            strides=[1, 1, self.strides, self.strides],
            padding="SAME",
            data_format="NCHW",
        )

    def _padding(self, side: int) -> tuple[int, int]:
        """Rows before and after the image; fewer than none after it are rows never read."""
        reach = (-(-side // self.strides) - 1) * self.strides + self.kernel_size - side
        before = max(reach, 0) // 2
        return before, reach - before


def _named_alike(gradients: _Gradients) -> _Gradients:
    """Names the operations of a gradient as TensorFlow names its own, by what it is a gradient of.

    Profiles tell by such names which layer an operation belongs to.
    """
    scope = "/".join(("gradient_tape", tf.get_current_name_scope())).rstrip("/")

    def named(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.name_scope(scope):
            return gradients(upstream)

    return named
