"""Listing of runs as a table or JSON, for `python -m lsgan_tf.runs`."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.evaluation.history import Best, best_of_run, evaluations, plain_name
from lsgan_tf.metrics.registry import merit
from lsgan_tf.run_dir.status import STATES, RunStatus, find_runs, is_number, read_run, size
from lsgan_tf.util.text import columns, describe_age, describe_size, printable

_COLUMNS = ("run", "dataset", "loss", "step", "best", "state", "size", "changed", "")
_WIDEST = 60  # characters of a text from a run's files


@dataclasses.dataclass(frozen=True)
class Listed:
    """A run in the listing.

    Attributes:
      name: path of the run, relative to the searched folder.
      run: status of the run.
      best: best value of its metric; None without an evaluation.
      size: size of its folder in bytes.
    """

    name: str
    run: RunStatus
    best: Best | None
    size: int


_KEYS: dict[str, Callable[[Listed], Any]] = {
    "run": lambda listed: listed.name,
    "dataset": lambda listed: describe_data(listed.run),
    "loss": lambda listed: _loss(listed.run),
    "step": lambda listed: listed.run.step,
    "best": lambda listed: _rank(listed.best),
    "state": lambda listed: STATES.index(listed.run.state),
    "size": lambda listed: listed.size,
    # As ages, newest first.
    "changed": lambda listed: -(listed.run.changed if is_number(listed.run.changed) else 0.0),
}
SORT_KEYS = tuple(_KEYS)
"""Columns by which the listing can be sorted."""


@dataclasses.dataclass(frozen=True)
class Filter:
    """Selection of runs; an empty field selects all.

    Attributes:
      dataset: name of the dataset.
      states: states of the run, see `lsgan_tf.run_dir.status.STATES`.
      text: part of the run's name, dataset, loss, best metric, state or note, case-insensitive.
    """

    dataset: str | None = None
    states: Sequence[str] = ()
    text: str = ""

    def __post_init__(self) -> None:
        for state in self.states:
            if state not in STATES:
                raise UserError(f"--state={state}: expected one of {', '.join(STATES)}")

    def passes(self, run: RunStatus) -> bool:
        """Whether a run has the selected dataset and state."""
        if self.dataset and run.values.get("dataset") != self.dataset:
            return False
        return not self.states or run.state in self.states

    def finds(self, listed: Listed) -> bool:
        """Whether the line of a run contains the text."""
        cells = _cells(listed)
        words = (*cells[:3], cells[4], cells[5], cells[-1])
        return self.text.casefold() in " ".join(words).casefold()


def find(folders: Sequence[Path], chosen: Filter | None = None, sort: str = "run") -> list[Listed]:
    """Find the runs in some folders.

    Args:
      folders: folders to search.
      chosen: selection of runs; all by default.
      sort: one of `SORT_KEYS`, prefixed with a minus for reverse order.

    Raises:
      UserError: if the key is unknown.
    """
    key = _KEYS.get(sort.removeprefix("-"))
    if key is None:
        raise UserError(
            f"--sort={sort}: expected one of {', '.join(SORT_KEYS)}, with a minus before it in "
            "reverse (--sort=-step)"
        )
    chosen = chosen or Filter()
    found = []
    for folder in folders:
        for path in find_runs(folder):
            run = read_run(path)
            if chosen.passes(run):
                best = best_of_run(run.summary, evaluations(path))
                listed = Listed(_name(path, folder, folders), run, best, size(path))
                if chosen.finds(listed):
                    found.append(listed)
    found.sort(key=lambda listed: listed.name)
    # Sorting is stable: runs with equal keys stay sorted by name.
    return sorted(found, key=key, reverse=sort.startswith("-"))


def table(runs: Sequence[Listed]) -> str:
    """Format runs as a plain-text table."""
    return "\n".join(columns([_COLUMNS, *map(_cells, runs)]))


def as_json(runs: Sequence[Listed]) -> str:
    """Format runs as a JSON array of objects, in ASCII."""
    return json.dumps([_plain(listed) for listed in runs], indent=2)


def describe_data(run: RunStatus) -> str:
    """Describe the dataset: `hwdb, conditional, stand-in`."""
    name = run.values.get("dataset")
    if not isinstance(name, str):
        return "-"
    if name == "lsun" and isinstance(run.values.get("category"), str):
        name = f"{name} {run.values['category']}"
    if name == "tfds" and isinstance(run.values.get("tfds_name"), str):
        name = f"{name} {run.values['tfds_name']}"
    words = [name]
    words += ["conditional"] if run.values.get("conditional") is True else []
    words += ["stand-in"] if run.values.get("data_standin") is True else []
    return _cell(", ".join(words))


def describe_step(run: RunStatus) -> str:
    """Describe the progress: `600 of 3,000 (20%)`."""
    if run.state in ("empty", "damaged", "newer"):
        return "-"
    if not run.steps:
        return f"{run.step:,}"
    fraction = run.step / run.steps
    return f"{run.step:,} of {run.steps:,} ({fraction:{'.0%' if fraction >= 0.1 else '.1%'}})"


def _cell(text: str) -> str:
    """Return a printable text, abbreviated so that one damaged run does not widen the table."""
    return printable(text if len(text) <= _WIDEST else f"{text[:_WIDEST]}...")


def _name(path: Path, folder: Path, folders: Sequence[Path]) -> str:
    inside = path.relative_to(folder)
    return str(path) if len(folders) > 1 or inside == Path() else str(inside)


def _loss(run: RunStatus) -> str:
    loss = run.values.get("loss")
    return _cell(loss) if isinstance(loss, str) else "-"


def _rank(best: Best | None) -> tuple[bool, str, float]:
    """Return a sort key: best first among runs with the same metric, runs without one last."""
    if best is None:
        return True, "", 0.0
    return False, best.name, -merit(plain_name(best.name), best.value)


def _cells(listed: Listed) -> tuple[str, ...]:
    run, best = listed.run, listed.best
    return (
        printable(listed.name),
        describe_data(run),
        _loss(run),
        _cell(describe_step(run)),
        f"{_cell(best.name)} {best.value:.4g} at {_cell(f'{best.step:,}')}" if best else "-",
        run.state,
        describe_size(listed.size),
        describe_age(time.time() - run.changed) if is_number(run.changed) else "-",
        printable(run.note),
    )


def _plain(listed: Listed) -> dict[str, Any]:
    run, values = listed.run, listed.run.values
    return {
        "run": listed.name,
        "path": str(run.path),
        **{name: values.get(name) for name in ("dataset", "conditional", "loss", "seed")},
        "standin": values.get("data_standin"),
        "state": run.state,
        "note": run.note,
        "step": run.step,
        "steps": run.steps,
        "best": dataclasses.asdict(listed.best) if listed.best else None,
        "bytes": listed.size,
        "changed": run.changed,
    }
