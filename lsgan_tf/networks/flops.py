"""How many multiplications a network's layers need, counted from the shapes of their weights.

A multiplication and the addition that follows it are two floating-point operations. Only products
with weights are counted: biases, normalisation, activations, optimisers and noise are passes over
memory, and are left out. Taps of a kernel that fall outside the image count, as is usual; a label
joined to a convolution counts as `LabelledConv2D` computes it, not as the maps that others make of
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from lsgan_tf.networks import layers
from lsgan_tf.networks.base import LayerRow, Network
from lsgan_tf.networks.ops.winograd import Convolution

Algorithm = Callable[[Sequence[int | None], Sequence[int | None], int, int], Convolution | None]
"""By shapes of image and result, kernel size and strides: minimal filtering, or None for direct."""

_NORMALISATIONS = keras.layers.BatchNormalization | keras.layers.GroupNormalization


class LayerOperations(NamedTuple):
    """One layer's work for one example."""

    name: str
    forward: int
    """Floating-point operations of the forward pass."""
    outputs: int
    """Numbers in the layer's output."""


def count(network: Network, algorithm: Algorithm | None = None) -> list[LayerOperations]:
    """Counts the layers of a network, in the order in which they run.

    Args:
      network: G or D.
      algorithm: how convolutions are computed; by default all are direct. The transforms of minimal
        filtering are not counted.
    """
    return [
        LayerOperations(row.name, 2 * _products(network, row, algorithm), math.prod(row.shape))
        for row in network.describe()
    ]


def _products(network: Network, row: LayerRow, algorithm: Algorithm | None) -> int:
    layer = network.get_layer(row.name)
    if isinstance(layer, layers.LabelMap | _NORMALISATIONS):
        return 0
    weights = math.prod(layer.kernel.shape)
    if isinstance(layer, keras.layers.Dense):
        return weights
    side, _, inner, outer = layer.kernel.shape
    strides = layer.strides if isinstance(layer.strides, int) else layer.strides[0]
    height, width, filters = row.shape
    if isinstance(layer, keras.layers.Conv2DTranspose):
        # Every input position meets every weight.
        image = (None, height, width, inner)
        result = (None, -(-height // strides), -(-width // strides), outer)
    else:
        image = (None, *_input_sides(network, row), inner)
        result = (None, *row.shape)
    found = algorithm(image, result, side, strides) if algorithm else None
    products = inner * outer * found.products if found else result[1] * result[2] * weights
    if isinstance(layer, layers.LabelledConv2D):
        products += layer.label_sets * network.label_dim * filters
    return products


def _input_sides(network: Network, row: LayerRow) -> tuple[int, int]:
    """Height and width of a convolution's input: the last image before it in its network."""
    rows = network.describe()
    images = [before.shape for before in rows[: rows.index(row)] if len(before.shape) == 3]
    return images[-1][:2] if images else (network.image_size, network.image_size)


def forward(network: Network, algorithm: Algorithm | None = None) -> int:
    """Floating-point operations of one forward pass on one example."""
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
    """Floating-point operations of `GAN.train_step`.

    A gradient for a layer's weights costs as much as its forward pass, and so does one for its
    input. The input's is left out where nobody needs it: at the first layer of G, and at the first
    of D when D is updated. D's weights get none when G is updated.

    Args:
      generator: G.
      discriminator: D.
      batch_size: examples per update.
      d_steps: updates of D.
      g_steps: updates of G, all but the first on fakes made anew.
      algorithm: as in `count`.

    Returns:
      The number, over the whole batch.
    """
    g, d = forward(generator, algorithm), forward(discriminator, algorithm)
    update_d = 2 * (3 * d - _first(discriminator))
    update_g = 2 * d + 2 * g - _first(generator)
    passes_of_g = d_steps + g_steps - 1
    return batch_size * (passes_of_g * g + d_steps * update_d + g_steps * update_g)


def _first(network: Network) -> int:
    """Operations of the first layer that multiplies."""
    return next(layer.forward for layer in count(network) if layer.forward)
