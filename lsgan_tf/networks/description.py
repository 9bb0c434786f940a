"""Description of a network's layers."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np

from lsgan_tf.networks import label_layers


class LayerRow(NamedTuple):
    """One row of the table that `--dry_run` prints.

    Attributes:
      name: name of the layer.
      kind: type of the layer, such as "conv 5x5 /2".
      shape: output shape without the batch.
      parameters: number of trainable parameters; moving statistics are not counted.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def kind_of(layer: keras.Layer) -> str:
    """Describe the type of a layer: "conv 5x5 /2" has a 5x5 kernel and stride 2."""
    if isinstance(layer, label_layers.LabelMap):
        return "label map"
    if isinstance(layer, label_layers.Projection):
        return "projection"
    if isinstance(layer, keras.layers.BatchNormalization):
        return "batch norm"
    if isinstance(layer, keras.layers.GroupNormalization):
        return "layer norm"
    if isinstance(layer, keras.layers.Dense):
        return "dense"
    name = "conv"
    if isinstance(layer, label_layers.LabelledConv2D):
        name = "labelled conv"
    elif isinstance(layer, keras.layers.Conv2DTranspose):
        name = "deconv"
    side, strides = np.atleast_1d(layer.kernel_size)[0], np.atleast_1d(layer.strides)[0]
    return f"{name} {side}x{side} /{strides}"
