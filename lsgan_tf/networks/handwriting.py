"""The paper's conditional model of handwritten Chinese characters (ICCV 2017, section 4.2).

Images are in [0, 1]. At 28x28 with 3,740 classes, z of length 1024 and labels mapped to 256
features, the generator has 9,417,857 trainable parameters and the discriminator 21,384,129
(21,392,155 with 257 channels in the first convolution, as in the authors' code).
"""

from __future__ import annotations

import keras
from keras import ops

from lsgan_tf.networks.convolutional import ConvDenseDiscriminator, ConvGenerator, Deconv
from lsgan_tf.networks.layers import Tensor, scaled


@keras.saving.register_keras_serializable(package="lsgan_tf", name="HandwritingGenerator")
class Generator(ConvGenerator):
    """A dense layer and two transposed convolutions.

    The first normalisation is over the flat output of the dense layer, as in the authors' code.

    Args:
      image_size: height and width of the image in pixels, at least 4.
      width: factor of the channels of the hidden layers; 1 is the paper's network.
      arguments: those of `ConvGenerator`.
    """

    output_range = (0.0, 1.0)
    flat_norm = True

    image_size: int = 28
    channels: int = 1
    num_classes: int = 3740
    width: float = 1.0

    def plan(self) -> tuple[int, list[Deconv]]:
        """Return the channels of the first feature map, and the transposed convolutions."""
        filters = scaled(128, self.width)
        return filters, [Deconv(filters), Deconv(self.channels)]

    def squash(self, x: Tensor) -> Tensor:
        """Map the output of the last layer to `output_range`."""
        return ops.sigmoid(x)


@keras.saving.register_keras_serializable(package="lsgan_tf", name="HandwritingDiscriminator")
class Discriminator(ConvDenseDiscriminator):
    """Two convolutions and two dense layers.

    Args:
      image_size: height and width of the image in pixels, at least 4.
      first_filters: channels of the first convolution: 256 as in the paper's figure; the authors'
        code has 257.
      width: factor of the channels of the later layers; 1 is the paper's network.
      arguments: those of `ConvDenseDiscriminator`.
    """

    num_classes: int = 3740
    first_filters: int = 256
    width: float = 1.0

    def sizes(self) -> tuple[int, int, int]:
        """Return the channels of both convolutions, and the units of the first dense layer."""
        return self.first_filters, scaled(320, self.width), scaled(1024, self.width)
