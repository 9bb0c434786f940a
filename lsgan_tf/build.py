"""Builds models from a `Config`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lsgan_tf.config import Config
from lsgan_tf.gan import GAN
from lsgan_tf.gradient_penalty import GradientPenalty
from lsgan_tf.losses import objective
from lsgan_tf.optimizers import falling, make_optimizer
from lsgan_tf.settings.defaults import WEIGHT_SD
from lsgan_tf.util.keras_state import neutral

if TYPE_CHECKING:
    from lsgan_tf.networks.base import Network


POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
"""Keras dtype policies by the value of `--precision`."""

_AS_ARGUMENTS = (
    "projection", "width", "first_filters", "filters", "constant_filters", "nonlinearity",
    "flat_norm",
)  # fmt: skip
"""Settings that only some networks have as an argument, of the same name."""


def build_networks(
    config: Config, *, precision: str | None = None, synchronized: bool = False
) -> tuple[Network, Network]:
    """Build the generator and the discriminator of a config, including all weights.

    Args:
      config: config with the dataset's metadata (`data_shape`, `data_classes`) filled in.
      precision: overrides the config's precision, for example for an export in float32.
      synchronized: whether batch normalisation uses all replicas of the current strategy.

    Returns:
      Generator and discriminator.
    """
    module = importlib.import_module(f"lsgan_tf.networks.{config.network}")
    values = {
        "image_size": config.image_size,
        "channels": config.data_shape[-1],
        "num_classes": config.data_classes if config.conditional else 0,
        "z_dim": config.z_dim,
        "label_dim": config.label_dim,
        "gamma": config.bn_gamma,
        "synchronized": synchronized,
    }
    values |= {name: getattr(config, name) for name in _AS_ARGUMENTS if config.uses(name)}
    generator: dict[str, Any] = {"batch_norm": config.generator_batch_norm}
    for name, own in (("width", config.generator_width), ("label_dim", config.generator_label_dim)):
        if own is not None and config.uses(f"generator_{name}"):
            generator[name] = own
    discriminator = {
        "batch_norm": config.discriminator_batch_norm,
        "layer_norm": config.discriminator_layer_norm,
    }
    policy = POLICIES[precision or config.precision]
    pair = (
        _make(module.Generator, values | generator, policy),
        _make(module.Discriminator, values | discriminator, policy),
    )
    if config.convolution == "direct":
        for network in pair:
            network.use_direct_convolutions()
    if config.weight_sd != WEIGHT_SD and config.uses("weight_sd"):
        for network in pair:
            network.scale_weights(config.weight_sd / WEIGHT_SD)
    return pair


def _make(kind: type[Network], values: dict[str, Any], policy: str) -> Network:
    """Create a network, passing only the values that it has arguments for."""
    known = kind.arguments.parameters
    return kind(dtype=policy, **{name: value for name, value in values.items() if name in known})


@neutral()
def build_gan(config: Config, *, synchronized: bool = False) -> GAN:
    """Build networks, objective and both optimisers in the scope of the current strategy.

    Args:
      config: config with the dataset's metadata filled in.
      synchronized: whether batch normalisation uses the statistics of all replicas.

    Returns:
      The compiled model, with all variables created.
    """
    generator, discriminator = build_networks(config, synchronized=synchronized)
    penalty = None
    if config.gradient_penalty:
        penalty = GradientPenalty(config.gradient_penalty, config.penalty_scale)
    gan = GAN(
        generator,
        discriminator,
        objective(config.loss, a=config.label_fake, b=config.label_real, c=config.label_target),
        batch_size=config.batch_size,
        z_dim=config.z_dim,
        z_distribution=config.z_distribution,
        noise_generator=config.noise,
        conditional=config.conditional,
        pixel_range=generator.output_range,
        d_steps=config.d_steps,
        g_steps=config.g_steps,
        simultaneous=config.simultaneous,
        clip_norm=config.clip_norm,
        gradient_penalty=penalty,
        augment=config.augment,
        joint_passes=config.convolution == "auto" and discriminator.takes_parts,
        ema_decay=config.ema_decay,
        seed=config.seed,
    )
    rates = (
        (config.learning_rate, config.d_steps),
        (config.generator_learning_rate, config.g_steps),
    )
    d_optimizer, g_optimizer = (
        make_optimizer(
            config.optimizer,
            falling(
                config.learning_rate if rate is None else rate,
                updates=config.steps * per_step,
                decay=round(config.rate_decay * config.steps) * per_step,
            ),
            beta1=config.beta1,
            beta2=config.beta2,
            rho=config.rho,
            epsilon=config.epsilon,
            loss_scaling=config.precision == "float16",
        )
        for rate, per_step in rates
    )
    gan.compile(d_optimizer, g_optimizer)
    return gan
