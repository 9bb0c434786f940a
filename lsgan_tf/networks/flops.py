"""Floating-point operations of networks, counted from the shapes of their weights.

A multiply-add counts as two operations. Only products with weights are counted, not biases,
normalisation, activations, optimisers and noise, which are bound by memory. Kernel taps outside the
image count, as is usual; a label concatenated to a convolution counts as `LabelledConv2D` computes
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from lsgan_tf.networks import label_layers
from lsgan_tf.networks.base import Network
from lsgan_tf.networks.description import LayerRow
from lsgan_tf.networks.ops.winograd import Convolution

Algorithm = Callable[[Sequence[int | None], Sequence[int | None], int, int], Convolution | None]
"""(image shape, output shape, kernel size, stride) -> minimal filtering, or None for direct."""

_NORMALISATIONS = keras.layers.BatchNormalization | keras.layers.GroupNormalization


class LayerOperations(NamedTuple):
    """Operations of a layer for one example.

    Attributes:
      name: name of the layer.
      forward: floating-point operations of the forward pass.
      outputs: size of the output.
    """

    name: str
    forward: int
    outputs: int


def count(network: Network, algorithm: Algorithm | None = None) -> list[LayerOperations]:
    """Count the operations of each layer of a network, in execution order.

    Args:
      network: G or D.
      algorithm: algorithm of each convolution; direct by default. The transforms of minimal
        filtering are not counted.
    """
    return [
        LayerOperations(row.name, 2 * _products(network, row, algorithm), math.prod(row.shape))
        for row in network.describe()
    ]


def _products(network: Network, row: LayerRow, algorithm: Algorithm | None) -> int:
    layer = network.get_layer(row.name)
    if isinstance(layer, label_layers.LabelMap | _NORMALISATIONS):
        return 0
    if isinstance(layer, label_layers.Projection):
        return int(layer.embeddings.shape[1])
    weights = math.prod(layer.kernel.shape)
    if isinstance(layer, keras.layers.Dense):
        return weights
    side, _, inner, outer = layer.kernel.shape
    strides = layer.strides if isinstance(layer.strides, int) else layer.strides[0]
    height, width, filters = row.shape
    if isinstance(layer, keras.layers.Conv2DTranspose):
        # Every input position is multiplied by every weight.
        sides, positions = (height, width), (-(-height // strides), -(-width // strides))
        depth = outer
    else:
        sides, positions, depth = _input_sides(network, row), (height, width), filters
    image, result = (None, *sides, inner), (None, *positions, depth)
    found = algorithm(image, result, side, strides) if algorithm else None
    products = inner * outer * found.products if found else math.prod(positions) * weights
    if isinstance(layer, label_layers.LabelledConv2D):
        products += layer.label_sets * network.label_dim * filters
    return products


def _input_sides(network: Network, row: LayerRow) -> tuple[int, int]:
    """Return height and width of a convolution's input: the last preceding image-shaped output."""
    rows = network.describe()
    images = [before.shape for before in rows[: rows.index(row)] if len(before.shape) == 3]
    return images[-1][:2] if images else (network.image_size, network.image_size)


def forward(network: Network, algorithm: Algorithm | None = None) -> int:
    """Count the floating-point operations of a forward pass on one example."""
    return sum(layer.forward for layer in count(network, algorithm))


def training_step(
    generator: Network,
    discriminator: Network,
    *,
    batch_size: int,
    d_steps: int = 1,
    g_steps: int = 1,
    algorithm: Algorithm | None = None,
) -> int:
    """Count the floating-point operations of `GAN.train_step`.

    The gradient with respect to a layer's weights costs as much as the forward pass, and so does
    the gradient with respect to its input. The latter is not computed for the first layer of G, nor
    for the first layer of D when D is updated; D's weights have no gradient when G is updated.

    Args:
      generator: G.
      discriminator: D.
      batch_size: examples per update.
      d_steps: updates of D.
      g_steps: updates of G; each but the first generates its own fakes.
      algorithm: as in `count`.

    Returns:
      The number of operations for the whole batch.
    """
    g, d = forward(generator, algorithm), forward(discriminator, algorithm)
    update_d = 2 * (3 * d - _first(discriminator))
    update_g = 2 * d + 2 * g - _first(generator)
    passes_of_g = d_steps + g_steps - 1
    return batch_size * (passes_of_g * g + d_steps * update_d + g_steps * update_g)


def _first(network: Network) -> int:
    """Return the operations of the first layer that has products."""
    return next(layer.forward for layer in count(network) if layer.forward)
