"""The shapes that the networks of pictures fill in.

A generator: a dense layer to a small map, then transposed convolutions to the image.
Discriminators: four 5x5 convolutions of stride 2, then a dense layer (DCGAN's and the
scenes'); two of them, then two dense layers (handwriting and digits). Sizes follow from
the image's by ceiling division, so every size works.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.base import Network, flatten, gated, join, leaky_relu, relu
from lsgan_tf.networks.layers import Policy, Tensor, halved

NONLINEARITIES = {"relu": relu, "tanh": ops.tanh, "gated": gated}
"""By the name that `--nonlinearity` has; "relu" is a LeakyReLU in a discriminator."""


class Deconv(NamedTuple):
    """One transposed convolution of a generator."""

    filters: int
    kernel_size: int
    strides: int


class ConvGenerator(Network):
    """Noise to an image through `h0` (dense), `h1`, `h2`, ... (transposed convolutions).

    `bn0` normalises the channels of the first map, after the reshape, or the dense layer's
    flat features if `flat_norm`; every later layer but the last has its own. ReLU, or another
    `nonlinearity`, follows each, tanh the last. A label is joined to the noise alone.

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
        own: arguments that only the subclass has, which are kept like the others.
    """

    output_range = (-1.0, 1.0)
    flat_norm = False
    nonlinearity = "relu"

    def __init__(
        self,
        image_size: int,
        channels: int = 3,
        num_classes: int = 0,
        z_dim: int = 1024,
        label_dim: int = 256,
        batch_norm: bool = True,
        gamma: str = "normal",
        dtype: Policy | dict[str, Any] = "float32",
        synchronized: bool = True,
        name: str = "generator",
        own: Mapping[str, Any] = MappingProxyType({}),
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
            **own,
        )
        self.build()

    def first_filters(self) -> int:
        """Channels of the first map."""
        raise NotImplementedError

    def deconvs(self) -> list[Deconv]:
        """The transposed convolutions, first to last."""
        raise NotImplementedError

    def build_network(self) -> None:
        """Adds the dense layer, the transposed convolutions and their normalisations."""
        plan = self.deconvs()
        halvings = sum(deconv.strides == 2 for deconv in plan)
        source = halved(self.image_size, halvings)
        # Two channels make one where they are gated.
        self._wider = 2 if self.nonlinearity == "gated" else 1
        shape = (source, source, self._wider * self.first_filters())
        self._first_map = shape
        self._last = len(plan)
        units = math.prod(shape)
        inputs = self.z_dim + self.joined_dim
        flat = self.add(layers.dense(units, "h0", self.dtype_policy), (inputs,))
        self.add_norm(0, flat if self.flat_norm else shape)
        for i, (filters, kernel_size, strides) in enumerate(plan, start=1):
            halvings -= strides == 2
            target = halved(self.image_size, halvings)
            if i < self._last:
                filters *= self._wider
            layer = layers.deconv(
                filters, kernel_size, strides, source, target, f"h{i}", self.dtype_policy
            )
            shape = self.add(layer, (*shape[:2], shape[2] // self._wider))
            if i < self._last:
                self.add_norm(i, shape)
            source = target

    def call(self, z: Tensor, label: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Generates.

        Args:
            z: noise, (n, z_dim).
            label: integers in [0, num_classes), (n,); ignored if unconditional.
            training: whether to normalise by the batch's statistics and to update the
                moving ones, or to use these.

        Returns:
            Images in [-1, 1], float32, (n, image_size, image_size, channels).
        """
        x = self.h0(join(z, self.map_label(label)))
        if self.flat_norm:
            x = self.norm(0, x, training)
        x = ops.reshape(x, (-1, *self._first_map))
        for i in range(1, self._last + 1):
            if i > 1 or not self.flat_norm:
                x = self.norm(i - 1, x, training)
            x = getattr(self, f"h{i}")(NONLINEARITIES[self.nonlinearity](x))
        return ops.tanh(ops.cast(x, "float32"))


