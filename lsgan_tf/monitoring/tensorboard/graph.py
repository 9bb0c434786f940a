"""Graph of both networks for TensorBoard, from noise to image to score."""

from __future__ import annotations

import re

import tensorflow as tf

from lsgan_tf.gan import GAN


def networks_graph(gan: GAN) -> tf.compat.v1.GraphDef:
    """Return the graph of G and of D applied to its output, with the layers' names.

    This is the inference graph: gradients and optimisers would hide the networks among
    thousands of nodes. Nothing is computed.
    """
    z = tf.TensorSpec((None, gan.z_dim), tf.float32, name="z")
    label = tf.TensorSpec((None,), tf.int32, name="label")

    def networks(z: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        made = gan.generator(z, label, training=False)
        return tf.identity(gan.discriminator(made, label, training=False), name="score")

    specs = (z, label) if gan.conditional else (z,)
    graph = tf.function(networks, autograph=False).get_concrete_function(*specs).graph
    names = {
        row.name for network in (gan.generator, gan.discriminator) for row in network.describe()
    }
    return _renamed(graph.as_graph_def(), {gan.generator.name, gan.discriminator.name, *names})


def _renamed(graph: tf.compat.v1.GraphDef, scopes: set[str]) -> tf.compat.v1.GraphDef:
    """Restore the layers' names: tracing renames `h0` to `h0_1`."""
    pattern = re.compile(rf"(?<![^/^])({'|'.join(map(re.escape, scopes))})_\d+(?=/)")
    found = tf.compat.v1.GraphDef()
    found.versions.CopyFrom(graph.versions)
    for node in graph.node:
        if node.name in ("Identity", "NoOp"):  # the end of the traced function
            continue
        made = found.node.add()
        made.CopyFrom(node)
        made.name = pattern.sub(r"\1", node.name)
        del made.input[:]
        made.input.extend(pattern.sub(r"\1", name) for name in node.input)
    return found
