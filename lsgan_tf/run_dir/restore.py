"""Restoring models from run folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from lsgan_tf import ema
from lsgan_tf.build import build_gan
from lsgan_tf.config import Config
from lsgan_tf.errors import UserError
from lsgan_tf.gan import GAN
from lsgan_tf.run_dir.checkpoints import Checkpoints, check, of_run, read
from lsgan_tf.run_dir.folder import load_classes, load_config


def restore_run(
    run_dir: Path, step: int | None = None, *, log: Callable[[str], None] | None = None
) -> tuple[Config, GAN, list[str], int]:
    """Build the model of a run with the weights of a checkpoint.

    Args:
      run_dir: the run's folder.
      step: step of the checkpoint, which may be in `best/`; None for the newest intact one.
      log: called with a line for each damaged checkpoint that is skipped.

    Returns:
      The config, the model, the class names in label order, and the step.

    Raises:
      UserError: if it is not a run folder, has no such checkpoint, or it is damaged.
    """
    config = load_config(run_dir)
    found = of_run(run_dir, best=step is not None)
    if step is not None:
        chosen = [(number, path) for number, path in found if number == step]
        if not chosen:
            steps = ", ".join(str(number) for number, _ in found)
            raise UserError(f"{run_dir}: no checkpoint of step {step}; there are {steps}")
        found = chosen
    reasons = []
    for number, path in found:
        try:
            check(path)
        except UserError as error:
            reasons.append(str(error))
            continue
        classes = load_classes(run_dir)
        if len(classes) != config.data_classes:
            raise UserError(
                f"{run_dir}: classes.json names {len(classes):,} classes, config.json says "
                f"{config.data_classes:,}; restore the original files"
            )
        _check_data(config, run_dir)
        gan = build_gan(config)
        read(path, weights(gan), partial=True)
        if log:
            for reason in reasons:
                log(f"note: {reason}; using {path.name} instead")
        return config, gan, classes, number
    raise UserError("; ".join(reasons))


def _check_data(config: Config, run_dir: Path) -> None:
    """Check the metadata of the dataset, which an altered config may lack."""
    sides = (config.image_size,) * 2 if config.image_size else ()
    shape = config.data_shape
    if shape[:-1] != sides or not shape or (config.conditional and not config.data_classes):
        raise UserError(
            f"{run_dir}: config.json names examples of shape {shape} in {config.data_classes:,} "
            "classes, which do not fit its other settings; restore the original file"
        )


def weights(gan: GAN) -> tf.train.Checkpoint:
    """Return the networks of a model and its EMA weights as a checkpoint, without optimisers."""
    average = {} if gan.average is None else {"average": gan.average}
    return tf.train.Checkpoint(generator=gan.generator, discriminator=gan.discriminator, **average)


def load_initial_weights(other: Path, gan: GAN, classes: Sequence[str]) -> list[str]:
    """Initialise a new run with the weights of another run's newest intact checkpoint.

    Args:
      other: the other run's folder.
      gan: the new run's model; its step and optimisers are unchanged.
      classes: the new run's class names in label order.

    Returns:
      Lines for the log: damaged checkpoints that were skipped, and the one that was used.

    Raises:
      UserError: if there is no checkpoint, or the networks or the classes differ.
    """
    config = load_config(other)
    found, warnings = Checkpoints(other / "checkpoints").newest()
    if not found:
        raise UserError(f"--init_from={other}: no checkpoint in it; give a run that has one")
    if config.conditional and gan.conditional and load_classes(other) != list(classes):
        raise UserError(
            f"--init_from={other}: its classes differ from this run's, so labels would change "
            "their meaning; use the same data for both"
        )
    networks = tf.train.Checkpoint(generator=gan.generator, discriminator=gan.discriminator)
    read(found.path, networks, partial=True)
    if gan.average is not None:
        ema.restart(gan.average, gan.generator)
    return [
        *warnings,
        f"a new run from the weights of {other} at step {found.step:,} (--init_from), with new "
        "optimisers, data order and noise",
    ]
