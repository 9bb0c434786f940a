"""The measures by name: what each gives, what it needs, which way is better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lsgan_tf.errors import UserError

if TYPE_CHECKING:
    pass

FEATURES = {"inception": 2048, "judge": 128}
"""Length of each extractor's feature vector: a covariance needs more examples than that."""


class Metric(NamedTuple):
    """A measure as `--metrics` names it."""

    keys: tuple[str, ...]
    """Names of its figures."""
    extractor: str | None
    """Whose features it looks at: "inception", "pixels", "judge", "ocr"; None: the examples."""
    needs_labels: bool
    """Whether generated samples must have been asked for by class."""
    about: str
    """What it says, in a line."""


METRICS: dict[str, Metric] = {
    "is": Metric(("is", "is_std"), "inception", False, "Inception Score"),
    "fid": Metric(("fid",), "inception", False, "Fréchet distance of Inception features"),
    "kid": Metric(("kid", "kid_std"), "inception", False, "kernel distance of Inception features"),
    "prdc": Metric(
        ("precision", "recall", "density", "coverage"),
        "inception",
        False,
        "precision, recall, density and coverage in Inception features",
    ),
    "pixel_kid": Metric(
        ("pixel_kid", "pixel_kid_std"), "pixels", False, "kernel distance of 16x16 pixels"
    ),
    "pixel_prdc": Metric(
        ("pixel_precision", "pixel_recall", "pixel_density", "pixel_coverage"),
        "pixels",
        False,
        "precision, recall, density and coverage of 16x16 pixels",
    ),
    "judge": Metric(
        ("judge_top1", "judge_top5"),
        "judge",
        True,
        "share of samples that the judge reads as the class that was asked for",
    ),
    "judge_score": Metric(
        ("judge_score", "judge_score_std"), "judge", False, "Inception Score with the judge"
    ),
    "judge_frechet": Metric(
        ("judge_frechet",), "judge", False, "Fréchet distance of the judge's features"
    ),
    "judge_kid": Metric(
        ("judge_kid", "judge_kid_std"), "judge", False, "kernel distance of the judge's features"
    ),
    "judge_prdc": Metric(
        ("judge_precision", "judge_recall", "judge_density", "judge_coverage"),
        "judge",
        False,
        "precision, recall, density and coverage in the judge's features",
    ),
    "judge_classes": Metric(
        ("judge_classes", "judge_sure"),
        "judge",
        False,
        "classes found among samples that the judge is sure of, and the share of those",
    ),
    "diversity": Metric(
        ("diversity", "diversity_ratio"),
        "judge",
        True,
        "mean distance of two samples of a class, and the same over that of real ones",
    ),
    "usefulness": Metric(
        ("cas_top1", "cas_augmented_top1"),
        "judge",
        True,
        "accuracy on real data of a judge trained on samples, and on real data and samples",
    ),
    "ocr": Metric(
        ("ocr_top1", "ocr_top1_classes"),
        "ocr",
        True,
        "share of samples that a ready-made OCR model reads as the character asked for",
    ),
    "mixture": Metric(
        ("mode_overlap", "modes", "modes_touched", "within_3std", "mode_kl"),
        None,
        False,
        "how far samples and the mixture are the same; modes that are found",
    ),
}
"""Every measure by the name that `--metrics` takes."""

HIGHER, LOWER, NEAR_ONE = "higher", "lower", "near 1"

_LOWER = {"fid", "kid", "pixel_kid", "judge_frechet", "judge_kid", "mode_kl"}
_NEAR_ONE = {"diversity_ratio"}  # noise differs more than anything real does
NOT_COMPARED = {
    "is_std",
    "kid_std",
    "pixel_kid_std",
    "judge_score_std",
    "judge_kid_std",
    "diversity",
}
"""Figures that models cannot be compared by."""

BETTER: dict[str, str] = {
    key: LOWER if key in _LOWER else NEAR_ONE if key in _NEAR_ONE else HIGHER
    for metric in METRICS.values()
    for key in metric.keys
    if key not in NOT_COMPARED
}
"""Which way is better: `HIGHER`, `LOWER` or `NEAR_ONE`, for all figures but `NOT_COMPARED`."""


def parse_metrics(text: str) -> tuple[str, ...]:
    """Names in a list with commas, "judge,fid", each once.

    Raises:
      UserError: for a name that is no measure's, or an empty list.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        received = unknown[0] if unknown else repr(text)
        raise UserError(f"--metrics={received}: expected some of {', '.join(METRICS)}")
    return names


def check_best_metric(metrics: str | None, best_metric: str | None) -> None:
    """Refuses measures that there are not, and a best figure that none of them gives.

    Args:
      metrics: the value of `--metrics`; None is any.
      best_metric: the value of `--best_metric`; None is whichever there is.

    Raises:
      UserError: naming the flag.
    """
    names = parse_metrics(metrics) if metrics else tuple(METRICS)
    keys = [key for name in names for key in METRICS[name].keys if key in BETTER]
    if best_metric and best_metric not in keys:
        raise UserError(
            f"--best_metric={best_metric}: expected one of the figures that --metrics "
            f"gives: {', '.join(keys)}"
        )


def keys_of(names: Sequence[str]) -> tuple[str, ...]:
    """Names of the figures that these measures give."""
    return tuple(key for name in names for key in METRICS[name].keys)


def fewest_for(name: str) -> int:
    """How many examples a measure needs more than, for its covariance; 0 if it has none."""
    frechet = name in ("fid", "judge_frechet")
    return FEATURES[METRICS[name].extractor] if frechet else 0


def merit(key: str, value: float) -> float:
    """A number that is the higher the better a figure is; one that is not known is taken as is."""
    way = BETTER.get(key, HIGHER)
    if way == NEAR_ONE:
        # Half as much and twice as much are equally far off.
        return -abs(math.log(value)) if value > 0 else -math.inf
    return -value if way == LOWER else value


def is_better(key: str, new: float | None, old: float | None) -> bool:
    """Whether a figure is better than an earlier one; any is better than none or a NaN."""
    if new is None or math.isnan(new):
        return False
    if old is None or math.isnan(old):
        return True
    return merit(key, new) > merit(key, old)


def for_json(figures: Mapping[str, float]) -> dict[str, float | None]:
    """The same figures with None in the place of what is no number, which JSON has no word for."""
    return {key: value if math.isfinite(value) else None for key, value in figures.items()}


def chosen_metric(asked: str | None, keys: Sequence[str]) -> str:
    """The figure that the best is chosen by: what was asked for, or the first that can be.

    Raises:
      UserError: if it is none of the figures that are measured.
    """
    fit = [key for key in keys if key in BETTER]
    if asked is not None and asked not in fit:
        raise UserError(
            f"--best_metric={asked}: expected one of the figures that --metrics gives: "
            f"{', '.join(fit)}"
        )
    return asked or fit[0]


def in_words(values: Mapping[str, float | None]) -> str:
    """Figures in a line: `judge_top1 0.912, judge_frechet 12.3, diversity -`."""
    return ", ".join(
        f"{key} {'-' if value is None else format(value, '.4g')}" for key, value in values.items()
    )
