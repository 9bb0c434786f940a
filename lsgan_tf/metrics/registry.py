"""Registry of metrics: their values, requirements and directions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lsgan_tf.errors import UserError

FEATURES = {"inception": 2048, "judge": 128}
"""Feature dimensions of the extractors; a covariance needs more examples than that."""


class Metric(NamedTuple):
    """A metric of `--metrics`.

    Attributes:
      keys: names of its values.
      extractor: "inception", "pixels", "judge" or "ocr"; None for metrics without features.
      about: one-line description.
      needs_labels: whether samples must be generated with class labels.
    """

    keys: tuple[str, ...]
    extractor: str | None
    about: str
    needs_labels: bool = False


def _kid(prefix: str, extractor: str, features: str) -> Metric:
    name = f"{prefix}kid"
    return Metric((name, f"{name}_std"), extractor, f"kernel distance of {features}")


def _prdc(prefix: str, extractor: str, features: str) -> Metric:
    keys = ("precision", "recall", "density", "coverage")
    about = f"precision, recall, density and coverage {features}"
    return Metric(tuple(prefix + key for key in keys), extractor, about)


METRICS: dict[str, Metric] = {
    "is": Metric(("is", "is_std"), "inception", "Inception Score"),
    "fid": Metric(("fid",), "inception", "Fréchet distance of Inception features"),
    "kid": _kid("", "inception", "Inception features"),
    "prdc": _prdc("", "inception", "in Inception features"),
    "pixel_kid": _kid("pixel_", "pixels", "16x16 pixels"),
    "pixel_prdc": _prdc("pixel_", "pixels", "of 16x16 pixels"),
    "judge": Metric(
        ("judge_top1", "judge_top5"),
        "judge",
        "fraction of samples that the judge classifies as their requested class",
        needs_labels=True,
    ),
    "judge_score": Metric(
        ("judge_score", "judge_score_std"), "judge", "Inception Score with the judge"
    ),
    "judge_frechet": Metric(
        ("judge_frechet",), "judge", "Fréchet distance of the judge's features"
    ),
    "judge_kid": _kid("judge_", "judge", "the judge's features"),
    "judge_prdc": _prdc("judge_", "judge", "in the judge's features"),
    "judge_classes": Metric(
        ("judge_classes", "judge_sure"),
        "judge",
        "classes found among confidently classified samples, and the fraction of those",
    ),
    "diversity": Metric(
        ("diversity", "diversity_ratio"),
        "judge",
        "mean distance between samples of a class, and its ratio to that of real examples",
        needs_labels=True,
    ),
    "usefulness": Metric(
        ("cas_top1", "cas_augmented_top1"),
        "judge",
        "classification accuracy score (CAS) of samples alone, and of samples with real data",
        needs_labels=True,
    ),
    "ocr": Metric(
        ("ocr_top1", "ocr_top1_classes"),
        "ocr",
        "fraction of samples that an OCR model recognises as their requested character",
        needs_labels=True,
    ),
    "mixture": Metric(
        ("mode_overlap", "modes", "modes_touched", "within_3std", "mode_kl"),
        None,
        "overlap of samples and mixture, and modes found",
    ),
}
"""All metrics, by the name in `--metrics`."""

HIGHER, LOWER, NEAR_ONE = "higher", "lower", "near 1"

_LOWER = {"fid", "kid", "pixel_kid", "judge_frechet", "judge_kid", "mode_kl"}
_NEAR_ONE = {"diversity_ratio"}  # noise is more diverse than real data
NOT_COMPARED = {"diversity"} | {
    key for metric in METRICS.values() for key in metric.keys if key.endswith("_std")
}
"""Values that models are not compared by."""

BETTER: dict[str, str] = {
    key: LOWER if key in _LOWER else NEAR_ONE if key in _NEAR_ONE else HIGHER
    for metric in METRICS.values()
    for key in metric.keys
    if key not in NOT_COMPARED
}
"""Direction of improvement: `HIGHER`, `LOWER` or `NEAR_ONE`, for all but `NOT_COMPARED`."""


def parse_metrics(text: str) -> tuple[str, ...]:
    """Parse a comma-separated list of metrics, dropping duplicates.

    Raises:
      UserError: if a name is unknown or the list is empty.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        received = unknown[0] if unknown else repr(text)
        raise UserError(f"--metrics={received}: expected some of {', '.join(METRICS)}")
    return names


