"""Grading of unconditional generators: good, some collapse, or collapse."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lsgan_tf.metrics.diversity import mean_distance
from lsgan_tf.metrics.prdc import prdc

GOOD, SOME, COLLAPSE = "relatively good", "some collapse", "collapse"
RULE = """
Samples and as many real training images are downsampled to 8x8 pixels in colour. *Diversity* is
the mean distance of two samples divided by that of two real images. *Coverage* (Naeem et al. 2020)
is the fraction of real images with a sample nearer than their fifth real neighbour. A run is
**relatively good** with a coverage of at least 0.5 and a diversity of 0.7 to 1.3, a **collapse**
with a coverage below 0.1 or a diversity below 0.35, and **some collapse** otherwise. The
thresholds are ours, fixed before the runs; the paper judged by eye.
"""
_SIDE = 8


class Verdict(NamedTuple):
    """Grade of a set of samples.

    Attributes:
      diversity: diversity of the samples relative to the real images.
      coverage: fraction of real images near a sample.
      label: `GOOD`, `SOME` or `COLLAPSE`.
    """

    diversity: float
    coverage: float
    label: str


def judge(samples: np.ndarray, real: np.ndarray) -> Verdict:
    """Grade samples by the rule.

    Args:
      samples: uint8, `(n, height, width, channels)`, at least six.
      real: uint8, `(m, height, width, channels)`, at least six and not all the same.
    """
    mine, theirs = small(samples), small(real)
    diversity = mean_distance(mine) / mean_distance(theirs)
    coverage = prdc(theirs, mine).coverage
    return Verdict(diversity, coverage, label(diversity, coverage))


def label(diversity: float, coverage: float) -> str:
    """Return the label for given metrics."""
    if coverage < 0.1 or diversity < 0.35:
        return COLLAPSE
    if coverage >= 0.5 and 0.7 <= diversity <= 1.3:
        return GOOD
    return SOME


def small(images: np.ndarray) -> np.ndarray:
    """Downsample images to 8x8 by averaging: float32, `(n, 8 * 8 * channels)`, 0 to 1."""
    if images.ndim == 3:
        images = images[..., None]
    count, height, width, channels = images.shape
    rows, columns = (_averages(side) for side in (height, width))
    pixels = images.astype(np.float32) / 255
    result = np.einsum("ah,nhwc,bw->nabc", rows, pixels, columns, optimize=True)
    return result.reshape(count, _SIDE * _SIDE * channels)


def _averages(side: int) -> np.ndarray:
    """Return the weights of `side` pixels in each of eight cells, by overlap."""
    edges = np.linspace(0, side, _SIDE + 1)
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.maximum(overlap, 0) * _SIDE / side).astype(np.float32)
