"""DCGAN: the networks of the stability experiments and of CIFAR-10.

Without normalisation, at 64x64 with z of length 1024, the generator has 12,702,851 trainable
parameters and the discriminator 4,314,753. At 128x128 with z of length 100 and `flat_norm` they are
the TPAMI paper's networks for cats, with 7,682,051 and 4,341,121 parameters with normalisation.
"""

from __future__ import annotations

import keras

from lsgan_tf.networks.convolutional import ConvDiscriminator, ConvGenerator, Deconv


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DCGANGenerator")
class Generator(ConvGenerator):
    """A dense layer and four 5x5 transposed convolutions of stride 2.

    Args:
      filters: channels of the last feature map; earlier ones have 2, 4 and 8 times as many.
      constant_filters: use `filters` channels in every layer instead.
      nonlinearity: "relu", "tanh", or "gated" (sigmoid times tanh, on twice the channels).
      flat_norm: whether the first normalisation is over the flat output of the dense layer (the
        TPAMI paper's cats) instead of the channels of the first feature map.
      arguments: those of `ConvGenerator`.
    """

    filters: int = 64
    constant_filters: bool = False
    nonlinearity: str = "relu"
    flat_norm: bool = False

    def plan(self) -> tuple[int, list[Deconv]]:
        """Return the channels of the first feature map, and the transposed convolutions."""
        factors = (1, 1, 1, 1) if self.constant_filters else (8, 4, 2, 1)
        first, *widths = (factor * self.filters for factor in factors)
        return first, [Deconv(width) for width in (*widths, self.channels)]


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DCGANDiscriminator")
class Discriminator(ConvDiscriminator):
    """Four 5x5 convolutions of stride 2 and a dense layer; arguments of `ConvDiscriminator`."""
