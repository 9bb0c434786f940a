"""The table of runs printed by `python -m lsgan_tf.runs`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.evaluation.history import best_of_run, evaluations
from lsgan_tf.run_dir.status import RunStatus, find_runs, is_number, read_run, size
from lsgan_tf.util.text import describe_age, describe_size, printable

_COLUMNS = ("run", "dataset", "loss", "step", "best", "state", "size", "changed", "")


def listing(folders: Sequence[Path]) -> str:
    """Format a table of all runs in the given folders."""
    table = [
        _cells(read_run(path), folder, len(folders) > 1)
        for folder in folders
        for path in find_runs(folder)
    ]
    if not table:
        return f"no runs in {', '.join(map(str, folders))}"
    table.insert(0, _COLUMNS)
    widths = [max(len(row[column]) for row in table) for column in range(len(_COLUMNS))]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)) for r in table)
    return "\n".join(line.rstrip() for line in lines)


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
    return printable(", ".join(words))


def describe_step(run: RunStatus) -> str:
    """Describe the progress: `600 of 3,000 (20%)`."""
    if run.state in ("empty", "damaged", "newer"):
        return "-"
    if not run.steps:
        return f"{run.step:,}"
    fraction = run.step / run.steps
    return f"{run.step:,} of {run.steps:,} ({fraction:{'.0%' if fraction >= 0.1 else '.1%'}})"


def _cells(run: RunStatus, folder: Path, several: bool) -> tuple[str, ...]:
    inside = run.path.relative_to(folder)
    name = str(run.path) if several or inside == Path() else str(inside)
    best = best_of_run(run.summary, evaluations(run.path))
    loss = run.values.get("loss")
    return (
        printable(name),
        describe_data(run),
        printable(loss) if isinstance(loss, str) else "-",
        describe_step(run),
        printable(f"{best.name} {best.value:.4g} at {best.step:,}") if best else "-",
        run.state,
        describe_size(size(run.path)),
        describe_age(time.time() - run.changed) if is_number(run.changed) else "-",
        printable(run.note),
    )
