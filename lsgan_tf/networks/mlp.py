"""A generator that is a multilayer perceptron, against DCGAN's discriminator.

One of the difficult architectures of LSGANs-GP (TPAMI 2019), after improved_wgan_training: four
layers of 512 units. At 64x64 with z 128 it has 7,157,760 trainable parameters.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.base import Network, join
from lsgan_tf.networks.dcgan import Discriminator
from lsgan_tf.networks.layers import Policy, Tensor

__all__ = ["Discriminator", "Generator"]

_HIDDEN = 4


@keras.saving.register_keras_serializable(package="lsgan_tf", name="PerceptronGenerator")
class Generator(Network):
    """Noise to an image through dense layers alone: ReLU after four, tanh after the last.

    Weights start uniform as in the code it is after: He's for the four, Glorot's for the last.

    Args:
        image_size: side of the image in pixels.
        channels: of the image.
        num_classes: how many labels there are; 0 for an unconditional generator.
        z_dim: length of the noise.
        label_dim: length of a mapped label, which is joined to the noise.
        hidden: units of each of the four layers.
        dtype: a dtype policy or its name.
        name: the network's name.
    """

    output_range = (-1.0, 1.0)

    def __init__(
        self,
        image_size: int = 64,
        channels: int = 3,
        num_classes: int = 0,
        z_dim: int = 128,
        label_dim: int = 256,
        hidden: int = 512,
        dtype: Policy | dict[str, Any] = "float32",
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
            hidden=hidden,
        )
        self.build()

    def build_network(self) -> None:
        """Adds the dense layers `h0` to `h4`."""
        shape = (self.z_dim + self.joined_dim,)
        for i in range(_HIDDEN):
            start = keras.initializers.HeUniform()
            shape = self.add(layers.dense(self.hidden, f"h{i}", self.dtype_policy, start), shape)
        units, start = self.image_size**2 * self.channels, keras.initializers.GlorotUniform()
        self.add(layers.dense(units, f"h{_HIDDEN}", self.dtype_policy, start), shape)

    def call(self, z: Tensor, label: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Generates.

        Args:
            z: noise, (n, z_dim).
            label: integers in [0, num_classes), (n,); ignored if unconditional.
            training: without effect.

        Returns:
            Images in [-1, 1], float32, (n, image_size, image_size, channels).
        """
        x = join(z, self.map_label(label))
        for i in range(_HIDDEN):
            x = ops.relu(getattr(self, f"h{i}")(x))
        x = ops.tanh(ops.cast(getattr(self, f"h{_HIDDEN}")(x), "float32"))
        return ops.reshape(x, (-1, self.image_size, self.image_size, self.channels))
