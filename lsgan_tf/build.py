"""From a config to the model it describes."""

from __future__ import annotations

from lsgan_tf import networks
from lsgan_tf.config import Config
from lsgan_tf.gan import GAN
from lsgan_tf.gradient_penalty import GradientPenalty
from lsgan_tf.losses import objective
from lsgan_tf.optimizers import make_optimizer


def build_gan(config: Config, *, synchronized: bool = False) -> GAN:
    """Makes networks, objective and both optimisers, in the current strategy's scope.

    Args:
      config: with the dataset's facts filled in.
      synchronized: batch normalisation by the statistics of all replicas together.

    Returns:
      The compiled model; all its variables exist.
    """
    generator, discriminator = networks.build(config, synchronized=synchronized)
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
        ema_decay=config.ema_decay,
        seed=config.seed,
    )
    rates = (config.learning_rate, config.generator_learning_rate)
    d_optimizer, g_optimizer = (
        make_optimizer(
            config.optimizer,
            config.learning_rate if rate is None else rate,
            beta1=config.beta1,
            beta2=config.beta2,
            rho=config.rho,
            epsilon=config.epsilon,
            loss_scaling=config.precision == "float16",
        )
        for rate in rates
    )
    gan.compile(d_optimizer, g_optimizer)
    return gan
