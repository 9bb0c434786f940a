"""Measures of a run's checkpoints, taken after its training by `lsgan_tf.evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Measures, Run, spread
from lsgan_tf.experiments.common.page import number, table
from lsgan_tf.metrics.registry import BETTER, is_better
from lsgan_tf.util.files import read_json

_FIGURES = {str: (float, None)}
_FORM = {
    "protocol?": dict,
    "real": _FIGURES,
    "results": [{"weights": str, "step": int, "figures": _FIGURES}],
}
EXTRA: tuple[str, ...] = ()
"""More flags of every evaluation: tests have a judge trained for a few steps only."""


def evaluate(run: Run, metrics: str, *, samples: int | None = None) -> tuple[str, ...]:
    """The command that measures all checkpoints that a run has kept."""
    words = ("evaluate", f"--run_dir={run.path}", "--checkpoint=all", f"--metrics={metrics}")
    return (*words, *([f"--samples={samples}"] if samples else []), *EXTRA)


def evaluations(run: Run) -> dict[str, Any]:
    """What was measured: `protocol`, `real` and `results`, the steps in order.

    Raises:
      UserError: if nothing was.
    """
    path = run.path / "evaluation.json"
    report = read_json(path, _FORM)
    raw = [row for row in report["results"] if row["weights"] == "raw"]
    rows = raw or report["results"]
    if not rows:
        raise UserError(f"{path}: nothing is measured in it; remove it and run the command again")
    return {**report, "results": sorted(rows, key=lambda row: row["step"])}


def last_and_best(run: Run) -> Measures:
    """Each figure at the last checkpoint, at its best one, and of real held-out examples.

    The last two are under `best_<name>` and `real_<name>`.
    """
    report = evaluations(run)
    rows = [row["figures"] for row in report["results"]]
    measures: Measures = dict(rows[-1])
    for name in [name for name in rows[-1] if name in BETTER]:
        best = None
        for row in rows:
            if is_better(name, row[name], best):
                best = row[name]
        measures[f"best_{name}"] = best
    return measures | {f"real_{name}": value for name, value in report["real"].items()}


def compare(runs: Sequence[Run], names: Mapping[str, str]) -> str:
    """A table of two arms: each figure's mean in both, and how far apart they are.

    Args:
      runs: finished ones of two arms.
      names: figures with their headings.

    Returns:
      Markdown; empty unless both arms have finished runs.
    """
    arms = list(dict.fromkeys(run.arm.name for run in runs))
    if len(arms) != 2:
        return ""
    of_arm = [[run for run in runs if run.arm.name == arm] for arm in arms]
    rows = []
    for name, heading in names.items():
        found = [spread([run.measures.get(name) for run in mine]) for mine in of_arm]
        if None in found:
            continue
        left, right = found
        # One seed says nothing of the spread.
        several = min(left["count"], right["count"]) > 1
        error = (left["std"] ** 2 / left["count"] + right["std"] ** 2 / right["count"]) ** 0.5
        apart = f"{(right['mean'] - left['mean']) / error:+.1f}" if error and several else "-"
        rows.append([heading, number(left["mean"]), number(right["mean"]), apart])
    heads = ["", *(mine[0].arm.about for mine in of_arm), "difference in standard errors"]
    return table(heads, rows)
