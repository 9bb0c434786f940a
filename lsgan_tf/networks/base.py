"""Base classes and helpers of all generators and discriminators."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import numpy as np
from keras import ops

from lsgan_tf.networks import label_layers, layers
from lsgan_tf.networks.description import LayerRow, kind_of
from lsgan_tf.networks.layers import Policy, Tensor, join

_ALSO_BY_POSITION = inspect.Parameter.POSITIONAL_OR_KEYWORD


class Network(keras.Model):
    """Base class of all networks: the constructor creates all weights.

    A subclass declares its arguments like the fields of a dataclass, as annotated class attributes
    with defaults, and inherits those of its bases. Arguments are keyword-only, except for the
    first; each becomes an attribute and an entry of `get_config`. `build_network` adds the layers
    without running them, so a network can be created in the scope of any distribution strategy.

    Args:
      name: name of the network; `default_name` if omitted.
      dtype: dtype policy of all layers, or its name: "float32", "mixed_bfloat16" or
        "mixed_float16". Outputs are always float32.
      arguments: the arguments that the class declares.

    Attributes:
      arguments: signature of the declared arguments, with types and defaults.
      takes_parts: whether `call` has an argument `parts`: the number of concatenated batches that
        are normalised separately.

    Raises:
      TypeError: if the class does not declare an argument.
    """

    arguments = inspect.Signature()
    default_name = "network"
    takes_parts = False

    # Defaults for arguments that a subclass does not declare.
    num_classes = 0
    label_dim = 0
    batch_norm = False
    layer_norm = False
    gamma = "one"
    synchronized = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        known = dict(cls.arguments.parameters)
        for name, annotation in inspect.get_annotations(cls).items():
            first = not known or name == next(iter(known))
            kind = _ALSO_BY_POSITION if first else inspect.Parameter.KEYWORD_ONLY
            known[name] = inspect.Parameter(
                name, kind, default=getattr(cls, name), annotation=annotation
            )
        cls.arguments = inspect.Signature(list(known.values()))

    def __init__(
        self,
        *first: Any,
        name: str | None = None,
        dtype: Policy | dict[str, Any] = "float32",
        **arguments: Any,
    ) -> None:
        try:
            bound = self.arguments.bind(*first, **arguments)
        except TypeError as error:
            raise TypeError(
                f"{type(self).__module__}.{type(self).__name__}: {error}; its arguments are "
                f"{', '.join((*self.arguments.parameters, 'name', 'dtype'))}"
            ) from None
        bound.apply_defaults()
        super().__init__(name=name or self.default_name, dtype=dtype)
        self._given = dict(bound.arguments)
        for key, value in self._given.items():
            setattr(self, key, value)
        self._rows: list[LayerRow] = []
        self.build()

    # Construction

    def build(self, input_shape: Any = None) -> None:
        """Create all layers and weights; called by the constructor."""
        if self.num_classes:
            self.label_map = label_layers.LabelMap(
                self.num_classes, self.label_dim, dtype=self.dtype_policy
            )
            self.add(self.label_map, ())
        self.build_network()

    def build_network(self) -> None:
        """Add the subclass's layers, in the order in which they run."""
        raise NotImplementedError

    @property
    def joined_dim(self) -> int:
        """Number of features of a concatenated label: `label_dim`, or 0 if unconditional."""
        return self.label_dim if self.num_classes else 0

    def add(self, layer: keras.Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Build a layer on inputs of `shape` (without the batch) as attribute `layer.name`.

        Returns:
          The output shape of the layer, without the batch.
        """
        shapes = [(None, *shape)]
        if isinstance(layer, label_layers.LabelledConv2D):
            shapes.append((None, self.label_dim))
        layer.build(*shapes)
        setattr(self, layer.name, layer)
        output = tuple(layer.compute_output_shape(*shapes)[1:])
        parameters = sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
        self._rows.append(LayerRow(layer.name, kind_of(layer), output, parameters))
        return output

    def add_norm(self, index: int, shape: tuple[int, ...]) -> keras.Layer | None:
        """Add the normalisation of layer `h<index>`: `bn<index>`, `ln<index>`, or none.

        Returns:
          The layer, for `normalize`.
        """
        policy = self.dtype_policy
        if self.batch_norm:
            layer = layers.batch_norm(f"bn{index}", policy, self.gamma, self.synchronized)
        elif self.layer_norm:
            layer = layers.layer_norm(f"ln{index}", policy)
        else:
            return None
        self.add(layer, shape)
        return layer

    def add_joined_conv(
        self, filters: int, kernel_size: int, strides: int, name: str, shape: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Add a convolution, of the image and the label if the network is conditional."""
        kind = label_layers.LabelledConv2D if self.num_classes else layers.conv
        return self.add(
            kind(filters, kernel_size, strides, name=name, dtype=self.dtype_policy), shape
        )

    def use_direct_convolutions(self) -> None:
        """Make all convolutions use the backend's operation, in training too."""
        for layer in self.layers:
            if hasattr(layer, "direct"):
                layer.direct = True

    def scale_weights(self, factor: float) -> None:
        """Multiply all kernels, the label map's included, but no biases or normalisations.

        Equivalent to initialising with a standard deviation `factor` times as large.
        """
        for weight in self.trainable_weights:
            if weight.name.endswith("kernel"):
                weight.assign(weight.value * factor)

    # Calls

    def map_label(self, label: Tensor | None, mapped_label: Tensor | None = None) -> Tensor | None:
        """Map labels to features, the paper's Phi(y).

        Args:
          label: integers in [0, num_classes), (n,).
          mapped_label: features to return instead, (n, label_dim), such as an interpolation between
            two classes.

        Returns:
          (n, label_dim); None if the network is unconditional.

        Raises:
          ValueError: if a conditional network does not receive exactly one of the arguments, if an
            unconditional one receives `mapped_label`, or if a shape or dtype is wrong.
        """
        if mapped_label is not None:
            return self._checked_map(label, mapped_label)
        if not self.num_classes:
            return None
        if label is None:
            raise ValueError(f"the {self.name} is conditional and requires labels")
        label = ops.convert_to_tensor(label)
        dtype = keras.backend.standardize_dtype(label.dtype)
        if len(label.shape) != 1 or "int" not in dtype:
            raise ValueError(
                f"Expected labels that are integers in [0, {self.num_classes}) of shape (n,). "
                f"Received: {dtype} of shape {tuple(label.shape)}; pass mapped labels to a "
                "generator as mapped_label"
            )
        return self.label_map(label if dtype in ("int32", "int64") else ops.cast(label, "int32"))

    def _checked_map(self, label: Tensor | None, mapped_label: Tensor) -> Tensor:
        if label is not None or not self.num_classes:
            reason = "label is given too" if self.num_classes else f"{self.name} is unconditional"
            raise ValueError(f"Expected no mapped_label, since the {reason}.")
        mapped_label = ops.convert_to_tensor(mapped_label)
        dtype = keras.backend.standardize_dtype(mapped_label.dtype)
        shape = tuple(mapped_label.shape)
        if len(shape) != 2 or shape[1] != self.label_dim or "float" not in dtype:
            raise ValueError(
                f"Expected mapped_label to be floats of shape (n, {self.label_dim}). "
                f"Received: {dtype} of shape {shape}"
            )
        return mapped_label

    # Description and serialization

    def describe(self) -> list[LayerRow]:
        """Return the layers in execution order."""
        return list(self._rows)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **options: Any,
    ) -> None:
        """Export the forward pass; see `keras.Model.export`.

        Args:
          filepath: folder to write.
          format: "tf_saved_model" or another format of Keras.
          verbose: whether to print a message.
          input_signature: shapes and types of the inputs; if omitted, any number of examples,
            with labels if the network is conditional.
          options: passed to Keras.
        """
        if input_signature is None:
            name = next(iter(inspect.signature(self.call).parameters))
            input_signature = [keras.InputSpec("float32", (None, *self.input_dims), name=name)]
            if self.num_classes:
                input_signature.append(keras.InputSpec("int32", (None,), name="label"))
        super().export(filepath, format, verbose, input_signature, **options)

    @property
    def input_dims(self) -> tuple[int, ...]:
        """Shape of one example of the first input."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return all arguments of the constructor."""
        return {
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            **self._given,
        }

    def get_build_config(self) -> None:
        """Return None: the constructor builds the network."""
        return


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy all variables to a network of the same class outside any strategy."""
    for mine, theirs in zip(source.variables, target.variables, strict=True):
        theirs.assign(np.asarray(mine.numpy()))


class NoiseNetwork(Network):
    """Base class of generators: networks of noise vectors, with `z_dim`, and labels."""

    default_name = "generator"

    @property
    def input_dims(self) -> tuple[int, ...]:
        """Shape of one noise vector."""
        return (self.z_dim,)

    def call(
        self,
        z: Tensor,
        label: Tensor | None = None,
        training: bool | None = None,
        mapped_label: Tensor | None = None,
    ) -> Tensor:
        """Generate examples.

        Args:
          z: noise, (n, z_dim).
          label: integers in [0, num_classes), (n,); ignored if unconditional.
          training: whether to normalise by batch statistics and update the moving statistics, or to
            normalise by the moving statistics.
          mapped_label: features, (n, label_dim), in place of `label`.

        Returns:
          Images in `output_range`, float32, (n, image_size, image_size, channels), or points,
          float32, (n, dim).
        """
        return self.run_layers(join(z, self.map_label(label, mapped_label)), training)

    def run_layers(self, x: Tensor, training: bool | None) -> Tensor:
        """Apply the layers to noise, with the mapped label if conditional; return examples."""
        raise NotImplementedError
