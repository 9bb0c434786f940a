"""Mapping of settings to network arguments."""

from __future__ import annotations

import dataclasses
import importlib

import pytest

from lsgan_tf.build import build_networks
from lsgan_tf.config import Config, resolve, settings

pytestmark = pytest.mark.fast

ARGUMENTS = {
    # setting: its argument in G, in D
    "projection": (None, "projection"),
    "width": ("width", "width"),
    "generator_width": ("width", None),
    "first_filters": (None, "first_filters"),
    "filters": ("filters", "filters"),
    "constant_filters": ("constant_filters", None),
    "nonlinearity": ("nonlinearity", "nonlinearity"),
    "flat_norm": ("flat_norm", None),
    "generator_batch_norm": ("batch_norm", None),
    "discriminator_batch_norm": (None, "batch_norm"),
    "discriminator_layer_norm": (None, "layer_norm"),
    "bn_gamma": ("gamma", "gamma"),
}
NOT_BY_FLAGS = {("scene", "filters"), ("scene", "nonlinearity"), ("mlp", "nonlinearity")}
"""Arguments inherited from DCGAN's discriminator that flags do not set."""
NETWORKS = ("handwriting", "dcgan", "scene", "digits", "mlp", "mixture")


@pytest.mark.parametrize("network", NETWORKS)
def test_a_setting_is_for_the_networks_that_have_its_argument(network):
    module = importlib.import_module(f"lsgan_tf.networks.{network}")
    for field in settings():
        if field.name not in ARGUMENTS:
            continue
        in_g, in_d = ARGUMENTS[field.name]
        has = in_g in module.Generator.arguments.parameters
        has |= in_d in module.Discriminator.arguments.parameters
        if (network, field.name) in NOT_BY_FLAGS:
            assert has
            has = False
        assert (network in field.metadata["only"]["network"]) == has, field.name


@pytest.mark.parametrize(
    ("given", "generator", "discriminator"),
    [
        (
            {
                "image_size": 8, "conditional": True, "label_dim": 3, "z_dim": 5, "width": 0.1,
                "first_filters": 2, "generator_batch_norm": False, "bn_gamma": "one",
                "projection": True, "generator_width": 0.2, "generator_label_dim": 6,
            },
            {
                "image_size": 8, "channels": 1, "num_classes": 4, "z_dim": 5, "label_dim": 6,
                "batch_norm": False, "gamma": "one", "synchronized": False, "width": 0.2,
            },
            {
                "image_size": 8, "channels": 1, "num_classes": 4, "label_dim": 3,
                "projection": True, "batch_norm": True, "layer_norm": False, "gamma": "one",
                "synchronized": False, "first_filters": 2, "width": 0.1,
            },
        ),
        (
            {
                "dataset": "images", "image_size": 8, "filters": 2, "nonlinearity": "tanh",
                "constant_filters": True, "flat_norm": True, "discriminator_layer_norm": True,
            },
            {
                "image_size": 8, "channels": 1, "num_classes": 0, "z_dim": 1024,
                "label_dim": 256, "batch_norm": True, "gamma": "normal", "synchronized": False,
                "filters": 2, "constant_filters": True, "nonlinearity": "tanh",
                "flat_norm": True,
            },
            {
                "image_size": 8, "channels": 1, "num_classes": 0, "label_dim": 256,
                "projection": False, "batch_norm": False, "layer_norm": True, "gamma": "normal",
                "synchronized": False, "filters": 2, "nonlinearity": "tanh",
            },
        ),
        (
            {"dataset": "images", "network": "mlp", "image_size": 8, "filters": 2, "z_dim": 5},
            {
                "image_size": 8, "channels": 1, "num_classes": 0, "z_dim": 5, "label_dim": 256,
                "hidden": 512,
            },
            {
                "image_size": 8, "channels": 1, "num_classes": 0, "label_dim": 256,
                "projection": False, "batch_norm": True, "layer_norm": False, "gamma": "normal",
                "synchronized": False, "filters": 2, "nonlinearity": "relu",
            },
        ),
        (
            {"dataset": "mixture"},
            {"dim": 2, "num_classes": 0, "label_dim": 256, "hidden": 128, "z_dim": 256},
            {"dim": 2, "num_classes": 0, "label_dim": 256, "hidden": 128},
        ),
    ],
)  # fmt: skip
def test_networks_are_made_as_the_settings_say(given, generator, discriminator):
    config = resolve(given, {})[0]
    shape = (2,) if config.dataset == "mixture" else (8, 8, 1)
    pair = build_networks(dataclasses.replace(config, data_shape=shape, data_classes=4))
    for network, expected in zip(pair, (generator, discriminator), strict=True):
        found = network.get_config()
        assert {name: found[name] for name in found if name not in ("name", "dtype")} == expected


def test_what_a_network_does_not_use_leaves_it_as_it_is():
    """As in runs of older versions, which ignored such settings."""

    config = Config(dataset="lsun", network="scene", image_size=8, data_shape=(8, 8, 3), filters=2)
    discriminator = build_networks(dataclasses.replace(config, nonlinearity="gated"))[1]
    assert (discriminator.filters, discriminator.nonlinearity) == (64, "relu")
