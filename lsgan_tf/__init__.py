"""Least Squares Generative Adversarial Networks on TensorFlow 2 and Keras 3.

The names below are the public API. They are imported on first use, so `import lsgan_tf` is
cheap. docs/library.md has examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsgan_tf._version import __version__
from lsgan_tf.util.lazy import lazy_names

if TYPE_CHECKING:
    from lsgan_tf import data, losses, metrics, networks
    from lsgan_tf.build import build_gan
    from lsgan_tf.config import Config, resolve
    from lsgan_tf.data import open_source, with_metadata
    from lsgan_tf.data.pipeline import Batches
    from lsgan_tf.data.source import ArraySource, Source
    from lsgan_tf.errors import UserError
    from lsgan_tf.exporting.pretrained import pretrained
    from lsgan_tf.gan import GAN
    from lsgan_tf.gradient_penalty import GradientPenalty
    from lsgan_tf.losses import Objective, objective
    from lsgan_tf.optimizers import make_optimizer
    from lsgan_tf.run_dir.restore import restore_run
    from lsgan_tf.sampling.sampler import Sampler
    from lsgan_tf.training import train
    from lsgan_tf.util.tensorflow_setup import import_tensorflow

__all__ = [
    "GAN",
    "ArraySource",
    "Batches",
    "Config",
    "GradientPenalty",
    "Objective",
    "Sampler",
    "Source",
    "UserError",
    "__version__",
    "build_gan",
    "data",
    "import_tensorflow",
    "losses",
    "make_optimizer",
    "metrics",
    "networks",
    "objective",
    "open_source",
    "pretrained",
    "resolve",
    "restore_run",
    "train",
    "with_metadata",
]

__getattr__ = lazy_names(
    __name__,
    {
        "GAN": "gan",
        "ArraySource": "data.source",
        "Batches": "data.pipeline",
        "Config": "config",
        "GradientPenalty": "gradient_penalty",
        "Objective": "losses",
        "Sampler": "sampling.sampler",
        "Source": "data.source",
        "UserError": "errors",
        "build_gan": "build",
        "import_tensorflow": "util.tensorflow_setup",
        "make_optimizer": "optimizers",
        "objective": "losses",
        "open_source": "data",
        "pretrained": "exporting.pretrained",
        "resolve": "config",
        "restore_run": "run_dir.restore",
        "train": "training",
        "with_facts": "data",  # the name of `with_metadata` in 0.1.0
        "with_metadata": "data",
    },
    ("data", "gan", "losses", "metrics", "networks"),
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
