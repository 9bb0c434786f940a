"""Training and held-out splits of real examples."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lsgan_tf.config import Config
from lsgan_tf.data import open_source
from lsgan_tf.data.pipeline import Order
from lsgan_tf.data.source import Rows, Source
from lsgan_tf.errors import UserError
from lsgan_tf.util.paths import optional

_EVERY = 10
_CHUNK = 256


class Splits(NamedTuple):
    """Training and held-out examples of a dataset.

    Attributes:
      train: training data of the judge, and the default reference of distances.
      test: held-out data, unseen by the judge and, if it is a test split, by the GAN.
      held_out: description of `test`.
    """

    train: Source
    test: Source
    held_out: str

    def of(self, name: str) -> Source:
        """Return the split "train" or "test"."""
        return self.train if name == "train" else self.test


def open_splits(config: Config, train: Source | None = None) -> Splits:
    """Open training and held-out examples of a run, with the same labels.

    For generated data that training never repeats, both are fixed sets drawn separately. Without a
    test split, every tenth training example is held out, which the GAN has seen.

    Args:
      config: the config of the run.
      train: the training examples, if already open.

    Raises:
      UserError: if the data is not available.
    """
    train = train or open_source(config)
    if train.fresh and config.dataset == "hwdb":
        return _drawn_splits(config, train)
    if config.dataset == "mixture":
        return Splits(train, train, "the mixture itself")
    test = _open_test(config, train)
    if test is not None:
        return Splits(train, test, "test split")
    if len(train) < _EVERY:
        raise UserError(
            f"{config.data_dir or config.dataset}: {len(train)} examples are too few for a "
            f"held-out split; at least {_EVERY} are required"
        )
    held = np.arange(len(train)) % _EVERY == _EVERY - 1
    return Splits(
        Rows(train, np.flatnonzero(~held), "nine in ten"),
        Rows(train, np.flatnonzero(held), "every tenth"),
        "every tenth example of the training split, unseen by the judge but not by the GAN",
    )


def _drawn_splits(config: Config, train: Source) -> Splits:
    from lsgan_tf.data.hwdb import source as hwdb

    first, second = (
        hwdb.open_source(
            None,
            image_size=config.image_size,
            keep_aspect=config.keep_aspect,
            cache_dir=optional(config.cache_dir),
            split="all",
            standin_seed=seed,
            classes=train.classes,
        )
        for seed in (0, 1)
    )
    return Splits(first, second, "drawn by other writers than the training data")


def _open_test(config: Config, train: Source) -> Source | None:
    """Open the test split with the labels of the training split, if there is one."""
    folder = optional(config.data_dir)
    if config.dataset in ("cifar10", "digits"):
        return open_source(config, split="test")
    if config.dataset in ("lsun", "tfds"):
        with contextlib.suppress(UserError):
            return open_source(config, split="test")
    if config.dataset != "hwdb":
        return None
    from lsgan_tf.data.hwdb import gnt_files
    from lsgan_tf.data.hwdb import source as hwdb

    if folder and not any(part.is_test for part in gnt_files.survey(folder).parts):
        return None
    return hwdb.open_source(
        folder,
        image_size=config.image_size,
        keep_aspect=config.keep_aspect,
        cache_dir=optional(config.cache_dir),
        max_bad_records=config.max_bad_records,
        standin_samples=config.standin_samples,
        split="test",
        classes=train.classes,
    )


def batches(
    source: Source, count: int, seed: int, chunk: int = _CHUNK
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of the first `count` examples of a shuffled source, with their labels.

    Shuffled, because datasets are often sorted by class, and the Inception Score uses splits.
    """
    order = Order(len(source), seed)
    for start in range(0, count, chunk):
        indices = order.indices(start, min(start + chunk, count))
        yield source.read(indices), source.labels(indices)
