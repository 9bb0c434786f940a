"""From what an extractor saw to the figures of each measure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lsgan_tf.metrics import diversity, frechet, inception_score, kid, prdc
from lsgan_tf.metrics.features import Features
from lsgan_tf.metrics.judge.classifier import Reading

_SURE, _SHARE_OF_FAIR = 0.9, 0.1


class Seen(NamedTuple):
    """A set of pictures, what it is compared with, and the rest that figures need."""

    own: Features
    """Of the pictures that are measured."""
    reference: Features
    """Of the real examples that they are compared with."""
    held_out: Features
    """Of real held-out examples."""
    seed: int
    """Of the choice of subsets."""


def kid_subset_size(*counts: int) -> int:
    """Examples in a subset: 1,000 as usual, or as many as there are."""
    return min(kid.SUBSET_SIZE, *counts)


def score(seen: Seen) -> tuple[float, float]:
    """Inception Score or its like: mean and standard deviation over parts."""
    return inception_score.inception_score(seen.own.logits)


def distance(seen: Seen) -> tuple[float]:
    """Fréchet distance; NaN where a covariance would be singular for want of examples."""
    if min(len(seen.own.features), len(seen.reference.features)) <= seen.own.features.shape[1]:
        return (float("nan"),)
    own, real = (frechet.moments_of(x.features) for x in (seen.own, seen.reference))
    return (frechet.frechet(own, real),)


def kernel(seen: Seen) -> tuple[float, float]:
    """Kernel distance: mean and standard deviation over subsets."""
    own, real = seen.own.features, seen.reference.features
    size = kid_subset_size(len(own), len(real))
    return kid.kernel_distance(own, real, subset_size=size, seed=seen.seed)


def neighbourhoods(seen: Seen) -> tuple[float, ...]:
    """Precision, recall, density, coverage."""
    return tuple(prdc.prdc(seen.reference.features, seen.own.features))


def readable(seen: Seen) -> tuple[float, float]:
    """Share read as what was asked for, first and among the first five."""
    found = reading(seen.own)
    return found.top1, found.top5


def readable_by_ocr(seen: Seen) -> tuple[float, float]:
    """Share read as the character asked for, among all characters and among the run's classes."""
    right = seen.own.features == seen.own.labels[:, None]
    return float(right[:, 0].mean()), float(right[:, 1].mean())


def classes(seen: Seen) -> tuple[float, float]:
    """Classes found, and the share of pictures that are read with a probability of 0.9 or more.

    A class is found if a tenth of its fair share of all pictures is read as it so surely.
    """
    logits = seen.own.logits.astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    sure = odds.max(axis=1) / odds.sum(axis=1) >= _SURE
    count, number = logits.shape
    found = np.bincount(logits.argmax(axis=1)[sure], minlength=number)
    return float((found >= _SHARE_OF_FAIR * count / number).sum()), float(sure.mean())


def spread(seen: Seen) -> tuple[float, float]:
    """Diversity within a class, and over that of real held-out examples of the same classes.

    NaN if no class has two samples and two real examples that differ.
    """
    classes = seen.own.logits.shape[1]
    own, real = (
        diversity.within_class(x.features, x.labels, classes) for x in (seen.own, seen.held_out)
    )
    both = ~np.isnan(own) & ~np.isnan(real)
    if not both.any() or not real[both].any():
        return float("nan"), float("nan")
    return float(own[both].mean()), float(own[both].mean() / real[both].mean())


def reading(own: Features, classes: list[str] | None = None) -> Reading:
    """How the judge read pictures of asked-for classes."""
    found = Reading.empty(classes or [""] * own.logits.shape[1])
    found.add(own.logits, own.labels)
    return found


FIGURES = {
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
    "diversity": spread,
    "ocr": readable_by_ocr,
}
"""For each measure of features, what gives its figures in the order of its keys."""
