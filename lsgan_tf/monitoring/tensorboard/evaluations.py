"""TensorBoard curves of the checkpoints evaluated after training.

They are written to a subfolder, `evaluation`, so that they can be written during training and
replaced as a whole. The HParams view shows them in the run's row.
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
    """Replace the TensorBoard curves of a run's evaluated checkpoints.

    Args:
      folder: TensorBoard folder of the run.
      results: `step`, `weights` and `figures` of each checkpoint, as written by
        `lsgan_tf.evaluation.measure`.
      metric: metric of the curve of best values; if None or not evaluated, the first one that
        models can be compared by.

    Raises:
      UserError: if they cannot be written.
    """
    refuse_link(folder)
    place = Path(folder) / FOLDER
    with explained(place, "writing the evaluation for TensorBoard"):
        with atomic_folder(place) as temporary:
            summaries = Summaries(temporary)
            best: float | None = None
            for result in sorted(results, key=lambda result: result["step"]):
                step, metrics = result["step"], result["figures"]
                end = "_ema" if result["weights"] == "ema" else ""
                measured = {f"quality/{k}{end}": v for k, v in metrics.items() if v is not None}
                summaries.scalars(step, measured)
                if metric not in metrics:
                    metric = next((key for key in metrics if key in BETTER), None)
                if metric and is_better(metric, metrics[metric], best):
                    best = metrics[metric]
                    summaries.scalars(step, {f"best/{metric}": best})
            summaries.close()
