"""The paper's model for LSUN scenes at 112x112 (Figure 3), with the discriminator of DCGAN.

With z of length 1024 the generator has 15,591,427 trainable parameters and the discriminator
4,333,441.
"""

from __future__ import annotations

import keras

from lsgan_tf.networks.convolutional import ConvDiscriminator, ConvGenerator, Deconv


@keras.saving.register_keras_serializable(package="lsgan_tf", name="SceneGenerator")
class Generator(ConvGenerator):
    """A dense layer and seven 3x3 transposed convolutions, four of stride 2.

    Args:
      arguments: those of `ConvGenerator`.
    """

    image_size: int = 112

    def first_filters(self) -> int:
        """Return the number of channels of the first feature map."""
        return 256

    def deconvs(self) -> list[Deconv]:
        """Return the transposed convolutions in order, as in the rows of the paper's figure."""
        return [
            Deconv(256, kernel_size=3, strides=2),
            Deconv(256, kernel_size=3, strides=1),
            Deconv(256, kernel_size=3, strides=2),
            Deconv(256, kernel_size=3, strides=1),
            Deconv(128, kernel_size=3, strides=2),
            Deconv(64, kernel_size=3, strides=2),
            Deconv(self.channels, kernel_size=3, strides=1),
        ]


@keras.saving.register_keras_serializable(package="lsgan_tf", name="SceneDiscriminator")
class Discriminator(ConvDiscriminator):
    """Four 5x5 convolutions of stride 2 and a dense layer.

    Args:
      arguments: those of `ConvDiscriminator`.
    """

    image_size: int = 112
