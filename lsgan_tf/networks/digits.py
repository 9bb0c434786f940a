"""Networks for the TPAMI paper's digits of small variability, 28x28 greyscale.

With z of length 100 the generator has 4,944,129 trainable parameters and the discriminator, based
on LeNet, 1,252,671. The paper's networks are unconditional; labels are concatenated as in the
handwriting networks.
"""

from __future__ import annotations

import keras

from lsgan_tf.networks.convolutional import ConvDenseDiscriminator, ConvGenerator, Deconv


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DigitsGenerator")
class Generator(ConvGenerator):
    """A dense layer, normalised before the reshape, and three 5x5 transposed convolutions.

    Args:
      arguments: those of `ConvGenerator`.
    """

    flat_norm = True

    image_size: int = 28
    channels: int = 1
    z_dim: int = 100

    def plan(self) -> tuple[int, list[Deconv]]:
        """Return the channels of the first feature map, and the transposed convolutions."""
        return 512, [Deconv(256), Deconv(128), Deconv(self.channels)]


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DigitsDiscriminator")
class Discriminator(ConvDenseDiscriminator):
    """LeNet: convolutions of 20 and 50 channels and a dense layer of 500 units.

    Args:
      arguments: those of `ConvDenseDiscriminator`.
    """

    def sizes(self) -> tuple[int, int, int]:
        """Return the channels of both convolutions, and the units of the first dense layer."""
        return (20, 50, 500)
