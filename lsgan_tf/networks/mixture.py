"""The perceptrons of the Gaussian mixture experiment (Figure 7).

With z 256 the generator has 49,666 trainable parameters and the discriminator 17,025.
A label, which the paper does not use here, is joined to the input.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.base import Network, join
from lsgan_tf.networks.layers import Policy, Tensor


class _Perceptron(Network):
    """Three dense layers, tanh after the first two; the last one is float32."""

    def add_layers(self, inputs: int, outputs: int) -> None:
        """Adds `h0`, `h1` and `h2`."""
        shape = (inputs + self.joined_dim,)
        for i in (0, 1):
            shape = self.add(_dense(self.hidden, f"h{i}", self.dtype_policy), shape)
        self.add(_dense(outputs, "h2", "float32"), shape)

    def run_layers(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Runs them on (n, inputs), to (n, outputs)."""
        x = ops.tanh(self.h0(join(x, self.map_label(label))))
        return self.h2(ops.tanh(self.h1(x)))


@keras.saving.register_keras_serializable(package="lsgan_tf", name="MixtureGenerator")
class Generator(_Perceptron):
    """Noise to a point.

    Args:
        dim: coordinates of a point.
        num_classes: how many labels there are; 0 for an unconditional generator.
        z_dim: length of the noise.
        label_dim: length of a mapped label.
        hidden: units of both hidden layers.
        dtype: a dtype policy or its name.
        name: the network's name.
    """

    output_range = None

    def __init__(
        self,
        dim: int = 2,
        num_classes: int = 0,
        z_dim: int = 256,
        label_dim: int = 256,
        hidden: int = 128,
        dtype: Policy | dict[str, Any] = "float32",
        name: str = "generator",
    ) -> None:
        super().__init__(
            name=name,
            dtype=dtype,
            dim=dim,
            num_classes=num_classes,
            z_dim=z_dim,
            label_dim=label_dim,
            hidden=hidden,
        )
        self.build()

    def build_network(self) -> None:
        """Adds the dense layers."""
        self.add_layers(self.z_dim, self.dim)

    def call(self, z: Tensor, label: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Generates points, float32, (n, dim), from noise (n, z_dim) and labels (n,)."""
        return self.run_layers(z, label)


@keras.saving.register_keras_serializable(package="lsgan_tf", name="MixtureDiscriminator")
class Discriminator(_Perceptron):
    """A point to a score.

    Args:
        dim: coordinates of a point.
        num_classes: how many labels there are; 0 for an unconditional discriminator.
        label_dim: length of a mapped label.
        hidden: units of both hidden layers.
        dtype: a dtype policy or its name.
        name: the network's name.
    """

    def __init__(
        self,
        dim: int = 2,
        num_classes: int = 0,
        label_dim: int = 256,
        hidden: int = 128,
        dtype: Policy | dict[str, Any] = "float32",
        name: str = "discriminator",
    ) -> None:
        super().__init__(
            name=name,
            dtype=dtype,
            dim=dim,
            num_classes=num_classes,
            label_dim=label_dim,
            hidden=hidden,
        )
        self.build()

    def build_network(self) -> None:
        """Adds the dense layers."""
        self.add_layers(self.dim, 1)

    def call(self, x: Tensor, label: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Scores points (n, dim) with labels (n,): raw scores, float32, (n,)."""
        return ops.squeeze(self.run_layers(x, label), axis=-1)


def _dense(units: int, name: str, dtype: Policy) -> keras.layers.Dense:
    initializer = keras.initializers.Orthogonal(gain=1.4)
    return layers.dense(units, name, dtype, initializer)
