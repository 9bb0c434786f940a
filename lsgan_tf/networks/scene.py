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

    def plan(self) -> tuple[int, list[Deconv]]:
        """Return the channels of the first feature map, and the transposed convolutions."""
        # The rows of the paper's figure: channels and stride.
        rows = (256, 2), (256, 1), (256, 2), (256, 1), (128, 2), (64, 2), (self.channels, 1)
        return 256, [Deconv(filters, 3, strides) for filters, strides in rows]


@keras.saving.register_keras_serializable(package="lsgan_tf", name="SceneDiscriminator")
class Discriminator(ConvDiscriminator):
    """Four 5x5 convolutions of stride 2 and a dense layer.

    Args:
      arguments: those of `ConvDiscriminator`.
    """

    image_size: int = 112
