"""A generator that is a multilayer perceptron, against DCGAN's discriminator.

One of the difficult architectures of LSGANs-GP (TPAMI 2019), after improved_wgan_training: four
layers of 512 units. At 64x64 with z 128 it has 7,157,760 trainable parameters.
"""

from __future__ import annotations

import keras
from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.base import ImageGenerator, join
from lsgan_tf.networks.dcgan import Discriminator
from lsgan_tf.networks.layers import Tensor

__all__ = ["Discriminator", "Generator"]


@keras.saving.register_keras_serializable(package="lsgan_tf", name="PerceptronGenerator")
class Generator(ImageGenerator):
    """Noise to an image through dense layers alone: ReLU after four, tanh after the last.

    Weights start uniform as in the code it is after: He's for the four, Glorot's for the last.

    Args:
      hidden: units of each of the four layers.
      arguments: those of `ImageGenerator`.
    """

    z_dim: int = 128
    hidden: int = 512

    def build_network(self) -> None:
        """Adds the dense layers `h0` to `h4`."""
        shape = (self.z_dim + self.joined_dim,)
        for name in ("h0", "h1", "h2", "h3"):
            start = keras.initializers.HeUniform()
            shape = self.add(layers.dense(self.hidden, name, self.dtype_policy, start), shape)
        units, start = self.image_size**2 * self.channels, keras.initializers.GlorotUniform()
        self.add(layers.dense(units, "h4", self.dtype_policy, start), shape)

    def call(
        self,
        z: Tensor,
        label: Tensor | None = None,
        training: bool | None = None,
        mapped_label: Tensor | None = None,
    ) -> Tensor:
        """Generates images.

        Args:
          z: noise, (n, z_dim).
          label: integers in [0, num_classes), (n,); ignored if unconditional.
          training: without effect.
          mapped_label: features, (n, label_dim), in place of `label`.

        Returns:
          Images in [-1, 1], float32, (n, image_size, image_size, channels).
        """
        x = join(z, self.map_label(label, mapped_label))
        for hidden in (self.h0, self.h1, self.h2, self.h3):
            x = ops.relu(hidden(x))
        x = ops.tanh(ops.cast(self.h4(x), "float32"))
        return ops.reshape(x, (-1, self.image_size, self.image_size, self.channels))