_DISTANCES = tuple(name for name in METRICS if name.endswith(("fid", "frechet", "kid", "prdc")))
_OF_IMAGES = tuple(name for name in METRICS if name != "mixture")


def _with(extractor: str) -> tuple[str, ...]:
    return tuple(name for name in METRICS if METRICS[name].extractor == extractor)


USED_BY = {
    "inception": _with("inception"),
    "judge_steps": _with("judge"),
    "reals": _DISTANCES,
    # Scores of real examples are those of the other split.
    "split": (*_DISTANCES, "is", "judge_score", "judge_classes"),
    "data_dir": _OF_IMAGES,
    "cache_dir": _OF_IMAGES,
}
"""Metrics that use an option of evaluations, for options that not all metrics use."""


def check_options(given: Iterable[str], names: Sequence[str]) -> None:
    """Check that each option of an evaluation is used by one of the metrics.

    Args:
      given: names of the options that are not at their default.
      names: names of the metrics.

    Raises:
      UserError: naming the flag, and the metrics that use it.
    """
    for option in given:
        users = USED_BY.get(option, names)
        if not set(users) & set(names):
            raise UserError(
                f"--{option}: only for {', '.join(users)}, and the metrics are {', '.join(names)}; "
                "omit it, or give other --metrics"
            )


def check_evaluation(
    metrics: str | None, best_metric: str | None, inception: str | None = None
) -> None:
    """Check that the metrics exist, provide the best metric and use the Inception graph if given.

    Args:
      metrics: the value of `--metrics`; None for any.
      best_metric: the value of `--best_metric`; None for any.
      inception: the value of `--inception`; None for the default.

    Raises:
      UserError: naming the flag.
    """
    names = parse_metrics(metrics) if metrics else tuple(METRICS)
    keys = keys_of(names)
    if best_metric:
        chosen_metric(best_metric, keys)
    if inception:
        check_options(["inception"], names)


def keys_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the values of these metrics."""
    return tuple(key for name in names for key in METRICS[name].keys)


def extractor_of(name: str) -> str:
    """Return the extractor of a metric other than "mixture", which has none."""
    extractor = METRICS[name].extractor
    assert extractor is not None
    return extractor


def fewest_for(name: str) -> int:
    """Return the number of examples that a metric's covariance must exceed; 0 if it has none."""
    frechet = name in ("fid", "judge_frechet")
    return FEATURES[extractor_of(name)] if frechet else 0


def merit(key: str, value: float) -> float:
    """Map a value to a number that increases with quality; unknown keys count as `HIGHER`."""
    direction = BETTER.get(key, HIGHER)
    if direction == NEAR_ONE:
        # 1/2 and 2 are equally far from 1.
        return -abs(math.log(value)) if value > 0 else -math.inf
    return -value if direction == LOWER else value


def is_better(key: str, new: float | None, old: float | None) -> bool:
    """Whether a value is better than an older one; any number is better than None or NaN."""
    if new is None or math.isnan(new):
        return False
    if old is None or math.isnan(old):
        return True
    return merit(key, new) > merit(key, old)


def for_json(values: Mapping[str, float]) -> dict[str, float | None]:
    """Replace non-finite values by None, since JSON cannot represent them."""
    return {key: value if math.isfinite(value) else None for key, value in values.items()}


def chosen_metric(requested: str | None, keys: Sequence[str]) -> str:
    """Return the value that selects the best checkpoint: `requested`, or the first comparable key.

    Raises:
      UserError: if `requested` is not among the comparable keys.
    """
    comparable = [key for key in keys if key in BETTER]
    if requested is not None and requested not in comparable:
        raise UserError(
            f"--best_metric={requested}: expected one of the values of --metrics: "
            f"{', '.join(comparable)}"
        )
    return requested or comparable[0]


def in_words(values: Mapping[str, float | None]) -> str:
    """Format values in a line: `judge_top1 0.912, judge_frechet 12.3, diversity -`."""
    return ", ".join(
        f"{key} {'-' if value is None else format(value, '.4g')}" for key, value in values.items()
    )
