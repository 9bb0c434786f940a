"""The best figure of a run's evaluations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from lsgan_tf.run_reading import is_number

# Of the measures' names, whether they are distances; of all others more is better.
_LOWER = ("fid", "kid", "frechet", "kl")
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


def figures(row: dict[str, Any]) -> dict[str, float]:
    """The figures in a row of `evaluations.jsonl`, by name, in its order."""
    inner = row.get("figures") or row.get("values")
    found = inner if isinstance(inner, dict) else row
    return {
        str(name): float(value)
        for name, value in found.items()
        if is_number(value) and name not in _NO_FIGURES
    }


def lower_is_better(name: str) -> bool:
    """Whether a figure of this name is a distance."""
    return any(part in name for part in _LOWER)


def best_of(rows: Sequence[dict[str, Any]], chosen: str | None = None) -> Best | None:
    """The best value of a figure.

    Args:
      rows: of `evaluations.jsonl`.
      chosen: the figure; None is the first of the first row.

    Returns:
      Where it was best, or None if it was never measured.
    """
    named = chosen or next((name for row in rows for name in figures(row)), None)
    if named is None:
        return None
    found = [
        Best(named, figures(row)[named], int(row["step"]))
        for row in rows
        if named in figures(row) and is_number(row.get("step"))
    ]
    sign = 1 if lower_is_better(named) else -1
    return min(found, key=lambda best: sign * best.value, default=None)


def best_of_run(summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Best | None:
    """What the run itself holds to be its best, else the best of its first figure."""
    said = summary.get("best")
    if isinstance(said, dict):
        name, value, step = (said.get(key) for key in ("metric", "value", "step"))
        if isinstance(name, str) and is_number(value) and is_number(step):
            return Best(name, float(value), int(step))
    return best_of(rows)
