"""Settings that are each in range and together make no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsgan_tf.errors import UserError
from lsgan_tf.monitoring.tensorboard.profiler import parse_profile_steps
from lsgan_tf.settings.defaults import WEIGHT_SD

if TYPE_CHECKING:
    from lsgan_tf.config import Config

_OWN_START = ("mixture", "mlp")
"""Networks whose weights do not all start from the DCGAN base's normal distribution."""


def check_together(config: Config) -> None:
    """Refuses settings that contradict one another.

    Raises:
      UserError: naming the flags.
    """
    if config.dataset == "mixture" and config.conditional:
        raise UserError("--conditional: the mixture has no labels; leave --conditional out")
    if (config.network == "mixture") != (config.dataset == "mixture"):
        raise UserError(
            f"--network={config.network} does not fit --dataset={config.dataset}: the mixture "
            "network is for the mixture dataset and for that alone"
        )
    if config.dataset != "mixture" and config.image_size < 8:
        raise UserError(
            f"--image_size={config.image_size}: expected 8 to 1,024 pixels for {config.dataset}"
        )
    if config.simultaneous and (config.d_steps, config.g_steps) != (1, 1):
        raise UserError(
            f"--simultaneous with --d_steps={config.d_steps} and --g_steps={config.g_steps}: "
            "updates from the same weights are one each; leave one of them out"
        )
    if config.loss == "lsgan" and config.label_fake == config.label_real:
        raise UserError(
            f"--label_fake and --label_real are both {config.label_real}: with one target for "
            "reals and fakes there is nothing to learn; give different values"
        )
    _check_normalisation(config)
    _check_watching(config)


def _check_normalisation(config: Config) -> None:
    normalised = config.network != "mixture"
    if config.discriminator_layer_norm and not normalised:
        raise UserError(
            "--discriminator_layer_norm: the mixture's networks have no normalisation; leave it out"
        )
    if config.discriminator_layer_norm and config.discriminator_batch_norm:
        raise UserError(
            "--discriminator_layer_norm and --discriminator_batch_norm: D is normalised in one "
            "way; leave one of them out"
        )
    for name, default in (
        ("flat_norm", False),
        ("constant_filters", False),
        ("nonlinearity", "relu"),
    ):
        value = getattr(config, name)
        if value != default and config.network != "dcgan":
            raise UserError(
                f"--{name}={value}: this is for --network=dcgan and the network is "
                f"{config.network}; leave it out"
            )
    if config.weight_sd != WEIGHT_SD and config.network in _OWN_START:
        raise UserError(
            f"--weight_sd={config.weight_sd:g}: the networks of --network={config.network} start "
            "from distributions of their own; leave it out"
        )
    if config.gradient_penalty and normalised and config.discriminator_batch_norm:
        raise UserError(
            f"--gradient_penalty={config.gradient_penalty:g}: with batch normalisation in D the "
            "gradient is not that of one example; give --discriminator_layer_norm, as the authors "
            "do, or --nodiscriminator_batch_norm"
        )


def _check_watching(config: Config) -> None:
    parse_profile_steps(config.profile_steps, config.steps)
    if config.stop_on_collapse and not config.watch_every:
        raise UserError(
            "--stop_on_collapse needs the alarm; give --watch_every, 200 steps for example"
        )
    if not config.metrics and not config.best_metric:
        return
    from lsgan_tf.metrics.registry import BETTER, METRICS, parse_metrics

    names = parse_metrics(config.metrics) if config.metrics else tuple(METRICS)
    keys = [key for name in names for key in METRICS[name].keys if key in BETTER]
    if config.best_metric and config.best_metric not in keys:
        raise UserError(
            f"--best_metric={config.best_metric}: expected one of the figures that --metrics "
            f"gives: {', '.join(keys)}"
        )
