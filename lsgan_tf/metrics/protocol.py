"""Extractors and parameters in the protocol of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsgan_tf.metrics import inception_score, kid, prdc
from lsgan_tf.metrics.features import Extractor
from lsgan_tf.metrics.from_features import kid_subset_size


def extractor_metadata(extractors: Mapping[str, Extractor]) -> dict[str, Any]:
    """Return the metadata of each extractor, by kind."""
    return {
        kind: {
            "name": extractor.name,
            "sha256": extractor.digest,
            "resizer": extractor.resizer,
            "features": extractor.dim,
            **extractor.metadata,
        }
        for kind, extractor in extractors.items()
    }


def parameters(samples: int, reals: int) -> dict[str, int]:
    """Return the parameters of the metrics for the given numbers of examples."""
    return {
        "splits of the score": inception_score.SPLITS,
        "subsets of the kernel distance": kid.SUBSETS,
        "size of such a subset": kid_subset_size(samples, reals),
        "neighbours": prdc.NEIGHBOURS,
    }
