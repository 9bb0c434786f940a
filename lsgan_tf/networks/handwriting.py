"""The paper's conditional model of handwritten Chinese characters (ICCV 2017, section 4.2).

Data and samples lie in [0, 1]. At 28x28 with 3,740 classes, z 1024 and labels mapped to
256 features, the generator has 9,417,857 trainable parameters and the discriminator
21,384,129 (21,392,155 with the 257 first channels of the authors' code).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.base import Network, join
from lsgan_tf.networks.convolutional import ConvDenseDiscriminator
from lsgan_tf.networks.layers import Policy, Tensor, halved


@keras.saving.register_keras_serializable(package="lsgan_tf", name="HandwritingGenerator")
class Generator(Network):
    """Noise and a label to an image: a dense layer and two transposed convolutions.

    The label is joined to the noise alone. The first normalisation is over the dense
    layer's flat features, as in the authors' code.

    Args:
        image_size: side of the image in pixels, 4 or more.
        channels: of the image.
        num_classes: how many labels there are; 0 for an unconditional generator.
        z_dim: length of the noise.
        label_dim: length of a mapped label.
        width: multiplies the channels of the layers within; 1 is the paper's network.
        batch_norm: whether layers are normalised.
        gamma: initial scale of the normalisation: "normal" for N(1, 0.02), or "one".
        dtype: a dtype policy or its name.
        synchronized: whether all replicas share the normalisation's statistics.
        name: the network's name.
    """

    output_range = (0.0, 1.0)

    def __init__(
        self,
        image_size: int = 28,
        channels: int = 1,
        num_classes: int = 3740,
        z_dim: int = 1024,
        label_dim: int = 256,
        width: float = 1.0,
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
            width=width,
            batch_norm=batch_norm,
            gamma=gamma,
            synchronized=synchronized,
        )
        self.build()

    def build_network(self) -> None:
        """Adds the dense layer and the two transposed convolutions."""
        policy = self.dtype_policy
        full, half, quarter = (halved(self.image_size, times) for times in range(3))
        filters = layers.scaled(128, self.width)
        self._first_map = (quarter, quarter, filters)
        units = quarter * quarter * filters
        shape = self.add(layers.dense(units, "h0", policy), (self.z_dim + self.joined_dim,))
        self.add_norm(0, shape)
        shape = self.add(layers.deconv(filters, 5, 2, quarter, half, "h1", policy), self._first_map)
        self.add_norm(1, shape)
        self.add(layers.deconv(self.channels, 5, 2, half, full, "h2", policy), shape)

    def call(self, z: Tensor, label: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Generates.

        Args:
            z: noise, (n, z_dim).
            label: integers in [0, num_classes), (n,); ignored if unconditional.
            training: whether to normalise by the batch's statistics and to update the
                moving ones, or to use these.

        Returns:
            Images in [0, 1], float32, (n, image_size, image_size, channels).
        """
        x = self.h0(join(z, self.map_label(label)))
        x = ops.relu(self.norm(0, x, training))
        x = ops.reshape(x, (-1, *self._first_map))
        x = ops.relu(self.norm(1, self.h1(x), training))
        return ops.sigmoid(ops.cast(self.h2(x), "float32"))


@keras.saving.register_keras_serializable(package="lsgan_tf", name="HandwritingDiscriminator")
class Discriminator(ConvDenseDiscriminator):
    """An image and a label to a score: two convolutions and two dense layers.

    The label is joined after the first convolution, after flattening, and after the
    first dense layer; not to the image.

    Args:
        image_size: side of the image in pixels, 4 or more.
        num_classes: how many labels there are; 0 for an unconditional discriminator.
        first_filters: channels of the first convolution: 256 as in the paper's figure;
            the authors' code has 257.
        width: multiplies the channels of the later layers; 1 is the paper's network.
        settings: any other argument of `ConvDenseDiscriminator`.
    """

    def __init__(
        self,
        image_size: int = 28,
        *,
        num_classes: int = 3740,
        first_filters: int = 256,
        width: float = 1.0,
        **settings: Any,
    ) -> None:
        own = {"first_filters": first_filters, "width": width}
        super().__init__(image_size, num_classes=num_classes, own=own, **settings)

    def sizes(self) -> tuple[int, int, int]:
        """Channels of both convolutions and units of the first dense layer."""
        return (self.first_filters, *(layers.scaled(size, self.width) for size in (320, 1024)))
