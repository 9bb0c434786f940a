"""A run's evaluations and their best values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.metrics.registry import NOT_COMPARED, merit
from lsgan_tf.run_dir.status import is_number, rows, values_of

_NOT_METRICS = {"step", "seed", "samples", "seconds", "reals"}


@dataclasses.dataclass(frozen=True)
class Best:
    """The best value of a metric.

    Attributes:
      name: name of the metric.
      value: its best value.
      step: step of the evaluation.
    """

    name: str
    value: float
    step: int


def evaluations(path: Path) -> list[dict[str, Any]]:
    """Read all evaluations of a run, ordered by step.

    Rows of `evaluations.jsonl`, written during training, and results of `evaluation.json`, written
    by `python -m lsgan_tf.evaluate`, with `by` set. A row has `step`, `figures`, and possibly the
    values of `real` data and `weights`.
    """
    found = rows(path / "evaluations.jsonl")
    report = values_of(path / "evaluation.json")
    results = report.get("results")
    for result in results if isinstance(results, list) else []:
        if isinstance(result, dict):
            found.append({**result, "real": report.get("real"), "by": "evaluate"})
    found = [row for row in found if is_number(row.get("step")) and metrics_of(row)]
    return sorted(found, key=lambda row: row["step"])


def metrics_of(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics in a row of evaluations, by name."""
    inner = row.get("figures") or row.get("values")
    found = inner if isinstance(inner, dict) else row
    return {
        str(name): float(value)
        for name, value in found.items()
        if is_number(value) and name not in _NOT_METRICS
    }


def best_value(name: str, values: Iterable[float | None]) -> float | None:
    """Return the best value of a metric, ignoring None and NaN; the highest if it is unknown."""
    valid = (value for value in values if value is not None and not math.isnan(value))
    return max(valid, key=lambda value: merit(plain_name(name), value), default=None)


def is_compared(name: str) -> bool:
    """Whether models are compared by a metric, unlike by standard deviations."""
    plain = plain_name(name)
    return plain not in NOT_COMPARED and not plain.endswith("_std")


def plain_name(name: str) -> str:
    """Remove the suffix of EMA weights from the name of a metric."""
    return name.removesuffix("_ema")


def best_of(measured: Sequence[Mapping[str, Any]], chosen: str | None = None) -> Best | None:
    """Find the best value of a metric.

    Args:
      measured: the result of `evaluations`.
      chosen: the metric; None for the first comparable one.

    Returns:
      The best value, or None if there is none.
    """
    named = chosen or next(
        (name for row in measured for name in metrics_of(row) if is_compared(name)), None
    )
    if named is None:
        return None
    found = [
        Best(named, metrics_of(row)[named], int(row["step"]))
        for row in measured
        if named in metrics_of(row) and is_number(row.get("step"))
    ]
    return max(found, key=lambda best: merit(plain_name(named), best.value), default=None)


def best_of_run(summary: dict[str, Any], measured: Sequence[dict[str, Any]]) -> Best | None:
    """Return the best value recorded by the run, else the best of its first metric."""
    recorded = summary.get("best")
    if isinstance(recorded, dict):
        name, value, step = (recorded.get(key) for key in ("metric", "value", "step"))
        if isinstance(name, str) and is_number(value) and is_number(step):
            return Best(name, float(value), int(step))
    return best_of(measured)
