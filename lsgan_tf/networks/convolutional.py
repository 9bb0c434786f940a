"""Base classes of the convolutional networks.

Generators are a dense layer followed by transposed convolutions. Discriminators are four 5x5
convolutions of stride 2 and a dense layer (DCGAN, scenes), or two convolutions and two dense layers
(handwriting, digits). Feature map sizes are obtained by ceiling division, so any image size works.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.images import ImageDiscriminator, ImageGenerator
from lsgan_tf.networks.layers import Tensor, halved, join, joined_conv, normalize


def leaky_relu(x: Tensor) -> Tensor:
    """Apply LeakyReLU with negative slope 0.2: max(x, 0.2 x)."""
    return ops.leaky_relu(x, negative_slope=layers.LEAK)


def gated(x: Tensor) -> Tensor:
    """Apply a gated activation: sigmoid(a) tanh(b) of adjacent channels, halving their number."""
    return ops.sigmoid(x[..., ::2]) * ops.tanh(x[..., 1::2])


def flatten(x: Tensor) -> Tensor:
    """Reshape (n, h, w, c) to (n, h * w * c) in row-major order."""
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


NONLINEARITIES = {"relu": ops.relu, "tanh": ops.tanh, "gated": gated}
"""Activations by the value of `--nonlinearity`; in discriminators "relu" means LeakyReLU."""


class Deconv(NamedTuple):
    """One transposed convolution of a generator."""

    filters: int
    kernel_size: int = 5
    strides: int = 2


class ConvGenerator(ImageGenerator):
    """Generator of a dense layer `h0` and transposed convolutions `h1`, `h2`, ...

    `bn0` normalises the channels of the first feature map, or the flat output of the dense layer if
    `flat_norm`; all later layers but the last are normalised too. Each is followed by ReLU or
    another `nonlinearity`, the last by `squash`. The label is concatenated to the noise.

    Args:
      batch_norm: whether to apply batch normalisation.
      gamma: initial scale of the normalisation: "normal" for N(1, 0.02), or "one".
      synchronized: whether all replicas share the statistics of the normalisation.
      arguments: those of `ImageGenerator`.
    """

    flat_norm = False
    nonlinearity = "relu"

    batch_norm: bool = True
    gamma: str = "normal"
    synchronized: bool = True

    def plan(self) -> tuple[int, list[Deconv]]:
        """Return the channels of the first feature map, and the transposed convolutions."""
        raise NotImplementedError

    def squash(self, x: Tensor) -> Tensor:
        """Map the output of the last layer to `output_range`."""
        return ops.tanh(x)

    def build_network(self) -> None:
        """Add the dense layer, the transposed convolutions and their normalisations."""
        first_filters, plan = self.plan()
        halvings = sum(deconv.strides == 2 for deconv in plan)
        source = halved(self.image_size, halvings)
        # A gated activation halves the channels.
        wider = 2 if self.nonlinearity == "gated" else 1
        shape: tuple[int, ...] = (source, source, wider * first_filters)
        self._first_map = shape
        inputs = self.z_dim + self.joined_dim
        flat = self.add(layers.dense(math.prod(shape), "h0", self.dtype_policy), (inputs,))
        stages = [(self.h0, self.add_norm(0, flat if self.flat_norm else shape))]
        for i, (filters, kernel_size, strides) in enumerate(plan, start=1):
            halvings -= strides == 2
            target = halved(self.image_size, halvings)
            last = i == len(plan)
            filters = filters if last else wider * filters
            sizes = (filters, kernel_size, strides, source, target)
            layer = layers.deconv(*sizes, f"h{i}", self.dtype_policy)
            shape = self.add(layer, (*shape[:2], shape[2] // wider))
            stages.append((layer, None if last else self.add_norm(i, shape)))
            source = target
        # A tuple, because a checkpoint would track a list as an object.
        self.stages = tuple(stages)

    def run_layers(self, x: Tensor, training: bool | None) -> Tensor:
        """See `ImageGenerator`."""
        nonlinear = NONLINEARITIES[self.nonlinearity]
        (dense, norm), *deconvs = self.stages
        x = dense(x)
        if self.flat_norm:
            x = ops.reshape(normalize(norm, x, training), (-1, *self._first_map))
        else:
            x = normalize(norm, ops.reshape(x, (-1, *self._first_map)), training)
        for deconv, norm in deconvs:
            x = normalize(norm, deconv(nonlinear(x)), training)
        return self.squash(ops.cast(x, "float32"))


class ConvDiscriminator(ImageDiscriminator):
    """Discriminator of convolutions `h0` to `h3` and a dense layer `h4`.

    The convolutions have 1, 2, 4 and 8 times `filters` channels. All but the first are normalised
    (`bn1` to `bn3`, or `ln1` to `ln3`); each is followed by LeakyReLU 0.2 or another
    `nonlinearity`. The label is concatenated after every convolution, as in the paper's handwriting
    model.

    Args:
      filters: channels of the first convolution.
      nonlinearity: "relu" for LeakyReLU 0.2, "tanh", or "gated" (sigmoid times tanh, on twice the
        channels).
      arguments: those of `ImageDiscriminator`.
    """

    filters: int = 64
    nonlinearity: str = "relu"

    def build_network(self) -> None:
        """Add the convolutions, their normalisations and the dense layer."""
        wider = 2 if self.nonlinearity == "gated" else 1
        shape: tuple[int, ...] = (self.image_size, self.image_size, self.channels)
        shape = self.add(layers.conv(wider * self.filters, 5, 2, "h0", self.dtype_policy), shape)
        norms = []
        for i in (1, 2, 3):
            seen = (*shape[:2], shape[2] // wider)
            shape = self.add_joined_conv(wider * self.filters * 2**i, 5, 2, f"h{i}", seen)
            norms.append(self.add_norm(i, shape))
        features = math.prod(shape) // wider + self.joined_dim
        self.add(layers.dense(1, "h4", "float32"), (features,))
        self.add_projection(shape[2] // wider)
        self.norms = tuple(norms)

    def run_layers(
        self, x: Tensor, phi: Tensor | None, training: bool | None, parts: int
    ) -> tuple[Tensor, Tensor]:
        """See `ImageDiscriminator`."""
        nonlinear = {**NONLINEARITIES, "relu": leaky_relu}[self.nonlinearity]
        x = nonlinear(self.h0(x))
        for conv, norm in zip((self.h1, self.h2, self.h3), self.norms, strict=True):
            x = nonlinear(normalize(norm, joined_conv(conv, x, phi), training, parts))
        return self.h4(join(flatten(x), phi)), x


class ConvDenseDiscriminator(ImageDiscriminator):
    """Discriminator of two convolutions, `h0` and `h1`, and two dense layers, `h2` and `h3`.

    The convolutions are 5x5 with stride 2. `h1` and `h2` are normalised (`bn1` and `bn2`, or `ln1`
    and `ln2`); all layers but the last are followed by LeakyReLU 0.2. The label is concatenated
    after the first convolution, after flattening and after the first dense layer, not to the image.

    Args:
      image_size: height and width of the image in pixels, at least 4.
      arguments: those of `ImageDiscriminator`.
    """

    image_size: int = 28
    channels: int = 1

    def sizes(self) -> tuple[int, int, int]:
        """Return the channels of both convolutions and the units of the first dense layer."""
        raise NotImplementedError

    def build_network(self) -> None:
        """Add the two convolutions and the two dense layers."""
        policy = self.dtype_policy
        first, filters, units = self.sizes()
        shape: tuple[int, ...] = (self.image_size, self.image_size, self.channels)
        shape = self.add(layers.conv(first, 5, 2, "h0", policy), shape)
        shape = self.add_joined_conv(filters, 5, 2, "h1", shape)
        norm1 = self.add_norm(1, shape)
        features = math.prod(shape) + self.joined_dim
        shape = self.add(layers.dense(units, "h2", policy), (features,))
        norm2 = self.add_norm(2, shape)
        self.add(layers.dense(1, "h3", "float32"), (units + self.joined_dim,))
        self.add_projection(units)
        self.norms = (norm1, norm2)

    def run_layers(
        self, x: Tensor, phi: Tensor | None, training: bool | None, parts: int
    ) -> tuple[Tensor, Tensor]:
        """See `ImageDiscriminator`."""
        norm1, norm2 = self.norms
        x = leaky_relu(self.h0(x))
        x = leaky_relu(normalize(norm1, joined_conv(self.h1, x, phi), training, parts))
        x = self.h2(join(flatten(x), phi))
        x = leaky_relu(normalize(norm2, x, training, parts))
        return self.h3(join(x, phi)), x
