"""The best figure of a run's evaluations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.metrics.registry import NOT_COMPARED, merit
from lsgan_tf.run_dir.status import is_number, rows, values_of

_NO_FIGURES = {"step", "seed", "samples", "seconds", "reals"}


@dataclasses.dataclass(frozen=True)
class Best:
    """The best value of one figure.

    Attributes:
      name: the figure's.
      value: its best value.
      step: where it was measured.
    """

    name: str
    value: float
    step: int


def evaluations(path: Path) -> list[dict[str, Any]]:
    """All that was measured of a run, in the order of steps.

    Rows of `evaluations.jsonl`, written while it trained, and the results in `evaluation.json`, by
    `python -m lsgan_tf.evaluate`; these have `by` set. A row has `step`, its `figures`, and may
    have the same of `real` data and whose `weights`.
    """
    found = rows(path / "evaluations.jsonl")
    report = values_of(path / "evaluation.json")
    results = report.get("results")
    for result in results if isinstance(results, list) else []:
        if isinstance(result, dict):
            found.append({**result, "real": report.get("real"), "by": "evaluate"})
    found = [row for row in found if is_number(row.get("step")) and figures(row)]
    return sorted(found, key=lambda row: row["step"])


def figures(row: dict[str, Any]) -> dict[str, float]:
    """The figures in a row of evaluations, by name, in its order."""
    inner = row.get("figures") or row.get("values")
    found = inner if isinstance(inner, dict) else row
    return {
        str(name): float(value)
        for name, value in found.items()
        if is_number(value) and name not in _NO_FIGURES
    }


def best_value(name: str, values: Iterable[float | None]) -> float | None:
    """The best of a metric's values, ignoring None and NaN; the highest for unknown metrics."""
    valid = (value for value in values if value is not None and not math.isnan(value))
    return max(valid, key=lambda value: merit(plain_name(name), value), default=None)


def is_compared(name: str) -> bool:
    """Whether there is a better and a worse of a figure: not of standard deviations, say."""
    plain = plain_name(name)
    return plain not in NOT_COMPARED and not plain.endswith("_std")


def plain_name(name: str) -> str:
    """A figure's name without what says that it is of the moving average."""
    return name.removesuffix("_ema")


def best_of(measured: Sequence[dict[str, Any]], chosen: str | None = None) -> Best | None:
    """The best value of a figure.

    Args:
      measured: as `evaluations` gives them.
      chosen: the figure; None is the first of the first row that models are compared by.

    Returns:
      Where it was best, or None if it was never measured.
    """
    named = chosen or next(
        (name for row in measured for name in figures(row) if is_compared(name)), None
    )
    if named is None:
        return None
    found = [
        Best(named, figures(row)[named], int(row["step"]))
        for row in measured
        if named in figures(row) and is_number(row.get("step"))
    ]
    return max(found, key=lambda best: merit(plain_name(named), best.value), default=None)


def best_of_run(summary: dict[str, Any], measured: Sequence[dict[str, Any]]) -> Best | None:
    """What the run itself holds to be its best, else the best of its first figure."""
    said = summary.get("best")
    if isinstance(said, dict):
        name, value, step = (said.get(key) for key in ("metric", "value", "step"))
        if isinstance(name, str) and is_number(value) and is_number(step):
            return Best(name, float(value), int(step))
    return best_of(measured)
