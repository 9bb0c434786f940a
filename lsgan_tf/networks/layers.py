"""Layers of all networks, initialised as in the authors' `ops.py`.

Dense layers and transposed convolutions are initialised from N(0, 0.02), convolutions from the same
normal truncated at two standard deviations, biases with zeros. Padding is "SAME".
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

import keras
from keras import ops

from lsgan_tf.settings.defaults import WEIGHT_SD

LEAK = 0.2
"""Negative slope of the discriminators' LeakyReLU."""

Policy: TypeAlias = str | keras.DTypePolicy
Tensor = Any  # a tensor of the Keras backend

PACKAGE = "lsgan_tf"
"""Name under which Keras files refer to own layers."""


def normal() -> keras.Initializer:
    """Return a new initializer of N(0, 0.02)."""
    # A Keras initializer returns the same values at each call, so each weight needs its own.
    return keras.initializers.RandomNormal(stddev=WEIGHT_SD)


def truncated_normal() -> keras.Initializer:
    """Return a new initializer of N(0, 0.02) truncated at two standard deviations."""
    return keras.initializers.TruncatedNormal(stddev=WEIGHT_SD)


def halved(size: int, times: int = 1) -> int:
    """Return the size of an image after `times` convolutions of stride 2, by ceiling division."""
    for _ in range(times):
        size = -(-size // 2)
    return size


def scaled(channels: int, width: float) -> int:
    """Multiply a number of channels by `width`, rounded, at least 1."""
    return max(1, round(channels * width))


def dense(
    units: int, name: str, dtype: Policy, initializer: keras.Initializer | None = None
) -> keras.layers.Dense:
    """Create a dense layer; weights are from N(0, 0.02) by default, the bias is zero."""
    return keras.layers.Dense(
        units, kernel_initializer=initializer or normal(), name=name, dtype=dtype
    )


def conv(
    filters: int, kernel_size: int, strides: int, name: str, dtype: Policy
) -> keras.layers.Conv2D:
    """Create a convolution, (n, h, w, c) -> (n, ceil(h / strides), ceil(w / strides), filters)."""
    return _convolutions().Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        data_format="channels_last",
        kernel_initializer=truncated_normal(),
        name=name,
        dtype=dtype,
    )


def deconv(
    filters: int,
    kernel_size: int,
    strides: int,
    source: int,
    target: int,
    name: str,
    dtype: Policy,
) -> keras.layers.Conv2DTranspose:
    """Create a transposed convolution from size `source` to size `target`.

    Equivalent to `tf.nn.conv2d_transpose` with padding "SAME" and that output shape: the gradient
    of the "SAME" convolution from `target` to `source`.

    Args:
      filters: number of output channels.
      kernel_size: height and width of the kernel.
      strides: 1 or 2.
      source: height and width of the input image.
      target: height and width of the output image; `source` must be ceil(target / strides).
      name: name of the layer.
      dtype: a dtype policy or its name.

    Raises:
      ValueError: if no "SAME" convolution maps `target` to `source`.
    """
    if -(-target // strides) != source:
        raise ValueError(
            f"a transposed convolution of stride {strides} cannot map size {source} to {target}"
        )
    # Keras adds it to (source - 1) * strides + kernel_size % 2.
    output_padding = target - (source - 1) * strides - kernel_size % 2
    return _convolutions().Conv2DTranspose(
        filters,
        kernel_size,
        strides,
        padding="same",
        output_padding=output_padding,
        data_format="channels_last",
        kernel_initializer=normal(),
        name=name,
        dtype=dtype,
    )


def _convolutions() -> ModuleType:
    """Return the module of the convolution classes; those for TensorFlow train faster."""
    if keras.backend.backend() != "tensorflow":
        return keras.layers
    from lsgan_tf.networks.ops import conv2d

    return conv2d


def batch_norm(
    name: str, dtype: Policy, gamma: str = "normal", synchronized: bool = True
) -> keras.layers.BatchNormalization:
    """Create a batch normalisation over all axes but the last, momentum 0.9, epsilon 1e-5.

    Args:
      name: name of the layer.
      dtype: a dtype policy or its name; statistics are always float32.
      gamma: initial scale: "normal" for N(1, 0.02), "one" for 1.
      synchronized: whether all replicas use the statistics of the global batch.

    Raises:
      ValueError: if `gamma` is unknown.
    """
    if gamma not in ("normal", "one"):
        raise ValueError(f"gamma must be 'normal' or 'one', not {gamma!r}")
    initializer = (
        keras.initializers.RandomNormal(mean=1.0, stddev=WEIGHT_SD)
        if gamma == "normal"
        else keras.initializers.Ones()
    )
    kind = keras.layers.BatchNormalization
    # Only TensorFlow has replicas; under JAX the layer sees the global batch.
    if synchronized and keras.backend.backend() == "tensorflow":
        from lsgan_tf.networks.ops.sync_batch_norm import SynchronizedBatchNormalization

        kind = SynchronizedBatchNormalization
    return kind(momentum=0.9, epsilon=1e-5, gamma_initializer=initializer, name=name, dtype=dtype)


def layer_norm(name: str, dtype: Policy) -> keras.layers.GroupNormalization:
    """Create a layer normalisation as in improved_wgan_training, with epsilon 1e-5.

    Mean and variance are taken over all axes of an example, (h, w, c) or (units,); scale and offset
    are per channel. In Keras this is a group normalisation with one group: `LayerNormalization`
    would have a scale per position.

    Args:
      name: name of the layer.
      dtype: a dtype policy or its name; statistics are always float32.
    """
    return keras.layers.GroupNormalization(groups=1, epsilon=1e-5, name=name, dtype=dtype)


def normalize(
    layer: keras.Layer | None, x: Tensor, training: bool | None, parts: int = 1
) -> Tensor:
    """Apply a normalisation.

    Args:
      layer: the result of `Network.add_norm`; None returns `x` unchanged.
      x: features, channels last.
      training: whether batch normalisation uses the statistics of the batch.
      parts: number of concatenated batches in `x`, which are normalised separately.
    """
    if layer is None:
        return x
    if not isinstance(layer, keras.layers.BatchNormalization):
        return layer(x)
    if parts == 1:
        return layer(x, training=training)
    # In order, because each part updates the moving statistics.
    return ops.concatenate([layer(part, training=training) for part in ops.split(x, parts)])


def joined_conv(layer: keras.Layer, x: Tensor, phi: Tensor | None) -> Tensor:
    """Apply a convolution that `Network.add_joined_conv` added."""
    return layer(x) if phi is None else layer(x, phi)


def join(x: Tensor, phi: Tensor | None) -> Tensor:
    """Concatenate features (n, k) and the mapped label, if any, to (n, k + label_dim)."""
    return x if phi is None else ops.concatenate([x, ops.cast(phi, x.dtype)], axis=-1)
