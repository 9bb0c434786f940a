"""Multilayer perceptrons of the Gaussian mixture experiment (Figure 7).

With z of length 256 the generator has 49,666 trainable parameters and the discriminator 17,025.
Labels, which the paper does not use here, are concatenated to the input.
"""

from __future__ import annotations

import keras
from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.base import Network, NoiseNetwork
from lsgan_tf.networks.layers import Policy, Tensor, join


class _Perceptron(Network):
    """Three dense layers, with tanh after the first two; the last one is float32."""

    dim: int = 2
    num_classes: int = 0
    label_dim: int = 256
    hidden: int = 128

    def add_layers(self, inputs: int, outputs: int) -> None:
        """Add `h0`, `h1` and `h2`."""
        shape: tuple[int, ...] = (inputs + self.joined_dim,)
        for name in ("h0", "h1"):
            shape = self.add(_dense(self.hidden, name, self.dtype_policy), shape)
        self.add(_dense(outputs, "h2", "float32"), shape)

    def run_layers(self, x: Tensor, training: bool | None) -> Tensor:
        """Apply the layers to (n, inputs); return (n, outputs). `training` is ignored."""
        return self.h2(ops.tanh(self.h1(ops.tanh(self.h0(x)))))


@keras.saving.register_keras_serializable(package="lsgan_tf", name="MixtureGenerator")
class Generator(_Perceptron, NoiseNetwork):
    """Generator of points.

    Args:
      z_dim: length of the noise vector.
      arguments: `dim`, `num_classes`, `label_dim` and `hidden`, as in the discriminator.
    """

    output_range = None

    z_dim: int = 256

    def build_network(self) -> None:
        """Add the dense layers."""
        self.add_layers(self.z_dim, self.dim)


@keras.saving.register_keras_serializable(package="lsgan_tf", name="MixtureDiscriminator")
class Discriminator(_Perceptron):
    """Discriminator of points.

    Args:
      dim: number of coordinates of a point.
      num_classes: number of classes; 0 for an unconditional discriminator.
      label_dim: length of a mapped label.
      hidden: units of each hidden layer.
    """

    default_name = "discriminator"

    @property
    def input_dims(self) -> tuple[int, ...]:
        """Shape of one point."""
        return (self.dim,)

    def build_network(self) -> None:
        """Add the dense layers."""
        self.add_layers(self.dim, 1)

    def call(self, x: Tensor, label: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Score points (n, dim) with labels (n,): raw scores, float32, (n,)."""
        return ops.squeeze(self.run_layers(join(x, self.map_label(label)), training), axis=-1)


def _dense(units: int, name: str, dtype: Policy) -> keras.layers.Dense:
    initializer = keras.initializers.Orthogonal(gain=1.4)
    return layers.dense(units, name, dtype, initializer)
