"""The graph: both networks under their names."""

from __future__ import annotations

import dataclasses

import pytest

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.monitoring.tensorboard.graph import networks_graph


@pytest.mark.parametrize("conditional", [True, False])
def test_layers_stand_under_their_network(conditional):
    given = {"dataset": "hwdb", "conditional": conditional, "image_size": 8, "first_filters": 4}
    given |= {"label_dim": 4} if conditional else {}
    config, _ = resolve(given | {"z_dim": 6, "width": 0.1}, {})
    gan = build_gan(dataclasses.replace(config, data_shape=(8, 8, 1), data_classes=3))
    names = {node.name for node in networks_graph(gan).node}
    scopes = {"/".join(name.split("/")[:2]) for name in names}
    assert {"generator/h0", "generator/bn0", "generator/h2"} <= scopes
    assert {"discriminator/h0", "discriminator/h1", "discriminator/h3"} <= scopes
    assert {"z", "score"} <= names
    assert ("label" in names) == conditional
    assert ("generator/label_map" in scopes) == conditional


def test_points_have_one_too():
    config, _ = resolve({"dataset": "mixture", "z_dim": 4}, {})
    gan = build_gan(dataclasses.replace(config, data_shape=(2,)))
    names = [node.name for node in networks_graph(gan).node]
    assert any(name.startswith("generator/") for name in names)
    assert any(name.startswith("discriminator/") for name in names)
