"""Evaluation of a run's checkpoints by `lsgan_tf.evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.evaluation.history import best_value
from lsgan_tf.experiments.common.experiment import Metrics, Run, statistics_of
from lsgan_tf.experiments.common.page import number, table
from lsgan_tf.metrics.registry import BETTER
from lsgan_tf.util.reading import read_json

_METRICS = {str: (float, None)}
_FORM = {
    "protocol?": dict,
    "real": _METRICS,
    "results": [{"weights": str, "step": int, "figures": _METRICS}],
}
EXTRA: tuple[str, ...] = ()
"""Additional flags of every evaluation, for tests."""


def evaluate(run: Run, metrics: str, *, samples: int | None = None) -> tuple[str, ...]:
    """Return the command that evaluates all checkpoints of a run."""
    command = ("evaluate", f"--run_dir={run.path}", "--checkpoint=all", f"--metrics={metrics}")
    return (*command, *([f"--samples={samples}"] if samples else []), *EXTRA)


def read_evaluation(run: Run) -> dict[str, Any]:
    """Read `evaluation.json` of a run, with `results` ordered by step.

    Raises:
      UserError: if it is missing or empty.
    """
    path = run.path / "evaluation.json"
    report = read_json(path, _FORM)
    raw = [row for row in report["results"] if row["weights"] == "raw"]
    rows = raw or report["results"]
    if not rows:
        raise UserError(f"{path}: no results in it; remove it and run the command again")
    return {**report, "results": sorted(rows, key=lambda row: row["step"])}


def last_and_best(run: Run) -> Metrics:
    """Return metrics of the last and the best (`best_...`) checkpoint and of reals (`real_...`)."""
    report = read_evaluation(run)
    rows = [row["figures"] for row in report["results"]]
    metrics: Metrics = dict(rows[-1])
    for name in [name for name in rows[-1] if name in BETTER]:
        metrics[f"best_{name}"] = best_value(name, (row[name] for row in rows))
    return metrics | {f"real_{name}": value for name, value in report["real"].items()}


def compare(runs: Sequence[Run], names: Mapping[str, str]) -> str:
    """Compare the metrics of two arms in a table.

    Args:
      runs: finished runs of two arms.
      names: names of metrics with their headings.

    Returns:
      Markdown; empty unless both arms have finished runs.
    """
    arms = list(dict.fromkeys(run.arm.name for run in runs))
    if len(arms) != 2:
        return ""
    of_arm = [[run for run in runs if run.arm.name == arm] for arm in arms]
    rows = []
    for name, heading in names.items():
        left, right = (statistics_of([run.metrics.get(name) for run in mine]) for mine in of_arm)
        if left is None or right is None:
            continue
        # A single seed has no standard deviation.
        several = min(left["count"], right["count"]) > 1
        error = (left["std"] ** 2 / left["count"] + right["std"] ** 2 / right["count"]) ** 0.5
        apart = f"{(right['mean'] - left['mean']) / error:+.1f}" if error and several else "-"
        rows.append([heading, number(left["mean"]), number(right["mean"]), apart])
    heads = ["", *(mine[0].arm.about for mine in of_arm), "difference in standard errors"]
    return table(heads, rows)
