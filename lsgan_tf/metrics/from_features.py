"""Metrics computed from extracted features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lsgan_tf.metrics import diversity, frechet, inception_score, kid, prdc
from lsgan_tf.metrics.features import Features
from lsgan_tf.metrics.judge.classifier import Reading

_CONFIDENT, _MIN_FRACTION = 0.9, 0.1


class FeatureSets(NamedTuple):
    """The features that metrics are computed from.

    Attributes:
      own: features of the evaluated images.
      reference: features of the real examples that they are compared with.
      held_out: features of held-out real examples.
      seed: seed of random subsets.
    """

    own: Features
    reference: Features
    held_out: Features
    seed: int


def kid_subset_size(*counts: int) -> int:
    """Subset size of the kernel distance: 1,000, or all examples if there are fewer."""
    return min(kid.SUBSET_SIZE, *counts)


def score(sets: FeatureSets) -> tuple[float, float]:
    """Inception Score with the extractor's logits: mean and standard deviation over splits."""
    return inception_score.inception_score(sets.own.logits)


def distance(sets: FeatureSets) -> tuple[float]:
    """Fréchet distance; NaN if there are too few examples for a covariance of full rank."""
    if min(len(sets.own.features), len(sets.reference.features)) <= sets.own.features.shape[1]:
        return (float("nan"),)
    own, real = (frechet.moments_of(x.features) for x in (sets.own, sets.reference))
    return (frechet.frechet(own, real),)


def kernel(sets: FeatureSets) -> tuple[float, float]:
    """Kernel distance: mean and standard deviation over subsets."""
    own, real = sets.own.features, sets.reference.features
    size = kid_subset_size(len(own), len(real))
    return kid.kernel_distance(own, real, subset_size=size, seed=sets.seed)


def neighbourhoods(sets: FeatureSets) -> tuple[float, ...]:
    """Precision, recall, density and coverage."""
    return tuple(prdc.prdc(sets.reference.features, sets.own.features))


def readable(sets: FeatureSets) -> tuple[float, float]:
    """Top-1 and top-5 accuracy of the judge for the requested classes."""
    found = reading(sets.own)
    return found.top1, found.top5


def readable_by_ocr(sets: FeatureSets) -> tuple[float, float]:
    """OCR accuracy for the requested characters, among all characters and the run's classes."""
    right = sets.own.features == _labels(sets.own)[:, None]
    return float(right[:, 0].mean()), float(right[:, 1].mean())


def classes(sets: FeatureSets) -> tuple[float, float]:
    """Number of classes found, and fraction of images classified with probability >= 0.9.

    A class is found if at least a tenth of the images per class are so classified as it.
    """
    logits = sets.own.logits.astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    confident = odds.max(axis=1) / odds.sum(axis=1) >= _CONFIDENT
    count, number = logits.shape
    found = np.bincount(logits.argmax(axis=1)[confident], minlength=number)
    return float((found >= _MIN_FRACTION * count / number).sum()), float(confident.mean())


def within_class_diversity(sets: FeatureSets) -> tuple[float, float]:
    """Diversity within classes, and its ratio to that of held-out real examples.

    NaN if no class has two samples and two different real examples.
    """
    classes = sets.own.logits.shape[1]
    own, real = (
        diversity.within_class(x.features, _labels(x), classes) for x in (sets.own, sets.held_out)
    )
    both = ~np.isnan(own) & ~np.isnan(real)
    if not both.any() or not real[both].any():
        return float("nan"), float("nan")
    return float(own[both].mean()), float(own[both].mean() / real[both].mean())


def reading(own: Features, classes: Sequence[str] | None = None) -> Reading:
    """Return the judge's predictions for images with requested classes."""
    found = Reading.empty(classes or [""] * own.logits.shape[1])
    found.add(own.logits, _labels(own))
    return found


def _labels(of: Features) -> np.ndarray:
    """Return the labels; metrics that need them are rejected earlier if there are none."""
    assert of.labels is not None
    return of.labels


FEATURE_METRICS: dict[str, Callable[[FeatureSets], tuple[float, ...]]] = {
    "is": score,
    "fid": distance,
    "kid": kernel,
    "prdc": neighbourhoods,
    "pixel_kid": kernel,
    "pixel_prdc": neighbourhoods,
    "judge": readable,
    "judge_score": score,
    "judge_frechet": distance,
    "judge_kid": kernel,
    "judge_prdc": neighbourhoods,
    "judge_classes": classes,
    "diversity": within_class_diversity,
    "ocr": readable_by_ocr,
}
"""Functions that compute the values of each feature metric, in the order of its keys."""
