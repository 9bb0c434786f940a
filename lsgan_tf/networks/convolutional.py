"""The shapes that the networks of images fill in.

A generator: a dense layer to a small map, then transposed convolutions to the image.
Discriminators: four 5x5 convolutions of stride 2, then a dense layer (DCGAN's and the scenes'); two
of them, then two dense layers (handwriting and digits). Sizes follow from the image's by ceiling
division, so every size works.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.base import ImageGenerator, Network, join, joined_conv, normalize
from lsgan_tf.networks.layers import Tensor, halved


def leaky_relu(x: Tensor) -> Tensor:
    """LeakyReLU of slope 0.2: max(x, 0.2 x)."""
    return ops.leaky_relu(x, negative_slope=layers.LEAK)


def gated(x: Tensor) -> Tensor:
    """sigmoid(a) tanh(b) of neighbouring channels a and b: half as many channels."""
    return ops.sigmoid(x[..., ::2]) * ops.tanh(x[..., 1::2])


def flatten(x: Tensor) -> Tensor:
    """(n, h, w, c) as (n, h * w * c), row by row, channels innermost."""
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


NONLINEARITIES = {"relu": ops.relu, "tanh": ops.tanh, "gated": gated}
"""By the name that `--nonlinearity` has; "relu" is a LeakyReLU in a discriminator."""


class Deconv(NamedTuple):
    """One transposed convolution of a generator."""

    filters: int
    kernel_size: int
    strides: int


class ConvGenerator(ImageGenerator):
    """Noise to an image through `h0` (dense), `h1`, `h2`, ... (transposed convolutions).

    `bn0` normalises the channels of the first map, after the reshape, or the dense layer's flat
    features if `flat_norm`; every later layer but the last has its own. ReLU, or another
    `nonlinearity`, follows each, `squash` the last. A label is joined to the noise alone.

    Args:
      batch_norm: whether layers are normalised.
      gamma: initial scale of the normalisation: "normal" for N(1, 0.02), or "one".
      synchronized: whether all replicas share the normalisation's statistics.
      arguments: those of `ImageGenerator`.
    """

    flat_norm = False
    nonlinearity = "relu"

    batch_norm: bool = True
    gamma: str = "normal"
    synchronized: bool = True

    def first_filters(self) -> int:
        """Channels of the first map."""
        raise NotImplementedError

    def deconvs(self) -> list[Deconv]:
        """The transposed convolutions, first to last."""
        raise NotImplementedError

    def squash(self, x: Tensor) -> Tensor:
        """Brings the last layer's output into `output_range`."""
        return ops.tanh(x)

    def build_network(self) -> None:
        """Adds the dense layer, the transposed convolutions and their normalisations."""
        plan = self.deconvs()
        halvings = sum(deconv.strides == 2 for deconv in plan)
        source = halved(self.image_size, halvings)
        # Two channels make one where they are gated.
        wider = 2 if self.nonlinearity == "gated" else 1
        self._first_map = shape = (source, source, wider * self.first_filters())
        inputs = self.z_dim + self.joined_dim
        flat = self.add(layers.dense(math.prod(shape), "h0", self.dtype_policy), (inputs,))
        stages = [(self.h0, self.add_norm(0, flat if self.flat_norm else shape))]
        for i, (filters, kernel_size, strides) in enumerate(plan, start=1):
            halvings -= strides == 2
            target = halved(self.image_size, halvings)
            last = i == len(plan)
            layer = layers.deconv(
                filters if last else wider * filters,
                kernel_size,
                strides,
                source,
                target,
                f"h{i}",
                self.dtype_policy,
            )
            shape = self.add(layer, (*shape[:2], shape[2] // wider))
            stages.append((layer, None if last else self.add_norm(i, shape)))
            source = target
        # A tuple: a checkpoint would hold a list as an object of its own.
        self.stages = tuple(stages)

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
          training: whether to normalise by the batch's statistics and to update the moving ones, or
            to use these.
          mapped_label: features, (n, label_dim), in place of `label`.

        Returns:
          Images in `output_range`, float32, (n, image_size, image_size, channels).
        """
        nonlinear = NONLINEARITIES[self.nonlinearity]
        (dense, norm), *deconvs = self.stages
        x = dense(join(z, self.map_label(label, mapped_label)))
        if self.flat_norm:
            x = ops.reshape(normalize(norm, x, training), (-1, *self._first_map))
        else:
            x = normalize(norm, ops.reshape(x, (-1, *self._first_map)), training)
        for deconv, norm in deconvs:
            x = normalize(norm, deconv(nonlinear(x)), training)
        return self.squash(ops.cast(x, "float32"))


class ImageDiscriminator(Network):
    """Base class of discriminators of images.

    Args:
      image_size: side of the image in pixels.
      channels: of the image.
      num_classes: number of classes; 0 for an unconditional discriminator.
      label_dim: length of a mapped label.
      batch_norm: whether layers are normalised by batch.
      layer_norm: whether they are normalised by example, if not by batch.
      gamma: initial scale of batch normalisation: "normal" for N(1, 0.02), or "one".
      synchronized: whether all replicas share batch normalisation's statistics.
    """

    default_name = "discriminator"
    takes_parts = True

    image_size: int = 64
    channels: int = 3
    num_classes: int = 0
    label_dim: int = 256
    batch_norm: bool = True
    layer_norm: bool = False
    gamma: str = "normal"
    synchronized: bool = True


class ConvDiscriminator(ImageDiscriminator):
    """An image to a score through `h0` to `h3` (convolutions) and `h4` (dense).

    The convolutions have `filters`, 2, 4 and 8 times as many channels; all but the first are
    normalised (`bn1` to `bn3`, or `ln1` to `ln3`); LeakyReLU 0.2, or another `nonlinearity`,
    follows each. A label is joined after every convolution, as the paper does it for handwriting.

    Args:
      filters: channels of the first convolution; later ones have 2, 4, 8 times.
      nonlinearity: "relu" for LeakyReLU 0.2, "tanh", or "gated": sigmoid times tanh of twice the
        channels.
      arguments: those of `ImageDiscriminator`.
    """

    filters: int = 64
    nonlinearity: str = "relu"

    def build_network(self) -> None:
        """Adds the convolutions, their normalisations and the dense layer."""
        wider = 2 if self.nonlinearity == "gated" else 1
        shape = (self.image_size, self.image_size, self.channels)
        shape = self.add(layers.conv(wider * self.filters, 5, 2, "h0", self.dtype_policy), shape)
        norms = []
        for i in (1, 2, 3):
            seen = (*shape[:2], shape[2] // wider)
            shape = self.add_joined_conv(wider * self.filters * 2**i, 5, 2, f"h{i}", seen)
            norms.append(self.add_norm(i, shape))
        features = math.prod(shape) // wider + self.joined_dim
        self.add(layers.dense(1, "h4", "float32"), (features,))
        self.norms = tuple(norms)

    def call(
        self,
        x: Tensor,
        label: Tensor | None = None,
        training: bool | None = None,
        parts: int = 1,
    ) -> Tensor:
        """Scores images.

        Args:
          x: images in [-1, 1], (n, image_size, image_size, channels).
          label: integers in [0, num_classes), (n,); ignored if unconditional.
          training: whether to normalise by the batch's statistics and to update the moving ones, or
            to use these.
          parts: number of batches that `x` consists of, one after the other; each is normalised by
            its own statistics.

        Returns:
          Raw scores (no sigmoid), float32, (n,).
        """
        phi = self.map_label(label)
        plain = self.nonlinearity == "relu"
        nonlinear = leaky_relu if plain else NONLINEARITIES[self.nonlinearity]
        x = nonlinear(self.h0(x))
        for conv, norm in zip((self.h1, self.h2, self.h3), self.norms, strict=True):
            x = nonlinear(normalize(norm, joined_conv(conv, x, phi), training, parts))
        return ops.squeeze(self.h4(join(flatten(x), phi)), axis=-1)


class ConvDenseDiscriminator(ImageDiscriminator):
    """An image to a score through `h0`, `h1` (convolutions), `h2` and `h3` (dense layers).

    5x5 convolutions of stride 2. `h1` and `h2` are normalised (`bn1` and `bn2`, or `ln1` and
    `ln2`); LeakyReLU 0.2 follows all but the last. A label is joined after the first convolution,
    after flattening, and after the first dense layer; not to the image.

    Args:
      image_size: side of the image in pixels, 4 or more.
      arguments: those of `ImageDiscriminator`.
    """

    image_size: int = 28
    channels: int = 1

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
        norm1 = self.add_norm(1, shape)
        features = math.prod(shape) + self.joined_dim
        shape = self.add(layers.dense(units, "h2", policy), (features,))
        norm2 = self.add_norm(2, shape)
        self.add(layers.dense(1, "h3", "float32"), (units + self.joined_dim,))
        self.norms = (norm1, norm2)

    def call(
        self,
        x: Tensor,
        label: Tensor | None = None,
        training: bool | None = None,
        parts: int = 1,
    ) -> Tensor:
        """Scores images.

        Args:
          x: images, (n, image_size, image_size, channels).
          label: integers in [0, num_classes), (n,); ignored if unconditional.
          training: whether to normalise by the batch's statistics and to update the moving ones, or
            to use these.
          parts: number of batches that `x` consists of, one after the other; each is normalised by
            its own statistics.

        Returns:
          Raw scores (no sigmoid), float32, (n,).
        """
        phi = self.map_label(label)
        norm1, norm2 = self.norms
        x = leaky_relu(self.h0(x))
        x = leaky_relu(normalize(norm1, joined_conv(self.h1, x, phi), training, parts))
        x = self.h2(join(flatten(x), phi))
        x = leaky_relu(normalize(norm2, x, training, parts))
        return ops.squeeze(self.h3(join(x, phi)), axis=-1)
