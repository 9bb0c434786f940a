"""Generators and discriminators, one module per pair; independent of `Config`."""

from __future__ import annotations

import importlib
from types import ModuleType

FAMILIES = ("dcgan", "digits", "handwriting", "mixture", "mlp", "scene")
"""Modules with a `Generator` and a `Discriminator` each."""


def __getattr__(name: str) -> ModuleType:
    if name in FAMILIES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def output_range(network: str) -> tuple[float, float] | None:
    """Return the pixel range of a network's images; None for `mixture`, which generates points."""
    return importlib.import_module(f"lsgan_tf.networks.{network}").Generator.output_range
