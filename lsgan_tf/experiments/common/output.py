"""The output folder of an experiment: identity and paths."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import Arm, Experiment
from lsgan_tf.util import locks
from lsgan_tf.util.files import explained, write_json
from lsgan_tf.util.reading import read_json

RESULTS, PAGE = "results.json", "page.md"
_IDENTITY = "experiment.json"
_LOCK = ".lock"
_FLAGFILE = re.compile(r'"--flagfile=flags/(\w+)\.flags"')


def claim(out: Path, experiment: Experiment, arms: Sequence[Arm]) -> None:
    """Assign a folder to an experiment, or check that it is assigned to it.

    Seeds may be added to an experiment later; its settings must not change.

    Raises:
      UserError: if the folder is of another experiment, other settings, or not of an experiment.
    """
    mine = {"experiment": experiment.name, "arms": {arm.name: list(arm.flags) for arm in arms}}
    path = out / _IDENTITY
    with explained(out, "opening the output folder"):
        out.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            if others := sorted(p.name for p in out.iterdir() if not p.name.startswith(".")):
                raise UserError(
                    f"--out={out}: contains {others[0]} but no {_IDENTITY}, so it is not of an "
                    "experiment; give an empty or a new folder"
                )
            write_json(path, mine)
            return
    found = _with_presets(read_json(path, {"experiment": str, "arms": {str: [str]}}))
    if found != mine:
        raise UserError(
            f"--out={out}: contains the experiment {_difference(found, mine)}; give the same "
            "command again, or another --out"
        )


@contextlib.contextmanager
def at_work(out: Path) -> Iterator[None]:
    """Hold the folder for this process while runs are made in it.

    Raises:
      UserError: if another process makes runs in it, or it cannot be written.
    """
    path = out / _LOCK
    with explained(out, "opening the output folder", "--out"):
        try:
            held = locks.take(path)
        except BlockingIOError as error:
            raise UserError(
                f"--out={out}: another process (number {locks.holder(path)}) uses this folder; "
                "wait for it, stop it, or give another --out (--draw_only writes the page of the "
                "existing runs)"
            ) from error
    with held:
        yield


def run_folder(out: Path, name: str) -> Path:
    """Return the run folder of a run."""
    return out / "runs" / name


def status_file(out: Path, name: str) -> Path:
    """Return the status file of a run."""
    return out / "status" / f"{name}.json"


def log_file(out: Path, name: str) -> Path:
    """Return the log file of a run."""
    return out / "logs" / f"{name}.txt"


def _with_presets(found: dict[str, Any]) -> dict[str, Any]:
    """Replace flag files, as used by older versions, by presets in an identity."""
    return json.loads(_FLAGFILE.sub(r'"--preset=\1"', json.dumps(found)))


def _difference(found: dict[str, Any], mine: dict[str, Any]) -> str:
    """Describe the first difference of two identities."""
    if found["experiment"] != mine["experiment"]:
        return f"{found['experiment']} and this is {mine['experiment']}"
    theirs, ours = found["arms"], mine["arms"]
    for name in [*ours, *theirs]:
        if theirs.get(name) != ours.get(name):
            old, new = (" ".join(arms.get(name) or ["none"]) for arms in (theirs, ours))
            return f"{mine['experiment']} with other flags for {name} ({old}, not {new})"
    return f"{mine['experiment']} of another version"
