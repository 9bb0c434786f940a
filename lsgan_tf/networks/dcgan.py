"""The DCGAN base: the nets of the stability experiments and of CIFAR-10.

Without normalisation, at 64x64 with z 1024, the generator has 12,702,851 trainable
parameters and the discriminator 4,314,753. At 128x128 with z 100 and `flat_norm` they are
the TPAMI paper's networks for cats: 7,682,051 and 4,341,121 with normalisation.
"""

from __future__ import annotations

from typing import Any

import keras

from lsgan_tf.networks.convolutional import ConvDiscriminator, ConvGenerator, Deconv
from lsgan_tf.networks.layers import Policy


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DCGANGenerator")
class Generator(ConvGenerator):
    """A dense layer and four 5x5 transposed convolutions of stride 2.

    Args:
        image_size: side of the image in pixels.
        channels: of the image.
        num_classes: how many labels there are; 0 for an unconditional generator.
        z_dim: length of the noise.
        label_dim: length of a mapped label.
        filters: channels of the last map before the image; earlier ones have 2, 4, 8 times.
        constant_filters: whether all maps have as many instead.
        nonlinearity: "relu", "tanh", or "gated": sigmoid times tanh of twice the channels.
        batch_norm: whether layers are normalised.
        flat_norm: whether the first of them normalises flat features (the TPAMI paper's cats)
            and not the channels of the first map.
        gamma: initial scale of the normalisation: "normal" for N(1, 0.02), or "one".
        dtype: a dtype policy or its name.
        synchronized: whether all replicas share the normalisation's statistics.
        name: the network's name.
    """

    def __init__(
        self,
        image_size: int = 64,
        channels: int = 3,
        num_classes: int = 0,
        z_dim: int = 1024,
        label_dim: int = 256,
        filters: int = 64,
        constant_filters: bool = False,
        nonlinearity: str = "relu",
        batch_norm: bool = True,
        flat_norm: bool = False,
        gamma: str = "normal",
        dtype: Policy | dict[str, Any] = "float32",
        synchronized: bool = True,
        name: str = "generator",
    ) -> None:
        super().__init__(
            name=name,
            dtype=dtype,
            image_size=image_size,
            channels=channels,
            num_classes=num_classes,
            z_dim=z_dim,
            label_dim=label_dim,
            filters=filters,
            constant_filters=constant_filters,
            nonlinearity=nonlinearity,
            batch_norm=batch_norm,
            flat_norm=flat_norm,
            gamma=gamma,
            synchronized=synchronized,
        )
        self.build()

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
    """Four 5x5 convolutions of stride 2 and a dense layer.

    Args:
        image_size: side of the image in pixels.
        channels: of the image.
        num_classes: how many labels there are; 0 for an unconditional discriminator.
        label_dim: length of a mapped label.
        filters: channels of the first convolution; later ones have 2, 4, 8 times.
        nonlinearity: "relu" for LeakyReLU 0.2, "tanh", or "gated": sigmoid times tanh of twice
            the channels.
        batch_norm: whether layers are normalised by batch.
        layer_norm: whether they are normalised by example, if not by batch.
        gamma: initial scale of the normalisation: "normal" for N(1, 0.02), or "one".
        dtype: a dtype policy or its name.
        synchronized: whether all replicas share the normalisation's statistics.
        name: the network's name.
    """

    def __init__(
        self,
        image_size: int = 64,
        channels: int = 3,
        num_classes: int = 0,
        label_dim: int = 256,
        filters: int = 64,
        nonlinearity: str = "relu",
        batch_norm: bool = True,
        layer_norm: bool = False,
        gamma: str = "normal",
        dtype: Policy | dict[str, Any] = "float32",
        synchronized: bool = True,
        name: str = "discriminator",
    ) -> None:
        super().__init__(
            name=name,
            dtype=dtype,
            image_size=image_size,
            channels=channels,
            num_classes=num_classes,
            label_dim=label_dim,
            filters=filters,
            nonlinearity=nonlinearity,
            batch_norm=batch_norm,
            layer_norm=layer_norm,
            gamma=gamma,
            synchronized=synchronized,
        )
        self.build()
