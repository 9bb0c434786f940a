"""Real examples to learn from and to be measured by: training and held-out."""

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
    """The two sets of real examples of a dataset."""

    train: Source
    """What the judge learns from, and what distances are measured to by default."""
    test: Source
    """What neither the judge nor, if there is a test split, the GAN has seen."""
    held_out: str
    """What `test` is, in words."""

    def of(self, name: str) -> Source:
        """The split called "train" or "test"."""
        return self.train if name == "train" else self.test


def open_splits(config: Config, train: Source | None = None) -> Splits:
    """Opens the training examples of a run and held-out ones with the same labels.

    Of data that training sees but once, fixed examples are drawn for both, all of them held out.
    Data without a test split gives every tenth example of the training split: unseen by the judge,
    but not by the GAN.

    Args:
      config: the run's.
      train: its training examples if they are open already.

    Raises:
      UserError: if there is no such data.
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
            f"{config.data_dir or config.dataset}: {len(train)} examples are too few to hold some "
            f"out; at least {_EVERY} are needed"
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
            cache_dir=config.cache_dir,
            split="all",
            standin_seed=seed,
            classes=train.classes,
        )
        for seed in (0, 1)
    )
    return Splits(first, second, "drawn by other hands than training's and the judge's")


def _open_test(config: Config, train: Source) -> Source | None:
    """The test split with the labels of the training split; None if there is none."""
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
    """The first `count` examples of a source in an order of the seed, with their labels.

    Shuffled, because sets often lie sorted by class, and the Inception Score looks at parts.
    """
    order = Order(len(source), seed)
    for start in range(0, count, chunk):
        indices = order.indices(start, min(start + chunk, count))
        yield source.read(indices), source.labels(indices)
