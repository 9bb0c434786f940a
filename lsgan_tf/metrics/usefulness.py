"""What samples teach: the classification accuracy score (Ravuri and Vinyals 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsgan_tf.data.source import Source
from lsgan_tf.metrics.draws import Batch
from lsgan_tf.metrics.judge import Judge, read_pictures
from lsgan_tf.metrics.judge_training import Recipe, default_recipe, train_network
from lsgan_tf.metrics.splits import Splits, batches

_MOST_TESTED = 20_000


class Samples(Source):
    """Generated pictures, with the labels they were asked for by, as a source.

    Args:
      kept: batches of uint8 images and int32 labels.
      classes: names in label order.
    """

    name = "samples"
    fingerprint = ""

    def __init__(self, kept: Sequence[Batch], classes: Sequence[str]) -> None:
        self._images = np.concatenate([images for images, _ in kept])
        self._labels = np.concatenate([labels for _, labels in kept])
        self.shape, self.classes = self._images.shape[1:], tuple(classes)

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._images[indices]

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._labels[indices]


def usefulness(splits: Splits, kept: Sequence[Batch], recipe: Recipe | None = None) -> list[float]:
    """Trains two judges, as the judge of the real data is trained.

    Args:
      splits: the real examples.
      kept: the samples with their labels.
      recipe: how; None for the default of the real data.

    Returns:
      Top-1 on real held-out examples of a judge trained on samples alone, and of one
      trained on the real training examples and the samples together.
    """
    classes = splits.train.classes
    samples = Samples(kept, classes)
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
