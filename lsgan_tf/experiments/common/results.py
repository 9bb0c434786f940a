"""The results of an experiment as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsgan_tf._version import __version__
from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Run, statistics_of
from lsgan_tf.experiments.common.runner import write_status
from lsgan_tf.util.reading import read_json

FORMAT = 1
"""Version of `results.json`."""


def measure_all(experiment: Experiment, runs: Sequence[Run], out: Path) -> None:
    """Compute the metrics of every finished run; runs with damaged files are marked as failed.

    Args:
      experiment: the experiment.
      runs: all of its runs; `metrics` are filled in.
      out: the experiment's folder.
    """
    for run in runs:
        if run.status != "finished":
            continue
        try:
            run.metrics = experiment.measure(run)
        except UserError as error:
            run.status, run.error = "failed", str(error)
            write_status(run, out)


def results(
    experiment: Experiment, arms: Sequence[Arm], runs: Sequence[Run], conclusion: Conclusion
) -> dict[str, Any]:
    """Return the content of `results.json`."""
    return {
        "format": FORMAT,
        "experiment": experiment.name,
        "version": __version__,
        "settings": {arm.name: list(arm.flags) for arm in arms},
        "runs": [
            {
                "arm": run.arm.name,
                "seed": run.seed,
                "status": run.status,
                "error": run.error,
                "seconds": run.seconds,
                "data": _data(run.path),
                "measures": run.metrics,
            }
            for run in runs
        ],
        "summary": {arm.name: summary(arm, runs) for arm in arms},
        "figures": [figure._asdict() for figure in conclusion.figures],
        "numbers": dict(conclusion.numbers),
    }


def summary(arm: Arm, runs: Sequence[Run]) -> dict[str, Any]:
    """Return statistics of each metric over the finished seeds of an arm."""
    mine = [run for run in runs if run.arm.name == arm.name and run.status == "finished"]
    names = dict.fromkeys(name for run in mine for name in run.metrics)
    return {name: statistics_of([run.metrics.get(name) for run in mine]) for name in names}


def standin(runs: Sequence[Run]) -> bool:
    """Return whether any run was trained on the synthetic stand-in."""
    return any((_data(run.path) or {}).get("standin") for run in runs)


def _data(path: Path) -> dict[str, Any] | None:
    """Return the training data of a run, from its config; None if it has not started."""
    if not (path / "config.json").is_file():
        return None
    form = {"data_description": str, "data_standin": bool}
    config = read_json(path / "config.json", form)
    return {"description": config["data_description"], "standin": config["data_standin"]}
