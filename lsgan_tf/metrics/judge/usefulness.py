"""What samples teach: the classification accuracy score (Ravuri and Vinyals 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsgan_tf.data.source import ArraySource
from lsgan_tf.metrics.generated import Batch
from lsgan_tf.metrics.judge.classifier import Judge, read_pictures
from lsgan_tf.metrics.judge.training import Recipe, default_recipe, train_network
from lsgan_tf.metrics.real import Splits, batches

_MOST_TESTED = 20_000


def usefulness(splits: Splits, kept: Sequence[Batch], recipe: Recipe | None = None) -> list[float]:
    """Trains two judges, as the judge of the real data is trained.

    Args:
      splits: the real examples.
      kept: the samples with their labels.
      recipe: how; None for the default of the real data.

    Returns:
      Top-1 on real held-out examples of a judge trained on samples alone, and of one trained on the
      real training examples and the samples together.
    """
    classes = splits.train.classes
    images, labels = (np.concatenate(part) for part in zip(*kept, strict=True))
    # No fingerprint is needed of what is kept nowhere.
    samples = ArraySource(images, labels, classes, name="samples", fingerprint="")
    recipe = recipe or default_recipe(splits.train)
    trained = (
        ([samples], "training on samples alone"),
        ([splits.train, samples], "training on real examples and samples"),
    )
    result = []
    for sources, label in trained:
        network = train_network(sources, len(classes), recipe, label=label)
        judge = Judge(network, digest="", facts={})
        tested = batches(splits.test, min(len(splits.test), _MOST_TESTED), 0)
        result.append(read_pictures(judge, tested, classes).top1)
    return result
