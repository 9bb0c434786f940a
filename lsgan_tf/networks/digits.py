"""The networks of the TPAMI paper's digits of small variability, 28x28 and grey.

At 28x28 with z 100 the generator has 4,944,129 trainable parameters and the discriminator, after
LeNet, 1,252,671. The authors give neither a label; where there is one, it is joined as in the
networks of handwriting.
"""

from __future__ import annotations

from typing import Any

import keras

from lsgan_tf.networks.convolutional import ConvDenseDiscriminator, ConvGenerator, Deconv
from lsgan_tf.networks.layers import Policy


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DigitsGenerator")
class Generator(ConvGenerator):
    """A dense layer, normalised flat, and three 5x5 transposed convolutions of stride 2.

    Args:
        image_size: side of the image in pixels.
        channels: of the image.
        num_classes: how many labels there are; 0 for an unconditional generator.
        z_dim: length of the noise.
        label_dim: length of a mapped label.
        batch_norm: whether layers are normalised.
        gamma: initial scale of the normalisation: "normal" for N(1, 0.02), or "one".
        dtype: a dtype policy or its name.
        synchronized: whether all replicas share the normalisation's statistics.
        name: the network's name.
    """

    flat_norm = True

    def __init__(
        self,
        image_size: int = 28,
        channels: int = 1,
        num_classes: int = 0,
        z_dim: int = 100,
        label_dim: int = 256,
        batch_norm: bool = True,
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
            batch_norm=batch_norm,
            gamma=gamma,
            synchronized=synchronized,
        )
        self.build()

    def first_filters(self) -> int:
        """Channels of the first map."""
        return 512

    def deconvs(self) -> list[Deconv]:
        """The transposed convolutions, first to last."""
        widths = (256, 128, self.channels)
        return [Deconv(width, kernel_size=5, strides=2) for width in widths]


@keras.saving.register_keras_serializable(package="lsgan_tf", name="DigitsDiscriminator")
class Discriminator(ConvDenseDiscriminator):
    """LeNet's sizes: convolutions of 20 and 50 channels, a dense layer of 500 units.

    Args:
        image_size: side of the image in pixels.
        channels: of the image.
        num_classes: how many labels there are; 0 for an unconditional discriminator.
        label_dim: length of a mapped label.
        batch_norm: whether layers are normalised by batch.
        layer_norm: whether they are normalised by example, if not by batch.
        gamma: initial scale of batch normalisation: "normal" for N(1, 0.02), or "one".
        dtype: a dtype policy or its name.
        synchronized: whether all replicas share batch normalisation's statistics.
        name: the network's name.
    """

    def __init__(
        self,
        image_size: int = 28,
        channels: int = 1,
        num_classes: int = 0,
        label_dim: int = 256,
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
            batch_norm=batch_norm,
            layer_norm=layer_norm,
            gamma=gamma,
            synchronized=synchronized,
        )
        self.build()

    def sizes(self) -> tuple[int, int, int]:
        """Channels of both convolutions and units of the first dense layer."""
        return (20, 50, 500)
