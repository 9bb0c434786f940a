"""Classification accuracy score (CAS: Ravuri and Vinyals 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsgan_tf.data.source import ArraySource
from lsgan_tf.metrics.generated import Batch
from lsgan_tf.metrics.judge.classifier import Judge, classify
from lsgan_tf.metrics.judge.training import Recipe, default_recipe, train_network
from lsgan_tf.metrics.real import Splits, batches

_MOST_TESTED = 20_000


def usefulness(splits: Splits, kept: Sequence[Batch], recipe: Recipe | None = None) -> list[float]:
    """Compute the classification accuracy score by training two judges.

    Args:
      splits: the real examples.
      kept: the samples with their labels.
      recipe: training settings; None for the default of the real data.

    Returns:
      Top-1 accuracy on held-out real examples of a judge trained on samples alone, and of one
      trained on real training examples and samples.
    """
    classes = splits.train.classes
    images, labels = (np.concatenate(part) for part in zip(*kept, strict=True))
    # Not cached, so no fingerprint is needed.
    samples = ArraySource(images, labels, classes, name="samples", fingerprint="")
    recipe = recipe or default_recipe(splits.train)
    trained = (
        ([samples], "training on samples alone"),
        ([splits.train, samples], "training on real examples and samples"),
    )
    result = []
    for sources, label in trained:
        network = train_network(sources, len(classes), recipe, label=label)
        judge = Judge(network, digest="", metadata={})
        tested = batches(splits.test, min(len(splits.test), _MOST_TESTED), 0)
        result.append(classify(judge, tested, classes).top1)
    return result
