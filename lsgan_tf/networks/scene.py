"""The paper's model of LSUN scenes at 112x112 (Figure 3).

At 112x112 with z 1024 the generator has 15,591,427 trainable parameters and the
discriminator 4,333,441. The discriminator is DCGAN's; the paper changes the generator
and the loss.
"""

from __future__ import annotations

from typing import Any

import keras

from lsgan_tf.networks.convolutional import ConvDiscriminator, ConvGenerator, Deconv
from lsgan_tf.networks.layers import Policy


@keras.saving.register_keras_serializable(package="lsgan_tf", name="SceneGenerator")
class Generator(ConvGenerator):
    """A dense layer and seven 3x3 transposed convolutions, four of stride 2.

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

    def __init__(
        self,
        image_size: int = 112,
        channels: int = 3,
        num_classes: int = 0,
        z_dim: int = 1024,
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
        return 256

    def deconvs(self) -> list[Deconv]:
        """The transposed convolutions, first to last: the rows of the paper's figure."""
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
        image_size: side of the image in pixels.
        channels: of the image.
        num_classes: how many labels there are; 0 for an unconditional discriminator.
        label_dim: length of a mapped label.
        batch_norm: whether layers are normalised by batch.
        layer_norm: whether they are normalised by example, if not by batch.
        gamma: initial scale of the normalisation: "normal" for N(1, 0.02), or "one".
        dtype: a dtype policy or its name.
        synchronized: whether all replicas share the normalisation's statistics.
        name: the network's name.
    """

    filters = 64

    def __init__(
        self,
        image_size: int = 112,
        channels: int = 3,
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
