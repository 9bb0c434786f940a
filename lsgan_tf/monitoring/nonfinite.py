"""Localisation of the first non-finite value of a step."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.build import build_networks
from lsgan_tf.config import Config
from lsgan_tf.gan import GAN
from lsgan_tf.networks.base import copy_weights
from lsgan_tf.networks.ops import augmentation
from lsgan_tf.util.pixels import to_range


def diagnose(
    config: Config,
    gan: GAN,
    step: int,
    metrics: np.ndarray,
    examples: np.ndarray,
    labels: np.ndarray,
) -> str:
    """Describe the non-finite metrics of a step, and the first layers that are not finite.

    Args:
      config: config of the run.
      gan: the model after the step.
      step: the step, counted from 1.
      metrics: values of `gan.measured` in the step.
      examples: global data of the step, `(d_steps, batch_size, ...)`.
      labels: labels of the examples, `(d_steps, batch_size)`.

    Returns:
      A phrase for an error message.
    """
    values = zip(gan.measured, metrics, strict=True)
    bad = ", ".join(f"{name} {value:g}" for name, value in values if not math.isfinite(value))
    where = first_bad_layers(config, gan, step, examples, labels)
    return f"step {step:,}: not finite: {bad}; {where}"


def first_bad_layers(
    config: Config, gan: GAN, step: int, examples: np.ndarray, labels: np.ndarray
) -> str:
    """Repeat the forward pass of a step on copies of the networks, checking every layer.

    Arguments and return value are those of `diagnose`.
    """
    # Copies outside the strategy take the global batch at once and leave the run unchanged.
    generator, discriminator = build_networks(config)
    copies = {"generator": generator, "discriminator": discriminator}
    for name, network in copies.items():
        copy_weights(getattr(gan, name), network)
    weights = [
        f"{name} {variable.path.removeprefix(f'{name}/')}"
        for name, network in copies.items()
        for variable in network.variables
        if not np.isfinite(variable.numpy()).all()
    ]
    if weights:
        return f"weights not finite: {_first(weights)}"
    outputs: list[str] = []
    label = labels[-1] if gan.conditional else None
    noises, _, shifts = gan.draw_noise(examples.shape[2:], step=step - 1)
    of_reals, of_fakes = augmentation.split(shifts, -1)
    with _watched(copies, outputs):
        real = gan.augmented(to_range(tf.constant(examples[-1]), gan.pixel_range), of_reals)
        fake = gan.augmented(generator(noises[-1], label, training=True), of_fakes)
        for batch in (real, fake):
            score = discriminator(batch, label, training=True)
    if outputs:
        return f"first layers with values that are not finite: {_first(outputs)}"
    largest = float(tf.reduce_max(tf.abs(score)))
    return (
        f"all layers are finite in the forward pass (scores of fakes up to {largest:.3g}), so it "
        "arose in the loss or in the backward pass"
    )


@contextlib.contextmanager
def _watched(networks: dict[str, keras.Model], found: list[str]) -> Iterator[None]:
    """Append the names of layers with non-finite outputs to `found` inside the context."""

    def watch(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            output = call(*args, **kwargs)
            if name not in found and not bool(tf.reduce_all(tf.math.is_finite(output))):
                found.append(name)
            return output

        return watched

    layers = [(name, layer) for name, network in networks.items() for layer in network.layers]
    calls = [layer.call for _, layer in layers]
    for (name, layer), call in zip(layers, calls, strict=True):
        layer.call = watch(f"{name} {layer.name}", call)
    try:
        yield
    finally:
        for (_, layer), call in zip(layers, calls, strict=True):
            layer.call = call


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
