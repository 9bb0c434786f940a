"""What every generator and discriminator shares."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from lsgan_tf.networks import layers
from lsgan_tf.networks.layers import Policy, Tensor


class LayerRow(NamedTuple):
    """One line of the table that `--dry_run` prints."""

    name: str
    kind: str
    shape: tuple[int, ...]
    """Output shape without the batch."""
    parameters: int
    """Trainable ones: a normalisation's scale and offset count, BN's moving statistics do not."""


class Network(keras.Model):
    """A network whose weights all exist when its constructor returns.

    Nothing is computed to make them, so a network can be made inside the scope of any
    distribution strategy. A subclass hands all its arguments to `super().__init__`,
    which keeps each as an attribute and for `get_config`, and ends its constructor with
    `self.build()`; its `build_network` adds the layers.

    Args:
        name: the network's name.
        dtype: a dtype policy or its name, for all layers: "float32", "mixed_bfloat16"
            or "mixed_float16". Outputs are float32 under any.
        settings: all other arguments of the subclass's constructor.
    """

    # What a subclass that has no such argument does.
    num_classes = 0
    label_dim = 0
    batch_norm = False
    layer_norm = False
    gamma = "one"
    synchronized = False
    takes_parts = False
    """Whether `call` takes batches one after the other, normalised apart, as `parts`."""

    def __init__(self, *, name: str, dtype: Policy | dict[str, Any], **settings: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        self._settings = settings
        for key, value in settings.items():
            setattr(self, key, value)
        self._rows: list[LayerRow] = []

    # Making

    def build(self, input_shape: Any = None) -> None:
        """Makes all layers and weights; called by the constructor."""
        if self.num_classes:
            self.label_map = layers.LabelMap(
                self.num_classes, self.label_dim, dtype=self.dtype_policy
            )
            self.add(self.label_map, ())
        self.build_network()

    def build_network(self) -> None:
        """Adds the subclass's layers, in the order in which they run."""
        raise NotImplementedError

    @property
    def joined_dim(self) -> int:
        """Features that a joined label adds: `label_dim`, or 0 if unconditional."""
        return self.label_dim if self.num_classes else 0

    def add(self, layer: keras.Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Builds a layer on inputs of `shape` (without the batch) as attribute `layer.name`.

        Returns:
            The shape of the layer's output, without the batch.
        """
        shapes = [(None, *shape)]
        if isinstance(layer, layers.LabelledConv2D):
            shapes.append((None, self.label_dim))
        layer.build(*shapes)
        setattr(self, layer.name, layer)
        output = tuple(layer.compute_output_shape(*shapes)[1:])
        parameters = sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
        self._rows.append(LayerRow(layer.name, _kind(layer), output, parameters))
        return output

    def add_norm(self, place: int, shape: tuple[int, ...]) -> None:
        """Adds the normalisation of layer `h<place>`: `bn<place>`, `ln<place>`, or none."""
        if self.batch_norm:
            name = f"bn{place}"
            self.add(
                layers.batch_norm(name, self.dtype_policy, self.gamma, self.synchronized), shape
            )
        elif self.layer_norm:
            self.add(layers.layer_norm(f"ln{place}", self.dtype_policy), shape)

    def use_direct_convolutions(self) -> None:
        """Leaves all convolutions to the backend's own operation, in training too."""
        for layer in self.layers:
            if hasattr(layer, "direct"):
                layer.direct = True

    def add_joined_conv(
        self, filters: int, kernel_size: int, strides: int, name: str, shape: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Adds a convolution that sees the label beside the image, if there is a label."""
        kind = layers.LabelledConv2D if self.num_classes else layers.conv
        return self.add(
            kind(filters, kernel_size, strides, name=name, dtype=self.dtype_policy), shape
        )

    def scale_weights(self, factor: float) -> None:
        """Multiplies all kernels, the label map's too; biases and normalisations stay as they are.

        The same weights come out as if the initial distribution's deviation had been
        that much larger.
        """
        for weight in self.trainable_weights:
            if weight.name.endswith("kernel"):
                weight.assign(weight.value * factor)

    # Running

    def map_label(self, label: Tensor | None) -> Tensor | None:
        """Phi(label), (n, label_dim); None if the network is unconditional.

        What has two axes is taken to be mapped already: a blend of classes, say.
        """
        if not self.num_classes:
            return None
        if label is None:
            raise ValueError(f"the {self.name} is conditional: it needs labels")
        return label if len(label.shape) == 2 else self.label_map(label)

    def norm(self, place: int, x: Tensor, training: bool | None, parts: int = 1) -> Tensor:
        """Normalises as `add_norm` has set it up for that place.

        Args:
            place: of the layer whose output is normalised.
            x: the output.
            training: whether batch normalisation takes the batch's statistics.
            parts: how many batches `x` consists of; each has statistics of its own.
        """
        if self.batch_norm:
            layer = getattr(self, f"bn{place}")
            if parts == 1:
                return layer(x, training=training)
            # In order: the moving statistics are updated by each.
            return ops.concatenate([layer(part, training=training) for part in ops.split(x, parts)])
        return getattr(self, f"ln{place}")(x) if self.layer_norm else x

    def joined_conv(self, name: str, x: Tensor, phi: Tensor | None) -> Tensor:
        """Runs a convolution added by `add_joined_conv`."""
        layer = getattr(self, name)
        return layer(x) if phi is None else layer(x, phi)

    # Describing, saving

    def describe(self) -> list[LayerRow]:
        """The layers in the order in which they run."""
        return list(self._rows)

    def get_config(self) -> dict[str, Any]:
        """All arguments of the constructor."""
        return {
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            **self._settings,
        }

    def get_build_config(self) -> None:
        """Nothing: the constructor builds."""
        return


def join(x: Tensor, phi: Tensor | None) -> Tensor:
    """Features (n, k) with the mapped label behind them, (n, k + label_dim)."""
    return x if phi is None else ops.concatenate([x, ops.cast(phi, x.dtype)], axis=-1)


def relu(x: Tensor) -> Tensor:
    """max(x, 0)."""
    return ops.relu(x)


def leaky_relu(x: Tensor) -> Tensor:
    """LeakyReLU of slope 0.2: max(x, 0.2 x)."""
    return ops.leaky_relu(x, negative_slope=layers.LEAK)


def gated(x: Tensor) -> Tensor:
    """sigmoid(a) tanh(b) of neighbouring channels a and b: half as many channels."""
    return ops.sigmoid(x[..., ::2]) * ops.tanh(x[..., 1::2])


def flatten(x: Tensor) -> Tensor:
    """(n, h, w, c) as (n, h * w * c), row by row, channels innermost."""
    return ops.reshape(x, (-1, int(np.prod(x.shape[1:]))))


def _kind(layer: keras.Layer) -> str:
    """What a layer is, in a word or two: "conv 5x5 /2" is a 5x5 kernel of stride 2."""
    if isinstance(layer, layers.LabelMap):
        return "label map"
    if isinstance(layer, keras.layers.BatchNormalization):
        return "batch norm"
    if isinstance(layer, keras.layers.GroupNormalization):
        return "layer norm"
    if isinstance(layer, keras.layers.Dense):
        return "dense"
    name = "conv"
    if isinstance(layer, layers.LabelledConv2D):
        name = "labelled conv"
    elif isinstance(layer, keras.layers.Conv2DTranspose):
        name = "deconv"
    side, strides = np.atleast_1d(layer.kernel_size)[0], np.atleast_1d(layer.strides)[0]
    return f"{name} {side}x{side} /{strides}"


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies all variables of a network into one of the same kind outside any strategy."""
    for mine, theirs in zip(source.variables, target.variables, strict=True):
        theirs.assign(np.asarray(mine.numpy()))
