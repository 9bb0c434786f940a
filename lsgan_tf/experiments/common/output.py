"""The output folder of an experiment: which one it is of, and where things lie in it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Arm, Experiment
from lsgan_tf.util.files import explained, read_json, write_json

RESULTS, PAGE = "results.json", "page.md"
_IDENTITY = "experiment.json"
_FLAGFILE = re.compile(r'"--flagfile=flags/(\w+)\.flags"')


def claim(out: Path, experiment: Experiment, arms: Sequence[Arm]) -> None:
    """Makes the folder this experiment's, or finds that it is already.

    More seeds may be added to an experiment later; its settings stay.

    Raises:
      UserError: if the folder holds another experiment, other settings, or something else.
    """
    mine = {"experiment": experiment.name, "arms": {arm.name: list(arm.words) for arm in arms}}
    path = out / _IDENTITY
    with explained(out, "opening the output folder"):
        out.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            if others := sorted(p.name for p in out.iterdir() if not p.name.startswith(".")):
                raise UserError(
                    f"--out={out}: holds {others[0]} but no {_IDENTITY}, so it is not of an "
                    "experiment; give an empty or a new folder"
                )
            write_json(path, mine)
            return
    found = _with_presets(read_json(path, {"experiment": str, "arms": {str: [str]}}))
    if found != mine:
        raise UserError(
            f"--out={out}: holds the experiment {_difference(found, mine)}; give the same command "
            "again, or another --out"
        )


def run_folder(out: Path, name: str) -> Path:
    """Where a run trains."""
    return out / "runs" / name


def status_file(out: Path, name: str) -> Path:
    """Where it is kept how a run ended."""
    return out / "status" / f"{name}.json"


def log_file(out: Path, name: str) -> Path:
    """Where it is kept what a run printed."""
    return out / "logs" / f"{name}.txt"


def _with_presets(found: dict[str, Any]) -> dict[str, Any]:
    """An identity with presets for the flag files that versions before had in their place."""
    return json.loads(_FLAGFILE.sub(r'"--preset=\1"', json.dumps(found)))


def _difference(found: dict[str, Any], mine: dict[str, Any]) -> str:
    """The first thing in which two identities differ, in words."""
    if found["experiment"] != mine["experiment"]:
        return f"{found['experiment']} and this is {mine['experiment']}"
    theirs, ours = found["arms"], mine["arms"]
    for name in [*ours, *theirs]:
        if theirs.get(name) != ours.get(name):
            words = [" ".join(arms.get(name) or ["none"]) for arms in (theirs, ours)]
            return f"{mine['experiment']} with other flags for {name} ({words[0]}, not {words[1]})"
    return f"{mine['experiment']} of another version"
