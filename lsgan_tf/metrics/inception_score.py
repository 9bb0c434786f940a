"""The Inception Score (Salimans et al. 2016), with any classifier's logits."""

from __future__ import annotations

import itertools

import numpy as np

SPLITS = 10


def inception_score(logits: np.ndarray, splits: int = SPLITS) -> tuple[float, float]:
    """Exponential of the mean KL divergence between p(y | x) and p(y).

    As the reference code does: over contiguous parts of the samples, each with its own p(y).

    Args:
      logits: of the classes, `(n, classes)`, before the softmax.
      splits: number of parts.

    Returns:
      Mean and standard deviation (of the population) over the parts: 1 at least, the number of
      classes at most.

    Raises:
      ValueError: if there are fewer samples than parts.
    """
    if len(logits) < splits:
        raise ValueError(f"{len(logits)} samples are too few for {splits} parts")
    bounds = np.arange(splits + 1) * len(logits) // splits
    scores = [_score(logits[start:stop]) for start, stop in itertools.pairwise(bounds)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits: np.ndarray) -> float:
    # Logarithms of the softmax, so that a probability of 0 does no harm.
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    # Where the mean underflows to 0 so does every p, and 0 log 0 is 0.
    log_marginal = np.log(np.where(marginal > 0, marginal, 1.0))
    return float(np.exp((p * (log_p - log_marginal)).sum(axis=1).mean()))
