"""Metrics of samples: one module per metric; `registry` lists them, `suite` computes them.

The functions exported here take plain feature arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsgan_tf.util.lazy import lazy_names

if TYPE_CHECKING:
    from lsgan_tf.metrics.arrays import (
        frechet_distance,
        kernel_distance,
        precision_recall_density_coverage,
    )

__all__ = ["frechet_distance", "kernel_distance", "precision_recall_density_coverage"]

__getattr__ = lazy_names(
    __name__,
    dict.fromkeys(__all__, "arrays"),
    (
        "arrays", "diversity", "features", "frechet", "from_features", "generated",
        "inception", "inception_score", "judge", "kid", "mixture", "ocr", "prdc", "real",
        "registry", "requirements", "suite",
    ),
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
