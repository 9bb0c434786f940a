"""The frozen Inception network of 2015-12-05, the feature extractor of IS, FID and KID."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lsgan_tf.errors import UserError
from lsgan_tf.metrics.inception.file import ARCHIVE, GRAPH, graph_bytes

INPUT, POOL, LOGITS = "ExpandDims", "pool_3", "softmax/logits/MatMul"
"""Names in the graph: images before resizing, features, and the product with the classifier's
weights."""

# fmt: off
OPERATIONS = frozenset({
    "AddV2", "AvgPool", "BatchNormWithGlobalNormalization", "BiasAdd", "Cast", "CheckNumerics",
    "Concat", "ConcatV2", "Const", "Conv2D", "DecodeJpeg", "ExpandDims", "Fill", "Identity",
    "MatMul", "MaxPool", "Mean", "Mul", "Placeholder", "Relu", "Reshape", "ResizeBilinear",
    "Softmax", "Sub",
})
# fmt: on
"""Allowed operations: those of the published graph and a few harmless ones. TensorFlow has others
that access files or call Python."""

_CHUNK = 64


class Inception:
    """The frozen graph as a feature extractor.

    As in the reference implementations, images with values 0..255 are fed to `ExpandDims` and
    resized by the graph, features are `pool_3`, and logits omit the bias of the softmax layer.

    Args:
      graph: a serialised `GraphDef`.
      digest: hex digest of `graph`.

    Attributes:
      dim: feature dimension, 2,048.
      name: name of the network, for results.
      resizer: description of the resizing.
      digest: hex digest of the graph.
      metadata: empty.

    Raises:
      UserError: if `graph` is not a graph, lacks these tensors, or contains operations other than
        `OPERATIONS`.
    """

    name = "Inception 2015-12-05, TensorFlow's frozen graph"
    resizer = "inside the graph: bilinear as of TensorFlow 1, no antialiasing, to 299x299"

    def __init__(self, graph: bytes, digest: str) -> None:
        self.digest = digest
        self.metadata: dict[str, Any] = {}
        definition = _parse(graph)
        # A session, because newer graphs, such as functions, reject some of the old operations.
        with tf.Graph().as_default() as network:
            self._images = tf.compat.v1.placeholder(tf.float32, (None, None, None, 3))
            try:
                pool, product = tf.graph_util.import_graph_def(
                    definition,
                    input_map={f"{INPUT}:0": self._images},
                    return_elements=[f"{POOL}:0", LOGITS],
                    name="",
                )
                weights = product.inputs[1]
                self.dim = int(weights.shape[0])
                features = tf.reshape(pool, (-1, self.dim))
                self._outputs = [features, tf.matmul(features, weights)]
            except (ValueError, IndexError, TypeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise UserError(f"--inception: cannot run this graph ({reason})") from error
        self._session = tf.compat.v1.Session(graph=network)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Apply the network to images, uint8 `(n, height, width, 1 or 3)`.

        Returns:
          Features, float32 `(n, dim)`, and logits without bias, float32 `(n, 1008)`.
        """
        if images.shape[-1] == 1:
            images = np.repeat(images, 3, axis=-1)
        chunks = [
            self._session.run(
                self._outputs, {self._images: images[start : start + _CHUNK].astype(np.float32)}
            )
            for start in range(0, len(images), _CHUNK)
        ]
        features, logits = zip(*chunks, strict=True)
        return np.concatenate(features), np.concatenate(logits)


def open_inception(
    path: Path | None, cache_dir: Path | None, *, log: Callable[[str], None] = print
) -> Inception:
    """Open the network; see `lsgan_tf.metrics.inception.file.graph_bytes`.

    Raises:
      UserError: see `graph_bytes` and `Inception`.
    """
    return Inception(*graph_bytes(path, cache_dir, log=log))


def _parse(graph: bytes) -> tf.compat.v1.GraphDef:
    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(graph)
    except Exception as error:  # protobuf's exceptions differ by version
        raise UserError(
            f"--inception: not a TensorFlow graph; expected {GRAPH} or {ARCHIVE}"
        ) from error
    used = {node.op for node in definition.node}
    functions = len(definition.library.function) + len(definition.library.gradient)
    if foreign := sorted(used - OPERATIONS) or ["functions"] * bool(functions):
        raise UserError(
            f"--inception: this graph contains {foreign[0][:60]}, which the Inception graph does "
            f"not, and was not run; expected {GRAPH} of 2015-12-05, which is in {ARCHIVE}"
        )
    names = {node.name for node in definition.node}
    if missing := [name for name in (INPUT, POOL, LOGITS) if name not in names]:
        raise UserError(
            f"--inception: this graph has no {', '.join(missing)}; expected {GRAPH} of 2015-12-05, "
            f"which is in {ARCHIVE}"
        )
    for node in definition.node:
        # Recorded for a batch of one.
        node.attr.pop("_output_shapes", None)
    return definition
