"""What the runs of an experiment came to, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsgan_tf._version import __version__
from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Arm, Experiment, Outcome, Run, spread
from lsgan_tf.experiments.common.runner import write_status
from lsgan_tf.util.files import read_json

FORMAT = 1
"""Version of `results.json`."""


def measure_all(experiment: Experiment, runs: Sequence[Run], out: Path) -> None:
    """Measures every finished run; one whose files are damaged has failed, and is tried again.

    Args:
      experiment: what they belong to.
      runs: all of them; `measures` are filled in.
      out: the experiment's folder.
    """
    for run in runs:
        if run.status != "finished":
            continue
        try:
            run.measures = experiment.measure(run)
        except UserError as error:
            run.status, run.error = "failed", str(error)
            write_status(run, out)


def results(
    experiment: Experiment, arms: Sequence[Arm], runs: Sequence[Run], outcome: Outcome
) -> dict[str, Any]:
    """The content of `results.json`."""
    return {
        "format": FORMAT,
        "experiment": experiment.name,
        "version": __version__,
        "settings": {arm.name: list(arm.words) for arm in arms},
        "runs": [
            {
                "arm": run.arm.name,
                "seed": run.seed,
                "status": run.status,
                "error": run.error,
                "seconds": run.seconds,
                "data": _data(run.path),
                "measures": run.measures,
            }
            for run in runs
        ],
        "summary": {arm.name: summary(arm, runs) for arm in arms},
        "figures": [figure._asdict() for figure in outcome.figures],
        "numbers": dict(outcome.numbers),
    }


def summary(arm: Arm, runs: Sequence[Run]) -> dict[str, Any]:
    """Mean and spread of each measure over the finished seeds of an arm."""
    mine = [run for run in runs if run.arm.name == arm.name and run.status == "finished"]
    names = dict.fromkeys(name for run in mine for name in run.measures)
    return {name: spread([run.measures.get(name) for run in mine]) for name in names}


def standin(runs: Sequence[Run]) -> bool:
    """Whether some run learnt from the drawn stand-in."""
    return any((_data(run.path) or {}).get("standin") for run in runs)


def _data(path: Path) -> dict[str, Any] | None:
    """What a run was trained on, from its config; None before it began."""
    if not (path / "config.json").is_file():
        return None
    form = {"data_description": str, "data_standin": bool}
    config = read_json(path / "config.json", form)
    return {"description": config["data_description"], "standin": config["data_standin"]}
