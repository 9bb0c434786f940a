"""The DCGAN base: the nets of the stability experiments and of CIFAR-10.

Without normalisation, at 64x64 with z 1024, the generator has 12,702,851 trainable parameters and
the discriminator 4,314,753. At 128x128 with z 100 and `flat_norm` they are the TPAMI paper's
networks for cats: 7,682,051 and 4,341,121 with normalisation.
"""

from __future__ import annotations

import keras

from lsgan_tf.networks.convolutional import ConvDiscriminator, ConvGenerator, Deconv


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DCGANGenerator")
class Generator(ConvGenerator):
    """A dense layer and four 5x5 transposed convolutions of stride 2.

    Args:
      filters: channels of the last map before the image; earlier ones have 2, 4, 8 times.
      constant_filters: whether all maps have as many instead.
      nonlinearity: "relu", "tanh", or "gated": sigmoid times tanh of twice the channels.
      flat_norm: whether the first normalisation is of flat features (the TPAMI paper's cats) and
        not of the channels of the first map.
      arguments: those of `ConvGenerator`.
    """

    filters: int = 64
    constant_filters: bool = False
    nonlinearity: str = "relu"
    flat_norm: bool = False

    def first_filters(self) -> int:
        """Channels of the first map."""
        return self.filters if self.constant_filters else 8 * self.filters

    def deconvs(self) -> list[Deconv]:
        """The transposed convolutions, first to last."""
        times = (1, 1, 1) if self.constant_filters else (4, 2, 1)
        widths = (*(number * self.filters for number in times), self.channels)
        return [Deconv(width, kernel_size=5, strides=2) for width in widths]


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DCGANDiscriminator")
class Discriminator(ConvDiscriminator):
    """Four 5x5 convolutions of stride 2 and a dense layer; arguments of `ConvDiscriminator`."""
