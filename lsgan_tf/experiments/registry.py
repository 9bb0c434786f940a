"""Registry of experiments."""

from __future__ import annotations

import importlib

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Experiment

EXPERIMENTS = {
    "theory": "gradients, decision boundary, optimal discriminator, chi-square (figures 1, 2)",
    "mixture": "eight Gaussians on a ring (figure 7)",
    "stability": "without batch normalisation (section 4.4)",
    "coding": "a, b, c = 0, 1, 1 against -1, 1, 0",
    "digits": "digits of small variability, LSGAN against cross entropy (TPAMI 2019)",
    "gradient_penalty": "LSGANs-GP with and without normalisation (TPAMI 2019)",
    "inception": "CIFAR-10 score of LSGAN and DCGAN (table 1)",
    "scenes": "the five LSUN categories (figures 4, 5)",
    "characters": "handwritten Chinese (the last figure)",
    "human_study": "a voting page, LSGAN against DCGAN (section 4.3.2)",
}
"""Experiments by name, with descriptions."""


def load(name: str) -> Experiment:
    """Load an experiment by name.

    Raises:
      UserError: if there is no such experiment; lists the available ones.
    """
    if name not in EXPERIMENTS:
        listed = "; ".join(f"{known}: {about}" for known, about in EXPERIMENTS.items())
        raise UserError(f"--experiment={name}: there is no such experiment; there are {listed}")
    return importlib.import_module(f"lsgan_tf.experiments.{name}").EXPERIMENT