class ConvDiscriminator(Network):
    """An image to a score through `h0` to `h3` (convolutions) and `h4` (dense).

    The convolutions have `filters`, 2, 4 and 8 times as many channels; all but the first
    are normalised (`bn1` to `bn3`, or `ln1` to `ln3`); LeakyReLU 0.2, or another `nonlinearity`,
    follows each. A label is joined after every convolution, as the paper does it for handwriting.

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
        gamma: initial scale of batch normalisation: "normal" for N(1, 0.02), or "one".
        dtype: a dtype policy or its name.
        synchronized: whether all replicas share batch normalisation's statistics.
        name: the network's name.
    """

    takes_parts = True

    def __init__(
        self,
        image_size: int,
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

    def build_network(self) -> None:
        """Adds the convolutions, their normalisations and the dense layer."""
        wider = 2 if self.nonlinearity == "gated" else 1
        shape = (self.image_size, self.image_size, self.channels)
        shape = self.add(layers.conv(wider * self.filters, 5, 2, "h0", self.dtype_policy), shape)
        for i in (1, 2, 3):
            seen = (*shape[:2], shape[2] // wider)
            shape = self.add_joined_conv(wider * self.filters * 2**i, 5, 2, f"h{i}", seen)
            self.add_norm(i, shape)
        features = math.prod(shape) // wider + self.joined_dim
        self.add(layers.dense(1, "h4", "float32"), (features,))

    def call(
        self,
        x: Tensor,
        label: Tensor | None = None,
        training: bool | None = None,
        parts: int = 1,
    ) -> Tensor:
        """Scores.

        Args:
            x: images in [-1, 1], (n, image_size, image_size, channels).
            label: integers in [0, num_classes), (n,); ignored if unconditional.
            training: whether to normalise by the batch's statistics and to update the
                moving ones, or to use these.
            parts: how many batches `x` consists of, one after the other; each is
                normalised by its own statistics.

        Returns:
            Raw scores (no sigmoid), float32, (n,).
        """
        phi = self.map_label(label)
        plain = self.nonlinearity == "relu"
        nonlinear = leaky_relu if plain else NONLINEARITIES[self.nonlinearity]
        x = nonlinear(self.h0(x))
        for i in (1, 2, 3):
            x = self.joined_conv(f"h{i}", x, phi)
            x = nonlinear(self.norm(i, x, training, parts))
        return ops.squeeze(self.h4(join(flatten(x), phi)), axis=-1)


class ConvDenseDiscriminator(Network):
    """An image to a score through `h0`, `h1` (convolutions), `h2` and `h3` (dense layers).

    5x5 convolutions of stride 2. `h1` and `h2` are normalised (`bn1` and `bn2`, or `ln1` and
    `ln2`); LeakyReLU 0.2 follows all but the last. A label is joined after the first
    convolution, after flattening, and after the first dense layer; not to the image.

    Args:
        image_size: side of the image in pixels, 4 or more.
        channels: of the image.
        num_classes: how many labels there are; 0 for an unconditional discriminator.
        label_dim: length of a mapped label.
        batch_norm: whether layers are normalised by batch.
        layer_norm: whether they are normalised by example, if not by batch.
        gamma: initial scale of batch normalisation: "normal" for N(1, 0.02), or "one".
        dtype: a dtype policy or its name.
        synchronized: whether all replicas share batch normalisation's statistics.
        name: the network's name.
        own: arguments that only the subclass has, which are kept like the others.
    """

    takes_parts = True

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
        own: Mapping[str, Any] = MappingProxyType({}),
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
            **own,
        )
        self.build()

    def sizes(self) -> tuple[int, int, int]:
        """Channels of both convolutions and units of the first dense layer."""
        raise NotImplementedError

    def build_network(self) -> None:
        """Adds the two convolutions and the two dense layers."""
        policy = self.dtype_policy
        first, filters, units = self.sizes()
        shape = (self.image_size, self.image_size, self.channels)
        shape = self.add(layers.conv(first, 5, 2, "h0", policy), shape)
        shape = self.add_joined_conv(filters, 5, 2, "h1", shape)
        self.add_norm(1, shape)
        features = math.prod(shape) + self.joined_dim
        shape = self.add(layers.dense(units, "h2", policy), (features,))
        self.add_norm(2, shape)
        self.add(layers.dense(1, "h3", "float32"), (units + self.joined_dim,))

    def call(
        self,
        x: Tensor,
        label: Tensor | None = None,
        training: bool | None = None,
        parts: int = 1,
    ) -> Tensor:
        """Scores.

        Args:
            x: images, (n, image_size, image_size, channels).
            label: integers in [0, num_classes), (n,); ignored if unconditional.
            training: whether to normalise by the batch's statistics and to update the
                moving ones, or to use these.
            parts: how many batches `x` consists of, one after the other; each is
                normalised by its own statistics.

        Returns:
            Raw scores (no sigmoid), float32, (n,).
        """
        phi = self.map_label(label)
        x = leaky_relu(self.h0(x))
        x = self.joined_conv("h1", x, phi)
        x = leaky_relu(self.norm(1, x, training, parts))
        x = self.h2(join(flatten(x), phi))
        x = leaky_relu(self.norm(2, x, training, parts))
        return ops.squeeze(self.h3(join(x, phi)), axis=-1)
