"""Generators and discriminators; `build` makes the pair that a config describes."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lsgan_tf.config import Config
from lsgan_tf.settings.defaults import WEIGHT_SD

if TYPE_CHECKING:
    from lsgan_tf.networks.base import Network

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
"""Keras's dtype policy for each `--precision`."""

_FAMILIES = ("dcgan", "digits", "handwriting", "mixture", "mlp", "scene")


def __getattr__(name: str) -> ModuleType:
    if name in _FAMILIES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def build(
    config: Config, *, precision: str | None = None, synchronized: bool = False
) -> tuple[Network, Network]:
    """Makes the generator and the discriminator of a config, all weights included.

    Args:
      config: with the dataset's facts (`data_shape`, `data_classes`) filled in.
      precision: other than the config's, to export in float32 for example.
      synchronized: batch normalisation over all replicas of the current strategy.

    Returns:
      Generator and discriminator.
    """
    module = importlib.import_module(f"lsgan_tf.networks.{config.network}")
    common = {"dtype": POLICIES[precision or config.precision]}
    generator: dict[str, Any] = {"z_dim": config.z_dim}
    discriminator: dict[str, Any] = {}
    if config.network != "mixture":
        common |= {
            "image_size": config.image_size,
            "channels": config.data_shape[-1],
            "num_classes": config.data_classes if config.conditional else 0,
            "label_dim": config.label_dim,
        }
        normalisation = {"gamma": config.bn_gamma, "synchronized": synchronized}
        discriminator |= {
            **normalisation,
            "batch_norm": config.discriminator_batch_norm,
            "layer_norm": config.discriminator_layer_norm,
        }
        if config.network != "mlp":
            generator |= {**normalisation, "batch_norm": config.generator_batch_norm}
    if config.network == "handwriting":
        common["width"] = config.width
        discriminator["first_filters"] = config.first_filters
    if config.network in ("dcgan", "mlp"):
        discriminator["filters"] = config.filters
    if config.network == "dcgan":
        common["nonlinearity"] = config.nonlinearity
        generator["filters"] = config.filters
        generator["constant_filters"] = config.constant_filters
        generator["flat_norm"] = config.flat_norm
    pair = module.Generator(**common, **generator), module.Discriminator(**common, **discriminator)
    if config.weight_sd != WEIGHT_SD:
        for network in pair:
            network.scale_weights(config.weight_sd / WEIGHT_SD)
    return pair


def output_range(network: str) -> tuple[float, float] | None:
    """The range of a network's images, as `--network` names it; None for the mixture's points."""
    return importlib.import_module(f"lsgan_tf.networks.{network}").Generator.output_range
