"""Defaults by dataset: from the paper, its authors' code, or our experiments."""

from __future__ import annotations

import dataclasses
from typing import Any

WEIGHT_SD = 0.02
"""Standard deviation of the initial weights, as in DCGAN and the authors' code."""

DATASETS = ("hwdb", "cifar10", "lsun", "images", "tfds", "digits", "mixture")

EMA_DECAY = 0.999
"""Decay of the EMA of G's weights for images. The authors have no EMA: flag files of their
experiments set `--ema_decay=0`."""

PAPER: dict[str, dict[str, Any]] = {
    "hwdb": {
        "network": "handwriting",
        "image_size": 28,
        "learning_rate": 2e-4,
        "ema_decay": EMA_DECAY,
    },
    # Length of z and targets are unpublished. With targets 0, 1, 1 and z of length 1,024, samples
    # remain noise for several times as many steps.
    "cifar10": {
        "network": "dcgan",
        "image_size": 32,
        "z_dim": 100,
        "label_fake": -1.0,
        "label_real": 1.0,
        "label_target": 0.0,
        "learning_rate": 2e-4,
        "ema_decay": EMA_DECAY,
    },
    "lsun": {
        "network": "scene",
        "image_size": 112,
        "learning_rate": 1e-3,
        "ema_decay": EMA_DECAY,
    },
    "images": {
        "network": "dcgan",
        "image_size": 64,
        "learning_rate": 2e-4,
        "ema_decay": EMA_DECAY,
    },
    "tfds": {
        "network": "dcgan",
        "image_size": 64,
        "learning_rate": 2e-4,
        "ema_decay": EMA_DECAY,
    },
    # The TPAMI paper's digits of small variability, as in the authors' code.
    "digits": {
        "network": "digits",
        "image_size": 28,
        "z_dim": 100,
        "label_fake": -1.0,
        "label_real": 1.0,
        "label_target": 0.0,
        "steps": 50_000,
        "learning_rate": 2e-4,
        "ema_decay": EMA_DECAY,
    },
    "mixture": {
        "network": "mixture",
        "image_size": 0,
        "z_dim": 256,
        "z_distribution": "normal",
        "noise": "hash",
        "simultaneous": True,
        "batch_size": 512,
        "steps": 35_000,
        "learning_rate": 1e-4,
        "generator_learning_rate": 1e-3,
        "steps_per_call": 500,
        "log_every": 500,
        "watch_every": 500,
        "evaluate_every": 5_000,
        "sample_every": 5_000,
        "checkpoint_every": 5_000,
    },
}


def default_of(dataset: str, field: dataclasses.Field[Any]) -> Any:
    """Return the default of a setting for a dataset."""
    return PAPER.get(dataset, {}).get(field.name, field.default)


_DIRECT = {"convolution": "direct"}
FORMER: dict[str, dict[str, Any]] = {
    "hwdb": {**_DIRECT, "ema_decay": 0.0},
    "cifar10": {**_DIRECT, "ema_decay": 0.0, "z_dim": 1024, "label_fake": 0.0, "label_target": 1.0},
    "lsun": {**_DIRECT, "ema_decay": 0.0},
    "images": {**_DIRECT, "ema_decay": 0.0},
    "digits": {**_DIRECT, "ema_decay": 0.0},
    "mixture": _DIRECT,
}
"""Defaults of version 0.1.0 that have changed. Runs started with one keep it."""
