"""Inception Score (Salimans et al. 2016) with the logits of any classifier."""

from __future__ import annotations

import itertools

import numpy as np

SPLITS = 10


def inception_score(logits: np.ndarray, splits: int = SPLITS) -> tuple[float, float]:
    """Exponential of the mean KL divergence between p(y | x) and p(y).

    As in the reference code, computed on contiguous splits of the samples with separate p(y).

    Args:
      logits: logits of the classes, `(n, classes)`.
      splits: number of splits.

    Returns:
      Mean and population standard deviation over the splits, from 1 to the number of classes.

    Raises:
      ValueError: if there are fewer samples than splits.
    """
    if len(logits) < splits:
        raise ValueError(f"{len(logits)} samples are too few for {splits} splits")
    bounds = np.arange(splits + 1) * len(logits) // splits
    scores = [_score(logits[start:stop]) for start, stop in itertools.pairwise(bounds)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits: np.ndarray) -> float:
    # Log-softmax, so that probabilities of 0 are allowed.
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    # Where the mean underflows to 0, every p does too, and 0 log 0 is 0.
    log_marginal = np.log(np.where(marginal > 0, marginal, 1.0))
    return float(np.exp((p * (log_p - log_marginal)).sum(axis=1).mean()))
