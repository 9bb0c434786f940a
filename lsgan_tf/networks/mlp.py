"""A multilayer perceptron as generator, with the discriminator of DCGAN.

One of the difficult architectures of LSGANs-GP (TPAMI 2019), based on improved_wgan_training: four
layers of 512 units. At 64x64 with z of length 128 it has 7,157,760 trainable parameters.
"""

from __future__ import annotations

import keras
from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.dcgan import Discriminator
from lsgan_tf.networks.images import ImageGenerator
from lsgan_tf.networks.layers import Tensor

__all__ = ["Discriminator", "Generator"]


@keras.saving.register_keras_serializable(package="lsgan_tf", name="PerceptronGenerator")
class Generator(ImageGenerator):
    """Four dense layers with ReLU and one with tanh.

    Initialised as in improved_wgan_training: He uniform for the first four, Glorot uniform for the
    last.

    Args:
      hidden: units of each hidden layer.
      arguments: those of `ImageGenerator`.
    """

    z_dim: int = 128
    hidden: int = 512

    def build_network(self) -> None:
        """Add the dense layers `h0` to `h4`."""
        shape: tuple[int, ...] = (self.z_dim + self.joined_dim,)
        for name in ("h0", "h1", "h2", "h3"):
            start = keras.initializers.HeUniform()
            shape = self.add(layers.dense(self.hidden, name, self.dtype_policy, start), shape)
        units, start = self.image_size**2 * self.channels, keras.initializers.GlorotUniform()
        self.add(layers.dense(units, "h4", self.dtype_policy, start), shape)

    def run_layers(self, x: Tensor, training: bool | None) -> Tensor:
        """See `ImageGenerator`; `training` is ignored."""
        for hidden in (self.h0, self.h1, self.h2, self.h3):
            x = ops.relu(hidden(x))
        x = ops.tanh(ops.cast(self.h4(x), "float32"))
        return ops.reshape(x, (-1, self.image_size, self.image_size, self.channels))
