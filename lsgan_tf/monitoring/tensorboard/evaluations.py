"""TensorBoard curves of the checkpoints evaluated after training.

It is a run of its own beneath the run, `evaluation`: so it may be written while the run
trains, and taken back without a trace. The HParams view has its curves in the run's row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.metrics.registry import BETTER, is_better
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.util.files import atomic_folder, explained
from lsgan_tf.util.in_place import refuse_link

FOLDER = "evaluation"


def show_evaluation(
    folder: Path, results: Sequence[Mapping[str, Any]], metric: str | None = None
) -> None:
    """Replaces TensorBoard's curves of the evaluated checkpoints of a run.

    Args:
      folder: TensorBoard's folder of the run.
      results: as `lsgan_tf.evaluation.measure` writes them: `step`, `weights` and `figures` each.
      metric: the figure of which the best is shown; None, or one that was not measured, is
        the first that models can be compared by.

    Raises:
      UserError: if it cannot be written.
    """
    refuse_link(folder)
    place = Path(folder) / FOLDER
    with explained(place, "writing the evaluation for TensorBoard"):
        with atomic_folder(place) as temporary:
            summaries = Summaries(temporary)
            best: float | None = None
            for result in sorted(results, key=lambda result: result["step"]):
                step, figures = result["step"], result["figures"]
                end = "_ema" if result["weights"] == "ema" else ""
                measured = {f"quality/{k}{end}": v for k, v in figures.items() if v is not None}
                summaries.scalars(step, measured)
                if metric not in figures:
                    metric = next((key for key in figures if key in BETTER), None)
                if metric and is_better(metric, figures[metric], best):
                    best = figures[metric]
                    summaries.scalars(step, {f"best/{metric}": best})
            summaries.close()
